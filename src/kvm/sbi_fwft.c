// SPDX-License-Identifier: MIT
/*
 * sbi_fwft.c - FWFT of SBI 3.0: features of the guest's hart that its firmware switches.
 *
 * Which are there, with their registers and errors, is as in Linux since 6.18: misaligned
 * exceptions delegated, pointer masking in VS, A and D bits by hardware. Off until user
 * space switches the extension on; then the SBI calls itself 3.0, by which guests probe.
 *
 * A feature is one bit or field of what vcpu_load() writes. Only the delegation of misaligned
 * exceptions begins above us, in medeleg: this host's own firmware is asked for that while
 * such a vCPU is loaded, so that the host's programs keep what they had.
 */
#include "hv/kvm_later.h"
#include "exit.h"
#include "isa.h"
#include "onereg.h"
#include "sbi.h"
#include "sbi_fwft.h"
#include "timer.h"
#include "tlb.h"

#define MISALIGNED_TRAPS (BIT(EXC_LOAD_MISALIGNED) | BIT(EXC_STORE_MISALIGNED))

/* Of henvcfg, what every hart can hold. Written before any VM is there. */
static u64 host_pmm[3]; /* by index of pmlens; 0: not there */
static bool host_adue;
static bool firmware_delegates;         /* always */
static bool firmware_delegates_on_call; /* if asked */

static const u8 pmlens[] = { 0, 7, 16 };
static const u8 pmms[] = { ENVCFG_PMM_0, ENVCFG_PMM_7, ENVCFG_PMM_16 };

/* ---- what this machine has ----------------------------------------------------------------- */

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
	/* Without Svade a clear ADUE would be something that the guest's device tree denies. */
	host_adue = hv_isa_has("svadu") && hv_isa_has("svade");
	if (!ret.error && !ret.value)
		ret.error = SBI_ERR_NOT_SUPPORTED;
	if (!ret.error)
		ret = firmware_fwft(SBI_FWFT_GET, SBI_FWFT_MISALIGNED, 0);
	firmware_delegates = !ret.error && ret.value == 1;
	firmware_delegates_on_call = !ret.error && ret.value == 0;
}

/* A bit that the hart lacks does not read back (H §2.5); no guest runs yet. */
static bool henvcfg_holds(u64 bits)
{
	u64 seen;

	csr_write64(henvcfg, bits);
	seen = csr_read64(henvcfg);
	csr_write64(henvcfg, 0);
	return (seen & bits) == bits;
}

void fwft_hart_init(void)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(pmms); i++) {
		if (host_pmm[i] && !henvcfg_holds(host_pmm[i]))
			host_pmm[i] = 0;
	}
	/* menvcfg.ADUE opens it, here and for this host; with Svade firmware begins with 0. */
	if (host_adue && !henvcfg_holds(ENVCFG_ADUE))
		firmware_fwft(SBI_FWFT_SET, SBI_FWFT_AD_HW_UPDATING, 1);
	if (host_adue && !henvcfg_holds(ENVCFG_ADUE))
		host_adue = false;
}

/* ---- a vCPU's setting, and the hart ------------------------------------------------------------ */

static bool is_on(const struct kvm_vcpu *vcpu)
{
	return vcpu->sbi_ext >> KVM_LATER_SBI_EXT_FWFT & 1;
}

void fwft_apply(struct kvm_vcpu *vcpu)
{
	u64 henvcfg = isa_henvcfg(vcpu->isa) & ~(u64)ENVCFG_PMM;

	henvcfg |= host_pmm[vcpu->fwft.pmlen];
	if (is_on(vcpu) && host_adue)
		henvcfg = vcpu->fwft.ad_hw ? henvcfg | ENVCFG_ADUE : henvcfg & ~ENVCFG_ADUE;
	/*
	 * Translations made under the old ADUE need an HFENCE.VVMA, those made under the old PMM an
	 * HFENCE.GVMA (H §5.3 since 2025, Ssnpm). The next load executes both.
	 */
	if ((vcpu->henvcfg ^ henvcfg) & (ENVCFG_ADUE | ENVCFG_PMM))
		vcpu->last_hart |= VCPU_STALE;
	vcpu->henvcfg = henvcfg;
	vcpu->fwft.switched = vcpu->fwft.misaligned || vcpu->fwft.pmlen;
	vcpu->hedeleg &= ~MISALIGNED_TRAPS;
	if (vcpu->fwft.misaligned)
		vcpu->hedeleg |= MISALIGNED_TRAPS;
}

void fwft_reset(struct kvm_vcpu *vcpu)
{
	u8 disabled = vcpu->fwft.disabled; /* user space's, not the guest's */

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
	/* Fence when PMM changes (Ssnpm): here for the VM's next vCPU, and at this vCPU's next load. */
	tlb_flush_vm_local(vcpu->kvm);
	vcpu->last_hart |= VCPU_STALE;
}

/* ---- the features -------------------------------------------------------------------------------- */

static bool misaligned_is_there(void)
{
	return firmware_delegates || firmware_delegates_on_call;
}

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

