# SPDX-License-Identifier: MIT
"""paths.py - where this tree is, and its one command."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
HYPERSCOPE = os.path.join(TOP, "scripts", "hyperscope")
