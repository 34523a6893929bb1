/* SPDX-License-Identifier: MIT */
/*
 * poll_own.h - a rule of your own for the window of polling (labs/06-time/YOURS.md).
 */
#ifndef KVM_POLL_OWN_H
#define KVM_POLL_OWN_H

#include "sbi/sbi.h"

/*
 * An extension of the course's, for a guest that tests. Function 0: this vCPU's window, in ns; 1: a0 is
 * its window from now on; 2: the next window by poll_own_next() of window a0, waited a1, most a2, streak
 * a3, with the next streak in bits 63 to 32; 3: what the core takes for the guest's time; 4: how long
 * this vCPU has polled, in ns, with success (a0 is 0) and without (a0 is 1); 5 and 6: the vCPU leaves its
 * hart and comes back, and meanwhile this was the hart's timer, or the vCPU's own (6: now it is a0); 7:
 * the vCPU's own, as it is; 8: its stats.halt_wakeup; 9: stats.blocking of the VM's first vCPU.
 */
#define SBI_EXT_POLL 0x0a0006abUL

sbi_fn sbi_poll;

/*
 * After a wait of `waited` ns, of which it polled for the first `window` ns: the next window. `most` is
 * how long a vCPU may poll, 0: not at all. *streak is the rule's own, of this vCPU, 0 at first.
 */
u32 poll_own_next(u32 window, u64 waited, u32 most, u32 *streak);

/* By toggle poll_rule=own, instead of adapt() of halt_poll.c. */
void poll_own_adapt(struct kvm_vcpu *vcpu, u64 waited, u32 most);

#endif
