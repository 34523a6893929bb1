// SPDX-License-Identifier: MIT
/*
 * plic.h - interface between plic.c (the PLIC's registers) and plic_device.c (its attributes).
 */
#ifndef KVM_PLIC_H
#define KVM_PLIC_H

#include "irqchip.h"

#define PLIC_PRIORITIES 8  /* 0, which never interrupts, to 7 */
#define PLIC_WORDS      32 /* of 32 sources each: the specification's maximum is 1024 sources */

/* The S-mode context of one vCPU. */
struct plic_context {
	struct kvm_vcpu *vcpu;
	u32 threshold;
	bool raised; /* the state of the vCPU's external interrupt, as last set */
	u32 enable[PLIC_WORDS];
};

struct plic {
	struct spinlock lock; /* guards everything that can change after initialization */
	gpa_t base;           /* PLIC_NO_BASE: not set yet */
	u32 sources;          /* source 0 does not exist: the sources are 1 to this number */
	u32 nr_contexts;      /* the highest vCPU id + 1; 0 before initialization */
	struct plic_context **context; /* by vCPU id; NULL: no such vCPU */
	/* One bit per source. Bit 0 of the first word is always 0. */
	u32 level[PLIC_WORDS];   /* the line is high */
	u32 edge[PLIC_WORDS];    /* an edge arrived while the source was in service */
	u32 pending[PLIC_WORDS]; /* forwarded by the gateway, not claimed yet */
	u32 service[PLIC_WORDS]; /* claimed, not completed yet */
	u8 priority[PLIC_WORDS * 32];
	u32 above[PLIC_PRIORITIES][PLIC_WORDS]; /* sources above each threshold, by `priority` */
};

#define PLIC_NO_BASE (~(gpa_t)0)

/* plic_device.c: the operations for user space. */
int plic_create(struct kvm *vm);
void plic_destroy(struct kvm *vm);
int plic_set_attr(struct kvm *vm, const struct kvm_device_attr *attr);
int plic_get_attr(struct kvm *vm, const struct kvm_device_attr *attr);
int plic_has_attr(struct kvm *vm, const struct kvm_device_attr *attr);

/* plic.c. Where a register's value is stored. */
struct plic_place {
	u32 *word;    /* NULL: a priority */
	u8 *priority; /* NULL: not a priority */
	u32 mask;     /* the bits that can be set */
};
/*
 * Find the register at this offset that user space may save and restore. Returns false if there is
 * none. Holds plic->lock.
 */
bool plic_find(struct plic *plic, u64 offset, struct plic_place *place);
/* Set a source's priority, which is below PLIC_PRIORITIES. Holds plic->lock. */
void plic_set_priority(struct plic *plic, u32 source, u32 priority);
/* Set every vCPU's external interrupt according to the registers. Holds plic->lock. */
void plic_drive_all(struct plic *plic);

#endif
