# SPDX-License-Identifier: MIT
#
# accesses.sh - for widths.t and fetch.t: accesses of all kinds, their instructions known by one way.
#
#   accesses WAY     toggle mmio_decode; what the trace says of the accesses is left in $told

accesses()
{
	options --device testdev --set "mmio_decode=$1" --trace kvm_mmio
	payload lab05_code
	# Nothing more to be seen of a host that panicked, or of a guest that loops forever.
	[ "$status" != 125 ] && ! grep -q "loops forever" <<<"$out" || done_testing
	is "$("$O/hstrace" report "$HS_RUNS/last/trace" | grep -c "kvm_mmio: type=write .* kernel=1")" 60 "the trace has the stores that the kernel takes"
	is "$("$O/hstrace" stat "$HS_RUNS/last/trace" | awk '/^mmio, in the core / { print $5 }')" 60 "so has the table of exits"
	options --device testdev --set "mmio_decode=$1" --trace kvm_mmio,kvm_mmio_insn
	payload mmio
	told=$("$O/hstrace" report "$HS_RUNS/last/trace")
	grep -qE "kvm_mmio: type=read len=1 .* val=0xe1 " <<<"$told"
	ok $? "the trace has the bytes of a load"
	is "$(grep -cE "kvm_mmio: type=write len=1 .* val=0x[0-9a-f]{3,} " <<<"$told")" 0 "the trace has no more bytes of a store than were stored"
	grep -qE "kvm_mmio: type=write len=1 .* val=0xe1 " <<<"$told"
	ok $? "the trace has the bytes of a store"
}
