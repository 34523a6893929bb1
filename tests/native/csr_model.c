// SPDX-License-Identifier: MIT
/*
 * csr_model.c - model CSRs as an array per hart, with the WARL rules on which the core depends.
 *
 * An access to a CSR that hv/csr.def does not list is a bug in the caller, and panics. Aliases are
 * modeled where the core depends on them: hip shows hvip and the line of the selected guest
 * interrupt file, and vsip shows those bits of both that hideleg delegates.
 */
#include <string.h>
#include "native.h"
#include "native_host.h"

#define CSR_COUNT 0x1000

static const char *const names[CSR_COUNT] = {
#define CSR(name, number, source) [number] = #name,
#include "hv/csr.def"
#undef CSR
};

static unsigned long csrs[HV_MAX_HARTS][CSR_COUNT];
static unsigned int writes[CSR_COUNT];
static unsigned int hgatp_modes;
static unsigned long hgatp_vmid;
static u64 clock_ticks;
unsigned long native_vsip_shows = ~0UL;

void native_clock_set(u64 ticks)
{
	__atomic_store_n(&clock_ticks, ticks, __ATOMIC_SEQ_CST);
}

void native_hgatp_set(unsigned int modes, unsigned int vmid_bits)
{
	hgatp_modes = modes;
	hgatp_vmid = FIELD_PREP(HGATP_VMID, (1UL << vmid_bits) - 1);
}

static unsigned long *slot(enum csr_number csr)
{
	if ((unsigned int)csr >= CSR_COUNT || !names[csr])
		hv_panic("native CSRs: 0x%x has no row in csr.def\n", csr);
	return &csrs[hv_hart()][csr];
}

unsigned long native_csr_read(enum csr_number csr)
{
	unsigned long value = *slot(csr);

	switch (csr) {
	case CSR_time:
		return (unsigned long)__atomic_load_n(&clock_ticks, __ATOMIC_SEQ_CST);
	case CSR_vlenb:
		return NATIVE_VLENB;
	case CSR_hip:
		return *slot(CSR_hvip) | native_guest_file_line();
	case CSR_vsip:
		return ((*slot(CSR_hvip) | native_guest_file_line()) & *slot(CSR_hideleg)) >> 1 &
		       native_vsip_shows;
	case CSR_vsireg:
		return *native_guest_file_register();
	case CSR_vstopi: /* only the interrupt that hvictl has */
		value = *slot(CSR_hvictl);
		return value & HVICTL_VTI ? (value & HVICTL_IID) | 1 : 0;
	default:
		return value;
	}
}

/* Return the value that a CSR with the value `old` has after `value` is written to it. */
static unsigned long legal(enum csr_number csr, unsigned long old, unsigned long value)
{
	unsigned long mode;

	switch (csr) {
	case CSR_hgatp:
		/*
		 * As in QEMU, a write with an unsupported MODE changes nothing, and PPN[1:0] are
		 * writable.
		 */
		mode = FIELD_GET(HGATP_MODE, value);
		if (!mode && value)
			hv_panic("native CSRs: hgatp 0x%lx: Bare with other bits set (H §2.10)\n",
				 value);
		if (mode && !(hgatp_modes >> mode & 1))
			return old;
		return (value & (HGATP_MODE | HGATP_PPN)) | (value & hgatp_vmid);
	case CSR_vsatp:
		mode = FIELD_GET(SATP_MODE, value);
		if (mode != SATP_MODE_BARE && (mode < SATP_MODE_SV39 || mode > SATP_MODE_SV57))
			return old;
		return value;
	case CSR_hviprio1: /* read-only zero for interrupts 0, 4 and 8 */
		return value & 0xffffff00ff00ff00;
	case CSR_hedeleg: /* the exceptions that QEMU 10 can delegate */
		return value & 0x4b1ff;
	case CSR_hideleg:
		return value & 0x2444;
	case CSR_hvip:
		return value & 0x2444;
	case CSR_hvien:
		return native_quirks.no_lcofi ? value & ~BIT(IRQ_PMU_OVF) : value;
	case CSR_vsstatus:
		return value & ~native_quirks.vsstatus_zero;
	case CSR_hcounteren:
		return native_quirks.no_tm ? value & ~COUNTEREN_TM : value;
	case CSR_henvcfg:
		return hv_isa_has("ssnpm") ? value : value & ~(unsigned long)ENVCFG_PMM;
	default:
		return value;
	}
}

unsigned long native_csr_swap(enum csr_number csr, unsigned long value)
{
	unsigned long old = native_csr_read(csr);
	unsigned long *p = slot(csr);
	hpa_t hpa;

	__atomic_fetch_add(&writes[csr], 1, __ATOMIC_RELAXED);
	if (csr == CSR_hgatp && old && native_quirks.translated)
		native_gstage_access(native_quirks.translated, NATIVE_LOAD, &hpa);
	if (csr == CSR_vsip) /* the guest can write only SSIP */
		p = slot(CSR_hvip), value = (*p & ~BIT(IRQ_VS_SOFT)) | (value & 2) << 1;
	if (csr == CSR_vsireg)
		p = native_guest_file_register();
	*p = legal(csr, *p, value);
	if (csr == CSR_hgatp)
		native_hgatp_written();
	return old;
}

unsigned long native_csr_read_set(enum csr_number csr, unsigned long bits)
{
	return native_csr_swap(csr, native_csr_read(csr) | bits);
}

unsigned long native_csr_read_clear(enum csr_number csr, unsigned long bits)
{
	return native_csr_swap(csr, native_csr_read(csr) & ~bits);
}

void native_csr_poke(enum csr_number csr, unsigned long value)
{
	*slot(csr) = value;
}

unsigned int native_csr_writes(enum csr_number csr)
{
	return writes[csr];
}

void native_csrs_reset(void)
{
	memset(csrs, 0, sizeof(csrs));
	memset(writes, 0, sizeof(writes));
	native_vsip_shows = ~0UL;
	native_hgatp_set(1 << SATP_MODE_SV39 | 1 << SATP_MODE_SV48 | 1 << SATP_MODE_SV57, 14);
}
