#!/bin/bash
# SPDX-License-Identifier: MIT
#
# damage.slow.t - the claims of damage.t with cuts and changed bytes all over the file, and every
# command on each of them.
damage_sweep=all
. "$(dirname "$0")/damage.t"
