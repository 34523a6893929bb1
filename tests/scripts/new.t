#!/bin/bash
# SPDX-License-Identifier: MIT
#
# new.t - what `hyperscope new` writes and refuses. The only scaffolds that are built and run here
# are the payload and the row of the bench; new.slow.t builds and runs all of them.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/scripts/new.sh"
copy_tree

refused()	# REGEX NAME ARGS...: claim that ARGS are refused with one sentence that matches REGEX
{
	local regex=$1 name=$2
	shift 2
	new "$@"
	[[ $status = 2 && $err != *$'\n'* && $err =~ $regex ]]
	ok $? "$name: refused, with the reason" || diag "status $status: $err"
}

# ---- usage errors ----
x=(--meaning x --field num:a=1)
at=(--at src/kvm/vcpu/wfi.c:45)
refused "'Kvm-x' is not a valid name for an event" "an invalid name" event Kvm-x "${at[@]}" "${x[@]}"
refused "called kvm_" "a name without an event's prefix" event wfi_x "${at[@]}" "${x[@]}"
refused "use 'gstage', not 'stage2'" "a name with a word that the code does not use" event kvm_stage2 "${at[@]}" "${x[@]}"
refused "is an event 'kvm_exit' already" "an event that exists already" event kvm_exit "${at[@]}" "${x[@]}"
refused "no line of src/kvm/vcpu/wfi.c" "a place that does not exist" event kvm_x --at 'src/kvm/vcpu/wfi.c:/no such line/' "${x[@]}"
refused "more than one line" "a place that occurs twice" event kvm_x --at 'src/kvm/vcpu/wfi.c:/return RESUME_GUEST/' "${x[@]}"
refused "body of 'if' without braces" "a place below an if without braces" \
	event kvm_x --at 'src/kvm/vcpu/wfi.c:/trace_kvm_vcpu_block\(/' "${x[@]}"
refused "not inside a function" "a place outside a function" event kvm_x --at src/kvm/vcpu/wfi.c:3 "${x[@]}"
refused "there is no kind 'int'; known kinds: hex, num" "a field of an unknown kind" event kvm_x "${at[@]}" --meaning x --field int:a=1
refused "6 fields" "six fields" event kvm_x "${at[@]}" --meaning x --field=num:{a,b,c,d,e,f}=1
refused "neither KVM nor host" "a paragraph that does not exist" event kvm_x "${at[@]}" "${x[@]}" --spec 'H 99'
refused "required: --at" "an event without a place" event kvm_x --meaning x --field num:a=1
refused "unknown kind 'ioctl'; known kinds: toggle" "an unknown kind" ioctl x
refused "unknown option --wrong" "an unknown option" event kvm_x "${at[@]}" "${x[@]}" --wrong
refused "there is a toggle 'fp' already" "a toggle that exists already" toggle fp --values a,b --question x "${at[@]}"
refused "two or more" "a toggle with one value" toggle color --values red --question x "${at[@]}"
refused "no 'struct kvm_vcpu \*vcpu'" "a toggle at a place without a vcpu" toggle color --values a,b --question x --at 'src/kvm/toggle.c:/toggles.id..value = /'
refused "'sbi_time' already" "an SBI extension that exists already" sbi time --what x
refused "range for experiments" "an extension id outside the range for experiments" sbi odo --what x --id 0x10
refused "no extension 'hsm' that was made" "a function for an extension of the SBI specification" sbi hsm.sleep
refused "has a part 'uart' already" "a device that exists already" device uart --what x
refused "an option --quiet already" "a device with an option's name" device quiet --what x
for what in 'x */ int y' 'of @NAME@' $'a\x1b[2J' $'\xff'; do
	refused "one line without" "a description that ends a comment, has a template's placeholder or is not text" payload odd --what "$what"
done
refused "there is a payload 'timer' already" "a payload that exists already" payload timer --what x
refused "vcpus 9: not a number from 1 to 8" "too many vCPUs" payload echo --what x --vcpus 9
refused "there is a lab" "a lab's number that is taken" lab waiting --title x --region src/kvm/vcpu/wfi.c:vcpu_wfi --payload timer --number 3
refused "a lab's region already" "a function that is in another lab's region" lab waiting --title x --region src/kvm/sbi/sbi_base.c:sbi_base --payload timer
refused "has no definition of the function" "a function that does not exist" lab waiting --title x --region src/kvm/vcpu/wfi.c:exit_wfj --payload timer
refused "without .* and without a full stop" "a description that would break a table" payload echo --what 'a | b'
refused "the bench has a row 'mmio_read' already" "a row that exists already" paper mine --title x --row mmio_read --what x
refused "src/guest/bench/disk.c already" "a row whose file exists already" paper mine --title x --row disk --what x
refused "'mmio_read' already" "a row of the bench that exists already" row mmio_read --what x
refused "at most 16 characters" "a row whose name is too wide for the bench's table" row a_name_that_is_wide --what x
refused "have to be given together" "a row without a description" paper mine --title x --row mine
is "$(git -C "$tree" status --porcelain)" "" "a refused command writes nothing"

