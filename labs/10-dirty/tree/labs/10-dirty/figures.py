#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw figure.svg from your measured.csv and rounds.svg from your rounds.csv.

figure.svg shows the cost of a logged write by default, with the recursive walker,
and with small leaves; rounds.svg shows how many pages were saved while the guest
ran and in the pause. This is a template that draws what everybody measures. Change
it to show what your explanation needs; scripts/hs/labfigure.py describes what it
can draw.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("Cost of a write while memory is logged", rows=["dirty_write", "dirty_split"],
                    series={"default": "", "recursive": "gstage_walk=recursive",
                            "small leaves": "gstage_huge=off"}),
    labfigure.table("Pages saved, by rounds allowed", "pages", source="rounds.csv",
                    svg="rounds.svg",
                    note="1024 pages written at random, one every gap iterations of a loop of two "
                    "instructions, and 2048 others; instructions counted, -icount shift=5")))
