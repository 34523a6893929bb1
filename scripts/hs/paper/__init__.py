# SPDX-License-Identifier: MIT
"""The rows and claims of papers, measured and checked here (scripts/hyperscope reproduce): a paper's folder (folder.py),
claims (claim.py), their verdicts (judge.py), and output (results.py)."""
