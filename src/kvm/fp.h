// SPDX-License-Identifier: MIT
/*
 * fp.h - who holds the FP unit: the contract of its variants.
 *
 * While a vCPU is loaded, guest.sstatus.FS says what the hardware knows of the
 * guest's FP state (vsstatus.FS is the guest's own view of it). FS = 0 makes the
 * first FP instruction trap as an illegal instruction (cause 2), which a lazy variant needs.
 * The kernel itself never uses FP; user programs' registers are the host's to save.
 *
 * Clean speaks of f0 to f31 only. What changes FP state in VS shall make both fields Dirty
 * (H §2.11), but QEMU (10.0) marks the guest's own alone when fcsr, frm or fflags are written, and
 * the guest may clean that before anyone looks: a put saves fcsr unless FS is Off.
 */
#ifndef KVM_FP_H
#define KVM_FP_H

#include "kvm.h"

struct fp_ops {
	const char *name;
	/* The vCPU comes into this hart: hv_user_fp_release() has been called. */
	void (*load)(struct kvm_vcpu *vcpu);
	/* It leaves: fp is in memory afterwards. */
	void (*put)(struct kvm_vcpu *vcpu);
};

extern const struct fp_ops fp_eager_ops;

static inline bool fp_is_dirty(const struct kvm_vcpu *vcpu)
{
	return FIELD_GET(SSTATUS_FS, vcpu->guest.sstatus) == FS_DIRTY;
}

static inline void fp_set_state(struct kvm_vcpu *vcpu, unsigned long fs)
{
	vcpu->guest.sstatus = (vcpu->guest.sstatus & ~SSTATUS_FS) | FIELD_PREP(SSTATUS_FS, fs);
}

#endif
