#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw first.svg and figure.svg in labs/12-contest: the costs before and after your changes.

first.svg shows first.csv, which was measured before anything was changed;
figure.svg shows measured.csv. This is a template: name the rows that your answers refer to.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

ROWS = ["sbi_version", "sbi_set_timer", "sbi_ipi_self", "wfi_pending", "mmio_read", "mix"]
SERIES = {"default": "", "without the fast path": "fastpath=off"}

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("Costs before the changes", ROWS, SERIES, source="first.csv", svg="first.svg"),
    labfigure.bench("Costs after the changes", ROWS, SERIES)))
