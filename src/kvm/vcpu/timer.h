// SPDX-License-Identifier: MIT
/*
 * timer.h - the guest's timer: the interface of its two variants.
 *
 * Guest time is time + htimedelta (H §2.7). The guest sets its timer through stimecmp or SBI;
 * either way, VSTIP is pending while guest time >= compare.
 */
#ifndef KVM_TIMER_H
#define KVM_TIMER_H

#include "kvm.h"

#define TIMER_NEVER (~0ULL)

struct timer_ops {
	const char *name;
	void (*load)(struct kvm_vcpu *vcpu);
	void (*put)(struct kvm_vcpu *vcpu);
	/*
	 * Set the next event, in guest time, for SBI set_timer or ONE_REG. The vCPU may be loaded
	 * or not.
	 */
	void (*set)(struct kvm_vcpu *vcpu, u64 compare);
	/* Return the current compare value. The vCPU may be loaded or not. */
	u64 (*get)(const struct kvm_vcpu *vcpu);
	/*
	 * Would the hart itself raise VSTIP if the vCPU were loaded? Called while it is not loaded.
	 */
	bool (*pending)(const struct kvm_vcpu *vcpu);
	/*
	 * Arm and cancel a wake-up at the deadline: called before and after sleeping, with the vCPU
	 * not loaded.
	 */
	void (*block)(struct kvm_vcpu *vcpu);
	void (*unblock)(struct kvm_vcpu *vcpu);
};

extern const struct timer_ops timer_sstc_ops, timer_hrtimer_ops;

/* timer.c */
void timer_vcpu_init(struct kvm_vcpu *vcpu);
/*
 * Select the variant for the vCPU's ISA, and keep an event that is already set. Called before the
 * vCPU's first run.
 */
void timer_vcpu_choose(struct kvm_vcpu *vcpu);
/* ONE_REG on this vCPU has changed guest time: set the timer again. The vCPU is not loaded. */
void timer_clock_set(struct kvm_vcpu *vcpu);
/*
 * The deadline has passed: raise the guest's line, or wake the vCPU's thread. Called on any thread,
 * and in interrupts.
 */
void timer_expired(struct hv_timer *timer);
void timer_vcpu_destroy(struct kvm_vcpu *vcpu);
/* Write htimedelta of this vCPU's VM to the hart. */
void timer_load_delta(const struct kvm_vcpu *vcpu);
/*
 * Return the host time at which guest time reaches `compare`: the current time if it already has,
 * TIMER_NEVER if it never does.
 */
u64 timer_host_deadline(const struct kvm *vm, u64 compare);

static inline u64 timer_guest_time(const struct kvm *vm)
{
	return hv_time() + READ_ONCE(vm->time_delta);
}

/* Write or read a 64-bit CSR that is a pair of CSRs on RV32, such as vstimecmp or henvcfg. */
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
