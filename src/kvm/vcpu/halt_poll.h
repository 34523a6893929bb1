// SPDX-License-Identifier: MIT
/*
 * halt_poll.h - wait for an interrupt: poll before the thread sleeps.
 */
#ifndef KVM_HALT_POLL_H
#define KVM_HALT_POLL_H

#include "kvm.h"

int halt_poll_init(void); /* the parameters */
/*
 * KVM_CAP_HALT_POLL: set the VM's own maximum, in ns. Returns 0, or -EINVAL if ns does not fit into
 * 32 bits.
 */
int halt_poll_set_max(struct kvm *vm, u64 ns);
/*
 * Poll, then idle, then sleep, until the wait is over or a signal has arrived. Called by the vCPU's
 * own thread; the vCPU is loaded before and after. over() is called while the vCPU is loaded; it
 * calls vcpu_flush_irqs(), and must also return true if a signal is pending. over_asleep() is called while the vCPU is not
 * loaded.
 */
void vcpu_halt(struct kvm_vcpu *vcpu, bool (*over)(struct kvm_vcpu *vcpu),
	       bool (*over_asleep)(struct kvm_vcpu *vcpu));

#endif
