// SPDX-License-Identifier: MIT
/*
 * isa.c - the extensions of a vCPU, and the hart's control bits that follow from them.
 *
 * A vCPU's set of extensions is a subset of those that every hart has and isa.def lists. The VMM
 * may change the set before the first KVM_RUN (onereg_isa.c).
 */
#include "hv/pte.h"
#include "kvm.h"
#include "toggle.h"
#include "vcpu/isa.h"

/* A set of extensions is one u64 with a bit for each KVM_RISCV_ISA_EXT_*. */
_Static_assert(KVM_RISCV_ISA_EXT_MAX <= 64, "isa sets need a second word");

#define ISA(name) (1ULL << KVM_RISCV_ISA_EXT_##name)

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

u64 isa_host;
static u64 disable_allowed;
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

void isa_hart_init(void)
{
	widest_satp_mode = MIN(widest_satp_mode, probe_satp_mode());
}

void isa_init(void)
{
	const struct isa_ext *ext;

	widest_satp_mode = probe_satp_mode();

	for (ext = isa_exts; ext < isa_exts + ARRAY_SIZE(isa_exts); ext++) {
		if (hv_isa_has(ext->name))
			isa_host |= 1ULL << ext->id;
		if (ext->may_disable)
			disable_allowed |= 1ULL << ext->id;
	}
	if (!isa_host_has(KVM_RISCV_ISA_EXT_SMSTATEEN))
		disable_allowed &= ~ISA(SSAIA);
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
 * Return false for an extension whose register exists but stays 0: H, because there is no nested
 * virtualization (the register exists on Linux, too), and Sscofpmf without Ssaia, because without
 * hvien the guest's LCOFI would be the hart's own (AIA).
 */
bool isa_may_enable(unsigned int ext)
{
	if (ext == KVM_RISCV_ISA_EXT_SSCOFPMF)
		return hv_isa_has("ssaia");
	return ext != KVM_RISCV_ISA_EXT_H;
}

bool isa_may_disable(unsigned int ext)
{
	return disable_allowed >> ext & 1;
}

u64 isa_default(const struct kvm *vm)
{
	u64 isa = isa_host & ~ISA(H);

	if (!isa_may_enable(KVM_RISCV_ISA_EXT_SSCOFPMF))
		isa &= ~ISA(SSCOFPMF);
	return vm->toggle[TOGGLE_timer] ? isa & ~ISA(SSTC) : isa;
}

u64 isa_henvcfg(u64 isa)
{
	u64 henvcfg = 0;

	/*
	 * cbo.inval flushes (CBIE = 1): a real invalidation could bring back what the memory
	 * contained before the host cleared the page for this guest.
	 */
	if (isa & ISA(ZICBOM))
		henvcfg |= FIELD_PREP(ENVCFG_CBIE, 1) | ENVCFG_CBCFE;
	if (isa & ISA(ZICBOZ))
		henvcfg |= ENVCFG_CBZE;
	if (isa & ISA(SVPBMT))
		henvcfg |= ENVCFG_PBMTE;
	if (isa & ISA(SSTC))
		henvcfg |= ENVCFG_STCE;
	/*
	 * Linux 6.12's KVM API has no extension id for Svadu, so no VMM can remove it: if the harts
	 * have it, hardware updates A and D in the guest's tables, unless the guest decides this
	 * through FWFT (fwft_apply()).
	 */
	if (hv_isa_has("svadu"))
		henvcfg |= ENVCFG_ADUE;
	return henvcfg;
}

u64 isa_hstateen0(u64 isa)
{
	u64 hstateen0 = HSTATEEN0_ENVCFG;

	if (isa & ISA(SSAIA))
		hstateen0 |= HSTATEEN0_IMSIC | HSTATEEN0_AIA | HSTATEEN0_CSRIND;
	if (isa & ISA(SMSTATEEN))
		hstateen0 |= HSTATEEN0_STATEEN;
	return hstateen0;
}
