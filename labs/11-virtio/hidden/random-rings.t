#!/bin/bash
# SPDX-License-Identifier: MIT
#
# random-rings.t - the device handles random chains, good and bad, drawn from the instructor's key
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11_hostile part=random seed="$(variant seed)"
done_testing
