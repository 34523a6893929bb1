# SPDX-License-Identifier: MIT
"""The modules of scripts/hyperscope irqs-off: run, show."""
