# SPDX-License-Identifier: MIT
"""Run random programs bare and in a guest, compare their outcomes, and shrink the programs that differ."""
