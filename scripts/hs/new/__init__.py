# SPDX-License-Identifier: MIT
"""What `hyperscope new` makes: one module a kind, over tree.py, names.py and code.py."""
