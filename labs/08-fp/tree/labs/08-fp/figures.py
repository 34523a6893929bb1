#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - draw figure.svg from your measured.csv and workload.svg from your workload.csv.

figure.svg shows rows of the benchmark by policy; workload.svg shows the workloads by policy. This is a
template that draws what every student measures. When your variant's policy works, add
"adaptive": "fp=adaptive" to the series of figure.svg. scripts/hs/labfigure.py describes what it can draw.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from hs import labfigure  # noqa: E402

sys.exit(labfigure.main(
    __doc__, HERE,
    labfigure.bench("Cost of a turn, by policy",
                    rows=["run_vcpus", "run_vcpus_fp", "run_vcpus_fp_use"],
                    series={"eager": "fp=eager", "lazy_save": "fp=lazy_save", "lazy_trap": ""}),
    labfigure.table("Cost of a turn of each workload, by policy", "instructions per turn",
                    source="workload.csv", svg="workload.svg")))
