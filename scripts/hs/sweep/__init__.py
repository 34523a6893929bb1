# SPDX-License-Identifier: MIT
"""sweep - a table of parameters as jobs, run by an engine, collected into one CSV (docs/sweep.md)."""
