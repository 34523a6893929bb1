# SPDX-License-Identifier: MIT
"""The archive that a paper is handed in with (scripts/hyperscope artifact): which packages it was made with
(packages.py, out of lists.py), the archive itself (pack.py), and a first look at it (functional.py)."""
