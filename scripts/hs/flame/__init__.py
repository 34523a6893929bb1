# SPDX-License-Identifier: MIT
"""What scripts/flamegraph is made of: folded stacks, and the picture of them."""
