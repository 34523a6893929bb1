#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw vmid.svg, fence.svg and wake.svg from your measured.csv, and model.svg from model.csv.

vmid.svg, fence.svg and wake.svg show how many instructions the benchmark's rows
cost, by toggle; model.svg shows references to page tables. This is a template
that draws what everybody measures. Change it to show what your explanation
needs; scripts/hs/labfigure.py describes what it can draw.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("Cost of a turn of another vCPU and of another VM, by vmid",
                    rows=["run_vcpus", "run_vms"], svg="vmid.svg",
                    series={"vmid=on": "", "vmid=flush": "vmid=flush"}),
    labfigure.bench("Cost of a remote fence of the caller alone, by tlb_flush",
                    rows=["sbi_sfence_all", "sbi_sfence_page"], svg="fence.svg",
                    series={"tlb_flush=range": "", "tlb_flush=all": "tlb_flush=all"}),
    labfigure.bench("Cost of two harts waking each other, by wfi",
                    rows=["ipi_pingpong"], svg="wake.svg",
                    series={"wfi=trap": "", "wfi=native": "wfi=native"}),
    labfigure.table("References to page tables", "references",
                    source="model.csv", svg="model.svg",
                    note="counted in the TLB model of the native tests: make tlb-model")))
