// SPDX-License-Identifier: MIT
/* kvm_file.h - /dev/kvm comes with it; called when the core has started. */
#ifndef HOST_KVM_FILE_H
#define HOST_KVM_FILE_H

void kvm_file_init(void);

#endif
