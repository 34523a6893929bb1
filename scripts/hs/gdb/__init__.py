# SPDX-License-Identifier: MIT
"""gdb's commands for hyperscope. fields, csr, walk, elf and snapshot know nothing of gdb."""
