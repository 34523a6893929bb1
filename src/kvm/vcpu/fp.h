// SPDX-License-Identifier: MIT
/*
 * fp.h - who holds a hart's FP and vector unit: the contract of toggle fp's variants.
 *
 * While a vCPU is loaded, guest.sstatus.FS says what the hardware knows of the guest's FP state
 * (vsstatus.FS is the guest's own view of it): Off as long as the registers are not in this
 * hart's unit, then the guest's first FP instruction traps as an illegal instruction (cause 2,
 * H §2.11). While it is not loaded FS is Off, and vcpu->fp is the truth. The same with VS and the
 * vector unit (vector.h). The kernel itself never uses either; user programs use FP, and the host
 * says who used a hart's unit last (hv_fp_take()). All of this: the vCPU's own thread.
 *
 * Clean speaks of f0 to f31 only. What changes FP state in VS shall make both fields Dirty
 * (H §2.11), but QEMU (10.0) marks the guest's own alone when fcsr, frm or fflags are written, and
 * the guest may clean that before anyone looks: a put saves fcsr unless FS is Off.
 */
#ifndef KVM_FP_H
#define KVM_FP_H

#include "kvm.h"

#define FP_NO_HART (~0U)

struct fp_ops {
	const char *name;
	/* The vCPU comes into this hart. FS and VS are Off. */
	void (*load)(struct kvm_vcpu *vcpu);
	/* It leaves. Afterwards all is in memory, FS and VS are Off. Off already: nothing to do. */
	void (*put)(struct kvm_vcpu *vcpu);
	/*
	 * The guest took an illegal-instruction trap into HS. True: that may have been for want of
	 * a unit, which it has now: let it try again. NULL: a loaded vCPU always has all of it.
	 */
	bool (*want)(struct kvm_vcpu *vcpu);
};

extern const struct fp_ops fp_eager_ops, fp_lazy_save_ops, fp_lazy_trap_ops;

/* ---- fp.c: what the variants are made of ------------------------------------------------ */

/* F without D leaves D's instructions usable: there is no switch between the two. */
static inline bool fp_present(const struct kvm_vcpu *vcpu)
{
	return vcpu->isa & (1ULL << KVM_RISCV_ISA_EXT_D | 1ULL << KVM_RISCV_ISA_EXT_F);
}

static inline unsigned long fp_state(const struct kvm_vcpu *vcpu)
{
	return FIELD_GET(SSTATUS_FS, vcpu->guest.sstatus);
}

static inline void fp_set_state(struct kvm_vcpu *vcpu, unsigned long fs)
{
	vcpu->guest.sstatus = (vcpu->guest.sstatus & ~SSTATUS_FS) | FIELD_PREP(SSTATUS_FS, fs);
}

/* Memory to unit, with nothing in between: FS becomes Clean, what stood there is somebody's loss. */
void fp_in(struct kvm_vcpu *vcpu);
/* Unit to memory, f0 to f31 and fcsr; FS becomes Off. */
void fp_out(struct kvm_vcpu *vcpu);
/* As fp_out(), of f0 to f31 that have not changed: fcsr alone is written. */
void fp_out_clean(struct kvm_vcpu *vcpu);

/* Whichever of the two the hardware's account asks for, or neither: FS is Off then anyway. */
static inline void fp_out_changed(struct kvm_vcpu *vcpu)
{
	/* lab 8: write fp_out_changed: all of it, fcsr alone, or nothing */
	if (fp_state(vcpu) == FS_DIRTY)
		fp_out(vcpu);
	else if (fp_state(vcpu) != FS_OFF)
		fp_out_clean(vcpu);
	/* lab 8 end */
}

/* The guest has the unit, as far as we are concerned, and finds it switched off. Loaded. */
bool fp_is_away(const struct kvm_vcpu *vcpu);
bool vector_is_away(const struct kvm_vcpu *vcpu);
/* This hart's unit holds what memory holds, from an earlier turn. */
bool fp_is_here(const struct kvm_vcpu *vcpu);

/* ---- fp.c: for the rest of the core -------------------------------------------------------- */

/* At boot, before toggle_init(): lazy_trap is no default where a first use's trap does not arrive. */
void fp_init(void);
void fp_vcpu_init(struct kvm_vcpu *vcpu); /* chooses the variant */
void fp_reset(struct kvm_vcpu *vcpu);     /* FP and vector: all zero; not loaded */
/* vcpu->fp or vector is about to be written by somebody else than put; not loaded. */
void fp_forget(struct kvm_vcpu *vcpu);
/*
 * vcpu->hedeleg into the hart, but for illegal instructions while a unit is away. Who changes
 * hedeleg of a loaded vCPU calls it; and a variant that leaves units away, once it has moved what
 * it moves.
 */
void fp_delegate(const struct kvm_vcpu *vcpu);

#endif
