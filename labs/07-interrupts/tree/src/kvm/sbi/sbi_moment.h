/* SPDX-License-Identifier: MIT */
/*
 * sbi_moment.h - an interrupt at the worst moment, as often as a test wants it.
 */
#ifndef KVM_SBI_MOMENT_H
#define KVM_SBI_MOMENT_H

#include "sbi/sbi.h"

/* An extension of the course's: see sbi_moment.c. */
#define SBI_EXT_MOMENT 0x0a0007abUL

/* Where another hart's vcpu_set_irq() could just come in between. */
enum irq_moment {
	MOMENT_NONE,
	MOMENT_BEFORE_LOOK, /* requests are served; its mode is not IN_GUEST yet */
	MOMENT_AFTER_LOOK,  /* it has looked at the requests for the last time */
	MOMENT_BEFORE_WAIT, /* WFI: nothing was pending; it does not sleep yet */
	/* Steps (irq_step.h). What the other thread does is sbi_moment.c's to say. */
	MOMENT_AT_LOOK,      /* the fence of the last look */
	MOMENT_AT_TAKE,      /* the marks are taken */
	MOMENT_AT_CHANGE,    /* any atomic change that a sender makes */
	MOMENT_AT_KICK,      /* kick()'s fence; the vCPU enters its guest just then */
	MOMENT_AT_KICK_IDLE, /* the same; its hart begins to idle just then */
};

sbi_fn sbi_moment;

extern bool irq_moments; /* some vCPU has armed one; else this costs a load and a branch */
void irq_moment_now(struct kvm_vcpu *vcpu, enum irq_moment moment);
void irq_step_now(struct kvm_vcpu *vcpu, bool fence);

/* The vCPU's own thread is there now. */
static inline void irq_moment_comes(struct kvm_vcpu *vcpu, enum irq_moment moment)
{
	if (READ_ONCE(irq_moments))
		irq_moment_now(vcpu, moment);
}

#endif
