#!/bin/bash
# SPDX-License-Identifier: MIT
#
# abi.t - ordinary static Linux programs behave on the host as on Linux.
#
# The programs' own claims are relayed with new numbers. Each program passes on Linux too:
# scripts/hyperscope linux-kvm exec build/tests/linux-abi/NAME
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
names="memory memory_random page_idle limits shortage shortage_memory userfaultfd hugetlb zero_page process registers thread rseq seccomp seccomp_threads signal signal_process jobctl futex vm hostile"
progs=$O/tests/linux-abi

suite()	# TITLE HS-OPTIONS...: run all programs in one boot
{
	local title=$1 files=() name
	shift
	for name in $names; do
		files+=(--file "$progs/$name:/abi/$name")
	done
	HS_SECONDS=60 hs exec --quiet --env HS_EXACT=1 --env HS_LEAK_ROUNDS=200 "$@" "${files[@]}" \
		"$progs/suite" $(printf '/abi/%s ' $names)
	relay "$out" "$title"
	is "$status" 0 "$title: the run ends with status 0" || diag "$err"
}

suite "2 harts"
suite "1 hart, icount" --icount
names="memory memory_random shortage_memory userfaultfd hugetlb process registers futex vm hostile"
suite "zero page" --set zero_page=1
names=hugetlb
suite "pages of 1 GiB" --memory 4G --boot "hugepagesz=1G hugepages=2"
names=hogs
suite "little memory" --memory 72M
done_testing
