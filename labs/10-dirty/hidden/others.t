#!/bin/bash
# SPDX-License-Identifier: MIT
#
# others.t - KVM's log, the pages taken from it, the variant's rule, and a save while the guest
# writes are correct for other pages and rounds, drawn from the instructor's key
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
seed=$(variant seed)
options --device logdev --memory 64M
payload logdev seed=$seed
options --device logdev --vcpus 2 --memory 32M
payload lab10 do=rule $(variant --line)
payload lab10 do=taken seed=$seed
options --icount --harts 2 --vcpus 2 --memory 32M
saved --save-on writing
payload save_dirty until=input rounds=1000000 pages=$((20 + seed % 200))
done_testing
