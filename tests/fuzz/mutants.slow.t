#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutants.slow.t - check that the fuzz targets find planted mistakes: at least two in the sources
# that each target drives, except those of trace, trace_filter and trace_ram, and one in the restore of
# the snapshot. A target starts without a corpus, and has to find each mistake in at most 1 500 000
# executions; without a mistake, 300 000 executions find nothing. An execution that takes too long is no
# finding: the machine may be busy.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"

echo 'int LLVMFuzzerTestOneInput() { return 0; }' | clang -fsanitize=fuzzer -w -x c -o /dev/null - 2>/dev/null ||
	skip_all "there is no clang with libFuzzer: scripts/hyperscope setup fuzz"
make -s -f "$HS_TOP/Makefile" O="$O" fuzzers >"$tmp/out" 2>&1 || diag "$(tail -n 5 "$tmp/out")"

limit=1500000 # how many are needed depends on chance, up to 700 000 so far
declare -A intact # targets that have run without a mistake

fuzz()	# PROGRAM EXECUTIONS: set `found` to true or false; the report is in $tmp/out
{
	{
		"$1" -runs="$2" -seed=1 -max_len=400 -len_control=0 -timeout=60 -close_fd_mask=3 \
			-artifact_prefix="$tmp/" -print_final_stats=1
	} >"$tmp/out" 2>&1 </dev/null
	found=false
	grep -E '^SUMMARY|^==[0-9]+== ' "$tmp/out" | grep -qvE 'libFuzzer: timeout' && found=true
}

mutant()	# TARGET NAME FILE SUBSTITUTION
{
	local target=$1 name=$2 file=$3 change=$4
	if [ -z "${intact[$target]:-}" ]; then
		intact[$target]=1
		fuzz "$O/fuzz/$target" 300000
		! $found && grep -q '^stat::number_of_executed_units' "$tmp/out"
		ok $? "$target: finds nothing without a mistake" || diag "$(tail -n 20 "$tmp/out")"
	fi
	planted "$target: $name: found" "src/$file" "$change" "$tmp/mutant.c" \
		make_mutant fuzz-mutant FILE="$file" SOURCE="$tmp/mutant.c" TARGET="$target" OUTPUT="$tmp/mutant" || return
	fuzz "$tmp/mutant" $limit
	$found
	ok $? "$target: $name: found" || diag "not found in $limit executions"
	diag "after $(sed -n 's/^stat::number_of_executed_units: *//p' "$tmp/out") executions"
}

mutant mmio "a request beyond the end of the disk is transferred" vmm/virtio_blk.c \
	's/len \/ SECTOR <= disk->config.capacity - sector;/1;/'
mutant mmio "the first descriptor may be outside its table" vmm/virtio_ring.c \
	's/chain->head >= vq->size/0/'
mutant mmio "a chain may be longer than the array of its buffers" vmm/virtio_ring.c \
	's/chain->nr_in \+ chain->nr_out == CHAIN_MAX/0/'
mutant mmio "a reset leaves the interrupt line as it is" vmm/virtio_mmio.c \
	's/(sizeof\(device->queue\)\);\n)\tset_interrupt\(device, 0\);/$1\tdevice->interrupt_status = 0;/'
mutant restore "the number of a page is not compared with the memory" vmm/pages.c \
	's/number >= pages->nr_ram/0/'
mutant restore "a section may be longer than the file" vmm/state.c \
	's/section.len > s->len - s->at \|\|/0 ||/'
mutant cpio "a file may be longer than the archive" host/fs/initramfs.c \
	's/ \|\| size > left - name_end//'
mutant cpio "the inode of a hard link is not released" host/fs/initramfs.c \
	's/\t\tinode_put\(l->inode\);\n//'
mutant elf "the interpreter's path may be longer than its array" host/proc/elf.c \
	's/ \|\| ph->p_filesz > PATH_MAX_//'
mutant elf "the program headers are not freed" host/proc/elf.c \
	's/(image\);\n)\tkfree\(elf.phdrs\);/$1/'
mutant fdt "the length of reg is not checked" host/platform/fdt.c \
	's/ \|\| len < \(index \+ 1\) \* \(na \+ ns\) \* 4//'
mutant fdt "a device may have fewer registers than its driver needs" host/platform/fdt.c \
	's/ \|\| \*size < least//'
mutant sbi "a range of counters may begin beyond the last" kvm/sbi/sbi_pmu.c \
	's/base >= pmu->nr \|\| //'
mutant sbi "the memory map of a VM is not freed" kvm/mmu/memslot.c \
	's/\thv_free\(slots\);\n//'
