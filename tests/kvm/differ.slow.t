#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Two VMs of one host that differ in one toggle give the same results for the same random steps.
# Each value of each toggle is compared with the defaults, on two CPU models.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

seed=100
while read -r name values; do
	for value in $values; do
		for cpu in rv64 max; do
			seed=$((seed + 1))
			HS_SECONDS=120 hs exec --quiet --cpu "$cpu" "$O/tests/kvm/differ" 20000 $seed \
				"$name=$value"
			claims "$name=$value, $cpu"
		done
	done
done < <(sed -nE 's/^TOGGLE\((\w+), "([^"]*)".*/\1 \2/p' "$HS_TOP/src/kvm/toggle.def")
done_testing
