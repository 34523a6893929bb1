#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutants.slow.t - check that the bounded proofs can fail: one mistake is planted at a time, and CBMC
# must refute the proof of that code (mutants.sh).
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

. "$HS_TOP/tests/proofs/mutants.sh"

mutant "decoder: c.lw takes bit 6 of its offset from the wrong bit" exit/insn_decode.c \
	's/bits\(insn, 5, 5\) << 6 \| bits\(insn, 12, 10\) << 3 \| bits\(insn, 6, 6\) << 2/bits(insn, 6, 6) << 6 | bits(insn, 12, 10) << 3 | bits(insn, 5, 5) << 2/' \
	insn_decode/access
mutant "decoder: a load with funct3 = 7 counts as ldu" exit/insn_decode.c \
	's/funct3 != 7 : funct3/funct3 != 8 : funct3/' insn_decode/access
mutant "decoder: the offset of a store is not sign-extended" exit/insn_decode.c \
	's/(bits\(insn, 11, 7\)), 12\)/$1, 13)/' insn_decode/access
mutant "decoder: c.lwsp into x0 is accepted" exit/insn_decode.c 's/if \(rd\)\n//' insn_decode/access
mutant "decoder: c.lhu sign-extends" exit/insn_decode.c 's/half && bit6;/half;/' insn_decode/access
mutant "htinst: a compressed instruction counts as 4 bytes" exit/insn_decode.c \
	's/2 \+ \(htinst & 2\)/4/' insn_decode/htinst
mutant "htinst: the distance is one bit short" exit/insn_decode.c \
	's/\*distance = bits\(htinst, 19, 15\)/*distance = bits(htinst, 18, 15)/' insn_decode/htinst
mutant "htinst: the register of a store has six bits" exit/insn_decode.c \
	's/\taccess->reg = bits\(htinst, 24, 20\);/\taccess->reg = bits(htinst, 24, 19);/' insn_decode/htinst

mutant "ONE_REG: bits 32 to 51 of an id are ignored" uapi/onereg.c \
	's/\*num = id & ~\(/*num = (u32)id & ~(/' onereg_find/find
mutant "ONE_REG: the row of another subtype is taken" uapi/onereg.c \
	's/groups\[i\]->type == \(id & \(TYPE_BITS \| SUBTYPE_BITS\)\)/groups[i]->type & id/' onereg_find/find
mutant "ONE_REG: one CORE register too many" uapi/onereg.c \
	's/(return reg_check_ulong\(num, CORE_COUNT) ?,/$1 + 1,/' onereg_find/find
mutant "ONE_REG: 8 bytes are written whatever the size" uapi/onereg.c \
	's/(copy_to_user\(\(hva_t\)reg->addr, &value, )KVM_REG_SIZE\(reg->id\)/$1sizeof(value)/' onereg_find/get
mutant "ONE_REG: a failed copy reaches a wide register" uapi/onereg.c \
	's/(err = hv_copy_from_user\(copy, from, size\);\n)\tif \(!err\)\n/$1/' onereg_find/set
mutant "ONE_REG: a listed id has twice its size" uapi/onereg.c \
	's/1U << log2 < size/1U << log2 <= size/' onereg_find/list
mutant "FP: D has one register too many" uapi/onereg.c 's/num > D_FCSR/num > D_FCSR + 1/' onereg_rows/core
mutant "CORE: x32 exists" uapi/onereg.c 's/num <= CORE_T6/num <= CORE_T6 + 1/g' onereg_rows/core
mutant "CSR: one register too many" uapi/onereg_csr.c \
	's/num, CSR_COUNT, size/num, CSR_COUNT + 1, size/' onereg_rows/csr
mutant "CSR: sip is accessed like the other registers" uapi/onereg_csr.c 's/if \(num == CSR_SIP\)/if (num == CSR_SIP + 1)/' onereg_rows/csr
mutant "vector: v32 exists" uapi/onereg_vector.c 's/num > V\(31\)/num > V(32)/' onereg_rows/vector
mutant "vector: the size of a register is not checked" uapi/onereg_vector.c \
	's/size != \(wide \? vector_vlenb\(\) : ULONG_SIZE\)/!wide \&\& size != ULONG_SIZE/' onereg_rows/vector
