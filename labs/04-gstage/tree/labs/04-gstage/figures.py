#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - bars from your own measured.csv, as labs/04-gstage/figure.svg: each row of the bench
by either walker.

A template: it draws what everybody measures. Change it to what your explanation needs; what it can
draw is in scripts/hs/labfigure.py.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("What does a fault cost, by walker?",
                    rows=["touch_4k", "fault_4k_present", "fault_new_table", "fault_4k_fresh"],
                    series={"iterative": "", "recursive": "gstage_walk=recursive"})))
