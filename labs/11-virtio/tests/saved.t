#!/bin/bash
# SPDX-License-Identifier: MIT
#
# saved.t - a machine that is saved while its disk is working still has, after the restore,
# everything that the disk had written
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --icount --disk "$tmp/disk" --vcpus 1 --memory 32M
saved --save-on reading
payload lab11 part=saved rounds=5
done_testing
