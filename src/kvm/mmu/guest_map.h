// SPDX-License-Identifier: MIT
/*
 * guest_map.h - pages of guest memory that the core reads and writes at many exits.
 *
 * A copy from or to user memory costs some 100 instructions, so these pages are mapped in the
 * kernel. No reference is held on them: the notifier takes them back like the pages of the G-stage
 * table, and the next access maps them again. An access is a section, and changes of the memory map
 * and the notifier wait for its end as they wait for the guest itself (memslot_store_begin()).
 */
#ifndef KVM_GUEST_MAP_H
#define KVM_GUEST_MAP_H

#include "kvm.h"

/*
 * Use the pages at gpa, which is page-aligned, from now on. vcpu->mutex held, outside of a section.
 */
void guest_map_set(struct kvm_vcpu *vcpu, gpa_t gpa);
/*
 * Begin a section: vcpu->map.va[] are the pages' addresses in the kernel. Returns 0; -EFAULT if the
 * pages are not in one writable slot, or not in user memory; -EINTR; -ENOMEM; -EAGAIN if user space
 * has changed the memory several times meanwhile, or the dirty ring has no room; the caller looks for
 * requests before it tries again. May sleep. Only the vCPU's thread, with the vCPU loaded and outside
 * the guest. Between a successful begin and guest_map_end(), the thread is pinned (hv/pin.h). The
 * guest can change the pages at any time.
 */
int guest_map_begin(struct kvm_vcpu *vcpu);
/* Like guest_map_begin(), but does not sleep: returns false if the pages have to be mapped first. */
bool guest_map_try(struct kvm_vcpu *vcpu);
/* End a section that has written to the pages of `written`, as bits. */
void guest_map_end(struct kvm_vcpu *vcpu, unsigned int written);

/*
 * For the notifier: no section uses a page in [start, end) after this function and a request to all
 * vCPUs. Returns true if this request is needed. mmu_lock held.
 */
bool guest_map_unmap(struct kvm *vm, hva_t start, hva_t end);

#endif
