# SPDX-License-Identifier: MIT
"""What scripts/hyperscope profile is made of: workload, names, recording, show."""
