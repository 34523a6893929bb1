# SPDX-License-Identifier: MIT
"""hs - define gdb's hs commands (source scripts/gdb/hs.py)."""
import os
import sys

import gdb

sys.dont_write_bytecode = True  # the checkout may be read-only, or somebody else's
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))  # the package hs

gdb.execute("set osabi none")  # otherwise gdb steps over ecall and sret as if they were calls

from hs.gdb import command  # noqa: E402

command.Prefix()
from hs.gdb import cmd_csr, cmd_exits, cmd_irqchip, cmd_run, cmd_switch, cmd_tour, cmd_vm, cmd_walk  # noqa: E402,F401
