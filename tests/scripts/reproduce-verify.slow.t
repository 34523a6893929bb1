#!/bin/bash
# SPDX-License-Identifier: MIT
#
# reproduce-verify.slow.t - the figures of a paper on three systems are equal to the byte when they
# are measured again in the same folder, and when they are measured in another folder, as another
# user, under load, and on one processor.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/tests/kvm/bench_turns"
needs_fetched "$O/guest/modules/kvm.ko"
git -C "$HS_TOP" rev-parse HEAD >"$tmp/head" 2>/dev/null || skip_all "this tree is not a git checkout"
! qemu_breaks_linux_kvm || skip_all "$linux_kvm_is_broken"
export HYPERSCOPE_SET=
[ -e "$O/verify" ] || trap 'rm -rf "$tmp" "$O/verify"' EXIT # 400 MB

timeout --kill-after=5 "$(scaled 900)" "$HS_TOP/scripts/hyperscope" reproduce-verify --out "$O" kvm-unit-tests-micro-bench \
	>"$tmp/out" 2>"$tmp/err" </dev/null
is $? 0 "reproduce-verify finds all figures equal" || diag "$(cat "$tmp/out")" "$(tail -n 5 "$tmp/err")"
like "$(cat "$tmp/out")" '^again: +13 figures, all are equal; images: identical' "figures measured twice are equal"
like "$(cat "$tmp/out")" '^elsewhere: +13 figures, all are equal; images: identical' "figures measured in another folder are equal, and so are the images built there"

"$HS_TOP/scripts/hyperscope" reproduce-verify --help >"$tmp/out"
is "$?:$(awk 'length > 80' "$tmp/out" | wc -l)" 0:0 "--help fits into 80 columns" || diag "$(cat "$tmp/out")"
"$HS_TOP/scripts/hyperscope" reproduce-verify --clean >"$tmp/out" 2>&1
is "$?:$(cat "$tmp/out")" "2:reproduce-verify: --clean needs a suite; see scripts/hyperscope reproduce-verify --help" "--clean without a suite is refused"
"$HS_TOP/scripts/hyperscope" reproduce-verify --out "$tmp/none" no-such-paper >"$tmp/out" 2>&1
like "$? $(tail -n 1 "$tmp/out")" "^2 reproduce: there is no paper 'no-such-paper'" "a paper that does not exist is refused"
done_testing
