#!/bin/bash
# SPDX-License-Identifier: MIT
#
# taken.t - each page written by vCPUs or devices is taken out of the logs once, and no page that is
# written after KVM's answer is lost
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --smp 2 --mem 32M
payload lab10 do=taken
done_testing
