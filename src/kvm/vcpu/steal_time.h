// SPDX-License-Identifier: MIT
/*
 * steal_time.h - how long a vCPU was ready to run but had no hart. Called on the vCPU's own thread.
 */
#ifndef KVM_STEAL_TIME_H
#define KVM_STEAL_TIME_H

#include "kvm.h"

#define STA_SIZE 64 /* size and alignment of the shared structure, in bytes */

void sta_reset(struct kvm_vcpu *vcpu);     /* turn steal time off; called by ioctls, too */
void sta_load(struct kvm_vcpu *vcpu);      /* vCPU back on a hart: request an update if needed */
void sta_preempted(struct kvm_vcpu *vcpu); /* vCPU is about to lose its hart; does not sleep */
void sta_update(struct kvm_vcpu *vcpu);    /* serve REQ_STEAL; may sleep */
/*
 * Zero the shared structure at shmem, and start measuring now. Returns 0, or -EFAULT if shmem is
 * not in writable guest memory; may sleep.
 */
int sta_begin(struct kvm_vcpu *vcpu, gpa_t shmem);

#endif