mutant "FWFT: one feature too many" uapi/onereg_sbi.c \
	's/num >= FWFT_FEATURES/num > FWFT_FEATURES/' onereg_rows/extensions
mutant "SBI_EXT: one register too many" uapi/onereg_isa.c \
	's/MULTI\(sbi, KVM_RISCV_SBI_EXT_MAX\)/MULTI(sbi, KVM_RISCV_SBI_EXT_MAX + 1)/' onereg_rows/extensions

mutant "G-stage: the root has half of its entries" mmu/gstage.h \
	's/(gstage_index\(.*?gs->levels - 1 \? )2/${1}1/s' gstage/index
mutant "G-stage: the limit is one bit too high" mmu/gstage.h \
	's/gstage_shift\(gs->levels\) \+ 2/gstage_shift(gs->levels) + 3/' gstage/index
mutant "G-stage: the table below the root has the root's width" mmu/gstage.h \
	's/(gstage_index\(.*?)level == gs->levels - 1/${1}level >= gs->levels - 2/s' gstage/index

mutant "slots: the user range is not checked" mmu/memslot.c \
	's/\tif \(!hv_user_range_is_valid\(.*\n.*\n//' memslot/region
mutant "slots: guest addresses may wrap around" mmu/memslot.c \
	's/\tif \(r->guest_phys_addr \+ r->memory_size < .*\n.*\n//' memslot/region
mutant "slots: a slot has one page too many" mmu/memslot.h \
	's/slot->base < slot->npages/slot->base <= slot->npages/' memslot/slot
mutant "slots: adjacent slots overlap" mmu/memslot.h \
	's/b->base < a->base \+ a->npages/b->base <= a->base + a->npages/' memslot/slot
mutant "slots: the first page of a slot is not found" mmu/memslot.c \
	's/chunk->slot\[mid\].base <= gfn/chunk->slot[mid].base < gfn/' memslot/find
mutant "slots: an overlap with a later slot is not found" mmu/memslot.c \
	's/base >= new->base \+ new->npages/base >= new->base/' memslot/overlap
mutant "slots: a new slot before all others overlaps none" mmu/memslot.c \
	's/c == slots->nr \? 0 : c;/c;/' memslot/overlap

mutant "ELF: the end of a segment may overflow" proc/elf.c \
	's/ph->p_vaddr > USER_END \|\| //; s/ \|\| ph->p_memsz > USER_END//' elf/span
mutant "ELF: the last page is not part of the span" proc/elf.c \
	's/MAX\(\*end, ALIGN_UP\(/MAX(*end, ALIGN_DOWN(/' elf/span
mutant "ELF: a segment that is not mapped contains the headers" proc/elf.c \
	's/is_mapped\(ph\) && off/ph->p_type == PT_LOAD \&\& off/' elf/span
mutant "ELF: a PIE may be longer than the addresses above its base" proc/elf.c \
	's/end - start < PIE_BASE \/ 2 \? 0 : -ENOEXEC/0/' elf/segment
mutant "ELF: a page that is not writable is cleared" proc/elf.c \
	's/ && \(prot & PROT_WRITE\)\)/)/' elf/segment
mutant "ELF: the offset of a segment has no limit" proc/elf.c \
	's/ph->p_offset > \(1ULL << 40\)/false/' elf/segment
mutant "ELF: the number of headers has no limit" proc/elf.c \
	's/ \|\| h->e_phnum > PHDRS_MAX//' elf/load
mutant "ELF: a path may be longer than its buffer" proc/elf.c \
	's/ \|\| ph->p_filesz > PATH_MAX_//' elf/load
mutant "ELF: a path need not end with a NUL" proc/elf.c \
	"s/return path\[ph->p_filesz - 1\] == .* : -ENOEXEC;/return 0;/" elf/load
mutant "ELF: the interpreter's headers are not freed" proc/elf.c \
	's/kfree\(elf.phdrs\);\n\tfile_put/file_put/' elf/interpreter

mutant "ELF: the last header is not mapped" proc/elf.c \
	's/(err == 0 && i < elf->header.e_phnum)(; i\+\+\)\n\t\tif \(is_mapped)/$1 - 1$2/' elf_segments/order
