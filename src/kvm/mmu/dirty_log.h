// SPDX-License-Identifier: MIT
/* dirty_log.h - each memory slot's log of the pages that the guest has written. */
#ifndef KVM_DIRTY_LOG_H
#define KVM_DIRTY_LOG_H

#include <linux/kvm.h>
#include "kvm.h"

struct dirty_log;
struct memslot;

/* Both may sleep. */
struct dirty_log *dirty_log_alloc(u64 npages, bool all_dirty); /* NULL: no memory */
void dirty_log_free(struct dirty_log *log);
/*
 * Mark page gfn as dirty in the log of its slot, which must have a log, or in the vCPU's ring.
 * mmu_lock held.
 */
void dirty_log_mark(struct kvm_vcpu *vcpu, const struct memslot *slot, gfn_t gfn);

/*
 * The two functions below need slots_lock, take mmu_lock and may sleep. `copy` is a page for their
 * use. They return 0 or -EFAULT.
 */

/* Copy the log to user space at `to`, and clear it unless KVM_CLEAR_DIRTY_LOG is to do that. */
int dirty_log_get(struct kvm *vm, const struct memslot *slot, u64 *copy, hva_t to);
/*
 * If `apply` is true, clear the bits that user space names in its bitmap; otherwise only check that
 * the bitmap can be read.
 */
int dirty_log_clear(struct kvm *vm, const struct memslot *slot, u64 *copy,
		    const struct kvm_clear_dirty_log *log, bool apply);

#endif
