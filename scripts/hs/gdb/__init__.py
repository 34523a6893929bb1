# SPDX-License-Identifier: MIT
"""gdb's commands for hyperscope. The modules fields, csr, walk, snapshot, tour and page do not use gdb."""
