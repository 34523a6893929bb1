#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - bars from your own measured.csv, as labs/05-mmio/figure.svg: each row of the bench
by either way to the instruction.

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
    labfigure.bench("What does an access to a device cost, by where its instruction is known from?",
                    rows=["mmio_read", "mmio_read_sv39", "mmio_write", "mmio_ioeventfd"],
                    series={"htinst": "", "fetch": "mmio_decode=fetch"})))
