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
/*
 * Return the VMID for a shadow table `gs` of the vCPU, which is loaded: one of the current generation,
 * which no other table has, or that of the vCPU if there are at most VMIDS_NESTED VMIDs for each
 * hart, or if the VM has no VMID of its own (vmid=flush).
 */
#define VMIDS_NESTED 8
unsigned long vmid_of_shadow(const struct kvm_vcpu *vcpu, struct gstage *gs);

#endif
