# SPDX-License-Identifier: MIT
"""What scripts/hyperscope anatomy is made of: run, symbols, insn, walk, stages, show, svg."""
