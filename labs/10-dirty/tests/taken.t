#!/bin/bash
# SPDX-License-Identifier: MIT
#
# taken.t - the VMM takes the pages that vCPUs and devices wrote out of the logs, once, and a page written
# after KVM's answer is not lost
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --smp 2 --mem 32M
payload lab10 do=taken
done_testing
