# SPDX-License-Identifier: MIT
"""The parts of scripts/hyperscope. They need no more of Python than python3-minimal has."""
