#!/bin/bash
# SPDX-License-Identifier: MIT
#
# chains.t - requests of every legal shape are served, and the 16-bit indices of the rings may wrap
# around
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11 part=chains
done_testing
