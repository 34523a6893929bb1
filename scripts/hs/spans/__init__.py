# SPDX-License-Identifier: MIT
"""What scripts/hyperscope irqs-off is made of."""
