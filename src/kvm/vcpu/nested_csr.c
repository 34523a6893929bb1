// SPDX-License-Identifier: MIT
/*
 * nested_csr.c - the H and VS CSRs of a vCPU with H, as its HS mode sees them.
 *
 * A CSR holds only legal values; a write of any other value stores a legal one (WARL). L2's CSRs
 * are not loaded: L1 runs, or the vCPU is not loaded. So no value is in the hart. All are in struct
 * nested, except for hgeip (nested_host) and hip, which is computed (nested_hip()).
 */
#include "mmu/gpa.h"
#include "mmu/shadow.h"
#include "request.h"
#include "vcpu/aia.h"
#include "vcpu/csr_access.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"
#include "vcpu/timer.h"

#define HSTATUS_WRITABLE                                                                      \
	(HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_HU | HSTATUS_VTVM | HSTATUS_VTW | \
	 HSTATUS_VTSR)
/* All exceptions but ecalls of privileged modes and those that H adds (H §2.2, table 6). */
#define HEDELEG_WRITABLE                                                                   \
	(BIT(EXC_INST_MISALIGNED) | BIT(EXC_INST_ACCESS_FAULT) | BIT(EXC_ILLEGAL_INST) |   \
	 BIT(EXC_BREAKPOINT) | BIT(EXC_LOAD_MISALIGNED) | BIT(EXC_LOAD_ACCESS_FAULT) |     \
	 BIT(EXC_STORE_MISALIGNED) | BIT(EXC_STORE_ACCESS_FAULT) | BIT(EXC_ECALL_U) |      \
	 BIT(EXC_INST_PAGE_FAULT) | BIT(EXC_LOAD_PAGE_FAULT) | BIT(EXC_STORE_PAGE_FAULT) | \
	 BIT(EXC_SOFTWARE_CHECK) | BIT(EXC_HARDWARE_ERROR))

/* A CSR whose value is a field of struct nested, where a write changes only some bits. */
struct plain_csr {
	unsigned int offset;
	bool chooses; /* nested.checks depends on it */
	unsigned long writable;
};

/* Returns NULL if it is another CSR. A switch, because a guest hypervisor accesses CSRs often. */
static const struct plain_csr *find_plain(unsigned int csr)
{
	switch (csr) {
#define ROW(name, chooses, mask)                                                              \
	case CSR_##name: {                                                                    \
		static const struct plain_csr row = { offsetof(struct nested, name), chooses, \
						      mask };                                 \
		return &row;                                                                  \
	}
#define PLAIN(name, mask) ROW(name, false, mask)
		PLAIN(hstatus, HSTATUS_WRITABLE)
		PLAIN(hedeleg, HEDELEG_WRITABLE)
		ROW(hideleg, true, VS_LINES)
		ROW(hie, true, VS_LINES | BIT(IRQ_S_GEXT))
		PLAIN(hvip, VS_LINES)
		PLAIN(hcounteren, 0xffffffffUL)
		PLAIN(htval, ~0UL)
		PLAIN(htinst, ~0UL)
		PLAIN(vsscratch, ~0UL)
		PLAIN(vscause, ~0UL)
		PLAIN(vstval, ~0UL)
#undef PLAIN
#undef ROW
	default:
		return NULL;
	}
}

/*
 * A bit of hvip above 12 is writable if that of hvien is (AIA, "Virtual interrupts for VS level"), and
 * VGEIN of hstatus holds the numbers of files. The table has the other bits.
 */
static bool plain(struct nested *n, const struct csr_access *access, unsigned long *old)
{
	const struct plain_csr *row = find_plain(access->csr);
	unsigned long *value, changed, writable;

	if (!row)
		return false;
	value = (unsigned long *)((char *)n + row->offset);
	*old = *value;
	changed = csr_access_result(access, *old);
	writable = row->writable;
	if (access->csr == CSR_hvip)
		writable |= n->hvien_writable;
	else if (access->csr == CSR_hstatus)
		writable |= n->vgein_writable;
	*value = (*old & ~writable) | (changed & writable);
	if (row->chooses)
		nested_choose_checks(n);
	return true;
}

