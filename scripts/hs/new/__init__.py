# SPDX-License-Identifier: MIT
"""`hyperscope new`: one module for each kind of addition, based on tree.py, names.py and code.py."""
