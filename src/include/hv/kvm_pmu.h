// SPDX-License-Identifier: MIT
/*
 * kvm_pmu.h - ONE_REG registers with the state of a vCPU's SBI PMU: an extension of the KVM API,
 * which Linux does not have.
 *
 * The registers exist while the vCPU has the SBI extension PMU. All are 64 bits wide. A VMM that
 * restores the registers in ascending order of their numbers, into a vCPU whose counters are
 * stopped, gets the saved state. docs/kvm-api.md describes the values and their errors.
 */
#ifndef HV_KVM_PMU_H
#define HV_KVM_PMU_H

/* The type of the registers' ids: above all types of Linux. */
#define KVM_REG_RISCV_HS_PMU (0x68ULL << KVM_REG_RISCV_TYPE_SHIFT)

#define KVM_HS_PMU_LAYOUT 0 /* the number of counters, and their width; see below; constant */

/* Four registers for each counter. */
#define KVM_HS_PMU_COUNTER(n, field) (4 + 4 * (n) + (field))
#define KVM_HS_PMU_VALUE             0
#define KVM_HS_PMU_EVENT             1 /* event_idx of SBI; 0: none */
#define KVM_HS_PMU_DATA              2 /* event_data of SBI */
#define KVM_HS_PMU_INHIBIT           3 /* not counted: bit 0: in VU; bit 1: in VS */

/* Masks, with one bit for each counter. */
#define KVM_HS_PMU_CONFIGURED 0x110 /* the counter has an event */
#define KVM_HS_PMU_OVERFLOWN  0x111 /* it has overflowed since it was started */
#define KVM_HS_PMU_STARTED    0x112 /* it counts */

/* Registers of the whole PMU. */
#define KVM_HS_PMU_SNAPSHOT 0x113 /* guest physical address of the snapshot, or all ones: none */
#define KVM_HS_PMU_CLAIMED  0x114 /* 1: cycle and instret are counters of the guest's PMU */
#define KVM_HS_PMU_COUNT    0x115

/* Fields of KVM_HS_PMU_LAYOUT. */
#define KVM_HS_PMU_LAYOUT_HW    GENMASK(7, 0)   /* hardware counters are below this number */
#define KVM_HS_PMU_LAYOUT_ALL   GENMASK(15, 8)  /* firmware counters are below this number */
#define KVM_HS_PMU_LAYOUT_WIDTH GENMASK(23, 16) /* width of a hardware counter in bits */

#endif
