#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lost-timer.slow.t - Linux KVM loses timers that a guest sets through SBI set_timer, if it schedules
# the vCPU out before the call has returned to the guest; hyperscope loses none (docs/lost-timer.md).
# Once the claims about a kernel of Linux fail, that kernel has been fixed.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
payload=$O/guest-payloads/lost_timer.bin program=$O/tests/kvm/lost_timer
needs_built "$payload" "$program" "$O/vmm"
! qemu_older 8.0 || skip_all "QEMU $(qemu_version) does not show a guest its pending timer in sip"

reproduce()	# NAME STATUS COUNT COMMAND...
{
	out=$(timeout --kill-after=5 "$(scaled 320)" "$HS_TOP/scripts/hyperscope" "${@:4}" </dev/null 2>"$tmp/err")
	is $? "$2" "$1: status $2" || diag "$(tail -n 5 "$tmp/err")"
	like "$(tr -d '\0\r' <<<"$out")" "^(# )?$3 of [1-9][0-9]* timers were lost, and $3 were not cancelled" \
		"$1: the number of timers that are lost and not cancelled"
}

# Run the program, which makes its own VM, and the payload.
both()	# NAME STATUS COUNT COMMAND...
{
	local options=(--out "$O" --icount --timeout "$(scaled 300)")
	reproduce "$1, program" "$2" "$3" "${@:4}" "${options[@]}" "$program"
	reproduce "$1, payload" "$2" "$3" "${@:4}" "${options[@]}" --file "$payload" \
		"$O/vmm" --quiet --vcpus 2 /lost_timer.bin
}

both hyperscope 0 0 exec --quiet --harts 1
for kernel in stable:guest newest:linux_newest source-7.3:linux/source-7.3; do
	folder=$O/${kernel#*:} kernel=${kernel%:*}
	if [ ! -f "$folder/modules/kvm.ko" ]; then
		skip "Linux $kernel" "$folder is missing: see scripts/hyperscope setup --help"
	elif qemu_breaks_linux_kvm; then
		skip "Linux $kernel" "$linux_kvm_is_broken"
	else
		both "Linux $kernel" 1 '[1-9][0-9]*' linux-kvm exec --linux "$kernel"
	fi
done
done_testing