# The places in the sources that new.slow.t edits are found.
for kind in toggle sbi lab paper; do
	declare -n args=$kind
	new "${args[@]}" --dry-run
	is "$status $(sed 's/^new: without --dry-run, .*//' <<<"$err")" "0 " "new $kind --dry-run finds the places to edit"
done

# ---- an event, a device and a payload (new.slow.t makes one scaffold of each kind) ----
new "${event[@]}" --dry-run
is "$status:$(git -C "$tree" status --porcelain)" "0:" "--dry-run writes nothing"
cp "$tmp/out" "$tmp/diff"
made "an event" "${event[@]}"
like "$out" '^undo: git checkout -- .*src/kvm/vcpu/wfi.c' "the output has the command that undoes the change"
(cd "$tree" && git checkout -q HEAD -- docs && git apply -R "$tmp/diff")
is "$(git -C "$tree" status --porcelain)" "" "--dry-run prints the diff that the command then makes"
made "a device" "${device[@]}"
like "$out" '^  scripts/hyperscope run --device odometer build/guest-payloads/odometer.bin$' "the output has the command that shows the device at work"
made "a payload" "${payload[@]}"
cp "$tmp/out" "$tmp/of_payload"
# The payload was made on top of uncommitted scaffolds, which its undo keeps.
undo=$(cd "$tree" && sed -n 's/^undo: //p' "$tmp/out")
like "$undo" '^git apply -R build/new/echo.diff' "on top of uncommitted changes the undo is a reversed diff"
cp "$tree/tests/guest/echo.c" "$tmp/"
(cd "$tree" && eval "$undo")
is "$(ls "$tree/tests/guest/echo.c" 2>/dev/null) $(git -C "$tree" grep -l 'echo --vcpus' tests/guest tests/toggles docs/payloads.md) $(ls "$tree/tests/guest/odometer.c")" \
	"  $tree/tests/guest/odometer.c" "the reversed diff undoes only the payload"
cp "$tmp/echo.c" "$tree/tests/guest/"

# ---- the payload at work ----
make -s -C "$tree" O="$tree/build" "$tree/build/guest-payloads/echo.bin" >"$tmp/build" 2>&1
ok $? "the payload builds" || diag "$(tail "$tmp/build")"
hs exec --quiet --file "$tree/build/guest-payloads/echo.bin" "$O/vmm" --quiet --memory 64M --vcpus 2 /echo.bin
relay "$out" "payload"
is "$status $(tail -n 1 <<<"$out")" "0 1..5" "the payload ends with status 0 and makes all its claims" || diag "$err"

# ---- the figures of the payload and of a row, measured with the copy's scripts and images ----
like "$(sed -n '/^next:/,$p' "$tmp/of_payload")" '^  scripts/hyperscope measure payload:echo --vcpus 2 ' "the output has the command that measures the payload"
made "a row of the bench" "${row[@]}"
like "$out" '^  scripts/hyperscope measure bench:sbi_vendor ' "the output has the command that measures the row"
make -s -C "$tree" O="$tree/build" "$tree/build/guest-payloads/bench.bin" >"$tmp/build" 2>&1
ok $? "the row builds" || diag "$(tail "$tmp/build")"
for name in vmm hyperscope.bin hyperscope.elf; do
	ln -sf "$O/$name" "$tree/build/$name"
done
measure()	# WORKLOAD ARGS...: measure in the copy; sets $status and $out
{
	(cd "$tree" && O=$tree/build timeout --kill-after=5 "$(scaled 120)" scripts/hyperscope measure --quiet \
		--systems bare,hyperscope "$@") >"$tmp/out" 2>&1 </dev/null
	status=$?
	out=$(<"$tmp/out")
}
measure payload:echo --vcpus 2
like "$status $out" '^sbi_call +instructions +[1-9][0-9.]+ +[1-9][0-9.]+$' "the payload prints the cost of a call, in instructions, on bare metal and on hyperscope"
is "$status" 0 "the payload is measured"
like "$(<"$tree/build/measure/echo/jobs/00002/log")" '^ok 5 ' "the payload's console is kept"
measure bench:sbi_vendor
like "$status $out" '^sbi_vendor +instructions +[1-9][0-9.]+ +[1-9][0-9.]+$' "the row is measured on bare metal and on hyperscope"

# ---- help ----
for kind in "" toggle event sbi device payload row lab paper; do
	new $kind --help
	is "$status:$(awk 'length > 80' <<<"$out")" "0:" "new $kind --help fits into 80 columns"
done
done_testing
