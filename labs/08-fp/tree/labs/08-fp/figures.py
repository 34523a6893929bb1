#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - bars from your own measurements: figure.svg, rows of the bench by policy, from
measured.csv; workload.svg, workloads by policy, from workload.csv.

A template: it draws what everybody measures. When your own policy works, give the first figure a
fourth bar: "adaptive": "fp=adaptive". What it can draw is in scripts/hs/labfigure.py.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("What does a turn cost, by policy?",
                    rows=["run_vcpus", "run_vcpus_fp", "run_vcpus_fp_use"],
                    series={"eager": "fp=eager", "lazy_save": "fp=lazy_save", "lazy_trap": ""}),
    labfigure.table("What does a turn of a workload cost, by policy?", "instructions a turn",
                    source="workload.csv", svg="workload.svg")))
