#!/bin/bash
# SPDX-License-Identifier: MIT
#
# regs.t - a vCPU's registers on processors with V, AIA and Smstateen, and on the RVA23 profile.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
progs=$O/tests/kvm-api
selftest=$O/kselftest/get-reg-list
"${QEMU:-qemu-system-riscv64}" -cpu help | grep -qw rva23s64 || skip_all "this QEMU has no CPU model rva23s64"

on_cpu()	# MODEL PROGRAM...: run the programs in one boot, and relay their claims
{
	local cpu=$1 name files=()
	shift
	for name; do files+=(--file "$progs/$name:/kvm/$name"); done
	HS_SECONDS=60 hs exec --quiet --harts 2 --cpu "$cpu" --env HS_OURS=1 "${files[@]}" \
		"$O/tests/linux-abi/suite" "${@/#//kvm/}"
	relay "$out" "$cpu"
	is "$status" 0 "$cpu: all programs exit with status 0" || diag "$err"
}

# Run Linux's own test of the list of registers. Each of its configurations disables all extensions
# that can be disabled, and then enables one.
linux_says()	# MODEL
{
	[ -x "$selftest" ] || { skip "$1: get-reg-list of Linux passes" "$selftest is missing: run make kselftest"; return; }
	HS_SECONDS=60 hs exec --quiet --memory 2G --cpu "$1" "$selftest"
	is "$status" 0 "$1: get-reg-list of Linux passes" || diag "$out"
	ok "$([ "$(grep -c PASS <<<"$out")" -gt 15 ]; echo $?)" "$1: get-reg-list of Linux passes in more than 15 configurations"
	is "$(grep -c FAIL <<<"$out")" 0 "$1: get-reg-list of Linux never fails"
}

on_cpu max regs reset ids lacks
on_cpu rva23s64 regs reset lacks
linux_says max
linux_says rva23s64
linux_says rv64
done_testing
