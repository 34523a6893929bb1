# SPDX-License-Identifier: MIT
"""The figures of what was measured (scripts/hyperscope figures, and the notebooks): how all of them look and what none
may do (style.py), where the numbers come from (data.py), then a file for each figure."""
