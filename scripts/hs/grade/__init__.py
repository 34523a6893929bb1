# SPDX-License-Identifier: MIT
"""The grader of the course's labs: what is handed in (submission.py), the trees and their builds
(trees.py), runs within limits (limits.py), a test's claims (claims.py, seal.py), instructions
(measure.py), what is printed and written (report.py)."""
