# SPDX-License-Identifier: MIT
"""What scripts/irqs-off is made of."""
