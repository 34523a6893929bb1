# SPDX-License-Identifier: MIT
"""What is measured, on which system, and what may be said of the figures."""
