# SPDX-License-Identifier: MIT
"""A paper's rows and claims, measured here (scripts/hyperscope reproduce): its folder (folder.py), what a claim says
(claim.py), whether it is so (judge.py), the page of all of them (results.py)."""
