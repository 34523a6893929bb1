# SPDX-License-Identifier: MIT
"""paths.py - the paths of this tree and of its command."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
HYPERSCOPE = os.path.join(TOP, "scripts", "hyperscope")
