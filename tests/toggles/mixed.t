#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mixed.t - VMs with different toggles at the same time on two harts, in groups of four: each of 28
# combinations runs one payload, so each payload of the selection runs once or twice. mixed.slow.t has more.
. "$(dirname "$0")/shared.sh"
"$here/rows" --product | awk -v n="${combinations:-28}" 'NR > 100 && NR <= 100 + n' >"$list"
under_rows all --together 4 --boot-rows 200
