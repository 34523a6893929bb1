// SPDX-License-Identifier: MIT
/*
 * csr.h - control and status registers: numbers, fields, access.
 *
 * Fields are named as in the manual and defined by their bit positions. The core's C code accesses
 * CSRs only through the accessors: on the native test host, these use a model (native_csr_*), so
 * the C code runs there unchanged.
 */
#ifndef HV_CSR_H
#define HV_CSR_H

#include "hv/bits.h"

/* sstatus, vsstatus */
#define SSTATUS_SIE  BIT(1)
#define SSTATUS_SPIE BIT(5)
#define SSTATUS_UBE  BIT(6)
#define SSTATUS_SPP  BIT(8)
#define SSTATUS_VS   GENMASK(10, 9)
#define SSTATUS_FS   GENMASK(14, 13)
#define SSTATUS_XS   GENMASK(16, 15)
#define SSTATUS_SUM  BIT(18)
#define SSTATUS_MXR  BIT(19)
#define SSTATUS_SD   BIT(BITS_PER_LONG - 1)
#define FS_OFF       0
#define FS_INITIAL   1
#define FS_CLEAN     2
#define FS_DIRTY     3

/* hstatus (H §2.1) */
#define HSTATUS_VSBE  BIT(5)
#define HSTATUS_GVA   BIT(6)
#define HSTATUS_SPV   BIT(7)
#define HSTATUS_SPVP  BIT(8)
#define HSTATUS_HU    BIT(9)
#define HSTATUS_VGEIN GENMASK(17, 12)
#define HSTATUS_VTVM  BIT(20)
#define HSTATUS_VTW   BIT(21)
#define HSTATUS_VTSR  BIT(22)
#define XL_64         2 /* value of SXL, UXL and VSXL: 64 bits */

/* scause: set for an interrupt, clear for an exception (hv/cause.h) */
#define CAUSE_IRQ_FLAG BIT(BITS_PER_LONG - 1)

/* counters: bits of scounteren and hcounteren */
#define COUNTEREN_CY BIT(0)
#define COUNTEREN_TM BIT(1)
#define COUNTEREN_IR BIT(2)

#if __SIZEOF_LONG__ == 8
#define SSTATUS_UXL  GENMASK(33, 32)
#define HSTATUS_VSXL GENMASK(33, 32)
#define SATP_MODE    GENMASK(63, 60)
#define SATP_ASID    GENMASK(59, 44)
#define SATP_PPN     GENMASK(43, 0)
#define HGATP_MODE   GENMASK(63, 60)
#define HGATP_VMID   GENMASK(57, 44)
#define HGATP_PPN    GENMASK(43, 0)
#else
#define SSTATUS_UXL  0
#define HSTATUS_VSXL 0
#define SATP_MODE    BIT(31)
#define SATP_ASID    GENMASK(30, 22)
#define SATP_PPN     GENMASK(21, 0)
#define HGATP_MODE   BIT(31)
#define HGATP_VMID   GENMASK(28, 22)
#define HGATP_PPN    GENMASK(21, 0)
#endif

#define HVICTL_VTI    BIT(30) /* IID is the interrupt, unless it is 9 */
#define HVICTL_IID    GENMASK(27, 16)
#define HVICTL_DPR    BIT(9)
#define HVICTL_IPRIOM BIT(8)
#define HVICTL_IPRIO  GENMASK(7, 0)

#define TOPI_IID GENMASK(27, 16) /* of stopi and vstopi; IPRIO is in bits 7:0 */

/* hstateen0 and henvcfg (H §2.5) are 64 bits wide on every XLEN, so use these masks with u64 */
#define HSTATEEN0_IMSIC   (1ULL << 58) /* the guest may use stopei */
#define HSTATEEN0_AIA     (1ULL << 59) /* the guest may use stopi */
#define HSTATEEN0_CSRIND  (1ULL << 60) /* the guest may use siselect and sireg */
#define HSTATEEN0_ENVCFG  (1ULL << 62) /* the guest may use senvcfg */
#define HSTATEEN0_STATEEN (1ULL << 63) /* the guest may use sstateen0 */
#define ENVCFG_FIOM       BIT(0)
#define ENVCFG_CBIE       GENMASK(5, 4)
#define ENVCFG_CBCFE      BIT(6)
#define ENVCFG_CBZE       BIT(7)
#define ENVCFG_PMM        (3ULL << 32)
#define ENVCFG_PMM_0      0 /* values of PMM: no bits masked, the upper 7, or the upper 16 */
#define ENVCFG_PMM_7      2
#define ENVCFG_PMM_16     3
#define ENVCFG_ADUE       (1ULL << 61)
#define ENVCFG_PBMTE      (1ULL << 62)
#define ENVCFG_STCE       (1ULL << 63)

