# SPDX-License-Identifier: MIT
"""The parts of scripts/bench: Python 3 with its own library, nothing else."""
