# SPDX-License-Identifier: MIT
"""One module a command: SUMMARY, a line for the list of commands, and main(argv), whose result is the exit status."""
