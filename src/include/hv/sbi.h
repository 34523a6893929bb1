// SPDX-License-Identifier: MIT
/*
 * sbi.h - constants of the RISC-V SBI: the rows of sbi.def, and values of arguments.
 *
 * Used by the host (which calls OpenSBI), by the core (which answers a guest), by guest payloads
 * and by the readers of traces.
 */
#ifndef HV_SBI_H
#define HV_SBI_H

#include "hv/bits.h"

#ifdef __ASSEMBLER__
#define SBI_EXTENSION(ext, number, class, version)      .equ SBI_EXT_##ext, number
#define SBI_LEGACY(call, number, class, name, version)  .equ SBI_LEGACY_##call, number
#define SBI_FUNCTION(ext, function, fid, name, version) .equ SBI_##ext##_##function, fid
#include "hv/sbi.def"
#else
#include "hv/types.h"
enum {
#define SBI_EXTENSION(ext, number, class, version)      SBI_EXT_##ext = number,
#define SBI_LEGACY(call, number, class, name, version)  SBI_LEGACY_##call = number,
#define SBI_FUNCTION(ext, function, fid, name, version) SBI_##ext##_##function = fid,
#define SBI_ERROR(error, value, name)                   SBI_##error = value,
#include "hv/sbi.def"
};

struct sbiret {
	long error;
	long value;
};

/* An entry of the shared memory of PMU event_get_info. */
struct sbi_pmu_event_info {
	u32 event;
	u32 output; /* 1: the event can be counted */
	u64 data;
};
#endif

#define SBI_EXT_EXPERIMENTAL_START 0x08000000
#define SBI_EXT_EXPERIMENTAL_END   0x08ffffff
#define SBI_EXT_VENDOR_START       0x09000000
#define SBI_EXT_VENDOR_END         0x09ffffff

/* Hart state management (SBI §9) */
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
#define SBI_SRST_TYPE_SHUTDOWN    0
#define SBI_SRST_TYPE_COLD_REBOOT 1
#define SBI_SRST_TYPE_WARM_REBOOT 2
#define SBI_SRST_REASON_NONE      0
#define SBI_SRST_REASON_SYSFAIL   1

/* Performance counters (SBI §11) */
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

/* The result of counter_get_info. */
#define SBI_PMU_INFO_CSR   GENMASK(11, 0)
#define SBI_PMU_INFO_WIDTH GENMASK(17, 12) /* one less than the number of bits */
#define SBI_PMU_INFO_FW    BIT(BITS_PER_LONG - 1)

/* event_idx */
#define SBI_PMU_EVENT_TYPE      GENMASK(19, 16)
#define SBI_PMU_EVENT_CODE      GENMASK(15, 0)
#define SBI_PMU_TYPE_HW         0
#define SBI_PMU_TYPE_CACHE      1
#define SBI_PMU_TYPE_RAW        2
#define SBI_PMU_TYPE_RAW_V2     3
#define SBI_PMU_TYPE_FW         15
#define SBI_PMU_HW_CYCLES       1
#define SBI_PMU_HW_INSTRUCTIONS 2

/*
 * Firmware events: codes of type 15. The hart that sends an IPI or a remote fence counts the event
 * *_SENT, and the hart that receives it counts the event *_SENT + 1.
 */
#define SBI_PMU_FW_MISALIGNED_LOAD       0
#define SBI_PMU_FW_MISALIGNED_STORE      1
#define SBI_PMU_FW_ACCESS_LOAD           2
#define SBI_PMU_FW_ACCESS_STORE          3
#define SBI_PMU_FW_ILLEGAL_INSN          4
#define SBI_PMU_FW_SET_TIMER             5
#define SBI_PMU_FW_IPI_SENT              6
#define SBI_PMU_FW_IPI_RECEIVED          7
#define SBI_PMU_FW_FENCE_I_SENT          8
#define SBI_PMU_FW_SFENCE_VMA_SENT       10
#define SBI_PMU_FW_SFENCE_VMA_ASID_SENT  12
#define SBI_PMU_FW_HFENCE_GVMA_SENT      14
#define SBI_PMU_FW_HFENCE_GVMA_VMID_SENT 16
#define SBI_PMU_FW_HFENCE_VVMA_SENT      18
#define SBI_PMU_FW_HFENCE_VVMA_ASID_SENT 20
#define SBI_PMU_FW_COUNT                 22

/* System suspend (SBI §13) */
#define SBI_SUSP_TO_RAM 0

/* Firmware features (SBI 3.0, FWFT) */
#define SBI_FWFT_MISALIGNED         0
#define SBI_FWFT_LANDING_PAD        1
#define SBI_FWFT_SHADOW_STACK       2
#define SBI_FWFT_DOUBLE_TRAP        3
#define SBI_FWFT_AD_HW_UPDATING     4
#define SBI_FWFT_POINTER_MASK_PMLEN 5
#define SBI_FWFT_LOCK               1 /* flags of SET */

#endif
