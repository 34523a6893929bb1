#!/bin/bash
# SPDX-License-Identifier: MIT
#
# window.t - a vCPU polls for at most its window, which grows and shrinks as in Linux, with the
# default parameters and with others
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for timer in sstc hrtimer; do
	options --icount --harts 1 --vcpus 2 --set timer=$timer
	payload lab06_window part=poll
done
options --icount --harts 1
up=30,10000:30,20000:30,40000:30,40000:100,80000:100,160000:100,160000:300,320000:250,320000
down=60,320000:2000,160000:1000,80000:3000,40000:2000,20000:2000,10000:2000,0:2000,0:30,10000
payload lab06_window part=windows waits=$up:$down
options --icount --harts 1 --boot "kvm.halt_poll_ns=300000 kvm.halt_poll_ns_grow=3 \
kvm.halt_poll_ns_grow_start=20000 kvm.halt_poll_ns_shrink=4"
up=30,20000:30,60000:30,60000:90,180000:100,180000
payload lab06_window part=windows waits=$up:600,45000:600,0:600,0:60,20000
options --icount --harts 1 --boot "kvm.halt_poll_ns_grow=0 kvm.halt_poll_ns_shrink=0"
payload lab06_window part=windows from=80000 waits=60,80000:200,80000:1000,0:60,0:60,0
done_testing
