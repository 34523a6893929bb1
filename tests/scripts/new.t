#!/bin/bash
# SPDX-License-Identifier: MIT
#
# new.t - `hyperscope new`: what it makes of the sources, and what it refuses. new.slow.t builds it all.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/scripts/new.sh"
copy_tree

refused()	# STATUS REGEX NAME ARGS...: one sentence, and nothing is changed
{
	local want=$1 regex=$2 name=$3
	shift 3
	new "$@"
	is "$status $(wc -l <"$tmp/err") $(git -C "$tree" status --porcelain | wc -l)" "$want 1 0" "$name: refused, nothing is written"
	like "$err" "$regex" "$name: told why"
}

# ---- an event ----
new "${event_scaffold[@]}" --dry-run
is "$status:$(git -C "$tree" status --porcelain)" "0:" "--dry-run writes nothing"
cp "$tmp/out" "$tmp/diff"
made event "${event_scaffold[@]}"
is "$(cd "$tree" && HS_TOP=$tree tests/trace/table.t | grep '^not ok')" "" "event: the tables of events agree with each other"
(cd "$tree" && git checkout -q HEAD -- docs && git reset -q && git apply -R "$tmp/diff")
is "$(git -C "$tree" status --porcelain)" "" "--dry-run has printed what was then done"

x=(--meaning x --field num:a=1)
refused 2 "'Kvm-x' is no name for an event" "a name that is none" event Kvm-x --at src/kvm/wfi.c:45 "${x[@]}"
refused 2 "called kvm_" "a name of another room" event wfi_x --at src/kvm/wfi.c:45 "${x[@]}"
refused 2 "say 'gstage', not 'stage2'" "a name with a word that is not ours" event kvm_stage2 --at src/kvm/wfi.c:45 "${x[@]}"
refused 2 "is an event 'kvm_exit' already" "an event that there is" event kvm_exit --at src/kvm/wfi.c:45 "${x[@]}"
refused 2 "no line of src/kvm/wfi.c" "a place that is not there" event kvm_x --at 'src/kvm/wfi.c:/no such line/' "${x[@]}"
refused 2 "more than one line" "a place that is there twice" event kvm_x --at 'src/kvm/wfi.c:/return RESUME_GUEST/' "${x[@]}"
refused 2 "body of 'if' without braces" "a place where a call would be another statement's" event kvm_x --at 'src/kvm/wfi.c:/trace_kvm_vcpu_block\(/' "${x[@]}"
refused 2 "not inside a function" "a place where no statement can stand" event kvm_x --at src/kvm/wfi.c:3 "${x[@]}"
refused 2 "there is no kind 'int'; there are hex, num" "a field of no kind" event kvm_x --at src/kvm/wfi.c:45 --meaning x --field int:a=1
refused 2 "6 fields" "six fields" event kvm_x --at src/kvm/wfi.c:45 --meaning x --field=num:{a,b,c,d,e,f}=1
refused 2 "neither KVM nor host" "a paragraph that there is not" event kvm_x --at src/kvm/wfi.c:45 "${x[@]}" --spec 'H 99'
refused 2 "required: --at" "too little" event kvm_x --meaning x --field num:a=1
refused 2 "unknown kind 'ioctl'; there are event" "an unknown kind" ioctl x
refused 2 "unknown option --wrong" "an unknown option" event kvm_x --at src/kvm/wfi.c:45 "${x[@]}" --wrong

# ---- help ----
for kind in "" event; do
	new $kind --help
	is "$status:$(awk 'length > 80' <<<"$out")" "0:" "new $kind --help fits into 80 columns"
done
done_testing
