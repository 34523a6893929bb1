# SPDX-License-Identifier: MIT
"""The package behind scripts/hyperscope. It needs only Python 3 and its standard library; commands that need more
say so."""
