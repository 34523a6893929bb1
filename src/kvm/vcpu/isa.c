// SPDX-License-Identifier: MIT
/*
 * isa.c - the extensions of a vCPU, and the hart's control bits that follow from them.
 *
 * A vCPU's set of extensions is a subset of those that every hart has and isa.def lists. The VMM
 * may change the set before the first KVM_RUN (onereg_isa.c).
 */
#include "hv/pte.h"
#include "kvm.h"
#include "mmu/gpa.h"
#include "toggle.h"
#include "vcpu/isa.h"
#include "vcpu/timer.h"

struct isa_ext {
	unsigned int id;
	const char *name;
	bool may_disable;
};

static const struct isa_ext isa_exts[] = {
#define ISA_EXT(id, name, disable) { KVM_RISCV_ISA_EXT_##id, name, disable },
#include "vcpu/isa.def"
#undef ISA_EXT
};

#define VSSTATUS_FIELDS                                                                     \
	(SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_UBE | SSTATUS_SPP | SSTATUS_VS | SSTATUS_FS | \
	 SSTATUS_SUM | SSTATUS_MXR)
#define MSTATUS_MPRV BIT(17)

struct isa_set isa_host;
unsigned long isa_vsstatus;
static struct isa_set disable_allowed;
static bool host_adue;                 /* henvcfg.ADUE can be set on every hart */
static bool host_lcofi;                /* so can LCOFI's bit in hvien */
static bool host_tm;                   /* and hcounteren.TM */
static unsigned long widest_satp_mode; /* of the modes that every hart has */
static unsigned long host_mvendorid, host_marchid, host_mimpid;

static unsigned long firmware_id(unsigned long fid)
{
	return (unsigned long)hv_sbi_call(SBI_EXT_BASE, fid, 0, 0, 0, 0, 0).value;
}

/*
 * Return the widest mode of vsatp that the hart has: a mode that the hart lacks does not read back
 * (H §2.18). No guest runs yet, so vsatp may be overwritten.
 */
static unsigned long probe_satp_mode(void)
{
	static const u8 modes[] = { SATP_MODE_SV57, SATP_MODE_SV48, SATP_MODE_SV39,
				    SATP_MODE_SV32 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		csr_write(vsatp, FIELD_PREP(SATP_MODE, modes[i]));
		if (FIELD_GET(SATP_MODE, csr_read(vsatp)) == modes[i])
			break;
	}
	csr_write(vsatp, 0);
	return i < ARRAY_SIZE(modes) ? modes[i] : SATP_MODE_BARE;
}

unsigned long isa_satp_mode(void)
{
	return widest_satp_mode;
}

bool isa_henvcfg_holds(u64 bits)
{
	u64 seen;

	csr_write64(henvcfg, bits);
	seen = csr_read64(henvcfg);
	csr_write64(henvcfg, 0);
	return (seen & bits) == bits;
}

/*
 * With LCOFI's bit set in hvien, the guest's LCOFI is the bit in hvip, and independent of the hart's
 * own LCOFI (AIA). The bit may be read-only zero, as in QEMU 10.0.13.
 */
static bool enable_lcofi(void)
{
	csr_write(hvien, BIT(IRQ_PMU_OVF));
	return csr_read(hvien) & BIT(IRQ_PMU_OVF);
}

/* TM may be read-only zero (H §2.6). VS then cannot access time and stimecmp. */
static bool enable_tm(void)
{
	csr_write(hcounteren, COUNTEREN_TM);
	return csr_read(hcounteren) & COUNTEREN_TM;
}

/*
 * UBE may be read-only zero (H §2.11). A hart that keeps MPRV, which vsstatus does not have, keeps
 * any bit, as QEMU 10.0 does (vsstatus_of()), and does not have UBE.
 */
static bool has_ube(void)
{
	unsigned long seen;

	csr_write(vsstatus, SSTATUS_UBE | MSTATUS_MPRV);
	seen = csr_swap(vsstatus, 0);
	return (seen & SSTATUS_UBE) && !(seen & MSTATUS_MPRV);
}

void isa_hart_init(void)
{
	widest_satp_mode = MIN(widest_satp_mode, probe_satp_mode());
	host_adue = host_adue && isa_henvcfg_holds(ENVCFG_ADUE);
	host_lcofi = host_lcofi && enable_lcofi();
	host_tm = host_tm && enable_tm();
	if (!has_ube())
		isa_vsstatus &= ~SSTATUS_UBE;
}

