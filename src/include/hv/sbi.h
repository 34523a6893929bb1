// SPDX-License-Identifier: MIT
/*
 * sbi.h - numbers of the RISC-V Supervisor Binary Interface, version 2.0/3.0.
 *
 * Used by the host (a caller of OpenSBI), by the core (which answers a guest),
 * and by guest payloads. Source: riscv-non-isa/riscv-sbi-doc, chapters named.
 */
#ifndef HV_SBI_H
#define HV_SBI_H

#include "hv/bits.h"

/* Legacy extensions (SBI §5): one function each, result in a0 only. */
#define SBI_LEGACY_SET_TIMER              0x0
#define SBI_LEGACY_CONSOLE_PUTCHAR        0x1
#define SBI_LEGACY_CONSOLE_GETCHAR        0x2
#define SBI_LEGACY_CLEAR_IPI              0x3
#define SBI_LEGACY_SEND_IPI               0x4
#define SBI_LEGACY_REMOTE_FENCE_I         0x5
#define SBI_LEGACY_REMOTE_SFENCE_VMA      0x6
#define SBI_LEGACY_REMOTE_SFENCE_VMA_ASID 0x7
#define SBI_LEGACY_SHUTDOWN               0x8

#define SBI_EXT_BASE   0x10
#define SBI_EXT_TIME   0x54494d45
#define SBI_EXT_IPI    0x735049
#define SBI_EXT_RFENCE 0x52464e43
#define SBI_EXT_HSM    0x48534d
#define SBI_EXT_SRST   0x53525354
#define SBI_EXT_PMU    0x504d55
#define SBI_EXT_DBCN   0x4442434e
#define SBI_EXT_SUSP   0x53555350
#define SBI_EXT_STA    0x535441
#define SBI_EXT_FWFT   0x46574654

#define SBI_EXT_EXPERIMENTAL_START 0x08000000
#define SBI_EXT_EXPERIMENTAL_END   0x08ffffff
#define SBI_EXT_VENDOR_START       0x09000000
#define SBI_EXT_VENDOR_END         0x09ffffff

/* Base (SBI §4) */
#define SBI_BASE_GET_SPEC_VERSION 0
#define SBI_BASE_GET_IMP_ID       1
#define SBI_BASE_GET_IMP_VERSION  2
#define SBI_BASE_PROBE_EXT        3
#define SBI_BASE_GET_MVENDORID    4
#define SBI_BASE_GET_MARCHID      5
#define SBI_BASE_GET_MIMPID       6

#define SBI_TIME_SET_TIMER 0
#define SBI_IPI_SEND_IPI   0

/* Remote fences (SBI §8) */
#define SBI_RFENCE_FENCE_I          0
#define SBI_RFENCE_SFENCE_VMA       1
#define SBI_RFENCE_SFENCE_VMA_ASID  2
#define SBI_RFENCE_HFENCE_GVMA_VMID 3
#define SBI_RFENCE_HFENCE_GVMA      4
#define SBI_RFENCE_HFENCE_VVMA_ASID 5
#define SBI_RFENCE_HFENCE_VVMA      6

/* Hart state management (SBI §9) */
#define SBI_HSM_HART_START            0
#define SBI_HSM_HART_STOP             1
#define SBI_HSM_HART_GET_STATUS       2
#define SBI_HSM_HART_SUSPEND          3
#define SBI_HSM_STARTED               0
#define SBI_HSM_STOPPED               1
#define SBI_HSM_START_PENDING         2
#define SBI_HSM_STOP_PENDING          3
#define SBI_HSM_SUSPENDED             4
#define SBI_HSM_SUSPEND_PENDING       5
#define SBI_HSM_RESUME_PENDING        6
#define SBI_HSM_SUSPEND_RETENTIVE     0x00000000
#define SBI_HSM_SUSPEND_NON_RETENTIVE 0x80000000

/* System reset (SBI §10) */
#define SBI_SRST_RESET            0
#define SBI_SRST_TYPE_SHUTDOWN    0
#define SBI_SRST_TYPE_COLD_REBOOT 1
#define SBI_SRST_TYPE_WARM_REBOOT 2
#define SBI_SRST_REASON_NONE      0
#define SBI_SRST_REASON_SYSFAIL   1

/* Performance counters (SBI §11) */
#define SBI_PMU_NUM_COUNTERS       0
#define SBI_PMU_COUNTER_GET_INFO   1
#define SBI_PMU_COUNTER_CFG_MATCH  2
#define SBI_PMU_COUNTER_START      3
#define SBI_PMU_COUNTER_STOP       4
#define SBI_PMU_COUNTER_FW_READ    5
#define SBI_PMU_COUNTER_FW_READ_HI 6
#define SBI_PMU_SNAPSHOT_SET_SHMEM 7

