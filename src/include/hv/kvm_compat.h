// SPDX-License-Identifier: MIT
/*
 * kvm_compat.h - constants of the KVM interface that are newer than Linux 6.12's headers.
 *
 * Source: arch/riscv/include/uapi/asm/kvm.h of Linux 6.13 (SUSP), and of 6.18 and later (FWFT);
 * include/uapi/linux/kvm.h of 6.16 and later (the capability). #ifdef cannot test for enum
 * constants, so the constants that belong to an enum in Linux have names of our own in this file.
 */
#ifndef HV_KVM_COMPAT_H
#define HV_KVM_COMPAT_H

#ifndef KVM_CAP_RISCV_MP_STATE_RESET
#define KVM_CAP_RISCV_MP_STATE_RESET 242
#endif

/* IDs that follow KVM_RISCV_SBI_EXT_STA in enum KVM_RISCV_SBI_EXT_ID, and the number of IDs. */
#define KVM_COMPAT_SBI_EXT_SUSP  11
#define KVM_COMPAT_SBI_EXT_FWFT  12
#define KVM_COMPAT_SBI_EXT_COUNT 13

/*
 * The registers of FWFT, a subtype of KVM_REG_RISCV_SBI_STATE: three registers for each feature.
 *
 * ORDER: sbi_fwft.c's features
 */
#define KVM_COMPAT_REG_SBI_FWFT       (1ULL << 16)
#define KVM_COMPAT_FWFT_MISALIGNED    0
#define KVM_COMPAT_FWFT_PMLEN         3
#define KVM_COMPAT_FWFT_AD_HW         6
#define KVM_COMPAT_FWFT_REGS          9
#define KVM_COMPAT_FWFT_OFFSET_ENABLE 0 /* 1: the guest may use the feature */
#define KVM_COMPAT_FWFT_OFFSET_FLAGS  1 /* bit 0: locked */
#define KVM_COMPAT_FWFT_OFFSET_VALUE  2

#endif
