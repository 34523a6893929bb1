// SPDX-License-Identifier: MIT
/*
 * fp.h - who holds a hart's FP and vector units: the interface of toggle fp's variants.
 *
 * While a vCPU is loaded, guest.sstatus.FS is the hardware's state of the guest's FP registers
 * (vsstatus.FS is the guest's own view). FS is Off while the registers are not in this hart's unit;
 * the guest's first FP instruction then traps as an illegal instruction (cause 2, H §2.11). While
 * the vCPU is not loaded, FS is Off and vcpu->fp has the registers. The field guest.sstatus.VS and
 * the vector unit work the same way (vector.h). User programs use FP, and the host records who used
 * a hart's unit last (hv_fp_take()). A host may take the units away from a loaded vCPU, for its
 * programs (kvm_units_release()) or, if it uses vectors, for itself (kvm_vector_release()). While a
 * vCPU is loaded, only its own thread calls these functions.
 *
 * Clean applies to f0 to f31 only. A change of FP state in VS mode should make both FS fields Dirty
 * (H §2.11), but QEMU (10.0) marks only the guest's own field when fcsr, frm or fflags is written,
 * and the guest may set that field to Clean before we look. So a put saves fcsr unless FS is Off.
 */
#ifndef KVM_FP_H
#define KVM_FP_H

#include "kvm.h"
#include "vcpu/isa.h"

#define FP_NO_HART (~0U)

struct fp_ops {
	const char *name;
	/*
	 * Part of vcpu_load(): load the units, or leave them Off. FS and VS are Off on entry. Also
	 * called when KVM_RUN continues after kvm_units_release(), which calls put().
	 */
	void (*load)(struct kvm_vcpu *vcpu);
	/*
	 * Part of vcpu_put(): update memory from the units; FS and VS become Off. Does nothing for
	 * a unit that is already Off.
	 */
	void (*put)(struct kvm_vcpu *vcpu);
	/*
	 * Handle an illegal-instruction trap from the guest. Returns true if a unit was Off and has
	 * been loaded, so the guest can execute the instruction again. NULL: whenever a guest
	 * is entered, all units that its vCPU has are loaded.
	 */
	bool (*first_use)(struct kvm_vcpu *vcpu);
};

extern const struct fp_ops fp_eager_ops, fp_lazy_save_ops, fp_lazy_trap_ops;

/* ---- fp.c: building blocks of the variants ---------------------------------------------- */

/* FS controls F and D together: a vCPU with F but without D can still use D's instructions. */
static inline bool fp_present(const struct kvm_vcpu *vcpu)
{
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_D) || isa_has(vcpu, KVM_RISCV_ISA_EXT_F);
}

static inline unsigned long fp_state(const struct kvm_vcpu *vcpu)
{
	return FIELD_GET(SSTATUS_FS, vcpu->guest.sstatus);
}

static inline void fp_set_state(struct kvm_vcpu *vcpu, unsigned long fs)
{
	vcpu->guest.sstatus = (vcpu->guest.sstatus & ~SSTATUS_FS) | FIELD_PREP(SSTATUS_FS, fs);
}

/* Take the unit from its last user (hv_fp_take()) and load it from memory; FS becomes Clean. */
void fp_restore(struct kvm_vcpu *vcpu);
/* Save f0 to f31 and fcsr to memory; FS becomes Off. */
void fp_save(struct kvm_vcpu *vcpu);
/* Like fp_save(), but only for a vCPU whose f0 to f31 have not changed: save only fcsr. */
void fp_save_clean(struct kvm_vcpu *vcpu);

/* Save everything if FS is Dirty, nothing if it is Off, only fcsr otherwise. FS becomes Off. */
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
 * Return true if the vCPU has FP (or vector), but the unit is Off: its next use traps. The vCPU is
 * loaded.
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
bool fp_traps_arrive(void); /* a guest's illegal instruction can trap into this hypervisor */
void fp_vcpu_init(struct kvm_vcpu *vcpu); /* chooses the variant */
void fp_reset(struct kvm_vcpu *vcpu);     /* set FP and vector state to 0; vCPU not loaded */
/*
 * Call this before any code other than put() writes vcpu->fp or vcpu->vector. The vCPU is not
 * loaded.
 */
void fp_forget(struct kvm_vcpu *vcpu);
/*
 * Write vcpu->hedeleg to the hart; while a unit is Off, illegal instructions are not delegated.
 * Called after a change of a loaded vCPU's hedeleg. A variant that leaves units Off also calls this
 * at the end of load() and first_use().
 */
void fp_delegate(const struct kvm_vcpu *vcpu);

#endif
