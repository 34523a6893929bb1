// SPDX-License-Identifier: MIT
/*
 * vsstage.h - find the guest physical address at which a guest's access faulted.
 */
#ifndef KVM_VSSTAGE_H
#define KVM_VSSTAGE_H

#include "kvm.h"

/* Svnapot: at level 0, a PTE with N set is one of sixteen that together map 64 KiB (RV64 only). */
#if __SIZEOF_LONG__ == 8
#define PTE_NAPOT PTE_N
#else
#define PTE_NAPOT 0UL
#endif
#define NAPOT_SIZE 0x10000UL

/* A G-stage fault: the access that the G-stage table did not permit. */
struct gstage_fault {
	gpa_t gpa;
	bool fetch;
	bool write;
	bool implicit; /* by the guest's page-table walk: read a PTE, or set A or D in it */
};

/*
 * Walk the VS-stage for the access that trapped, as the hardware did, up to the first address that
 * the G-stage table does not permit. -EAGAIN: there is no such address anymore, or the guest has
 * changed its tables. The guest then has to try again, and cached translations that could make it
 * trap in the same way have been dropped on this hart. The vCPU must be loaded; may sleep.
 */
int vsstage_locate(struct kvm_vcpu *vcpu, const struct hv_trap *trap, struct gstage_fault *fault);

#endif
