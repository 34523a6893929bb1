#!/bin/bash
# SPDX-License-Identifier: MIT
#
# functional.slow.t - run every functional test file in QEMU, except slow ones, under each value of
# each toggle by itself, and under each of the rows that together contain all pairs of values
# (tests/toggles/rows). There is one claim per file and row. SHARE=K/N runs the K-th of every N
# rows. tests/toggles/left-out lists further files that are not run, with the reasons. The tests in
# tests/linux-abi are not run, because they test the host.
#
# Time-out: 28800 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
here=$HS_TOP/tests/toggles
HYPERSCOPE_SET=

{ "$here/rows" --single && "$here/rows"; } >"$tmp/all-rows"
is "$?:$(($(wc -l <"$tmp/all-rows") >= 20))" 0:1 "tests/toggles/rows prints at least 20 rows"
[[ ${SHARE:-1/1} =~ ^([1-9][0-9]*)/([1-9][0-9]*)$ ]] && [ "${BASH_REMATCH[1]}" -le "${BASH_REMATCH[2]}" ] ||
	{ echo "functional.slow.t: SHARE=$SHARE: not of the form K/N with K from 1 to N" >&2; exit 2; }
awk -v k="${BASH_REMATCH[1]}" -v n="${BASH_REMATCH[2]}" 'NR % n == k % n' "$tmp/all-rows" >"$tmp/rows"

cd "$HS_TOP" || exit 1
files=()
for f in tests/{boot,guest,kvm,kvm-api,kselftest}/*.t; do
	case $f in *.slow.t) continue ;; esac
	grep -q "^$f " "$here/left-out" || files+=("$f")
done
[ ${#files[@]} -ge 20 ]
ok $? "at least 20 test files are run under each row" || diag "${files[*]}"
unlike "$(grep -v '^#' "$here/left-out" | while read -r f _; do [ -f "$f" ] || echo "$f"; done)" . \
	"each file in left-out exists"

number=0
while read -r row; do
	number=$((number + 1))
	for f in "${files[@]}"; do
		HYPERSCOPE_SET=$row passes "$f" "$f under row $number" "HYPERSCOPE_SET='$row' $f"
	done
done <"$tmp/rows"
done_testing
