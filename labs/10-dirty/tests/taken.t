#!/bin/bash
# SPDX-License-Identifier: MIT
#
# taken.t - each page that a vCPU or a device writes is taken out of the logs once, and a page that
# is written after KVM has returned its log is not lost
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --vcpus 2 --memory 32M
payload lab10 do=taken
done_testing
