# SPDX-License-Identifier: MIT
"""Run a machine in QEMU: options, input and output, and the end of a run."""
