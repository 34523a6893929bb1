// SPDX-License-Identifier: MIT
/*
 * fwft.c - features of the guest's hart that its firmware switches (FWFT of SBI 3.0).
 *
 * The features, their registers and their errors are those of Linux since 6.18: delegation of
 * misaligned exceptions, pointer masking in VS, and updates of A and D bits by hardware. Landing
 * pads and shadow stacks need Zicfilp and Zicfiss, which no vCPU has (isa.def).
 *
 * Each feature consists of bits in hedeleg or henvcfg, which vcpu_load() writes. The delegation of
 * misaligned exceptions also needs medeleg, which belongs to this host's firmware. Firmware that
 * does not delegate them by default is asked to do so, but only while a vCPU with this feature
 * enabled is loaded, so that nothing changes for the host's programs.
 */
#include "kvm.h"
#include "mmu/shadow.h"
#include "mmu/tlb.h"
#include "vcpu/fwft.h"
#include "vcpu/isa.h"
#include "vcpu/nested.h"
#include "vcpu/timer.h"

#define MISALIGNED_TRAPS (BIT(EXC_LOAD_MISALIGNED) | BIT(EXC_STORE_MISALIGNED))

/*
 * The bits of henvcfg that every hart supports, and what the firmware delegates. Written before any
 * VM exists.
 */
static u64 host_pmm[3];         /* same index as in pmlens; 0 in [1] or [2]: not supported */
static bool firmware_delegates; /* delegates misaligned exceptions by default */
static bool firmware_delegates_on_call; /* delegates misaligned exceptions on an FWFT call */

static const u8 pmlens[] = { 0, 7, 16 };
static const u8 pmms[] = { ENVCFG_PMM_0, ENVCFG_PMM_7, ENVCFG_PMM_16 };

/* ---- what this machine and a vCPU have ------------------------------------------------------- */

static struct sbiret firmware_fwft(unsigned long fid, unsigned long feature, unsigned long value)
{
	return hv_sbi_call(SBI_EXT_FWFT, fid, feature, value, 0, 0, 0);
}

void fwft_init(void)
{
	struct sbiret ret =
		hv_sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_FWFT, 0, 0, 0, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pmms); i++)
		host_pmm[i] = FIELD_PREP(ENVCFG_PMM, pmms[i]);
	if (!ret.error && !ret.value)
		ret.error = SBI_ERR_NOT_SUPPORTED;
	if (!ret.error)
		ret = firmware_fwft(SBI_FWFT_GET, SBI_FWFT_MISALIGNED, 0);
	firmware_delegates = !ret.error && ret.value == 1;
	firmware_delegates_on_call = !ret.error && ret.value == 0;
}

void fwft_hart_init(void)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(pmms); i++) {
		if (host_pmm[i] && !isa_henvcfg_holds(host_pmm[i]))
			host_pmm[i] = 0;
	}
}

static bool misaligned_is_there(const struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	return firmware_delegates || firmware_delegates_on_call;
}

static bool pmlen_is_there(const struct kvm_vcpu *vcpu)
{
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_SMNPM) && (host_pmm[1] || host_pmm[2]);
}

/* Without Svade, A and D bits are always updated, and without Svadu never (isa_henvcfg()). */
static bool ad_hw_is_there(const struct kvm_vcpu *vcpu)
{
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_SVADU) && isa_has(vcpu, KVM_RISCV_ISA_EXT_SVADE);
}

/* ---- a vCPU's settings, and the hart --------------------------------------------------------- */

void fwft_apply(struct kvm_vcpu *vcpu)
{
	u64 henvcfg = isa_henvcfg(vcpu);

	/* User space may have removed an extension after it set the feature. */
	if (!pmlen_is_there(vcpu))
		vcpu->fwft.pmlen = 0;
	if (!ad_hw_is_there(vcpu))
		vcpu->fwft.ad_hw = false;
	henvcfg |= host_pmm[vcpu->fwft.pmlen];
	if (vcpu->fwft.ad_hw)
		henvcfg |= ENVCFG_ADUE;
	/*
	 * A change of ADUE needs an HFENCE.VVMA, and a change of PMM needs an HFENCE.GVMA (H §5.3
	 * since 2025, Ssnpm). The next load executes both.
	 */
	if ((vcpu->henvcfg ^ henvcfg) & (ENVCFG_ADUE | ENVCFG_PMM)) {
		vcpu->last_hart |= VCPU_STALE;
		if (vcpu->shadow)
			shadow_fence_vvma(vcpu, SHADOW_ANY_VMID); /* both stages are fenced */
	}
	if (vcpu->henvcfg & ~henvcfg & ENVCFG_ADUE)
		nested_clear_adue(vcpu);
	vcpu->henvcfg = henvcfg;
	vcpu_set_special(vcpu, SPECIAL_FWFT, vcpu->fwft.misaligned || vcpu->fwft.pmlen);
	/*
	 * While the vCPU is loaded, the firmware may be delegating misaligned exceptions for it
	 * (fwft_load()), so a program's misaligned access would trap into the host instead of the
	 * firmware.
	 */
	vcpu->put_at_once = vcpu->fwft.misaligned;
	vcpu->hedeleg &= ~MISALIGNED_TRAPS;
	if (vcpu->fwft.misaligned)
		vcpu->hedeleg |= MISALIGNED_TRAPS;
}

