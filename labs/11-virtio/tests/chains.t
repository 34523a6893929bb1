#!/bin/bash
# SPDX-License-Identifier: MIT
#
# chains.t - requests of every legal shape are served, even if there are more of them than a 16-bit
# index can count
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11 part=chains
done_testing