mutant "ELF: mapping goes on after a segment that fails" proc/elf.c \
	's/for \(i = 0; err == 0 && i/for (i = 0; i/' elf_segments/order
mutant "ELF: the program is mapped where an interpreter would be" proc/elf.c \
	's/start, \*end, interp\)/start, *end, true)/' elf_segments/order

mutant "cpio: data may end beyond the archive" fs/initramfs.c \
	's/size > left - name_end/size > left/' initramfs/read
mutant "cpio: g is a hexadecimal digit" fs/initramfs.c "s/<= 'f'/<= 'g'/" initramfs/read
mutant "cpio: the NUL of a name is not checked" fs/initramfs.c \
	's/\tif \(p\[HEADER_SIZE \+ name_size - 1\]\)\n.*\n//' initramfs/read

mutant "trace: the number of harts has no limit" file/ram.c \
	's/ && mem->nr_harts <= HST_MAX_HARTS//' trace_ram/header
mutant "trace: the formats may begin outside trace memory" file/ram.c \
	's/\t *mem->formats_size <= mem->harts_offset &&\n//' trace_ram/header
mutant "trace: a record that may be overwritten is kept" file/ram.c \
	's/first \+ at \+ nr > later/first + at + nr >= later/' trace_ram/records
mutant "trace: a piece of records may go beyond the end of the ring" file/ram.c \
	's/MIN\(MIN\(n - at, nr - index\), \(u64\)CHUNK\)/MIN(n - at, (u64)CHUNK)/' trace_ram/records

mutant "G-stage: a split puts leaves 4 KiB apart at every level" mmu/gstage.c \
	's/i \* gstage_size\(level - 1\)/i * gstage_size(0)/' gstage_change/split
mutant "G-stage: a split makes all leaves read-only" mmu/gstage.c \
	's/leaf & ~PTE_PPN\)/GSTAGE_LEAF)/' gstage_change/split
mutant "G-stage: a collapse removes fewer leaves" mmu/gstage.c \
	's/(gstage_collapse\(.*?gs, start, gstage_size\(level)\)/$1 - 1)/s' gstage_change/collapse
mutant "G-stage: a collapse reports no table" mmu/gstage.c 's/\t\*old = table;\n//' gstage_change/collapse
mutant "G-stage: a table with a new leaf is retired" mmu/gstage.c \
	's/ && !table_is_empty\(gs, \*ptep\)/ \&\& false/' gstage_change/retire
mutant "G-stage: a retired table is not linked" mmu/gstage.c \
	's/pte_make\(gs->retired, 0\)\);\n\thv_page_unmap\(table\);\n\tgs->retired = pa;\n\tgs->tables/pte_make(pa, 0));\n\thv_page_unmap(table);\n\tgs->retired = pa;\n\tgs->tables/' gstage_change/retire

mutant "virtqueue: a ring may end beyond RAM" machine.c \
	's/len > m->ram_size - offset/len > m->ram_size/' virtqueue/start
mutant "virtqueue: half of the used ring is checked" virtio_ring.c \
	's/2 \* RING_FIRST \+ 8/2 * RING_FIRST + 4/' virtqueue/start
mutant "virtqueue: the size need not be a power of two" virtio_ring.c \
	's/ \|\| \(vq->size & \(vq->size - 1\)\)//' virtqueue/start
mutant "virtqueue: an element past the used ring is written" virtio_ring.c \
	's/idx % vq->size\)/idx % (vq->size + 1))/' virtqueue/push
mutant "virtqueue: an index may be the table's size" virtio_ring.c \
	's/if \(index >= size\)/if (index > size)/' virtqueue/pop
mutant "virtqueue: a chain may be longer than the limit by one" virtio_ring.c \
	's/== CHAIN_MAX/== CHAIN_MAX + 1/' virtqueue/pop
mutant "virtqueue: the size of an indirect table is in bytes" virtio_ring.c \
	's/head->len \/ sizeof\(\*table\);/head->len;/' virtqueue/pop
mutant "virtqueue: the ring's index may be ahead by any number" virtio_ring.c \
	's/available > vq->size/0/' virtqueue/pop
done_testing
