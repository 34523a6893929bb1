# SPDX-License-Identifier: MIT
"""What is behind scripts/hyperscope: Python 3 with its own library; a command that needs more says so."""
