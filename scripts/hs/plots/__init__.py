# SPDX-License-Identifier: MIT
"""Plots of measured data (scripts/hyperscope figures, and the notebooks): common style and checks (style.py), reading
the data (data.py), and a file for each figure."""
