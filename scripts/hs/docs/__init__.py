# SPDX-License-Identifier: MIT
"""Checks of pages against the tree: the numbers and drawings in docs, and the names in the course's pages."""
