# SPDX-License-Identifier: MIT
"""The modules of scripts/hyperscope flamegraph: folded stacks, and the picture drawn from them."""
