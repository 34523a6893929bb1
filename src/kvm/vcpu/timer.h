// SPDX-License-Identifier: MIT
/*
 * timer.h - the guest's timer: the interface of its two variants.
 *
 * Guest time is time + htimedelta (H §2.7). The guest sets its timer by stimecmp or by SBI; either
 * way VSTIP is pending while guest time >= compare.
 */
#ifndef KVM_TIMER_H
#define KVM_TIMER_H

#include "kvm.h"

#define TIMER_NEVER (~0ULL)

struct timer_ops {
	const char *name;
	void (*load)(struct kvm_vcpu *vcpu);
	void (*put)(struct kvm_vcpu *vcpu);
	/* SBI set_timer or ONE_REG: the next event, in guest time. Loaded or not. */
	void (*set)(struct kvm_vcpu *vcpu, u64 compare);
	/* Return the current compare value. Loaded or not. */
	u64 (*get)(const struct kvm_vcpu *vcpu);
	/* Would VSTIP be pending? Not loaded. */
	bool (*pending)(const struct kvm_vcpu *vcpu);
	/* Before and after sleeping, not loaded: arm and cancel a wake-up at the deadline. */
	void (*block)(struct kvm_vcpu *vcpu);
	void (*unblock)(struct kvm_vcpu *vcpu);
};

extern const struct timer_ops timer_sstc_ops, timer_hrtimer_ops;

/* timer.c */
void timer_vcpu_init(struct kvm_vcpu *vcpu);
/* Select the variant for the vCPU's ISA, and keep the event that is set; before its first run. */
void timer_vcpu_choose(struct kvm_vcpu *vcpu);
/* Guest time was changed by ONE_REG on this vCPU: set the timer again. Not loaded. */
void timer_clock_set(struct kvm_vcpu *vcpu);
/* The deadline has come: tell the guest, or wake its thread. Any thread, also in an interrupt. */
void timer_expired(struct hv_timer *timer);
void timer_vcpu_destroy(struct kvm_vcpu *vcpu);
/* Write htimedelta of this vCPU's VM to the hart. */
void timer_load_delta(const struct kvm_vcpu *vcpu);
/* Return the host time at which guest time reaches `compare`; TIMER_NEVER stays. */
u64 timer_host_deadline(const struct kvm *vm, u64 compare);

static inline u64 timer_guest_time(const struct kvm *vm)
{
	return hv_time() + READ_ONCE(vm->time_delta);
}

/* A CSR pair that is one register on RV64: stimecmp, htimedelta, henvcfg. */
#define csr_write64(csr, value)                                          \
	do {                                                             \
		u64 v64__ = (u64)(value);                                \
		csr_write(csr, (unsigned long)v64__);                    \
		if (sizeof(unsigned long) == 4)                          \
			csr_write(csr##h, (unsigned long)(v64__ >> 32)); \
	} while (0)

#define csr_read64(csr)                                       \
	({                                                    \
		u64 v64__ = (u64)csr_read(csr);               \
		if (sizeof(unsigned long) == 4)               \
			v64__ |= (u64)csr_read(csr##h) << 32; \
		v64__;                                        \
	})

#endif
