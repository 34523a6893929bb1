# SPDX-License-Identifier: MIT
#
# shifts.sh - races between vCPUs, and between vCPUs and user space.
#
#   . tests/lib/tap.sh; . tests/guest/shifts.sh
#   race_payloads TITLE OPTION...    payloads whose vCPUs wait for each other
#   race_programs TITLE OPTION...    programs that change a guest's memory while its vCPUs run
#
# With --icount-shift N, an instruction takes 2^N ns of the machine's time, and QEMU runs the harts
# in turn, each for a slice of that time. With N = 0, a slice has many thousands of instructions,
# and harts hardly interleave.
. "$HS_TOP/tests/guest/payloads.sh"
. "$HS_TOP/tests/kvm/claims.sh"

race_payloads()
{
	local title=$1
	shift
	vm "$title: harts, 4 vCPUs" harts --vcpus 4 rounds=30
	vm "$title: sbi_harts" sbi_harts --vcpus 3
	vm "$title: fp, 2 vCPUs" fp --vcpus 2
	vm "$title: mmio_hard, 2 vCPUs" mmio_hard --vcpus 2 --testdev
	BOOT_SECONDS=240 boot hyperscope --harts 2 "$@"
}

race_programs()
{
	local title=$1
	shift
	HS_SECONDS=240 hs exec --quiet --harts 3 "$@" "$O/tests/kvm/stress" 30 7
	claims "$title: stress"
	HS_SECONDS=240 hs exec --quiet --harts 2 "$@" "$O/tests/kvm/memory"
	claims "$title: memory"
}
