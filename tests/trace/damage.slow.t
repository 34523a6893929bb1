#!/bin/bash
# SPDX-License-Identifier: MIT
#
# damage.slow.t - the claims of damage.t with the file truncated and changed at many more places, and every
# command run on each result.
damage_sweep=all
. "$(dirname "$0")/damage.t"
