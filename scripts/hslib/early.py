# SPDX-License-Identifier: MIT
"""early.py - the first import of every script: until ends.py has its handlers, an interrupt simply ends it.

Python's own handler of SIGINT raises KeyboardInterrupt wherever it is, which during the imports is a
traceback. Nothing has been begun then that would have to be taken back. TERM and HUP have their
default action anyway; a signal that is ignored stays so (nohup).
"""
import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
