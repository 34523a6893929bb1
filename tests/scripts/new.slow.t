#!/bin/bash
# SPDX-License-Identifier: MIT
#
# new.slow.t - all scaffolds that `hyperscope new` writes can be built in one tree and work in one
# boot, and the tests in which scaffolds are registered pass.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/scripts/new.sh"
needs_fetched "$O/uapi"
busybox=$O/guest/busybox
needs_fetched "$busybox"
copy_tree
all_scaffolds
check_accepts includes size spec refs reading api figures
like "$(cd "$tree" && tests/toggles/rows)" 'wfi_note=loud' "the toggle is in the rows of toggle values that tests run with"
is "$(cd "$tree" && scripts/hyperscope lab --check 2>&1)" "" "the lab's folder and its region are consistent"
hstrace=$tree/build/hstrace

of_tree()	# COMMAND...: run COMMAND in the copy, with the copy's build
{
	(cd "$tree" && HS_TOP=$tree O=$tree/build HS_RUNS=$tmp/runs "$@" 2>&1)
}
of_tree make -j2 O="$tree/build" all "$tree/build/tests/native/test_wfi_note" >"$tmp/build"
ok $? "all scaffolds build" || { diag "$(tail -n 20 "$tmp/build")"; done_testing; }
of_tree env CMOCKA_MESSAGE_OUTPUT=TAP build/tests/native/test_wfi_note >"$tmp/said"
is "$? $(grep -c '^ok' "$tmp/said")" "0 2" "toggle: the native test passes"

# ---- one boot with all scaffolds ----
cat >"$tmp/vms" <<END
p=/sys/module/kvm/parameters
vmm() { echo "=== \$1"; shift; /vmm --quiet --memory 64M --append "on=hyperscope $(quirks | xargs)" "\$@"; echo "=== \$?"; }
vmm sbi /sbi_odo.bin
vmm device --odometer /odometer.bin
vmm payload --vcpus 2 /echo.bin
vmm without /odometer.bin
echo on >\$p/wfi_note
vmm on /timer.bin
echo loud >\$p/wfi_note
vmm loud /timer.bin
END
P=$tree/build/guest-payloads
of_tree timeout "$(scaled 120)" scripts/hyperscope exec --quiet --timeout "$(scaled 100)" \
	--trace kvm_create_vm,kvm_wfi,kvm_wfi_count,kvm_wfi_note,kvm_sbi_call --boot trace.size=32M --file "$tmp/vms:/vms" \
	--file "$tree/build/vmm" --file "$P/sbi_odo.bin" --file "$P/odometer.bin" --file "$P/echo.bin" --file "$P/timer.bin" \
	"$busybox" sh /vms | tr -d '\r' >"$tmp/run"
"$hstrace" report "$tmp/runs/last/trace" >"$tmp/report" 2>"$tmp/err"

vm()	# LABEL: print this VM's output
{
	sed -n "/^=== $1\$/,/^=== [0-9]/p" "$tmp/run" | sed 1d
}
for label in sbi device payload; do
	relay "$(vm $label)" "$label"
	like "$(vm $label | tail -n 1)" '^=== 0$' "$label: the VM ends with status 0" || diag "$(tail -n 5 "$tmp/run")"
done
like "$(vm device)" '^ok 3' "device: the payload makes all three claims"
of_tree timeout "$(scaled 60)" scripts/hyperscope run --quiet --trace none --device odometer \
	build/guest-payloads/odometer.bin >"$tmp/said"
is "$? $(tr -d '\r' <"$tmp/said" | grep -c '^ok')" "0 3" "device: --device adds the device" || diag "$(tail -n 5 "$tmp/said")"
like "$(vm without)" 'ok 1 - odometer # SKIP' "device: the device is absent without its option"
like "$(cat "$tmp/report")" 'kvm_sbi_call: ext=ODO fid=1' "sbi: the trace shows the extension's name"

# Print the fields of each event NAME of VM's vCPU 0, in order.
of_vm()	# NAME VM
{
	sed -n "s/.* $2\.0 $1: //p" "$tmp/report"
}
is "$(of_vm kvm_wfi_count 5 | sed 's/count=//' | xargs)" "$(seq "$(of_vm kvm_wfi 5 | wc -l)" | xargs)" \
	"event: each WFI is in the trace, with its number"
ok $(($(of_vm kvm_wfi_count 5 | wc -l) < 5)) "event: the trace has at least five WFIs"
is "$(of_vm kvm_wfi_note 4 | wc -l) $(of_vm kvm_wfi_note 5 | sed 's/ .*//' | sort | uniq -c | xargs)" \
	"0 $(of_vm kvm_wfi 5 | wc -l) variant=1" "toggle: with the value on, each WFI is traced, and with off, none is"
is "$(of_vm kvm_wfi_note 6 | sed 's/ .*//' | sort -u)" "variant=2" "toggle: the third value is another variant"

# ---- the paper is measured without Linux KVM, so the column of Linux KVM has no figure ----
of_tree scripts/hyperscope bench bare hyperscope --rows sbi_version,mmio_read,sbi_machine --csv "$tmp/bench.csv" >"$tmp/said"
of_tree scripts/hyperscope reproduce all --from "$tmp/bench.csv" my_paper >"$tmp/said"
like "$(cat "$tmp/said")" '^    holds on hyperscope: own < user' "paper: the claim is checked" || diag "$(cat "$tmp/said")"
like "$(cat "$tmp/said")" '^  Own +[0-9]+ +- +[0-9]+' "paper: the row's own operation is measured"

# ---- the lab is graded ----
git -C "$tree" add -A
committed "with everything"
of_tree scripts/hyperscope course --out "$tree/build" 90 >"$tmp/said" 2>&1
relay "$(cat "$tmp/said")" "lab"
like "$(cat "$tmp/said")" '^ok . - lab 90: the solution gets all 100 points' "lab: the solution gets all points"

# ---- the tests that the scaffolds are registered with ----
of_tree make -j2 O="$tree/build" "$tree"/build/tests/kvm/{memory,pages} \
	"$tree"/build/tests/kvm-api/{aia_msi,bus,debug,lazy_put,logged} "$tree"/build/tests/{progs/ends,spin.bin} >"$tmp/build"
for name in tests/trace/table.t tests/boot/events.t; do
	of_tree "$name" >"$tmp/said"
	is "$? $(grep '^not ok' "$tmp/said")" "0 " "$name passes" || diag "$(tail -n 10 "$tmp/said")"
done
done_testing
