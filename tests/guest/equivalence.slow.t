#!/bin/bash
# SPDX-License-Identifier: MIT
#
# equivalence.slow.t - 100 000 random programs on each machine, in parts with different toggles, have the
# same outcome in a guest and on the bare machine (docs/equivalence.md). On QEMU's machine virt and on
# Spike, so have 100 000 programs that use the H extension.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/vmm"
! qemu_older 8.0 || skip_all "this QEMU has other defects of the H extension than docs/equivalence.md lists"

programs=${HS_PROGRAMS:-100000}
part=$((programs / 5))

same()	# FIRST OPTION...
{
	local first=$1
	shift
	"$HS_TOP/scripts/hyperscope" equivalence --out "$O" --first "$first" --count "$part" \
		--timeout "$(scaled 900)" "$@" >"$tmp/table" 2>"$tmp/err"
	ok $? "programs $first to $((first + part - 1)), ${*:-default toggles}: all outcomes are equal" ||
		diag "$(cat "$tmp/table" "$tmp/err")"
}

on_machine()	# OPTION...
{
	same 0 "$@"
	same $part "$@" --set fp=eager --set fastpath=off --set switch=full --set gstage_huge=off
	same $((2 * part)) "$@" --set fp=lazy_save --set timer=hrtimer --set wfi=native --set counters=trap
	same $((3 * part)) "$@" --set vmid=flush --set tlb_flush=all --set mmio_decode=fetch --set gpa_from=walk
	same $((4 * part)) "$@" --set gstage_walk=recursive --set fastpath=off --set wfi=native
}

# gpa_from=walk cannot be used with --hs. With gstage_huge=off, shadow tables take long to fill again after fences.
in_hs_mode()	# OPTION...
{
	same 0 --hs "$@"
	same $part --hs "$@" --set fp=eager --set fastpath=off --set switch=full --set nested_switch=eager
	same $((2 * part)) --hs "$@" --set fp=lazy_save --set timer=hrtimer --set wfi=native --set counters=trap
	same $((3 * part)) --hs "$@" --set vmid=flush --set tlb_flush=all --set mmio_decode=fetch
	same $((4 * part)) --hs "$@" --set gstage_walk=recursive --set wfi=native --set nacl=off --set shadow=protect
}

on_machine
if qemu_older 10.0; then
	skip "--cpu max" "this QEMU does not know all extensions that the command turns off"
else
	same 0 --cpu max
fi
in_hs_mode
on_machine --machine qemu-spike
if command -v "${SPIKE:-spike}" >/dev/null; then
	# Spike ignores htimedelta when vstimecmp is written.
	on_machine --machine spike --set timer=hrtimer
	in_hs_mode --machine spike --set timer=hrtimer
else
	skip "spike" "riscv-isa-sim is not installed (\$SPIKE, or spike on the PATH)"
fi
done_testing
