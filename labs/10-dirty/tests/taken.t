#!/bin/bash
# SPDX-License-Identifier: MIT
#
# taken.t - the VMM takes each page that vCPUs and devices wrote out of the logs once, and does not
# lose a page that is written after KVM's answer
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --smp 2 --mem 32M
payload lab10 do=taken
done_testing
