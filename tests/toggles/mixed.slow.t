#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mixed.slow.t - VMs with different toggles at the same time: mixed.t with 800 combinations.
# Time-out: 3600 seconds.
combinations=800
. "$(dirname "$0")/mixed.t"
