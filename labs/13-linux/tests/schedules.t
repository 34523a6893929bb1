#!/bin/bash
# SPDX-License-Identifier: MIT
#
# schedules.t - vCPUs and programs that share a hart find their own registers
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/13-linux/tests/programs.sh"
options --harts 1 --vcpus 2
payload fp
options --harts 1 --vcpus 4
payload harts rounds=10
machine --cpu max	# with a vector unit
programs 250 kvm-api/lazy_put "kvm/many 2 16" "kvm-api/vector 1000 eager lazy_save"
done_testing
