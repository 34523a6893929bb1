# SPDX-License-Identifier: MIT
"""What scripts/hyperscope flamegraph is made of: folded stacks, and the picture of them."""
