# SPDX-License-Identifier: MIT
"""The package behind scripts/hyperscope. It needs only Python 3 and its library; commands that need more say so."""
