/* SPDX-License-Identifier: MIT */
/*
 * poll_own.h - your variant's rule for the polling window (labs/06-time/YOURS.md)
 */
#ifndef KVM_POLL_OWN_H
#define KVM_POLL_OWN_H

#include "sbi/sbi.h"

/*
 * The course's own SBI extension, for guests that are tests. Function 0: return this vCPU's window
 * in ns; 1: set its window to a0 and its streak to 0; 2: return the next window that
 * poll_own_next() computes from window a0, waited a1, most a2 and streak a3, with the next streak
 * in bits 63 to 32; 3: the guest's time as the core computes it; 4: how long this vCPU has polled,
 * in ns, with success (a0 = 0) or without (a0 = 1); 5: put and load the vCPU, return the hart's
 * timer in between; 6: the same, but return the vCPU's timer and set it to a0; 7: the vCPU's timer;
 * 8: its stats.halt_wakeup; 9: stats.blocking of the VM's first vCPU.
 */
#define SBI_EXT_POLL 0x0a0006abUL

sbi_fn sbi_poll;

/*
 * Return the next window after a wait of `waited` ns, of which the vCPU polled for the first
 * `window` ns. A vCPU may poll for at most `most` ns, or not at all if `most` is 0. *streak is a
 * number that only the rule uses; each vCPU has one, initially 0.
 */
u32 poll_own_next(u32 window, u64 waited, u32 most, u32 *streak);

/* Called instead of the rest of adapt() (halt_poll.c) if the toggle poll_rule is own. */
void poll_own_adapt(struct kvm_vcpu *vcpu, u64 waited, u32 most);

#endif
