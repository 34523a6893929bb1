# SPDX-License-Identifier: MIT
"""The grader of the course's labs: submissions (submission.py), the trees and their builds (trees.py), runs
with limits (limits.py), the claims of tests (claims.py, seal.py), instruction counts (measure.py), and
output (report.py)."""