#ifndef __ASSEMBLER__

#include "hv/cause.h"

enum csr_number {
#define CSR(name, number, source) CSR_##name = number,
#include "hv/csr.def"
#undef CSR
};

#ifdef __riscv

#define csr_read(csr)                                                                    \
	({                                                                               \
		unsigned long __v;                                                       \
		__asm__ volatile("csrr %0, %1" : "=r"(__v) : "i"(CSR_##csr) : "memory"); \
		__v;                                                                     \
	})
#define csr_write(csr, value) \
	__asm__ volatile("csrw %0, %1" ::"i"(CSR_##csr), "rK"((unsigned long)(value)) : "memory")
#define csr_set(csr, bits) \
	__asm__ volatile("csrs %0, %1" ::"i"(CSR_##csr), "rK"((unsigned long)(bits)) : "memory")
#define csr_clear(csr, bits) \
	__asm__ volatile("csrc %0, %1" ::"i"(CSR_##csr), "rK"((unsigned long)(bits)) : "memory")
#define csr_swap(csr, value)                                                    \
	({                                                                      \
		unsigned long __v;                                              \
		__asm__ volatile("csrrw %0, %1, %2"                             \
				 : "=r"(__v)                                    \
				 : "i"(CSR_##csr), "rK"((unsigned long)(value)) \
				 : "memory");                                   \
		__v;                                                            \
	})
/* Set bits of a CSR and return its old value in one instruction, so no trap can come in between. */
#define csr_read_set(csr, bits)                                                \
	({                                                                     \
		unsigned long __v;                                             \
		__asm__ volatile("csrrs %0, %1, %2"                            \
				 : "=r"(__v)                                   \
				 : "i"(CSR_##csr), "rK"((unsigned long)(bits)) \
				 : "memory");                                  \
		__v;                                                           \
	})
#define csr_read_clear(csr, bits)                                              \
	({                                                                     \
		unsigned long __v;                                             \
		__asm__ volatile("csrrc %0, %1, %2"                            \
				 : "=r"(__v)                                   \
				 : "i"(CSR_##csr), "rK"((unsigned long)(bits)) \
				 : "memory");                                  \
		__v;                                                           \
	})

#else /* the native test host: tests/native/csr_model.c */

unsigned long native_csr_read(enum csr_number csr);
unsigned long native_csr_swap(enum csr_number csr, unsigned long value);
unsigned long native_csr_read_set(enum csr_number csr, unsigned long bits);
unsigned long native_csr_read_clear(enum csr_number csr, unsigned long bits);

#define csr_read(csr)             native_csr_read(CSR_##csr)
#define csr_write(csr, value)     ((void)native_csr_swap(CSR_##csr, (unsigned long)(value)))
#define csr_set(csr, bits)        ((void)native_csr_read_set(CSR_##csr, (unsigned long)(bits)))
#define csr_clear(csr, bits)      ((void)native_csr_read_clear(CSR_##csr, (unsigned long)(bits)))
#define csr_swap(csr, value)      native_csr_swap(CSR_##csr, (unsigned long)(value))
#define csr_read_set(csr, bits)   native_csr_read_set(CSR_##csr, (unsigned long)(bits))
#define csr_read_clear(csr, bits) native_csr_read_clear(CSR_##csr, (unsigned long)(bits))

#endif

/* Read time and instret: 64 bits wide on every XLEN. */
#if __SIZEOF_LONG__ == 8
static inline unsigned long long csr_time(void)
{
	return csr_read(time);
}

static inline unsigned long long csr_instret(void)
{
	return csr_read(instret);
}
#else
static inline unsigned long long csr_time(void)
{
	unsigned long hi, lo;

	do {
		hi = csr_read(timeh);
		lo = csr_read(time);
	} while (hi != csr_read(timeh));
	return (unsigned long long)hi << 32 | lo;
}

static inline unsigned long long csr_instret(void)
{
	unsigned long hi, lo;

	do {
		hi = csr_read(instreth);
		lo = csr_read(instret);
	} while (hi != csr_read(instreth));
	return (unsigned long long)hi << 32 | lo;
}
#endif

#endif
#endif
