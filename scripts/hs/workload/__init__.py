# SPDX-License-Identifier: MIT
"""workload - hyperscope with guests as one ELF file, for cores and simulators (docs/workload.md)."""