void isa_init(void)
{
	const struct isa_ext *ext;

	widest_satp_mode = probe_satp_mode();

	for (ext = isa_exts; ext < isa_exts + ARRAY_SIZE(isa_exts); ext++) {
		isa_set_put(&isa_host, ext->id, hv_isa_has(ext->name));
		isa_set_put(&disable_allowed, ext->id, ext->may_disable);
	}
	host_adue = isa_host_has(KVM_RISCV_ISA_EXT_SVADU);
	host_lcofi = isa_host_has(KVM_RISCV_ISA_EXT_SSCOFPMF) && hv_isa_has("ssaia");
	host_tm = true;
	isa_vsstatus = VSSTATUS_FIELDS;
	host_mvendorid = firmware_id(SBI_BASE_GET_MVENDORID);
	host_marchid = firmware_id(SBI_BASE_GET_MARCHID);
	host_mimpid = firmware_id(SBI_BASE_GET_MIMPID);
}

void isa_host_ids(struct kvm_vcpu *vcpu)
{
	vcpu->mvendorid = host_mvendorid;
	vcpu->marchid = host_marchid;
	vcpu->mimpid = host_mimpid;
}

/*
 * Return false for an extension whose register exists but stays 0: Sscofpmf, if hvien does not exist
 * (Ssaia) or lacks LCOFI, because the guest's LCOFI would be the hart's own (AIA); Sstc, if
 * hcounteren.TM cannot be set; and Svadu, if henvcfg.ADUE cannot be set.
 */
bool isa_may_enable(unsigned int ext)
{
	switch (ext) {
	case KVM_RISCV_ISA_EXT_SSCOFPMF:
		return host_lcofi;
	case KVM_RISCV_ISA_EXT_SSTC:
		return host_tm;
	case KVM_RISCV_ISA_EXT_SVADU:
		return host_adue;
	default:
		return true;
	}
}

/* The switch of Ssaia is in hstateen0. Without Svade, hardware has to update A and D bits. */
bool isa_may_disable(unsigned int ext)
{
	switch (ext) {
	case KVM_RISCV_ISA_EXT_SSAIA:
		return isa_host_has(KVM_RISCV_ISA_EXT_SMSTATEEN);
	case KVM_RISCV_ISA_EXT_SVADE:
		return host_adue;
	default:
		return isa_set_has(&disable_allowed, ext);
	}
}

bool isa_excludes(const struct kvm_vcpu *vcpu, unsigned int ext)
{
	/* Only htval has the faulting address of a guest's own guest. */
	return ext == KVM_RISCV_ISA_EXT_H && vcpu->kvm->gpa != &gpa_htval_ops;
}

struct isa_set isa_default(const struct kvm *vm)
{
	struct isa_set isa = { 0 };
	unsigned int ext;

	for (ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++)
		isa_set_put(&isa, ext, isa_host_has(ext) && isa_may_enable(ext));
	isa_set_put(&isa, KVM_RISCV_ISA_EXT_H, false);
	if (vm->toggle[TOGGLE_timer])
		isa_set_put(&isa, KVM_RISCV_ISA_EXT_SSTC, false);
	return isa;
}

u64 isa_henvcfg(const struct kvm_vcpu *vcpu)
{
	u64 henvcfg = 0;

	/*
	 * cbo.inval flushes (CBIE = 1): a real invalidation could bring back what the memory
	 * contained before the host cleared the page for this guest.
	 */
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_ZICBOM))
		henvcfg |= FIELD_PREP(ENVCFG_CBIE, 1) | ENVCFG_CBCFE;
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_ZICBOZ))
		henvcfg |= ENVCFG_CBZE;
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SVPBMT))
		henvcfg |= ENVCFG_PBMTE;
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSTC))
		henvcfg |= ENVCFG_STCE;
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SVADU) && !isa_has(vcpu, KVM_RISCV_ISA_EXT_SVADE))
		henvcfg |= ENVCFG_ADUE;
	return henvcfg;
}

u64 isa_hstateen0(const struct kvm_vcpu *vcpu)
{
	u64 hstateen0 = HSTATEEN0_ENVCFG;

	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SSAIA))
		hstateen0 |= HSTATEEN0_IMSIC | HSTATEEN0_AIA | HSTATEEN0_CSRIND;
	if (isa_has(vcpu, KVM_RISCV_ISA_EXT_SMSTATEEN))
		hstateen0 |= HSTATEEN0_STATEEN;
	return hstateen0;
}
