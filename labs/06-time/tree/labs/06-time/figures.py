#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw figure.svg, late.svg and vain.svg in labs/06-time from your measurements.

figure.svg shows rows of the benchmark, from measured.csv, for each setting of the toggles timer and wfi.
late.svg and vain.svg show the files that labs/06-time/late has written. This is a template that draws
what every student measures. Adapt it to your explanation; scripts/hs/labfigure.py describes what it can
draw.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("Cost of the guest's timer, by timer and WFI variant",
                    rows=["sbi_set_timer", "timer_late_5us", "timer_late_2ms"],
                    series={"default": "", "timer=hrtimer": "timer=hrtimer", "wfi=native": "wfi=native"}),
    labfigure.table("Lateness of a timer, by wait and by polling rule",
                    "ns, mean of 32 waits", source="late.csv", svg="late.svg"),
    labfigure.table("Time polled without success, by wait and by polling rule",
                    "ns per wait, mean of 32 waits", source="vain.csv", svg="vain.svg")))
