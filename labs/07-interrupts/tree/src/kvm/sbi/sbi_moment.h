/* SPDX-License-Identifier: MIT */
/*
 * sbi_moment.h - make an interrupt arrive at the worst moment, as often as a test needs it
 */
#ifndef KVM_SBI_MOMENT_H
#define KVM_SBI_MOMENT_H

#include "sbi/sbi.h"

/* The course's own SBI extension: see sbi_moment.c. */
#define SBI_EXT_MOMENT 0x0a0007abUL

/* Moments at which another thread could intervene. */
enum irq_moment {
	MOMENT_NONE,
	MOMENT_BEFORE_LOOK, /* requests are served; the vCPU's mode is not IN_GUEST yet */
	MOMENT_AFTER_LOOK,  /* after the last look at the requests */
	MOMENT_BEFORE_WAIT, /* WFI: nothing was pending; the vCPU does not sleep yet */
	/* Steps (irq_step.h): at each, irq_step_now() does what another thread could do there. */
	MOMENT_AT_LOOK,      /* the fence of the last look at the requests */
	MOMENT_AT_TAKE,      /* just before the marks (irq_changed) are taken */
	MOMENT_AT_CHANGE,    /* before each atomic change that a sender makes */
	MOMENT_AT_KICK,      /* kick()'s fence, while the vCPU is entering its guest */
	MOMENT_AT_KICK_IDLE, /* kick()'s fence, while the vCPU's hart is beginning to idle */
};

sbi_fn sbi_moment;

extern bool irq_moments; /* a moment was armed; until then, each moment costs a load and a branch */
void irq_moment_now(struct kvm_vcpu *vcpu, enum irq_moment moment);
void irq_step_now(struct kvm_vcpu *vcpu, bool fence);

/* Called by the vCPU's own thread when it reaches the moment. */
static inline void irq_moment_comes(struct kvm_vcpu *vcpu, enum irq_moment moment)
{
	if (READ_ONCE(irq_moments))
		irq_moment_now(vcpu, moment);
}

#endif
