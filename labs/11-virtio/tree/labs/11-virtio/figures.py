#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw labs/11-virtio/figure.svg from your measured.csv: the cost of a read.

The figure shows the cost for each way of notifying the device (through the ioeventfd, or by an exit
to the VMM) and of waiting (with or without polling), next to the cost of the notifying store alone.
This is a template that draws what everybody measures. Change it to show what your explanation needs;
scripts/hs/labfigure.py describes what it can draw.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("Cost of a read of the disk",
                    rows=["mmio_ioeventfd", "mmio_write", "blk_read_4k", "blk_read_exit"],
                    series={"default": "", "without polling": "halt_poll_ns=0"})))
