#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kvm-lifecycle.t - VMs come and go and leave nothing: closed in any order, killed, stopped, many.
#
# A few hundred here; 10 000 in kvm-lifecycle.slow.t. The program passes on Linux KVM too.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"

storm()	# TITLE HS-OPTIONS... -- ARGUMENTS
{
	local title=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	HS_SECONDS=${seconds:-60} hs exec --quiet --env HS_EXACT=1 "${options[@]}" \
		"$O/tests/kvm-api/lifecycle" "$@"
	while IFS= read -r line; do
		case $line in
		"ok "*) ok 0 "$title: ${line#*- }" ;;
		"not ok "*) ok 1 "$title: ${line#*- }" ;;
		"# "*) printf '%s\n' "$line" ;;
		esac
	done <<<"$out"
	is "$status" 0 "$title: it ends well" || diag "$err"
}

if [ -n "${slow:-}" ]; then
	seconds=1500
	storm "10 000 VMs" --harts 4 -- 10000
	storm "2000 VMs, other order" --harts 2 -- 2000 2
	storm "2000 VMs, VMIDs of 1 bit" --harts 4 --set vmid_bits=1 -- 2000 3
	storm "1000 VMs, other toggles" --harts 2 --set gstage_walk=recursive --set gstage_huge=off \
		--set vmid=flush -- 1000 4
else
	storm "3 harts" --harts 3 -- 150
	storm "VMIDs of 2 bits" --harts 2 --set vmid_bits=2 -- 50 5
fi
done_testing
