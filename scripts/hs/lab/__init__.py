# SPDX-License-Identifier: MIT
"""Labs: what they are (folder.py), holes in the source (markers.py), students' trees (tree.py)."""
