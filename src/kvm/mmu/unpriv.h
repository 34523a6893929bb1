// SPDX-License-Identifier: MIT
/*
 * unpriv.h - load from guest memory through the guest's own translation (unpriv.S, unpriv.c).
 */
#ifndef KVM_UNPRIV_H
#define KVM_UNPRIV_H

#include "kvm_asm.h"

/*
 * Read at a guest virtual address with the guest's privilege, through both stages. If `fetch` is
 * true, read the instruction at gva (16 or 32 bits) by HLVX; otherwise, read a long by HLV. On
 * success, trap->scause is 0; otherwise, *trap describes the trap. The vCPU must be loaded.
 */
unsigned long unpriv_read(struct kvm_vcpu *vcpu, bool fetch, gva_t gva, struct hv_trap *trap);
/*
 * Make one access by a function of unpriv.S, with the privilege of VS (`supervisor`) or VU. Returns
 * what a load has read; *trap: as for unpriv_read().
 */
unsigned long unpriv_access(struct kvm_vcpu *vcpu, unpriv_fn *access, gva_t gva,
			    unsigned long value, bool supervisor, struct hv_trap *trap);

#endif
