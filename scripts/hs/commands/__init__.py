# SPDX-License-Identifier: MIT
"""One module for each command that hs/main.py lists. In a module, main(argv) returns the exit status, FAILURES lists
further exceptions to print as messages, and PREFIX begins each message (default: the command's name)."""
