#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw labs/05-mmio/figure.svg from your measured.csv: a bar for each row and decoder.

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
    labfigure.bench("Cost of an access to a device, by source of the instruction",
                    rows=["mmio_read", "mmio_read_sv39", "mmio_write", "mmio_ioeventfd"],
                    series={"htinst": "", "fetch": "mmio_decode=fetch"})))