/* ---- CSRs that are stored in 64 bits on every XLEN --------------------------------------------- */

/* A hart supports at least 6 bits of IID (AIA, "Virtual interrupts for VS level"). */
#define HVICTL_WRITABLE \
	(HVICTL_VTI | FIELD_PREP(HVICTL_IID, 0x3f) | HVICTL_DPR | HVICTL_IPRIOM | HVICTL_IPRIO)

/* FWFT takes the place of menvcfg.ADUE: while that is 0, henvcfg.ADUE is read-only 0 (Svadu). */
static u64 henvcfg_writable(const struct kvm_vcpu *vcpu)
{
	u64 writable = isa_henvcfg(vcpu) | (vcpu->henvcfg & ENVCFG_ADUE) | ENVCFG_FIOM;

	if (writable & ENVCFG_CBIE)
		writable |= ENVCFG_CBIE;
	return writable;
}

void nested_clear_adue(struct kvm_vcpu *vcpu)
{
	vcpu->nested.henvcfg &= ~ENVCFG_ADUE;
	nacl_csr_changed(vcpu);
}

void nested_csr_isa_changed(struct kvm_vcpu *vcpu)
{
	struct nested *n = &vcpu->nested;

	n->henvcfg &= henvcfg_writable(vcpu);
	n->hstateen0 &= isa_hstateen0(vcpu);
	if (!vcpu->has_aia)
		n->hvictl = 0; /* nested_wfi_ends() looks at it */
	n->hvien_writable = 0;
	if (vcpu->has_aia && isa_has(vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF))
		n->hvien_writable = BIT(IRQ_PMU_OVF);
	n->hvien &= n->hvien_writable;
	n->hvip &= VS_LINES | n->hvien_writable;
	n->vsie &= n->hvien_writable;
}

/* The same as wide_place(), for the CSRs of Ssaia. */
static bool aia_place(struct nested *n, unsigned int csr, u64 **place, u64 *writable)
{
	switch (csr) {
	case CSR_vsiselect:
		*place = &n->vsiselect;
		*writable = aia_holds.vsiselect;
		return true;
	case CSR_hvien:
		*place = &n->hvien;
		*writable = n->hvien_writable;
		return true;
	case CSR_hvictl:
		*place = &n->hvictl;
		*writable = HVICTL_WRITABLE;
		return true;
	case CSR_hviprio1:
		*place = &n->hviprio1;
		*writable = aia_holds.hviprio1;
		return true;
	case CSR_hviprio2:
		*place = &n->hviprio2;
		*writable = aia_holds.hviprio2;
		return true;
	default:
		return false;
	}
}

/* Find where such a CSR is, and its writable bits. Returns false if L1 has no such CSR. */
static bool wide_place(struct kvm_vcpu *vcpu, unsigned int csr, u64 **place, u64 *writable)
{
	struct nested *n = &vcpu->nested;

	*writable = ~0ULL;
	switch (csr) {
	case CSR_henvcfg:
		*place = &n->henvcfg;
		*writable = henvcfg_writable(vcpu);
		return true;
	case CSR_htimedelta:
		*place = &n->htimedelta;
		return true;
	case CSR_hstateen0:
		*place = &n->hstateen0;
		*writable = isa_hstateen0(vcpu);
		return isa_has(vcpu, KVM_RISCV_ISA_EXT_SMSTATEEN);
	case CSR_vstimecmp:
		*place = &n->vstimecmp;
		return isa_has(vcpu, KVM_RISCV_ISA_EXT_SSTC);
	default:
		return vcpu->has_aia && aia_place(n, csr, place, writable);
	}
}

