// SPDX-License-Identifier: MIT
/*
 * fp.h - who holds a hart's FP and vector unit: the interface of toggle fp's variants.
 *
 * While a vCPU is loaded, guest.sstatus.FS is the hardware's state of the guest's FP registers
 * (vsstatus.FS is the guest's own view). FS is Off while the registers are not in this hart's unit;
 * the guest's first FP instruction then traps as an illegal instruction (cause 2, H §2.11). While
 * the vCPU is not loaded, FS is Off and vcpu->fp has the registers. The field guest.sstatus.VS and
 * the vector unit work the same way (vector.h). The kernel itself uses neither unit. User programs
 * use FP, and the host records who used a hart's unit last (hv_fp_take()). All of this runs on the
 * vCPU's own thread.
 *
 * Clean applies to f0 to f31 only. A change of FP state in VS mode should make both FS fields Dirty
 * (H §2.11), but QEMU (10.0) marks only the guest's own field when fcsr, frm or fflags is written,
 * and the guest may clean its field before we look. So a put saves fcsr unless FS is Off.
 */
#ifndef KVM_FP_H
#define KVM_FP_H

#include "kvm.h"

#define FP_NO_HART (~0U)

struct fp_ops {
	const char *name;
	/* Load the vCPU into this hart. FS and VS are Off when this is called. */
	void (*load)(struct kvm_vcpu *vcpu);
	/*
	 * Put the vCPU: save all state that is in the units to memory; FS and VS become Off. Does
	 * nothing for a unit that is already Off.
	 */
	void (*put)(struct kvm_vcpu *vcpu);
	/*
	 * Handle an illegal-instruction trap from the guest. Returns true if the unit was off and
	 * has been loaded, so the guest can execute the instruction again. NULL: a loaded vCPU
	 * always has both units.
	 */
	bool (*first_use)(struct kvm_vcpu *vcpu);
};

extern const struct fp_ops fp_eager_ops, fp_lazy_save_ops, fp_lazy_trap_ops;

/* ---- fp.c: what the variants are made of ------------------------------------------------ */

/* A vCPU with F but without D can still use D's instructions: one switch controls both. */
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

/* Load the unit from memory; FS becomes Clean. The previous contents of the unit are lost. */
void fp_restore(struct kvm_vcpu *vcpu);
/* Save f0 to f31 and fcsr to memory; FS becomes Off. */
void fp_save(struct kvm_vcpu *vcpu);
/* Like fp_save(), but only for a vCPU whose f0 to f31 have not changed: save only fcsr. */
void fp_save_clean(struct kvm_vcpu *vcpu);

/* Save what FS says has changed: everything, fcsr alone, or nothing. FS is Off afterwards. */
static inline void fp_save_changed(struct kvm_vcpu *vcpu)
{
	/* lab 8: write fp_save_changed: save all registers, only fcsr, or nothing */
	if (fp_state(vcpu) == FS_DIRTY)
		fp_save(vcpu);
	else if (fp_state(vcpu) != FS_OFF)
		fp_save_clean(vcpu);
	/* lab 8 end */
}

/*
 * True if the vCPU has the extension, but its unit is Off on this hart: the next use traps. The
 * vCPU is loaded.
 */
bool fp_is_disabled(const struct kvm_vcpu *vcpu);
bool vector_is_disabled(const struct kvm_vcpu *vcpu);
/*
 * True if this hart's unit still holds, from the vCPU's last turn here, the same register values as
 * memory.
 */
bool fp_is_resident(const struct kvm_vcpu *vcpu);

/* ---- fp.c: for the rest of the core -------------------------------------------------------- */

/*
 * Called at boot, before toggle_init(): make lazy_save the default if the trap of a first use
 * arrives corrupted (redirect.S).
 */
void fp_init(void);
void fp_vcpu_init(struct kvm_vcpu *vcpu); /* chooses the variant */
void fp_reset(struct kvm_vcpu *vcpu);     /* set FP and vector state to 0; vCPU not loaded */
/*
 * Call this before any code other than put() writes vcpu->fp or vcpu->vector. The vCPU is not
 * loaded.
 */
void fp_forget(struct kvm_vcpu *vcpu);
/*
 * Write vcpu->hedeleg to the hart; while a unit is off, illegal instructions are not delegated.
 * Called after a change of a loaded vCPU's hedeleg. A variant that leaves units off also calls this
 * after it has loaded or saved a unit.
 */
void fp_delegate(const struct kvm_vcpu *vcpu);

#endif
