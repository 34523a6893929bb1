# SPDX-License-Identifier: MIT
"""Labs: their folders (folder.py), regions that students write (markers.py), students' trees (tree.py)."""