/* The number of the CSR whose upper half this is, on RV32. */
static unsigned int low_half(unsigned int csr)
{
	switch (csr) {
	case CSR_henvcfgh:
		return CSR_henvcfg;
	case CSR_htimedeltah:
		return CSR_htimedelta;
	case CSR_hstateen0h:
		return CSR_hstateen0;
	case CSR_vstimecmph:
		return CSR_vstimecmp;
	case CSR_hviprio1h:
		return CSR_hviprio1;
	case CSR_hviprio2h:
		return CSR_hviprio2;
	default:
		return 0;
	}
}

static bool wide(struct kvm_vcpu *vcpu, const struct csr_access *access, unsigned long *old)
{
	unsigned int low = BITS_PER_LONG == 32 ? low_half(access->csr) : 0;
	unsigned int shift = low ? 32 : 0;
	u64 writable, written, *value;

	if (!wide_place(vcpu, low ? low : access->csr, &value, &writable))
		return false;
	*old = (unsigned long)(*value >> shift);
	written = (u64)csr_access_result(access, *old) << shift;
	if (BITS_PER_LONG == 32)
		writable &= 0xffffffffULL << shift;
	*value = (*value & ~writable) | (written & writable);
	return true;
}

/* ---- CSRs with fields of their own ---------------------------------------------------------- */

static unsigned long vsstatus_read(const struct nested *n)
{
	unsigned long vsstatus = n->vsstatus & ~SSTATUS_SD;

	if ((vsstatus & SSTATUS_FS) == SSTATUS_FS || (vsstatus & SSTATUS_VS) == SSTATUS_VS)
		vsstatus |= SSTATUS_SD;
	return vsstatus;
}

/* Bits above 12 of hideleg are read-only 0, so there vsip shows hvip where hvien is set, and no hip. */
static unsigned long vsip_read(const struct nested *n, unsigned long hip)
{
	return (hip & n->hideleg & VS_LINES) >> 1 | (n->hvip & n->hvien);
}

static unsigned long vsie_read(const struct nested *n)
{
	return (n->hie & n->hideleg & VS_LINES) >> 1 | (n->vsie & n->hvien);
}

static bool is_satp_mode(unsigned long mode)
{
	return mode == SATP_MODE_BARE || (mode >= SATP_MODE_SV39 && mode <= isa_satp_mode()) ||
	       mode == isa_satp_mode();
}

static unsigned long special_read(const struct kvm_vcpu *vcpu, unsigned int csr)
{
	const struct nested *n = &vcpu->nested;

	switch (csr) {
	case CSR_vsstatus:
		return vsstatus_read(n);
	case CSR_vsie:
		return vsie_read(n);
	case CSR_vsip:
		return vsip_read(n, nested_hip(vcpu));
	case CSR_hip:
		return nested_hip(vcpu);
	case CSR_vstvec:
		return n->vstvec;
	case CSR_vsepc:
		return n->vsepc;
	case CSR_vsatp:
		return n->vsatp;
	case CSR_hgatp:
		return n->hgatp;
	case CSR_hgeie:
		return n->hgeie;
	default: /* hgeip */
		return nested_hgeip(vcpu);
	}
}

/*
 * A mode that this machine lacks leaves hgatp as it is. PPN[1:0] are 0, since the root table is 16
 * KiB large (H §2.10).
 */
static void write_hgatp(struct kvm_vcpu *vcpu, unsigned long value)
{
	unsigned long mode = FIELD_GET(HGATP_MODE, value);

	value &= HGATP_MODE | HGATP_VMID | (HGATP_PPN & ~3UL);
	if (!mode)
		value = 0;
	else if (!gstage_has_mode(mode))
		return;
	vcpu->nested.hgatp = value;
}

