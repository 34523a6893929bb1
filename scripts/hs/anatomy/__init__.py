# SPDX-License-Identifier: MIT
"""The modules of scripts/hyperscope anatomy: run, symbols, insn, walk, stages, show, svg, table."""
