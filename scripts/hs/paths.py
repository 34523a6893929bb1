# SPDX-License-Identifier: MIT
"""paths.py - the paths of this tree and of its command, and the names of QEMU and of the cross compiler's tools."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
HYPERSCOPE = os.path.join(TOP, "scripts", "hyperscope")
QEMU = os.environ.get("QEMU") or "qemu-system-riscv64"  # the default of --qemu


def cross_tool(name):
    """Return the name of a program of the cross compiler or its binutils, such as objdump."""
    return os.environ.get("CROSS_COMPILE", "riscv64-linux-gnu-") + name
