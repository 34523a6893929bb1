# SPDX-License-Identifier: MIT
"""The artifact of a paper (scripts/hyperscope artifact): the packages it was made with (packages.py, using lists.py),
the archive (pack.py), and a reviewer's first check (functional.py)."""
