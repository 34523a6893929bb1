// SPDX-License-Identifier: MIT
/*
 * touch.h - access memory as the guest does, and handle its faults as run.c does, for tests of
 * faults.
 */
#ifndef NATIVE_TOUCH_H
#define NATIVE_TOUCH_H

#include "one_vm.h"

#define BASE NATIVE_GUEST_BASE
#define HVA  NATIVE_USER_BASE

static unsigned int faults; /* handled in the last touch() */

static inline int touch_setup(unsigned int user_flags)
{
	native_reset();
	native_harts_set(ONE_VM_HARTS);
	native_core_start();
	native_vm_make(&vm, user_flags);
	native_quirks.htinst = 0x2503;
	return 0;
}

/* Serve the requests that a change of the table has left for the vCPU, as run.c does. */
static inline void serve(struct kvm_vcpu *vcpu)
{
	tlb_serve(vcpu, __atomic_exchange_n(&vcpu->requests, 0, __ATOMIC_ACQUIRE));
}

/*
 * Access 8 bytes as the guest, and handle its faults. Returns RESUME_GUEST once the access
 * succeeds; the handler's result if it is not RESUME_GUEST, or if the guest got a trap (vscause
 * holds the cause); -1000 - scause after a trap that is not a guest page fault; or -ELOOP after 20
 * faults.
 */
static inline int touch(struct kvm_vcpu *vcpu, gva_t gva, enum native_access access, u64 *data)
{
	struct hv_trap trap;
	int ret;

	for (faults = 0; faults < 20; faults++) {
		serve(vcpu);
		if (!native_guest_access(gva, access, data, sizeof(*data), &trap))
			return RESUME_GUEST;
		if (trap.scause < EXC_INST_GUEST_PAGE_FAULT)
			return -1000 - (int)trap.scause;
		trap.sepc = vcpu->guest.sepc;
		ret = exit_gstage_fault(vcpu, &trap);
		if (ret != RESUME_GUEST || csr_read(vscause) != 0)
			return ret;
	}
	return -ELOOP;
}

static inline u64 load(gva_t gva)
{
	u64 data = 0;

	assert_int_equal(touch(vm.vcpu, gva, NATIVE_LOAD, &data), RESUME_GUEST);
	return data;
}

/* Load as a guest without a VS-stage does. */
static inline void load_gpa(gpa_t gpa)
{
	unsigned long vsatp = csr_swap(vsatp, 0);

	load(gpa);
	csr_write(vsatp, vsatp);
}

static inline void store(gva_t gva, u64 data)
{
	assert_int_equal(touch(vm.vcpu, gva, NATIVE_STORE, &data), RESUME_GUEST);
}

#endif
