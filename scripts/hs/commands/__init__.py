# SPDX-License-Identifier: MIT
"""One module per command; hs/main.py lists them. main(argv) returns the exit status. FAILURES lists further
exceptions to print as messages. PREFIX begins each message; the default is the command's name."""
