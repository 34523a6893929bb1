// SPDX-License-Identifier: MIT
/*
 * steal_time.h - how long a vCPU was ready to run but had no hart. The vCPU's own thread.
 */
#ifndef KVM_STEAL_TIME_H
#define KVM_STEAL_TIME_H

#include "kvm.h"

#define STA_SIZE 64 /* bytes of the shared structure, and its alignment */

void sta_reset(struct kvm_vcpu *vcpu);     /* off; also from its ioctls */
void sta_load(struct kvm_vcpu *vcpu);      /* on a hart again: REQ_STEAL if it had to wait */
void sta_preempted(struct kvm_vcpu *vcpu); /* about to lose its hart; no sleep */
void sta_update(struct kvm_vcpu *vcpu);    /* REQ_STEAL; may sleep */
/* Start now, with the structure at shmem, which is memory. 0 or -EFAULT; may sleep. */
int sta_begin(struct kvm_vcpu *vcpu, gpa_t shmem);

#endif