static void special_write(struct kvm_vcpu *vcpu, unsigned int csr, unsigned long value)
{
	struct nested *n = &vcpu->nested;
	unsigned long mask = n->hideleg & VS_LINES;

	switch (csr) {
	case CSR_vsstatus:
		n->vsstatus = (n->vsstatus & ~isa_vsstatus) | (value & isa_vsstatus);
		break;
	case CSR_vsie:
		n->hie = (n->hie & ~mask) | (value << 1 & mask);
		n->vsie = value & n->hvien;
		break;
	case CSR_vsip: /* of bits 12:0, only SSIP is writable, as in hip */
		mask &= BIT(IRQ_VS_SOFT);
		n->hvip = (n->hvip & ~(mask | n->hvien)) | (value << 1 & mask) | (value & n->hvien);
		break;
	case CSR_hip:
		mask = BIT(IRQ_VS_SOFT);
		n->hvip = (n->hvip & ~mask) | (value & mask);
		break;
	case CSR_vstvec: /* MODE 2 and 3 are reserved */
		if (!(value & 2))
			n->vstvec = value;
		break;
	case CSR_vsepc: /* bit 0 is read-only 0, although QEMU lets L2 set it in its sepc */
		n->vsepc = value & ~1UL;
		break;
	case CSR_vsatp:
		if (is_satp_mode(FIELD_GET(SATP_MODE, value)))
			n->vsatp = value;
		break;
	case CSR_hgatp:
		write_hgatp(vcpu, value);
		break;
	case CSR_hgeie:
		n->hgeie = value & n->hgeie_writable;
		nested_choose_checks(n);
		break;
	default:
		break;
	}
}

static bool is_special(unsigned int csr)
{
	switch (csr) {
	case CSR_vsstatus:
	case CSR_vsie:
	case CSR_vsip:
	case CSR_hip:
	case CSR_vstvec:
	case CSR_vsepc:
	case CSR_vsatp:
	case CSR_hgatp:
	case CSR_hgeie:
	case CSR_hgeip:
		return true;
	default:
		return false;
	}
}

/* A CSR with fields of its own. */
static bool special(struct kvm_vcpu *vcpu, const struct csr_access *access, unsigned long *old)
{
	if (!is_special(access->csr) || (access->csr == CSR_hgeip && access->write_mask))
		return false;
	*old = special_read(vcpu, access->csr);
	if (access->write_mask)
		special_write(vcpu, access->csr, csr_access_result(access, *old));
	return true;
}

bool nested_csr(struct kvm_vcpu *vcpu, const struct csr_access *access, unsigned long *old)
{
	return plain(&vcpu->nested, access, old) || special(vcpu, access, old) ||
	       wide(vcpu, access, old);
}

bool nested_csr_is_quiet(const struct kvm_vcpu *vcpu, const struct csr_access *access)
{
	switch (access->csr) {
	case CSR_hedeleg:
	case CSR_hcounteren:
	case CSR_hgatp:
	case CSR_htval:
	case CSR_htinst:
	case CSR_vsstatus:
	case CSR_vstvec:
	case CSR_vsscratch:
	case CSR_vsepc:
	case CSR_vscause:
	case CSR_vstval:
	case CSR_vsatp:
		return true;
	case CSR_hvip: /* hypervisors write it before each entry, mostly without a change */
		return csr_access_result(access, vcpu->nested.hvip) == vcpu->nested.hvip;
	case CSR_vstopi: /* L2's CSRs are loaded for it */
		return false;
	default:
		return !access->write_mask;
	}
}

