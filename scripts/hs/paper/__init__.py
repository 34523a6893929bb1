# SPDX-License-Identifier: MIT
"""Check papers by measuring their rows here (scripts/hyperscope reproduce): a paper's folder (folder.py),
claims (claim.py), their verdicts (judge.py), and output (results.py)."""
