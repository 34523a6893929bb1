// SPDX-License-Identifier: MIT
/*
 * vector.h - the vector unit of a vCPU: its state in memory, and its way into a hart.
 *
 * As FP's (fp.h): while a vCPU is loaded, guest.sstatus.VS says what the hardware knows of the
 * guest's vector state, and vsstatus.VS is the guest's own view of it. VS is Off for ever in a
 * vCPU without V, and in the host and its programs.
 */
#ifndef KVM_VECTOR_H
#define KVM_VECTOR_H

#include "kvm.h"

/* Before any vCPU: how wide a vector register is. */
void vector_init(void);
/* Bytes of a vector register on every hart: a power of two; 0: no V here. */
unsigned int vector_vlenb(void);

int vector_vcpu_init(struct kvm_vcpu *vcpu); /* 0 or -ENOMEM */
void vector_vcpu_destroy(struct kvm_vcpu *vcpu);
void vector_reset(struct kvm_vcpu *vcpu); /* all zero; not loaded */

/* Of a vCPU with V. Registers move at every load, and at every put if they changed. */
void vector_load(struct kvm_vcpu *vcpu);
void vector_put(struct kvm_vcpu *vcpu);

#endif
