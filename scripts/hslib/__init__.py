# SPDX-License-Identifier: MIT
"""The parts of scripts/hyperscope: Python 3 with its own library, nothing else."""
