#!/bin/bash
# SPDX-License-Identifier: MIT
#
# damage.slow.t - run damage.t with the file truncated and changed at many more places, and run every command
# on each result.
damage_sweep=all
. "$(dirname "$0")/damage.t"
