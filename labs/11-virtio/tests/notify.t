#!/bin/bash
# SPDX-License-Identifier: MIT
#
# notify.t - the notification of the queue is an ioeventfd, no other store is, and it works without one
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
# Print the number of kvm_ioeventfd in the trace; the number of stores to QueueNotify that the VMM handled.
events()
{
	"$O/hstrace" report --events kvm_ioeventfd "$HS_RUNS/last/trace" 2>/dev/null | grep -cv '^#'
}
stores()
{
	"$O/hstrace" report --columns event,fields --filter "kvm_mmio: gpa == 0x10001050 && kernel == 0" \
		"$HS_RUNS/last/trace" 2>/dev/null | grep -c type=write
}
options --disk "$tmp/disk" --trace kvm_ioeventfd,kvm_mmio
payload lab11 part=notify count=40 others=6
is "$(events):$(stores)" 41:18 "41 notifications are ioeventfds; the VMM handles the 18 other stores there"
options --disk "$tmp/disk" --trace kvm_ioeventfd,kvm_mmio --no-ioeventfd
payload lab11 part=notify count=40 others=6
is "$(events):$(stores)" 0:59 "with --no-ioeventfd the VMM handles all 59 stores"
done_testing
