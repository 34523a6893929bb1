# SPDX-License-Identifier: MIT
"""paths.py - the paths of this tree, of its command and of QEMU."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
HYPERSCOPE = os.path.join(TOP, "scripts", "hyperscope")
QEMU = os.environ.get("QEMU") or "qemu-system-riscv64"  # the default of --qemu
