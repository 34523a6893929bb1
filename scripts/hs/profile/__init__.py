# SPDX-License-Identifier: MIT
"""What scripts/profile is made of: workload, names, recording, show."""
