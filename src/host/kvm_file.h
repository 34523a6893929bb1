// SPDX-License-Identifier: MIT
/* kvm_file.h - create /dev/kvm once the core has started. */
#ifndef HOST_KVM_FILE_H
#define HOST_KVM_FILE_H

void kvm_file_init(void);

#endif