#define SBI_PMU_CFG_SKIP_MATCH      BIT(0)
#define SBI_PMU_CFG_CLEAR_VALUE     BIT(1)
#define SBI_PMU_CFG_AUTO_START      BIT(2)
#define SBI_PMU_CFG_VUINH           BIT(3)
#define SBI_PMU_CFG_VSINH           BIT(4)
#define SBI_PMU_CFG_UINH            BIT(5)
#define SBI_PMU_CFG_SINH            BIT(6)
#define SBI_PMU_CFG_MINH            BIT(7)
#define SBI_PMU_START_SET_INIT      BIT(0)
#define SBI_PMU_START_INIT_SNAPSHOT BIT(1)
#define SBI_PMU_STOP_RESET          BIT(0)
#define SBI_PMU_STOP_TAKE_SNAPSHOT  BIT(1)

/* What counter_get_info answers. */
#define SBI_PMU_INFO_CSR   GENMASK(11, 0)
#define SBI_PMU_INFO_WIDTH GENMASK(17, 12) /* one less than the number of bits */
#define SBI_PMU_INFO_FW    BIT(BITS_PER_LONG - 1)

/* event_idx */
#define SBI_PMU_EVENT_TYPE      GENMASK(19, 16)
#define SBI_PMU_EVENT_CODE      GENMASK(15, 0)
#define SBI_PMU_TYPE_HW         0
#define SBI_PMU_TYPE_CACHE      1
#define SBI_PMU_TYPE_RAW        2
#define SBI_PMU_TYPE_FW         15
#define SBI_PMU_HW_CYCLES       1
#define SBI_PMU_HW_INSTRUCTIONS 2

/* Firmware events: codes of type 15. What is sent is _SENT, at the other end _SENT + 1. */
#define SBI_PMU_FW_MISALIGNED_LOAD      0
#define SBI_PMU_FW_MISALIGNED_STORE     1
#define SBI_PMU_FW_ACCESS_LOAD          2
#define SBI_PMU_FW_ACCESS_STORE         3
#define SBI_PMU_FW_ILLEGAL_INSN         4
#define SBI_PMU_FW_SET_TIMER            5
#define SBI_PMU_FW_IPI_SENT             6
#define SBI_PMU_FW_IPI_RECEIVED         7
#define SBI_PMU_FW_FENCE_I_SENT         8
#define SBI_PMU_FW_SFENCE_VMA_SENT      10
#define SBI_PMU_FW_SFENCE_VMA_ASID_SENT 12
#define SBI_PMU_FW_HFENCE_VVMA_SENT     18
#define SBI_PMU_FW_COUNT                22

/* Debug console (SBI §12) */
#define SBI_DBCN_WRITE      0
#define SBI_DBCN_READ       1
#define SBI_DBCN_WRITE_BYTE 2

/* System suspend (SBI §13) */
#define SBI_SUSP_SYSTEM_SUSPEND 0
#define SBI_SUSP_TO_RAM         0

/* Steal time (SBI §16) */
#define SBI_STA_SET_SHMEM 0

/* Firmware features (SBI 3.0, FWFT) */
#define SBI_FWFT_SET                0
#define SBI_FWFT_GET                1
#define SBI_FWFT_MISALIGNED         0
#define SBI_FWFT_LANDING_PAD        1
#define SBI_FWFT_SHADOW_STACK       2
#define SBI_FWFT_DOUBLE_TRAP        3
#define SBI_FWFT_AD_HW_UPDATING     4
#define SBI_FWFT_POINTER_MASK_PMLEN 5
#define SBI_FWFT_LOCK               1 /* flags of SET */

#define SBI_SUCCESS               0
#define SBI_ERR_FAILED            (-1)
#define SBI_ERR_NOT_SUPPORTED     (-2)
#define SBI_ERR_INVALID_PARAM     (-3)
#define SBI_ERR_DENIED            (-4)
#define SBI_ERR_INVALID_ADDRESS   (-5)
#define SBI_ERR_ALREADY_AVAILABLE (-6)
#define SBI_ERR_ALREADY_STARTED   (-7)
#define SBI_ERR_ALREADY_STOPPED   (-8)
#define SBI_ERR_NO_SHMEM          (-9)
#define SBI_ERR_DENIED_LOCKED     (-14)

#ifndef __ASSEMBLER__
struct sbiret {
	long error;
	long value;
};
#endif

#endif
