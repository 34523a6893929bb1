# SPDX-License-Identifier: MIT
"""Benchmarks: the rows, the systems, and the evaluation of figures."""
