// SPDX-License-Identifier: MIT
/* dirty_log_ioctl.h - the ioctls of the dirty log. All take slots_lock and may sleep. */
#ifndef KVM_DIRTY_LOG_IOCTL_H
#define KVM_DIRTY_LOG_IOCTL_H

#include <linux/kvm.h>
#include "kvm.h"

/*
 * Errors: -ENXIO (the VM has dirty rings instead), -EINVAL (an invalid slot id or range), -ENOENT
 * (no such slot, or a slot without a log), -ENOMEM and -EFAULT.
 */
int kvm_vm_ioctl_get_dirty_log(struct kvm *vm, const struct kvm_dirty_log *log);
int kvm_vm_ioctl_clear_dirty_log(struct kvm *vm, const struct kvm_clear_dirty_log *log);
/*
 * Set the flags of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. Returns -EINVAL if Linux does not allow this
 * combination of flags.
 */
int dirty_log_set_manual(struct kvm *vm, u64 flags);

#endif
