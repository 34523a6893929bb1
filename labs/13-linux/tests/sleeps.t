#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sleeps.t - a sleeping vCPU continues at an interrupt or a timer, and a signal ends KVM_RUN
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/13-linux/tests/programs.sh"
options --vcpus 4 --set halt_poll_ns=0
payload harts rounds=10
options --harts 1 --vcpus 2 --set halt_poll_ns=0
payload timer
programs 150 kvm-api/run
done_testing
