#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mixed.t - run VMs with different toggles at the same time on two harts, in groups of four. Each of
# 28 combinations of toggles runs one payload, so each payload of the selection runs once or twice.
# mixed.slow.t runs more combinations.
. "$(dirname "$0")/shared.sh"
"$here/rows" --product | awk -v n="${combinations:-28}" 'NR > 100 && NR <= 100 + n' >"$list"
under_rows all --together 4 --boot-rows 200
