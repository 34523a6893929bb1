#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fp.t - on two harts, the FP registers of four vCPUs, of their VMM's threads and of two more
# threads are never wrong. The vCPUs belong to two VMs, which get one variant each of the toggle fp,
# in four combinations. kvm-api-linux.slow.t runs the program on Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

prog=$O/tests/kvm-api/fp
for pair in "eager lazy_save" "lazy_save lazy_trap" "lazy_trap eager" "lazy_trap lazy_trap"; do
	if [[ $pair == *lazy_trap* ]] && spoils_redirects; then
		skip "$pair" "$spoiled_redirects"
		continue
	fi
	# shellcheck disable=SC2086 # two words
	HS_SECONDS=60 hs exec --quiet --harts 2 "$prog" 200 $pair
	relay "$out" "$pair"
	is "$status" 0 "$pair: the program exits with status 0" || diag "$err"
done
done_testing
