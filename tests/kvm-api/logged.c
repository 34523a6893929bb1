// SPDX-License-Identifier: MIT
/*
 * logged.c - stores to a large page of guest memory before, during and after dirty logging, which
 * splits the page's leaf.
 *
 * tests/boot/events.t uses this program to provoke the split of a large leaf. The host maps large
 * pages if it can (transparent huge pages); if not, the claims hold for pages of 4 KiB.
 */
#include "vm.h"

#define BLOCK   0x200000UL
#define LOG_GPA 0x40000000UL

/* Stores a0 at the address a0, then asks user space for the next address. */
GUEST(store, "1:	sd	a0, 0(a0)\n"
	     "	li	a7, 0x08000000\n"
	     "	ecall\n"
	     "	j	1b\n");

/*
 * Let the guest store at `gpa`, and return whether it succeeds. For the first call, the caller sets
 * a0; later calls pass the address as the result of the guest's call.
 */
static bool store_at(const struct vcpu *vcpu, uint64_t gpa)
{
	vcpu->run->riscv_sbi.ret[0] = gpa;
	return vcpu_run(vcpu) == 0 && vcpu->run->exit_reason == KVM_EXIT_RISCV_SBI;
}

static uint64_t dirty_pages(const struct vm *vm, uint64_t *bits)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bits };
	uint64_t n = 0;

	memset(bits, 0xff, BLOCK / 4096 / 8);
	must(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
	for (size_t i = 0; i < BLOCK / 4096 / 64; i++)
		n += (uint64_t)__builtin_popcountll(bits[i]);
	return n;
}

int main(void)
{
	static uint64_t bits[BLOCK / 4096 / 64];
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	uint8_t *area =
		mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *mem = (uint8_t *)(((uintptr_t)area + BLOCK - 1) & ~(BLOCK - 1));

	must(area != MAP_FAILED, "mmap");
	vm_load(&vm, store);
	must(!set_reg(&vcpu, R_PC, MEM_GPA) && !set_reg(&vcpu, R_A0, LOG_GPA), "registers");
	ok(vm_set_slot(&vm, 1, LOG_GPA, BLOCK, mem, 0) == 0, "a slot of 2 MiB can be created");
	ok(store_at(&vcpu, LOG_GPA), "the guest can store to the slot's first page");
	ok(vm_set_slot(&vm, 1, LOG_GPA, BLOCK, mem, KVM_MEM_LOG_DIRTY_PAGES) == 0,
	   "dirty logging can be switched on");
	ok(store_at(&vcpu, LOG_GPA + 0x3000), "the guest can store to the slot's fourth page");
	ok(dirty_pages(&vm, bits) == 1 && bits[0] == 8, "only the fourth page is in the log");
	ok(vm_set_slot(&vm, 1, LOG_GPA, BLOCK, mem, 0) == 0, "dirty logging can be switched off");
	ok(store_at(&vcpu, LOG_GPA + 0x5000), "the guest can store to the slot's sixth page");
	ok(*(uint64_t *)(mem + 0x3000) == LOG_GPA + 0x3000 && *(uint64_t *)mem == LOG_GPA &&
		   *(uint64_t *)(mem + 0x5000) == LOG_GPA + 0x5000,
	   "memory contains all that the guest has stored");
	return tap_done();
}
