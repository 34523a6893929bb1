#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mixed.t - VMs with different toggles at the same time on two harts, four by four: each payload of the
# selection twice, each under another combination. More of it: mixed.slow.t.
. "$(dirname "$0")/shared.sh"
"$here/rows" --product | awk -v n="${combinations:-28}" 'NR > 100 && NR <= 100 + n' >"$list"
under_rows all --together 4 --boot-rows 200