mutant register "a CORE register may be beyond the last" kvm/uapi/onereg.c \
	's/CORE_COUNT, size/CORE_COUNT + 40, size/; s/num <= CORE_T6\)/num != CORE_MODE)/g'
mutant register "a vector register may be beyond the last" kvm/uapi/onereg_vector.c \
	's/num > V\(31\)/num > V(200)/'
mutant ioctl "the eventfd of an ioeventfd is not released" kvm/exit/ioeventfd.c \
	's/\thv_event_put\(io->event\);\n//'
mutant ioctl "a vCPU does not hold its VM" kvm/uapi/api.c \
	's/\tvm_hold\(vm\);[^\n]*\n//'
mutant ioctl "a PLIC has more contexts than vCPUs" kvm/irqchip/plic.c \
	's/ && number \/ 2 < plic->nr_contexts//'
mutant ioctl "a hart's registers of the APLIC may be beyond the last" kvm/irqchip/aplic_direct.c \
	's/ && hart < aplic->nr_idcs \? / ? /'
mutant ioctl "a GSI may be beyond the table of routes" kvm/irqchip/route.c \
	's/vm->routes && gsi < vm->routes->nr/vm->routes/'
mutant ioctl "the eventfd for resampling is not released" kvm/irqchip/irqfd.c \
	's/\tif \(irqfd->resample\)\n\t\thv_event_put\(irqfd->resample\);\n//'
mutant ioctl "an emulated IMSIC is not freed" kvm/irqchip/aia_device.c \
	's/\t\timsic_destroy\(aia->imsic\[i\]\);\n//'
mutant toggles "the slot in an entry of a dirty ring may be beyond the last" kvm/mmu/dirty_ring.c \
	's/b->slot < MEMSLOT_MAX_ID \? (memslot_by_id\(vm, b->slot\)) : NULL/$1/'
mutant toggles "the memory of a dirty ring is not freed" kvm/mmu/dirty_ring.c \
	's/\t\tring_free\(vcpu->dirty_ring\);/\t\t;/'
mutant insn "the register of a compressed access has six bits" kvm/exit/insn_decode.c \
	's/rd : bits\(insn, 6, 2\)/rd : bits(insn, 7, 2)/'
mutant insn "a compressed instruction is four bytes long" kvm/exit/insn_decode.c \
	's/3 \? 4 : 2;/3 ? 4 : 4;/'
mutant nested "hideleg is not restored when L2 is left" kvm/vcpu/nested.c \
	's/\tcsr_write\(hideleg, VS_LINES\);\n//'
mutant nested "L1's MXR stays in the hart when L2 is left" kvm/vcpu/nested.c \
	's/\tvcpu->guest.sstatus &= ~SSTATUS_MXR;\n//'
mutant nested "without H, an sret traps for the old hstatus" kvm/vcpu/nested.c \
	's/\t\tset_hstatus\(vcpu\); [^\n]*\n//'
mutant nested "hstatus.VGEIN is writable" kvm/vcpu/nested_csr.c \
	's/\(HSTATUS_GVA \| HSTATUS_SPV/(HSTATUS_VGEIN | HSTATUS_GVA | HSTATUS_SPV/'
mutant nested "the VM's own table does not limit writes of L2" kvm/mmu/shadow.c \
	's/ && \(own->pte & PTE_W\)\)/)/'
mutant nested "the shadow table that was dropped last is not freed" kvm/mmu/shadow.c \
	's/\t\tgstage_destroy\(&table->old\);\n//'

# A restore that leaves out a page: the check of order.slow.t has to fail.
sed 's/for (i = 0; i < nr_hot; i++)$/for (i = 0; i + 1 < nr_hot; i++)/' "$HS_TOP/tests/fuzz/lib/snapshot.c" >"$tmp/snapshot.c"
rm -f "$tmp/mutant"
gcc -std=gnu11 -O2 -I"$HS_TOP/tests/fuzz/lib" -c -o "$tmp/snapshot.o" "$tmp/snapshot.c" &&
	gcc -fsanitize=address,undefined -pthread -o "$tmp/mutant" "$O/tests/fuzz/sbi.o" "$O/tests/fuzz/lib/replay.o" \
		"$tmp/snapshot.o" "$O/tests/fuzz/core.o"
ok $? "sbi can be linked with a restore that leaves out a page"
{ "$tmp/mutant" --order "$HS_TOP"/tests/fuzz/corpus/sbi/*; } >"$tmp/out" 2>&1
[ $? != 0 ] && grep -q 'its result after other inputs .* differs from that alone$' "$tmp/out"
ok $? "snapshot: a page is not restored: found" || diag "$(tail -n 20 "$tmp/out")"
done_testing
