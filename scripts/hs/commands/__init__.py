# SPDX-License-Identifier: MIT
"""One module a command (hs/main.py lists them): main(argv), whose result is the exit status; FAILURES, further
exceptions that are printed as a message; PREFIX of messages, if it is not the command's name."""
