#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - bars from your own measured.csv, as labs/10-dirty/figure.svg: what the log costs, by
walker and with small leaves; and from rounds.csv, as rounds.svg: pages before the pause and in it.

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
    labfigure.bench("What does a write cost while memory is logged?", rows=["dirty_write", "dirty_split"],
                    series={"default": "", "recursive": "gstage_walk=recursive",
                            "small leaves": "gstage_huge=off"}),
    labfigure.table("Pages that are saved, by rounds allowed", "pages", source="rounds.csv",
                    svg="rounds.svg",
                    note="1024 pages written at random, one each gap turns of a loop of two "
                    "instructions, and 2048 others; instructions counted, -icount shift=5")))
