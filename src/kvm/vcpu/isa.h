// SPDX-License-Identifier: MIT
/*
 * isa.h - extensions: what the harts have, and what a vCPU may be given.
 */
#ifndef KVM_ISA_H
#define KVM_ISA_H

#include "kvm.h"

void isa_init(void);      /* read from the device tree what every hart has */
void isa_hart_init(void); /* then on each hart; probes vsatp and henvcfg */
struct isa_set isa_default(const struct kvm *vm); /* a new vCPU's extensions */
void isa_host_ids(struct kvm_vcpu *vcpu); /* set mvendorid, marchid, mimpid to this machine's */
extern struct isa_set isa_host;           /* written once, by isa_init() */
bool isa_may_enable(unsigned int ext);
/*
 * Is this extension impossible on this vCPU? H is, with gpa_from=walk: only htval has the address of a
 * fault of a guest's guest.
 */
bool isa_excludes(const struct kvm_vcpu *vcpu, unsigned int ext);
bool isa_may_disable(unsigned int ext);
/*
 * The bits of henvcfg and hstateen0 for the vCPU's extensions. henvcfg.ADUE is set only if the vCPU
 * has Svadu and not Svade; with both, the guest's firmware decides (fwft.c).
 */
u64 isa_henvcfg(const struct kvm_vcpu *vcpu);
u64 isa_hstateen0(const struct kvm_vcpu *vcpu);
/*
 * Return true if this hart's henvcfg can hold all of `bits`: a bit that the hart lacks does not
 * read back (H §2.5). Only while no guest runs.
 */
bool isa_henvcfg_holds(u64 bits);
/* The fields of vsstatus that a guest or a VMM may set. Written only before any VM exists. */
extern unsigned long isa_vsstatus;
unsigned long isa_satp_mode(void); /* the widest VS-stage mode, as in satp.MODE */

static inline bool isa_set_has(const struct isa_set *set, unsigned int ext)
{
	return set->word[ext / 64] >> ext % 64 & 1;
}

static inline bool isa_host_has(unsigned int ext)
{
	return ext < KVM_RISCV_ISA_EXT_MAX && isa_set_has(&isa_host, ext);
}

static inline bool isa_has(const struct kvm_vcpu *vcpu, unsigned int ext)
{
	return isa_set_has(&vcpu->isa, ext);
}

/* Add the extension to the set, or remove it. */
static inline void isa_set_put(struct isa_set *set, unsigned int ext, bool on)
{
	u64 bit = 1ULL << ext % 64;

	set->word[ext / 64] = on ? set->word[ext / 64] | bit : set->word[ext / 64] & ~bit;
}

#endif
