#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw figure.svg, late.svg and vain.svg in labs/06-time from your measurements.

figure.svg shows measured.csv: rows of the benchmark by timer and by who idles the hart. The others show
what labs/06-time/late has written. This is a template that draws what everybody measures. Change it to
what your explanation needs; scripts/hs/labfigure.py describes what it can draw.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("What does the guest's timer cost, and who idles the hart?",
                    rows=["sbi_set_timer", "timer_late_5us", "timer_late_2ms"],
                    series={"default": "", "timer=hrtimer": "timer=hrtimer", "wfi=native": "wfi=native"}),
    labfigure.table("How late is a timer, by the wait before it and by the rule of the window?",
                    "ns, the mean of 32 waits", source="late.csv", svg="late.svg"),
    labfigure.table("How long does the vCPU poll in vain for it?",
                    "ns a wait, the mean of 32", source="vain.csv", svg="vain.svg")))