void fwft_reset(struct kvm_vcpu *vcpu)
{
	u8 disabled = vcpu->fwft.disabled; /* set by user space, not by the guest */

	vcpu->fwft = (struct vcpu_fwft){ .disabled = disabled };
	fwft_apply(vcpu);
}

void fwft_load(struct kvm_vcpu *vcpu)
{
	if (vcpu->fwft.misaligned && firmware_delegates_on_call)
		firmware_fwft(SBI_FWFT_SET, SBI_FWFT_MISALIGNED, 1);
}

void fwft_put(struct kvm_vcpu *vcpu)
{
	if (vcpu->fwft.misaligned && firmware_delegates_on_call)
		firmware_fwft(SBI_FWFT_SET, SBI_FWFT_MISALIGNED, 0);
	if (!vcpu->fwft.pmlen)
		return;
	/*
	 * A change of PMM needs a fence after it (Ssnpm): fence here for the next vCPU of the VM, and
	 * at the next load for this one.
	 */
	csr_write64(henvcfg, vcpu->henvcfg & ~(u64)ENVCFG_PMM);
	tlb_flush_vm_local(vcpu->kvm);
	vcpu->last_hart |= VCPU_STALE;
}

/* ---- the features -------------------------------------------------------------------------------- */

static long misaligned_set(struct vcpu_fwft *fwft, unsigned long value)
{
	if (value > 1)
		return SBI_ERR_INVALID_PARAM;
	fwft->misaligned = value;
	return SBI_SUCCESS;
}

static unsigned long misaligned_get(const struct vcpu_fwft *fwft)
{
	return fwft->misaligned;
}

static long pmlen_set(struct vcpu_fwft *fwft, unsigned long value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pmlens); i++) {
		if (pmlens[i] == value && (!i || host_pmm[i])) {
			fwft->pmlen = (u8)i;
			return SBI_SUCCESS;
		}
	}
	return SBI_ERR_INVALID_PARAM;
}

static unsigned long pmlen_get(const struct vcpu_fwft *fwft)
{
	return pmlens[fwft->pmlen];
}

static long ad_hw_set(struct vcpu_fwft *fwft, unsigned long value)
{
	if (value > 1)
		return SBI_ERR_INVALID_PARAM;
	fwft->ad_hw = value;
	return SBI_SUCCESS;
}

static unsigned long ad_hw_get(const struct vcpu_fwft *fwft)
{
	return fwft->ad_hw;
}

struct feature {
	bool (*is_there)(const struct kvm_vcpu *vcpu);
	long (*set)(struct vcpu_fwft *fwft, unsigned long value);
	unsigned long (*get)(const struct vcpu_fwft *fwft);
};

/* ORDER: enum fwft_feature */
static const struct feature features[FWFT_FEATURES] = {
	{ misaligned_is_there, misaligned_set, misaligned_get },
	{ pmlen_is_there, pmlen_set, pmlen_get },
	{ ad_hw_is_there, ad_hw_set, ad_hw_get },
};

bool fwft_is_on(const struct kvm_vcpu *vcpu)
{
	return vcpu->sbi_ext >> KVM_RISCV_SBI_EXT_FWFT & 1;
}

bool fwft_is_there(const struct kvm_vcpu *vcpu, enum fwft_feature feature)
{
	return features[feature].is_there(vcpu);
}

unsigned long fwft_get(const struct kvm_vcpu *vcpu, enum fwft_feature feature)
{
	return features[feature].get(&vcpu->fwft);
}

long fwft_set(struct kvm_vcpu *vcpu, enum fwft_feature feature, unsigned long value)
{
	long error = features[feature].set(&vcpu->fwft, value);

	fwft_apply(vcpu);
	return error;
}
