// SPDX-License-Identifier: MIT
/*
 * vector.h - a vCPU's vector state in memory, and in a hart's vector unit.
 *
 * Vector state is handled like FP state, and moved by the same variants (fp.h): guest.sstatus.VS is
 * Off unless the vCPU is loaded and its registers are in this hart's unit; vsstatus.VS is the
 * guest's own view of this state. guest.sstatus.VS is always Off in a vCPU without V. sstatus.VS is
 * Off while the core runs, and, on the bare-metal host, while programs run.
 */
#ifndef KVM_VECTOR_H
#define KVM_VECTOR_H

#include "kvm.h"
#include "vcpu/isa.h"

/* Find the width of a vector register. Called before any vCPU is created. */
void vector_init(void);
/*
 * Return the size of a vector register in bytes, a power of two, or 0 if there is no V. It is
 * assumed to be the same on every hart.
 */
unsigned int vector_vlenb(void);

int vector_vcpu_init(struct kvm_vcpu *vcpu); /* 0 or -ENOMEM */
void vector_vcpu_destroy(struct kvm_vcpu *vcpu);
void vector_reset(struct kvm_vcpu *vcpu); /* set to zero; called by fp_reset(), vCPU not loaded */

static inline bool vector_present(const struct kvm_vcpu *vcpu)
{
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_V);
}

static inline unsigned long vector_state(const struct kvm_vcpu *vcpu)
{
	return FIELD_GET(SSTATUS_VS, vcpu->guest.sstatus);
}

static inline void vector_set_state(struct kvm_vcpu *vcpu, unsigned long vs)
{
	vcpu->guest.sstatus = (vcpu->guest.sstatus & ~SSTATUS_VS) | FIELD_PREP(SSTATUS_VS, vs);
}

/* The counterparts of fp_restore(), fp_save() and fp_save_clean() in fp.h. */
void vector_restore(struct kvm_vcpu *vcpu);
void vector_save(struct kvm_vcpu *vcpu);
void vector_save_clean(struct kvm_vcpu *vcpu); /* saves only vstart, vl, vtype and vcsr */

static inline void vector_save_changed(struct kvm_vcpu *vcpu)
{
	if (vector_state(vcpu) == FS_DIRTY)
		vector_save(vcpu);
	else if (vector_state(vcpu) != FS_OFF)
		vector_save_clean(vcpu);
}

bool vector_is_resident(const struct kvm_vcpu *vcpu);
/*
 * Serve REQ_VECTOR: load the registers of a loaded vCPU, unless they are in the unit. They were when
 * the host requested the unit (kvm_vector_release()).
 */
void vector_reload(struct kvm_vcpu *vcpu);

#endif
