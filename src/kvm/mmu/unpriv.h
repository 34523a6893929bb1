// SPDX-License-Identifier: MIT
/*
 * unpriv.h - guest memory as the guest itself would see it (unpriv.S, unpriv.c).
 */
#ifndef KVM_UNPRIV_H
#define KVM_UNPRIV_H

#include "kvm.h"

/*
 * Read at a guest virtual address with the guest's privilege, through both stages.
 * fetch: the instruction at gva (16 or 32 bits), by HLVX. Otherwise a long, by HLV.
 * trap->scause is 0 on success; else *trap is what the access met. vCPU loaded.
 */
unsigned long unpriv_read(struct kvm_vcpu *vcpu, bool fetch, gva_t gva, struct hv_trap *trap);

#endif