static bool pmlen_is_there(void)
{
	return host_pmm[1] || host_pmm[2];
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

static bool ad_hw_is_there(void)
{
	return host_adue;
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
	u32 id;
	bool (*is_there)(void);
	long (*set)(struct vcpu_fwft *fwft, unsigned long value);
	unsigned long (*get)(const struct vcpu_fwft *fwft);
};

/* ORDER: KVM_LATER_FWFT_* (hv/kvm_later.h), three registers each */
static const struct feature features[] = {
	{ SBI_FWFT_MISALIGNED, misaligned_is_there, misaligned_set, misaligned_get },
	{ SBI_FWFT_POINTER_MASK_PMLEN, pmlen_is_there, pmlen_set, pmlen_get },
	{ SBI_FWFT_AD_HW_UPDATING, ad_hw_is_there, ad_hw_set, ad_hw_get },
};

/* The hart follows at once: by a put and a load, which is how everything else gets there. */
static long set_value(struct kvm_vcpu *vcpu, const struct feature *f, unsigned long value)
{
	bool loaded = vcpu->loaded;
	long error;

	if (loaded)
		vcpu_put(vcpu);
	error = f->set(&vcpu->fwft, value);
	fwft_apply(vcpu);
	if (loaded)
		vcpu_load(vcpu);
	return error;
}

/* ---- the guest's calls ------------------------------------------------------------------------------ */

/* The index of a feature that this vCPU may use; else the error. */
static long find_feature(const struct kvm_vcpu *vcpu, u32 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (features[i].id == id)
			break;
	}
	if (i == ARRAY_SIZE(features))
		return id <= SBI_FWFT_POINTER_MASK_PMLEN ? SBI_ERR_NOT_SUPPORTED : SBI_ERR_DENIED;
	if (!features[i].is_there() || (vcpu->fwft.disabled & BIT(i)))
		return SBI_ERR_NOT_SUPPORTED;
	return i;
}

static long feature_set(struct kvm_vcpu *vcpu, u32 id, unsigned long value, unsigned long flags)
{
	long i = find_feature(vcpu, id), error;

	if (i < 0)
		return i;
	if (flags & ~(unsigned long)SBI_FWFT_LOCK)
		return SBI_ERR_INVALID_PARAM;
	if (vcpu->fwft.locked & BIT(i))
		return SBI_ERR_DENIED_LOCKED;
	error = set_value(vcpu, &features[i], value);
	if (!error && flags)
		vcpu->fwft.locked |= (u8)BIT(i);
	if (!error)
		trace_kvm_fwft(id, value, flags);
	return error;
}

static long feature_get(const struct kvm_vcpu *vcpu, u32 id, long *value)
{
	long i = find_feature(vcpu, id);

	if (i < 0)
		return i;
	*value = (long)features[i].get(&vcpu->fwft);
	return SBI_SUCCESS;
}

int sbi_fwft(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	(void)ext;
	switch (fid) {
	case SBI_FWFT_SET:
		ret->error = feature_set(vcpu, (u32)gpr[GPR_A0], gpr[GPR_A1], gpr[GPR_A2]);
		break;
	case SBI_FWFT_GET:
		ret->error = feature_get(vcpu, (u32)gpr[GPR_A0], &ret->value);
		break;
	default:
		ret->error = SBI_ERR_NOT_SUPPORTED;
		break;
	}
	return RESUME_GUEST;
}

/* ---- ONE_REG ---------------------------------------------------------------------------------------- */

#define REGS_EACH 3

/* Which feature, or -errno. */
static int reg_feature(const struct kvm_vcpu *vcpu, unsigned long num)
{
	if (!is_on(vcpu))
		return -EINVAL;
	if (num >= KVM_LATER_FWFT_REGS || !features[num / REGS_EACH].is_there())
		return -ENOENT;
	return (int)(num / REGS_EACH);
}

unsigned int fwft_reg_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	return reg_feature(vcpu, num) < 0 ? 0 : ULONG_SIZE;
}

int fwft_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	int i = reg_feature(vcpu, num);

	if (i < 0)
		return i;
	switch (num % REGS_EACH) {
	case KVM_LATER_FWFT_OFFSET_ENABLE:
		*value = !(vcpu->fwft.disabled & BIT(i));
		break;
	case KVM_LATER_FWFT_OFFSET_FLAGS:
		*value = vcpu->fwft.locked & BIT(i) ? SBI_FWFT_LOCK : 0;
		break;
	default:
		*value = features[i].get(&vcpu->fwft);
		break;
	}
	return 0;
}

static void set_bit_to(u8 *bits, int i, bool on)
{
	*bits = (u8)((*bits & ~BIT(i)) | (on ? BIT(i) : 0));
}

int fwft_reg_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	int i = reg_feature(vcpu, num);

	if (i < 0)
		return i;
	switch (num % REGS_EACH) {
	case KVM_LATER_FWFT_OFFSET_ENABLE:
		if (value > 1)
			return -EINVAL;
		set_bit_to(&vcpu->fwft.disabled, i, !value);
		return 0;
	case KVM_LATER_FWFT_OFFSET_FLAGS:
		set_bit_to(&vcpu->fwft.locked, i, value & SBI_FWFT_LOCK);
		return 0;
	default:
		return set_value(vcpu, &features[i], (unsigned long)value) ? -EINVAL : 0;
	}
}
