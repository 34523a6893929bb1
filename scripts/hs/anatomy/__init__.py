# SPDX-License-Identifier: MIT
"""What scripts/anatomy is made of: run, symbols, insn, walk, stages, show, svg."""
