# SPDX-License-Identifier: MIT
"""A machine in QEMU: its parts and options, what goes in, what comes out, and the end of a run."""
