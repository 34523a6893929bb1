#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, sets its timer, waits and powers off. Polling is a later step of the
# lab, so it is off here.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
boots timer=sstc --boot kvm.halt_poll_ns=0
done_testing
