// SPDX-License-Identifier: MIT
/*
 * vmid.h - VMIDs: probe their width, and give one to each VM that runs.
 */
#ifndef KVM_VMID_H
#define KVM_VMID_H

#include "kvm.h"

void vmid_init(void); /* on the first hart: probe VMIDLEN */
/* On each hart: keep the shortest VMIDLEN. Returns false if that of this hart is a shorter one. */
bool vmid_hart_init(void);
int vmid_param_init(void); /* register vmid_bits and vmid_generation; after vmid_init() */
/*
 * Called before an entry, with the vCPU loaded. Puts a VMID of the current generation into hgatp. If
 * the guest's own guest runs, calls exit_ops->before_entry() instead.
 */
void vmid_update(struct kvm_vcpu *vcpu);
bool vmid_is_current(unsigned long vmid_generation);

#endif
