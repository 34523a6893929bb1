// SPDX-License-Identifier: MIT
/*
 * kvm_aplic.h - direct delivery of an APLIC in the kernel: an extension of the KVM API, which Linux
 * does not have.
 *
 * An AIA device (KVM_DEV_TYPE_RISCV_AIA) has an APLIC that sends MSIs to IMSICs. With the attribute
 * below, it has an APLIC that drives the vCPUs' external interrupts directly (domaincfg.DM reads as
 * 0), and no IMSICs. The APLIC then has an interrupt delivery control (IDC) structure per vCPU, by
 * vCPU index. docs/kvm-api.md describes the initialization, its errors and the state.
 */
#ifndef HV_KVM_APLIC_H
#define HV_KVM_APLIC_H

/* In group KVM_DEV_RISCV_AIA_GRP_CONFIG: a u32, above all numbers of Linux. */
#define KVM_DEV_HS_AIA_CONFIG_DELIVERY 0x68730001
#define KVM_DEV_HS_AIA_DELIVERY_MSI    0 /* initially */
#define KVM_DEV_HS_AIA_DELIVERY_DIRECT 1

/* Offsets, as the AIA specification has them, and for KVM_DEV_RISCV_AIA_GRP_APLIC. */
#define KVM_DEV_HS_APLIC_IDC(vcpu)  (0x4000 + 32 * (vcpu))
#define KVM_DEV_HS_APLIC_IDELIVERY  0x00
#define KVM_DEV_HS_APLIC_IFORCE     0x04
#define KVM_DEV_HS_APLIC_ITHRESHOLD 0x08
#define KVM_DEV_HS_APLIC_TOPI       0x18
#define KVM_DEV_HS_APLIC_CLAIMI     0x1c
/* Bytes of guest physical addresses: whole pages of 4 KiB. */
#define KVM_DEV_HS_APLIC_SIZE(vcpus) ((KVM_DEV_HS_APLIC_IDC(vcpus) + 0xfff) / 0x1000 * 0x1000)

#endif
