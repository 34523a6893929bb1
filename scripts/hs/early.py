# SPDX-License-Identifier: MIT
"""early.py - the first import of scripts/hyperscope: let SIGINT end the script until ends.py has set its handlers.

Python's own SIGINT handler raises KeyboardInterrupt, which would print a traceback during the imports. The
default action is correct at that time, because nothing has to be undone yet. TERM and HUP have their default
action anyway; a signal that is ignored stays ignored (nohup).
"""
import _signal  # built in; importing signal would import more modules first

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
