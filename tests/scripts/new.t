#!/bin/bash
# SPDX-License-Identifier: MIT
#
# new.t - `hyperscope new`: what it writes and what it refuses. The payload is built and run too; new.slow.t
# does that with everything.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/scripts/new.sh"
copy_tree

refused()	# REGEX NAME ARGS...: refused in one sentence that matches
{
	local regex=$1 name=$2
	shift 2
	new "$@"
	[[ $status = 2 && $err != *$'\n'* && $err =~ $regex ]]
	ok $? "$name: refused, with the reason" || diag "status $status: $err"
}

# ---- wrong use ----
x=(--meaning x --field num:a=1)
at=(--at src/kvm/vcpu/wfi.c:45)
refused "'Kvm-x' is no name for an event" "a name that is none" event Kvm-x "${at[@]}" "${x[@]}"
refused "called kvm_" "a name of another room" event wfi_x "${at[@]}" "${x[@]}"
refused "say 'gstage', not 'stage2'" "a name with a word that is not ours" event kvm_stage2 "${at[@]}" "${x[@]}"
refused "is an event 'kvm_exit' already" "an event that there is" event kvm_exit "${at[@]}" "${x[@]}"
refused "no line of src/kvm/vcpu/wfi.c" "a place that is not there" event kvm_x --at 'src/kvm/vcpu/wfi.c:/no such line/' "${x[@]}"
refused "more than one line" "a place that is there twice" event kvm_x --at 'src/kvm/vcpu/wfi.c:/return RESUME_GUEST/' "${x[@]}"
refused "body of 'if' without braces" "a place where a call would be another statement's" \
	event kvm_x --at 'src/kvm/vcpu/wfi.c:/trace_kvm_vcpu_block\(/' "${x[@]}"
refused "not inside a function" "a place where no statement can stand" event kvm_x --at src/kvm/vcpu/wfi.c:3 "${x[@]}"
refused "there is no kind 'int'; there are hex, num" "a field of no kind" event kvm_x "${at[@]}" --meaning x --field int:a=1
refused "6 fields" "six fields" event kvm_x "${at[@]}" --meaning x --field=num:{a,b,c,d,e,f}=1
refused "neither KVM nor host" "a paragraph that there is not" event kvm_x "${at[@]}" "${x[@]}" --spec 'H 99'
refused "required: --at" "too little" event kvm_x --meaning x --field num:a=1
refused "unknown kind 'ioctl'; there are toggle" "an unknown kind" ioctl x
refused "unknown option --wrong" "an unknown option" event kvm_x "${at[@]}" "${x[@]}" --wrong
refused "there is a toggle 'fp' already" "a toggle that there is" toggle fp --values a,b --question x "${at[@]}"
refused "two or more" "a toggle of one value" toggle colour --values red --question x "${at[@]}"
refused "no 'struct kvm_vcpu \*vcpu'" "a toggle where there is no vcpu" toggle colour --values a,b --question x --at 'src/kvm/toggle.c:/toggles.id..value = /'
refused "'sbi_time' already" "an SBI extension that there is" sbi time --what x
refused "range for experiments" "an id that is taken" sbi odo --what x --id 0x10
refused "no extension 'hsm' that" "a function of an extension of the specification's" sbi hsm.sleep
refused "has a part 'uart' already" "a device that there is" device uart --what x
refused "an option --quiet already" "a device with an option's name" device quiet --what x
for what in 'x */ int y' 'of @NAME@' $'a\x1b[2J' $'\xff'; do
	refused "one line without" "a sentence that ends a comment, is a template's, or no text" payload odd --what "$what"
done
refused "there is a payload 'timer' already" "a payload that there is" payload timer --what x
refused "smp 9: 1 to 8" "too many vCPUs" payload echo --what x --smp 9
refused "there is a lab" "a lab's number that is taken" lab waiting --title x --region src/kvm/vcpu/wfi.c:vcpu_wfi --payload timer --number 3
refused "a lab's region already" "a function that a lab has" lab waiting --title x --region src/kvm/sbi/sbi_base.c:sbi_base --payload timer
refused "defines no such function" "a function that there is not" lab waiting --title x --region src/kvm/vcpu/wfi.c:exit_wfj --payload timer
refused "without .* and without a full stop" "a sentence that would break a table" payload echo --what 'a | b'
refused "the bench has a row 'mmio_read' already" "a row that there is" paper mine --title x --row mmio_read --what x
refused "src/guest/bench/disk.c already" "a row with another's file" paper mine --title x --row disk --what x
refused "go together" "a row that is nothing" paper mine --title x --row mine
is "$(git -C "$tree" status --porcelain)" "" "and nothing of all that is written"

# ---- an event, a device and a payload (new.slow.t: one of each kind) ----
new "${event[@]}" --dry-run
is "$status:$(git -C "$tree" status --porcelain)" "0:" "--dry-run writes nothing"
cp "$tmp/out" "$tmp/diff"
made "an event" "${event[@]}"
like "$out" '^undo: git checkout -- .*src/kvm/vcpu/wfi.c' "with the command that undoes it"
(cd "$tree" && git checkout -q HEAD -- docs && git apply -R "$tmp/diff")
is "$(git -C "$tree" status --porcelain)" "" "--dry-run had printed what was then done"
made "a device" "${device[@]}"
like "$out" '^  scripts/hyperscope run --device odometer build/guest-payloads/odometer.bin$' "with the command that shows it at work"
made "a payload" "${payload[@]}"
# The last one was made on top of uncommitted others: its undo keeps those.
undo=$(cd "$tree" && sed -n 's/^undo: //p' "$tmp/out")
like "$undo" '^git apply -R build/new/echo.diff' "on top of something else the undo is another"
cp "$tree/tests/guest/echo.c" "$tmp/"
(cd "$tree" && eval "$undo")
is "$(ls "$tree/tests/guest/echo.c" 2>/dev/null) $(git -C "$tree" grep -l 'echo --smp' tests/guest tests/toggles docs/payloads.md) $(ls "$tree/tests/guest/odometer.c")" \
	"  $tree/tests/guest/odometer.c" "and undoes only this one"
cp "$tmp/echo.c" "$tree/tests/guest/"

# ---- the payload at work ----
make -s -C "$tree" O="$tree/build" "$tree/build/guest-payloads/echo.bin" >"$tmp/build" 2>&1
ok $? "the payload builds" || diag "$(tail "$tmp/build")"
hs exec --quiet --file "$tree/build/guest-payloads/echo.bin" "$O/vmm" --quiet --mem 64M --smp 2 /echo.bin
relay "$out" "payload"
is "$status $(tail -n 1 <<<"$out")" "0 1..5" "it comes to its end" || diag "$err"

# ---- help ----
for kind in "" toggle event sbi device payload lab paper; do
	new $kind --help
	is "$status:$(awk 'length > 80' <<<"$out")" "0:" "new $kind --help fits into 80 columns"
done
done_testing
