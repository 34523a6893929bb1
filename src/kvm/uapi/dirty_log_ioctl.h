// SPDX-License-Identifier: MIT
/* dirty_log_ioctl.h - the ioctls of the dirty log. All take slots_lock and may sleep. */
#ifndef KVM_DIRTY_LOG_IOCTL_H
#define KVM_DIRTY_LOG_IOCTL_H

#include <linux/kvm.h>
#include "kvm.h"

/* -EINVAL: an invalid slot or range; -ENOENT: no slot, or one without a log; -ENOMEM, -EFAULT. */
int kvm_vm_ioctl_get_dirty_log(struct kvm *vm, const struct kvm_dirty_log *log);
int kvm_vm_ioctl_clear_dirty_log(struct kvm *vm, const struct kvm_clear_dirty_log *log);
/* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. -EINVAL: flags that Linux does not allow together. */
int dirty_log_set_manual(struct kvm *vm, u64 flags);

#endif
