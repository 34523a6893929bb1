#!/bin/bash
# SPDX-License-Identifier: MIT
#
# notify.t - the ioeventfd takes the queue's notifications, and no other store; the device also
# works without ioeventfds
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
# Print the number of kvm_ioeventfd events in the trace.
events()
{
	"$O/hstrace" report --events kvm_ioeventfd "$HS_RUNS/last/trace" 2>/dev/null | grep -cv '^#'
}

# Print the number of stores to QueueNotify that the VMM handled.
stores()
{
	"$O/hstrace" report --columns event,fields --filter "kvm_mmio: gpa == 0x10001050 && kernel == 0" \
		"$HS_RUNS/last/trace" 2>/dev/null | grep -c type=write
}
options --disk "$tmp/disk" --trace kvm_ioeventfd,kvm_mmio
payload lab11 part=notify count=40 others=6
is "$(events):$(stores)" 41:18 "41 notifications go to the ioeventfd; the VMM handles the 18 other stores"
options --disk "$tmp/disk" --trace kvm_ioeventfd,kvm_mmio --no-ioeventfd
payload lab11 part=notify count=40 others=6
is "$(events):$(stores)" 0:59 "with --no-ioeventfd, the VMM handles all 59 stores"
done_testing
