#!/bin/bash
# SPDX-License-Identifier: MIT
#
# artifact.slow.t - an archive of the committed files is unpacked elsewhere and used without network
# access: it builds, runs a payload and Debian's kernel, and yields a paper's figures.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
git -C "$HS_TOP" rev-parse HEAD >"$tmp/head" 2>/dev/null || skip_all "this tree is not a git checkout"
why=$("$HS_TOP/scripts/hyperscope" setup --out "$O" --cached run apps 2>&1 >/dev/null) || skip_all "${why%%$'\n'*}"
alone=(unshare -n)
[ "$(id -u)" = 0 ] || alone=(unshare -rn)
"${alone[@]}" true 2>/dev/null || skip_all "this system does not allow ${alone[*]}"
export HYPERSCOPE_SET=

is "$("${alone[@]}" sed 1d /proc/self/net/route)" "" "the namespace for the archive's commands has no network route"

"$HS_TOP/scripts/hyperscope" artifact pack --commit HEAD --out "$O" --to "$tmp" >"$tmp/out" 2>"$tmp/err"
is $? 0 "HEAD is packed" || diag "$(<"$tmp/err")"
mkdir "$tmp/elsewhere"
tar -xf "$(echo "$tmp"/*.tar)" -C "$tmp/elsewhere"
packed=$(echo "$tmp"/elsewhere/hyperscope-*)
is "$(cd "$packed" && ls build)" dl "the archive's build folder holds only the cache"
if [ -e "$O/dl/apt/conf" ]; then
	is "$(awk -F, '$1 == "guest" && $9 == ""' "$packed/artifact/packages.csv")" "" "packages.csv has the snapshot of each package of the guest"
else
	skip "packages.csv has the snapshot of each package of the guest" "$O/dl has no package lists"
fi

(cd "$packed" && unset O HS_TOP HS_RUNS HS_TAG && timeout --kill-after=5 "$(scaled 600)" "${alone[@]}" make artifact-functional) \
	>"$tmp/out" 2>"$tmp/err" </dev/null
is $? 0 "make artifact-functional succeeds" || diag "$(cat "$tmp/out")" "$(tail -n 30 "$tmp/err")"
like "$(<"$tmp/out")" '^build +[0-9]+ s +ok' "the archive builds"
like "$(<"$tmp/out")" '^guest +[0-9]+ s +ok +Linux [0-9]' "Debian's kernel runs"
like "$(<"$tmp/out")" '^paper +[0-9]+ s +ok +figures: [1-9][0-9]* as expected, 0 not$|of another key' "the paper's figures are as expected"
seconds=$(sed -n 's/^all *\([0-9]*\) s .*/\1/p' "$tmp/out")
[ "${seconds:-9999}" -le "$(scaled 600)" ]
ok $? "make artifact-functional takes at most ten minutes: $seconds s"

(cd "$packed" && "${alone[@]}" scripts/hyperscope setup --out "$packed/build" run apps) >"$tmp/out" 2>&1 && [ -x "$packed/build/rt_tests/hackbench" ]
ok $? "the cache has the packages that make reproduce needs in addition" || diag "$(<"$tmp/out")"

built=$(cat "$O/hyperscope.commit" 2>/dev/null)
if [[ $built != *+* ]] && git -C "$HS_TOP" diff --quiet "$built" HEAD -- src/host src/kvm src/include trace Makefile 2>/dev/null; then
	cmp "$O/hyperscope.bin" "$packed/build/hyperscope.bin"
	ok $? "the archive's image and this tree's are equal, to the byte"
else
	skip "the archive's image and this tree's are equal, to the byte" "this tree's image was not built from HEAD: ${built:-not built}"
fi
done_testing
