// SPDX-License-Identifier: MIT
/*
 * unpriv.h - load from guest memory through the guest's own translation (unpriv.S, unpriv.c).
 */
#ifndef KVM_UNPRIV_H
#define KVM_UNPRIV_H

#include "kvm.h"

/*
 * Read at a guest virtual address with the guest's privilege, through both stages. If `fetch` is
 * true, read the instruction at gva (16 or 32 bits) by HLVX; otherwise, read a long by HLV. On
 * success, trap->scause is 0; otherwise, *trap describes the trap. The vCPU must be loaded.
 */
unsigned long unpriv_read(struct kvm_vcpu *vcpu, bool fetch, gva_t gva, struct hv_trap *trap);

#endif
