// SPDX-License-Identifier: MIT
/*
 * isa.h - extensions: what the harts have, and what a vCPU may be given.
 */
#ifndef KVM_ISA_H
#define KVM_ISA_H

#include "kvm.h"

void isa_init(void);                      /* read from the device tree what every hart has */
void isa_hart_init(void);                 /* then on each hart; probes the VS-stage modes */
u64 isa_default(const struct kvm *vm);    /* a new vCPU's extensions */
void isa_host_ids(struct kvm_vcpu *vcpu); /* set mvendorid, marchid, mimpid to this machine's */
extern u64 isa_host;                      /* bit KVM_RISCV_ISA_EXT_*; written once, by isa_init() */
bool isa_may_enable(unsigned int ext);
bool isa_may_disable(unsigned int ext);
u64 isa_henvcfg(u64 isa); /* the bits of henvcfg for these extensions */
u64 isa_hstateen0(u64 isa);
unsigned long isa_satp_mode(void); /* the widest VS-stage mode, as in satp.MODE */

static inline bool isa_host_has(unsigned int ext)
{
	return ext < KVM_RISCV_ISA_EXT_MAX && (isa_host >> ext & 1);
}

static inline bool isa_has(const struct kvm_vcpu *vcpu, unsigned int ext)
{
	return vcpu->isa >> ext & 1;
}

#endif