void nested_csr_words(const struct kvm_vcpu *vcpu, unsigned long *words)
{
	const struct nested *n = &vcpu->nested;
	unsigned long hip = nested_hip(vcpu);

#define WORD(csr, value) WRITE_ONCE(words[NACL_INDEX(CSR_##csr)], value)
	WORD(vsstatus, vsstatus_read(n));
	WORD(vsie, vsie_read(n));
	WORD(vstvec, n->vstvec);
	WORD(vsscratch, n->vsscratch);
	WORD(vsepc, n->vsepc);
	WORD(vscause, n->vscause);
	WORD(vstval, n->vstval);
	WORD(vsip, vsip_read(n, hip));
	WORD(vstimecmp, (unsigned long)n->vstimecmp);
	WORD(vsatp, n->vsatp);
	WORD(hstatus, n->hstatus);
	WORD(hedeleg, n->hedeleg);
	WORD(hideleg, n->hideleg);
	WORD(hie, n->hie);
	WORD(hgeie, n->hgeie);
	WORD(htimedelta, (unsigned long)n->htimedelta);
	WORD(hcounteren, n->hcounteren);
	WORD(henvcfg, (unsigned long)n->henvcfg);
	WORD(hstateen0, (unsigned long)n->hstateen0);
	WORD(htval, n->htval);
	WORD(hip, hip);
	WORD(hvip, n->hvip);
	WORD(htinst, n->htinst);
	WORD(hgatp, n->hgatp);
	if (vcpu->has_aia) {
		WORD(vsiselect, (unsigned long)n->vsiselect);
		WORD(hvien, (unsigned long)n->hvien);
		WORD(hvictl, (unsigned long)n->hvictl);
		WORD(hviprio1, (unsigned long)n->hviprio1);
		WORD(hviprio2, (unsigned long)n->hviprio2);
	}
	if (BITS_PER_LONG == 64)
		return;
	WORD(vstimecmph, (unsigned long)(n->vstimecmp >> 32));
	WORD(htimedeltah, (unsigned long)(n->htimedelta >> 32));
	WORD(henvcfgh, (unsigned long)(n->henvcfg >> 32));
	WORD(hstateen0h, (unsigned long)(n->hstateen0 >> 32));
	if (vcpu->has_aia) {
		WORD(hviprio1h, (unsigned long)(n->hviprio1 >> 32));
		WORD(hviprio2h, (unsigned long)(n->hviprio2 >> 32));
	}
#undef WORD
}

static bool reg_access(struct kvm_vcpu *vcpu, unsigned int csr, u64 value, u64 mask, u64 *old)
{
	struct csr_access access = { .csr = csr,
				     .new_value = (unsigned long)value,
				     .write_mask = (unsigned long)mask };
	u64 writable, *place;
	unsigned long was = 0;

	nested_adopt_files(vcpu);
	if (wide_place(vcpu, csr, &place, &writable)) {
		/* A VMM may set FWFT's register later. */
		if (csr == CSR_henvcfg && isa_has(vcpu, KVM_RISCV_ISA_EXT_SVADU))
			writable |= ENVCFG_ADUE;
		*old = *place;
		mask &= writable;
		*place = (*place & ~mask) | (value & mask);
		return true;
	}
	if (!nested_csr(vcpu, &access, &was))
		return false;
	*old = was;
	return true;
}

bool nested_reg_get(struct kvm_vcpu *vcpu, unsigned int csr, u64 *value)
{
	return reg_access(vcpu, csr, 0, 0, value);
}

int nested_reg_set(struct kvm_vcpu *vcpu, unsigned int csr, u64 value)
{
	u64 old;

	if (!reg_access(vcpu, csr, value, ~0ULL, &old))
		return -ENOENT;
	nested_choose_exits(vcpu);
	nacl_csr_changed(vcpu);
	vcpu_set_request(vcpu, REQ_NESTED_IRQ);
	shadow_fence_vvma(vcpu, SHADOW_ANY_VMID); /* the register may change L2's translations */
	if (csr == CSR_hgatp)
		shadow_forget(vcpu); /* memory may have changed, too, as at a restore */
	/*
	 * L2 must not run with another translation, or another interrupt file, than was saved. L1 must
	 * not lose the interrupts of a file.
	 */
	if (csr == CSR_hstatus)
		return FIELD_GET(HSTATUS_VGEIN, value ^ vcpu->nested.hstatus) ? -EINVAL : 0;
	if (csr == CSR_hgatp || csr == CSR_vsatp || csr == CSR_hgeie)
		return reg_access(vcpu, csr, 0, 0, &old) && old == value ? 0 : -EINVAL;
	return 0;
}
