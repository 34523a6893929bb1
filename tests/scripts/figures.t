#!/bin/bash
# SPDX-License-Identifier: MIT
#
# figures.t - scripts/hyperscope figures --docs reports a figure in the docs that differs from the CSV, and
# updates it.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

# Make a tree with the files that the script reads and writes.
mkdir -p "$tmp/tree/src/kvm" "$tmp/tree/trace" "$tmp/tree/tests/guest"
cp -R "$HS_TOP/COURSE.md" "$HS_TOP/scripts" "$HS_TOP/docs" "$HS_TOP/notebooks-data" "$tmp/tree"
cp "$HS_TOP/src/kvm/toggle.def" "$tmp/tree/src/kvm"
cp "$HS_TOP/trace/events.def" "$tmp/tree/trace"
cp -R "$HS_TOP/src/workload" "$tmp/tree/src"
cp -R "$HS_TOP/tests/guest/nested" "$tmp/tree/tests/guest"
figures()
{
	out=$("$tmp/tree/scripts/hyperscope" figures --docs numbers "$@" 2>&1)
	status=$?
}

figures --check
is $status 0 "the docs have the figures of notebooks-data/exit-latency.csv" || diag "$out"

changed()	# NAME DOC PERL: claim that a changed page is reported, and restored by figures --docs
{
	perl -0pi -e "$3" "$tmp/tree/$2"
	! cmp -s "$tmp/tree/$2" "$HS_TOP/$2"
	ok $? "$1 is changed"
	figures --check
	is $status 1 "$1 is found"
	like "$out" "^$2 is not current with .*run scripts/hyperscope figures --docs" "the changed page is named"
	figures
	cmp -s "$tmp/tree/$2" "$HS_TOP/$2"
	ok $? "the changed page is updated" || diag "$(diff "$HS_TOP/$2" "$tmp/tree/$2")"
}
changed "a figure of a toggle's table" docs/toggles.md 's/(`fault_4k_present` \| )\d+/${1}7/'
changed "a figure of the toggle that Linux as a guest hypervisor is measured with" docs/toggles.md \
	's/(`sbi_user` \| \d+ \| \d+ \| )\d+( \| \d+ \| 0\.\d+ \|)/${1}7$2/'
changed "a figure in a sentence" docs/validity.md 's/a\s+null\s+call\s+costs\s+\K\d+/1001/'
changed "a figure with a space in it" docs/caveats.md 's/A fresh page of 4 KiB costs \K\d+ \d+/7 123/'
changed "a number of claims in the table of coverage" docs/workload.md 's/^(\| H \S*6\.3 .* \| )\d+( \|)$/${1}99$2/m'
changed "a row of the benchmark's table" docs/bench.md 's/^mmio_read  .*\n//m'

perl -0pi -e 's/null(\s+)call(\s+)costs/null$1call$2takes/' "$tmp/tree/docs/validity.md"
figures --check
is $status 1 "a missing sentence is an error"
like "$out" "docs/validity.md: 'a null call costs .* occurs 0 times instead of once: correct the page, or SENTENCES" "the message says what to correct if a sentence is missing"
figures --wrong
is $status 2 "an unknown option is a usage error"
done_testing
