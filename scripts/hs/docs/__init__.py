# SPDX-License-Identifier: MIT
"""Pages that are held to the tree: the numbers and drawings in docs, and what the course names."""
