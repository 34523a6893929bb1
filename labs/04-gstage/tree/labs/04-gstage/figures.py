#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw labs/04-gstage/figure.svg from your measured.csv: a bar for each row and walker.

This is a template that draws what everybody measures. Change it to show what your
explanation needs; scripts/hs/labfigure.py describes what it can draw.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("Cost of a G-stage fault, by walker",
                    rows=["touch_4k", "fault_4k_present", "fault_new_table", "fault_4k_fresh"],
                    series={"iterative": "", "recursive": "gstage_walk=recursive"})))
