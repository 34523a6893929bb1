// SPDX-License-Identifier: MIT
/*
 * vsstage.h - where a guest's access ended up in guest physical memory.
 */
#ifndef KVM_VSSTAGE_H
#define KVM_VSSTAGE_H

#include "kvm.h"

/* Svnapot: at level 0, a PTE with N set is one of sixteen that map 64 KiB (RV64 only). */
#if __SIZEOF_LONG__ == 8
#define PTE_NAPOT PTE_N
#else
#define PTE_NAPOT 0UL
#endif
#define NAPOT_SIZE 0x10000UL

/* A G-stage fault: what the G-stage table was asked for and could not give. */
struct gstage_fault {
	gpa_t gpa;
	bool fetch;
	bool write;
	bool implicit; /* the guest's own page-table walk wanted a PTE, or to set A or D there */
};

/*
 * Walk the VS-stage for the access that trapped as the hardware did, up to the first
 * address that the G-stage table does not permit. -EAGAIN: there is none any more, or the
 * guest has changed its tables; it shall try again, and what this hart remembered of them has
 * been dropped. vCPU loaded; may sleep.
 */
int vsstage_locate(struct kvm_vcpu *vcpu, const struct hv_trap *trap, struct gstage_fault *fault);

#endif
