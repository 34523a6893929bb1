// SPDX-License-Identifier: MIT
/*
 * slot_vm.h - a VM with a loaded vCPU and 64 MiB of user memory, for tests of memory slots.
 */
#ifndef SLOT_VM_H
#define SLOT_VM_H

#include "one_vm.h"
#include "mmu/memslot.h"

#define HVA NATIVE_USER_BASE
#define GPA 0x80000000ULL
#define MB  (1ULL << 20)

static int setup(void **state)
{
	(void)state;
	native_reset();
	native_core_start();
	native_user_map(HVA, 64 * MB, NATIVE_HUGE);
	native_vm_open(&vm);
	vm.vcpu = native_vcpu_make(&vm, 0);
	vcpu_load(vm.vcpu);
	return 0;
}

static int set(u32 slot, gpa_t gpa, u64 size, hva_t hva, u32 flags)
{
	int err = native_set_slot(vm.vm, slot, gpa, size, hva, flags);

	memslot_vcpu_refresh(vm.vcpu);
	return err;
}

/*
 * Make the guest store to gpa, and handle its fault, if any. Returns the handler's result, or 0 if
 * there was no fault.
 */
static inline int store(gpa_t gpa)
{
	struct hv_trap trap = { .scause = EXC_STORE_GUEST_PAGE_FAULT,
				.stval = gpa,
				.htval = gpa >> 2,
				.htinst = 0xa02023 };
	hpa_t hpa;

	if (vm.vcpu->requests & BIT(REQ_TLB_FLUSH))
		tlb_flush_vm_local(vm.vm);
	vm.vcpu->requests = 0;
	if (!native_gstage_access(gpa, NATIVE_STORE, &hpa))
		return 0; /* no fault */
	return exit_gstage_fault(vm.vcpu, &trap);
}

#endif
