// SPDX-License-Identifier: MIT
/*
 * kvm_compat.h - constants of the KVM interface of Linux 7.3 that are newer than Linux 6.12's
 * headers.
 *
 * Source: include/uapi/linux/kvm.h and arch/riscv/include/uapi/asm/kvm.h of Linux 7.3. Names and
 * numbers are Linux's. Since #ifdef cannot test for enum constants, they are macros here. Include
 * <linux/kvm.h> first: once it has declared its enums, the macros do no harm, even if the headers
 * are newer. What Linux describes by a struct has a KVM_COMPAT_ name.
 */
#ifndef HV_KVM_COMPAT_H
#define HV_KVM_COMPAT_H

#ifndef KVM_CAP_RISCV_MP_STATE_RESET
#define KVM_CAP_RISCV_MP_STATE_RESET 242
#endif

/* The page where a vCPU's mapping has its dirty ring; 6.12's headers define it as 0 (none). */
#undef KVM_DIRTY_LOG_PAGE_OFFSET
#define KVM_DIRTY_LOG_PAGE_OFFSET 64

/* IDs that follow KVM_RISCV_ISA_EXT_ZAWRS in enum KVM_RISCV_ISA_EXT_ID, and the number of IDs. */
#define KVM_RISCV_ISA_EXT_SMNPM    62
#define KVM_RISCV_ISA_EXT_SSNPM    63
#define KVM_RISCV_ISA_EXT_SVADE    64
#define KVM_RISCV_ISA_EXT_SVADU    65
#define KVM_RISCV_ISA_EXT_SVVPTC   66
#define KVM_RISCV_ISA_EXT_ZABHA    67
#define KVM_RISCV_ISA_EXT_ZICCRSE  68
#define KVM_RISCV_ISA_EXT_ZAAMO    69
#define KVM_RISCV_ISA_EXT_ZALRSC   70
#define KVM_RISCV_ISA_EXT_ZICBOP   71
#define KVM_RISCV_ISA_EXT_ZFBFMIN  72
#define KVM_RISCV_ISA_EXT_ZVFBFMIN 73
#define KVM_RISCV_ISA_EXT_ZVFBFWMA 74
#define KVM_RISCV_ISA_EXT_ZCLSD    75
#define KVM_RISCV_ISA_EXT_ZILSD    76
#define KVM_RISCV_ISA_EXT_ZALASR   77
#define KVM_RISCV_ISA_EXT_ZICFILP  78
#define KVM_RISCV_ISA_EXT_ZICFISS  79
#define KVM_RISCV_ISA_EXT_MAX      80

/* The register that follows satp_mode in struct kvm_riscv_config, and the number of registers. */
#define KVM_COMPAT_CONFIG_ZICBOP_BLOCK_SIZE 7
#define KVM_COMPAT_CONFIG_COUNT             8

/* IDs that follow KVM_RISCV_SBI_EXT_STA in enum KVM_RISCV_SBI_EXT_ID, and the number of IDs. */
#define KVM_RISCV_SBI_EXT_SUSP 11
#define KVM_RISCV_SBI_EXT_FWFT 12
#define KVM_RISCV_SBI_EXT_MPXY 13
#define KVM_RISCV_SBI_EXT_MAX  14

/*
 * The registers of FWFT, a subtype of KVM_REG_RISCV_SBI_STATE: three registers for each feature.
 *
 * ORDER: sbi_fwft.c's features
 */
#define KVM_COMPAT_REG_SBI_FWFT       (1ULL << 16)
#define KVM_COMPAT_FWFT_MISALIGNED    0
#define KVM_COMPAT_FWFT_PMLEN         3
#define KVM_COMPAT_FWFT_AD_HW         6
#define KVM_COMPAT_FWFT_REGS          15 /* the last six: landing_pad, shadow_stack */
#define KVM_COMPAT_FWFT_OFFSET_ENABLE 0  /* 1: the guest may use the feature */
#define KVM_COMPAT_FWFT_OFFSET_FLAGS  1  /* bit 0: locked */
#define KVM_COMPAT_FWFT_OFFSET_VALUE  2

#endif
