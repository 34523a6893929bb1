#!/bin/bash
# SPDX-License-Identifier: MIT
#
# irqs-off.t - scripts/hyperscope irqs-off: an interval's length agrees with the program's own count
# of instructions, a second run has the same figures, and impossible requests are refused.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin irqs_off
spans=$O/tests/kvm/spans

irqs_off()
{
	hs_script irqs-off "$@"
}

longest()	# CSV PATH
{
	awk -F, -v path="$2" '$1 == path { print $2 }' "$1"
}

irqs_off --list
like "$out" '^sparse ' "--list has the workloads"

# `spans exact` itself counts the instructions of its longest KVM_GET_API_VERSION call, including
# the few before and after the ecall.
hs exec --quiet --icount "$spans" exact
inside=$out
irqs_off --bounds '' --over 100 --csv "$tmp/one.csv" -- "$spans" exact
is $status 0 "a program given on the command line is measured" || diag "$(cat "$tmp/err")"
span=$(longest "$tmp/one.csv" "ioctl KVM_GET_API_VERSION")
[ "$((inside - span))" -ge 4 ] && [ "$((inside - span))" -le 60 ]
ok $? "the length of a system call agrees with the program's own instret count" ||
	diag "$inside instructions by instret, of which the interval has $span"
like "$out" '^ioctl KVM_GET_API_VERSION +[0-9]+ +- +16 ' "16 calls are reported as 16 intervals"
is "$(longest "$tmp/one.csv" "firmware alone")" "" \
	"a program in the memory after the firmware is not counted as firmware"
irqs_off --bounds '' --over 100 --csv "$tmp/two.csv" -- "$spans" exact
cmp -s "$tmp/one.csv" "$tmp/two.csv"
ok $? "a second run gives the same CSV, to the byte" || diag "$(diff "$tmp/one.csv" "$tmp/two.csv")"

echo "10 ioctl KVM_GET_API_VERSION" >"$tmp/bounds"
irqs_off --bounds "$tmp/bounds" -- "$spans" exact
is $status 1 "a path that is longer than its bound is an error"
like "$(cat "$tmp/err")" "KVM_GET_API_VERSION: $span instructions, more than its bound 10" \
	"the path that exceeds its bound is named"
echo "many ioctl*" >"$tmp/bounds"
irqs_off --bounds "$tmp/bounds" -- "$spans" exact
is $status 2 "a bound that is not a number is refused"
like "$(cat "$tmp/err")" "line 1" "the message names the line of an invalid bound"

irqs_off nonsense
is $status 2 "an unknown workload is refused"
like "$(cat "$tmp/err")" "no workload 'nonsense'.*sparse" "the message for an unknown workload lists the workloads"
irqs_off --set nonsense=1 sparse
is $status 2 "an unknown toggle is refused"
irqs_off -- "$tmp/missing"
[ $status != 0 ]
ok $? "a program that does not exist is refused"
# Check the bounds in scripts/irqs-off.bounds for smaller versions of the workloads in irqs-off.slow.t.
for share in "sparse 64" "dense 2048" "large 8" "lists 4096" "regions 9000" "areas 4096" "slots 200"; do
	irqs_off --over 0 --csv "$tmp/share.csv" -- "$spans" $share
	is $status 0 "spans $share: every path is within its bound" || diag "$(cat "$tmp/err")"
done
[ "$(longest "$tmp/share.csv" "munmap")" -gt 1000 ]
ok $? "the last workload's munmap was measured"
for path in "munmap" "ioctl KVM_SET_USER_MEMORY_REGION"; do
	is "$(awk -F, -v path="$path" '$1 == path { print ($3 > 0) }' "$tmp/share.csv")" 1 \
		"$path has a bound"
done

# -cpu max has the AIA, which `vcpus` initializes last.
irqs_off --cpu max --over 0 --csv "$tmp/vcpus.csv" -- "$spans" vcpus 128
is $status 0 "spans vcpus 128: every path is within its bound" || diag "$(cat "$tmp/err")"
# The PLIC's attributes have some 130 spans, one for each vCPU; the AIA's have twice as many.
[ "$(awk -F, '$1 == "ioctl KVM_SET_DEVICE_ATTR" { print $4 }' "$tmp/vcpus.csv")" -gt 256 ]
ok $? "the AIA's attributes were measured"

irqs_off --over 0 --csv "$tmp/hello.csv" hello
is $status 0 "every path of a guest's run is within its bound" || diag "$(cat "$tmp/err")"
[ "$(longest "$tmp/hello.csv" "ioctl KVM_CREATE_VM")" -gt 1000 ]
ok $? "the guest's run created a VM"

is "$(find "$tmp" -name 'irqs-off.*' | wc -l)" 0 "no temporary folder is left"
done_testing
