#!/bin/bash
# SPDX-License-Identifier: MIT
#
# wake-ups.t - no wake-up is lost, at whatever moment of its way to sleep a vCPU is woken
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --vcpus 2 --set halt_poll_ns=0
payload lab13
done_testing
