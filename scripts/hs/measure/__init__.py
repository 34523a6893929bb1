# SPDX-License-Identifier: MIT
"""`hyperscope measure`: plan.py makes a sweep of one workload, table.py prints its results side by side."""
