# SPDX-License-Identifier: MIT
"""The modules of scripts/hyperscope profile: workload, names, recording, show."""
