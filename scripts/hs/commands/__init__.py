# SPDX-License-Identifier: MIT
"""One module for each command of hs/main.py that is written in Python; the others are in scripts/shell. In a module,
main(argv) returns the exit status, FAILURES lists further exceptions to print as messages, and PREFIX begins each
message (default: the command's name)."""
