#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw figure.svg from your measured.csv and workload.svg from your workload.csv.

They show rows of the benchmark, and workloads, by policy. This is a template that draws what everybody
measures. When your own policy works, give the first figure a fourth bar: "adaptive": "fp=adaptive".
scripts/hs/labfigure.py describes what it can draw.
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
