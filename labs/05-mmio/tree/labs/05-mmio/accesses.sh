# SPDX-License-Identifier: MIT
#
# accesses.sh - test accesses of all kinds, with trapped instructions taken from one source (for
# widths.t and fetch.t)
#
#   accesses SOURCE    run the tests with the toggle mmio_decode set to SOURCE;
#                      $told is the trace of the last run
#   fetched            print the different values of `fetched` in this trace's kvm_mmio_insn events

accesses()
{
	options --device testdev --set "mmio_decode=$1" --trace kvm_mmio
	payload lab05_code
	# After a failure, nothing more can be tested if the host panicked, or if the guest loops forever.
	[ "$tests_failed" = 0 ] || { [ "$status" != 125 ] && ! grep -q "loops forever" <<<"$out"; } || done_testing
	is "$("$O/hstrace" report "$HS_RUNS/last/trace" | grep -c "kvm_mmio: type=write .* kernel=1")" 60 "the trace has the 60 stores that the kernel handles itself"
	is "$("$O/hstrace" stat "$HS_RUNS/last/trace" | awk '/^mmio, in the core / { print $5 }')" 60 "the exit table counts the 60 stores that the kernel handles itself"
	options --device testdev --set "mmio_decode=$1" --trace kvm_mmio,kvm_mmio_insn
	payload mmio
	told=$("$O/hstrace" report "$HS_RUNS/last/trace")
	grep -qE "kvm_mmio: type=read len=1 .* val=0xe1 " <<<"$told"
	ok $? "the trace has the byte of a one-byte load"
	is "$(grep -cE "kvm_mmio: type=write len=1 .* val=0x[0-9a-f]{3,} " <<<"$told")" 0 "the trace has no more than one byte of each one-byte store"
	grep -qE "kvm_mmio: type=write len=1 .* val=0xe1 " <<<"$told"
	ok $? "the trace has the byte of a one-byte store"
}

fetched()
{
	sed -n 's/.*kvm_mmio_insn: .*fetched=\([0-9]*\).*/\1/p' <<<"$told" | sort -u
}
