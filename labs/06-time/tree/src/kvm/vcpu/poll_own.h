/* SPDX-License-Identifier: MIT */
/*
 * poll_own.h - your variant's rule for the polling window (labs/06-time/YOURS.md)
 */
#ifndef KVM_POLL_OWN_H
#define KVM_POLL_OWN_H

#include "sbi/sbi.h"

/*
 * The course's own SBI extension, for the guests that test this lab. Its functions:
 *
 *   0  return this vCPU's window in ns
 *   1  set this vCPU's window to a0 and its streak to 0
 *   2  return the next window that poll_own_next() computes from window a0, waited a1, most a2 and
 *      streak a3, with the next streak in bits 63 to 32
 *   3  return the guest's time as the core computes it
 *   4  return how long this vCPU has polled, in ns, with success (a0 = 0) or without (a0 = 1)
 *   5  put and load the vCPU; in between, read the hart's timer; return what was read
 *   6  put and load the vCPU; in between, read the vCPU's timer and set it to a0; return what was
 *      read
 *   7  return the vCPU's timer
 *   8  return the vCPU's stats.halt_wakeup
 *   9  return stats.blocking of the VM's first vCPU
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
