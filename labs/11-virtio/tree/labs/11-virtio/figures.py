#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - bars from your own measured.csv, as labs/11-virtio/figure.svg: what a read costs, by
how it is notified and by how the vCPU waits, beside the two stores that make the difference.

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
    labfigure.bench("What does a read of the disk cost?",
                    rows=["mmio_ioeventfd", "mmio_write", "blk_read_4k", "blk_read_exit"],
                    series={"default": "", "without polling": "halt_poll_ns=0"})))
