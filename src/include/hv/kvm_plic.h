// SPDX-License-Identifier: MIT
/*
 * kvm_plic.h - the PLIC in the kernel: an extension of the KVM API, which Linux does not have.
 *
 * A VMM creates the device with KVM_CREATE_DEVICE before any vCPU runs, sets the number of sources
 * and the address, and initializes it. Then KVM_IRQ_LINE sets the level of a source, and
 * KVM_SET_GSI_ROUTING and KVM_IRQFD work as with Linux's AIA device, except that there are no MSIs.
 * The registers are those of the PLIC specification 1.0.0. Context 2n is for M-mode of the vCPU
 * with id n: its registers read as zero. Context 2n + 1 is for S-mode: it drives the vCPU's
 * external interrupt. docs/kvm-api.md describes the attributes and their errors.
 */
#ifndef HV_KVM_PLIC_H
#define HV_KVM_PLIC_H

/* The type in struct kvm_create_device: above all types of Linux. */
#define KVM_DEV_TYPE_HS_PLIC 0x68730001

/* Attribute groups. Each value is a u32, except for the address, which is a u64. */
#define KVM_DEV_HS_PLIC_GRP_CONFIG     0
#define KVM_DEV_HS_PLIC_CONFIG_SOURCES 0 /* 1 to 1023; before initialization; initially 31 */
#define KVM_DEV_HS_PLIC_GRP_ADDR       1
#define KVM_DEV_HS_PLIC_ADDR_BASE      0 /* guest physical address, a multiple of 4 KiB */
#define KVM_DEV_HS_PLIC_GRP_CTRL       2
#define KVM_DEV_HS_PLIC_CTRL_INIT      0 /* no value; all vCPUs of the VM have been created */
/*
 * State, to save and restore a VM: the attribute is the register's offset. Registers are accessed
 * without side effects: a pending bit can be written, and reading a claim register claims nothing.
 * The three arrays that a PLIC does not show are at offsets that its specification reserves.
 */
#define KVM_DEV_HS_PLIC_GRP_STATE     3
#define KVM_DEV_HS_PLIC_STATE_LEVEL   0x1100 /* one bit per source: its line is high */
#define KVM_DEV_HS_PLIC_STATE_SERVICE 0x1180 /* one bit per source: claimed, not completed */
#define KVM_DEV_HS_PLIC_STATE_EDGE    0x1200 /* an edge arrived while it was in service */

#define KVM_DEV_HS_PLIC_SOURCES_MAX 1023
#define KVM_DEV_HS_PLIC_SIZE        0x4000000 /* bytes of guest physical addresses */

#endif
