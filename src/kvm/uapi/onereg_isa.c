// SPDX-License-Identifier: MIT
/*
 * onereg_isa.c - registers that describe a vCPU: identity, ISA extensions and SBI extensions.
 *
 * They may be changed until the vCPU first runs. Afterwards, every write to an SBI extension's
 * register gives -EBUSY, and so does a write that would change an identity or ISA register. Two
 * kinds of registers differ: an ISA mask register skips what cannot be changed, and a property of
 * the hardware (block sizes, satp mode) can never be changed (-EINVAL).
 */
#include "mmu/shadow.h"
#include "sbi/sbi.h"
#include "uapi/onereg.h"
#include "vcpu/isa.h"

/* ---- CONFIG ---------------------------------------------------------------------- */

/* The single-letter extensions, which are bits of register `isa`; bit 0 stands for A. */
static const struct {
	char letter;
	u8 ext;
} letters[] = {
	{ 'a', KVM_RISCV_ISA_EXT_A }, { 'c', KVM_RISCV_ISA_EXT_C }, { 'd', KVM_RISCV_ISA_EXT_D },
	{ 'f', KVM_RISCV_ISA_EXT_F }, { 'i', KVM_RISCV_ISA_EXT_I }, { 'm', KVM_RISCV_ISA_EXT_M },
	{ 'h', KVM_RISCV_ISA_EXT_H }, { 'v', KVM_RISCV_ISA_EXT_V },
};

static u64 isa_letters(const struct kvm_vcpu *vcpu)
{
	u64 bits = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(letters); i++) {
		if (isa_has(vcpu, letters[i].ext))
			bits |= 1ULL << (letters[i].letter - 'a');
	}
	return bits;
}

static bool may_enable(const struct kvm_vcpu *vcpu, unsigned int ext)
{
	return isa_host_has(ext) && isa_may_enable(ext) && !isa_excludes(vcpu, ext);
}

/*
 * Enable and disable single-letter extensions. As on Linux, trying to change a letter that cannot
 * be changed has no effect and is not an error.
 */
static int set_isa_letters(struct kvm_vcpu *vcpu, u64 bits)
{
	unsigned int i;
	bool want;
	int err;

	/* As on Linux: bits 25 (Z) to 31 are invalid, and bits above 31 are not checked. */
	if ((u32)bits >> 25)
		return -EINVAL;
	if (bits == isa_letters(vcpu))
		return 0;
	if (vcpu->ran_once)
		return -EBUSY;
	if ((bits & 1ULL << ('h' - 'a')) && may_enable(vcpu, KVM_RISCV_ISA_EXT_H)) {
		err = shadow_create(vcpu);
		if (err)
			return err;
	}
	for (i = 0; i < ARRAY_SIZE(letters); i++) {
		want = bits >> (letters[i].letter - 'a') & 1;
		if (want ? may_enable(vcpu, letters[i].ext) : isa_may_disable(letters[i].ext))
			isa_set_put(&vcpu->isa, letters[i].ext, want);
	}
	vcpu_isa_changed(vcpu);
	return 0;
}

/* As on Linux, all of them exist: a block size is 0 if the machine lacks the extension. */
static int config_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	(void)vcpu;
	return reg_check_ulong(num, KVM_COMPAT_CONFIG_COUNT, size);
}

static int config_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	switch (num) {
	case KVM_REG_RISCV_CONFIG_REG(isa):
		*value = isa_letters(vcpu);
		break;
	case KVM_REG_RISCV_CONFIG_REG(zicbom_block_size):
		*value = hv_cbo_block_size("zicbom");
		break;
	case KVM_REG_RISCV_CONFIG_REG(zicboz_block_size):
		*value = hv_cbo_block_size("zicboz");
		break;
	case KVM_COMPAT_CONFIG_ZICBOP_BLOCK_SIZE:
		*value = hv_cbo_block_size("zicbop");
		break;
	case KVM_REG_RISCV_CONFIG_REG(mvendorid):
		*value = vcpu->mvendorid;
		break;
	case KVM_REG_RISCV_CONFIG_REG(marchid):
		*value = vcpu->marchid;
		break;
	case KVM_REG_RISCV_CONFIG_REG(mimpid):
		*value = vcpu->mimpid;
		break;
	case KVM_REG_RISCV_CONFIG_REG(satp_mode):
		*value = isa_satp_mode();
		break;
	default:
		return -ENOENT;
	}
	return 0;
}

static int set_id(struct kvm_vcpu *vcpu, unsigned long *id, u64 value)
{
	if (*id == value)
		return 0;
	if (vcpu->ran_once)
		return -EBUSY;
	*id = (unsigned long)value;
	return 0;
}

static int config_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	u64 fixed;
	int err;

	switch (num) {
	case KVM_REG_RISCV_CONFIG_REG(isa):
		return set_isa_letters(vcpu, value);
	case KVM_REG_RISCV_CONFIG_REG(mvendorid):
		return set_id(vcpu, &vcpu->mvendorid, value);
	case KVM_REG_RISCV_CONFIG_REG(marchid):
		return set_id(vcpu, &vcpu->marchid, value);
	case KVM_REG_RISCV_CONFIG_REG(mimpid):
		return set_id(vcpu, &vcpu->mimpid, value);
	default: /* a property of the hardware: only its current value can be set, or block size 0 */
		err = config_get(vcpu, num, &fixed);
		if (err)
			return err;
		if (!value && num != KVM_REG_RISCV_CONFIG_REG(satp_mode))
			return 0;
		return fixed == value ? 0 : -EINVAL;
	}
}

const struct reg_group reg_group_config = {
	.type = KVM_REG_RISCV_CONFIG,
	.check = config_check,
	.get = config_get,
	.set = config_set,
	.listed = reg_always_ulong,
	.count = KVM_COMPAT_CONFIG_COUNT,
};

/* ---- ISA_EXT and SBI_EXT: one by one, or BITS_PER_LONG at a time ------------------------- */

static int isa_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	if (num >= KVM_RISCV_ISA_EXT_MAX || !isa_host_has((unsigned int)num))
		return -ENOENT;
	*value = isa_has(vcpu, (unsigned int)num);
	return 0;
}

static int isa_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	u64 now;
	int err = isa_get(vcpu, num, &now);

	if (err || value == now)
		return err;
	if (vcpu->ran_once)
		return -EBUSY;
	if (value > 1 ||
	    !(value ? may_enable(vcpu, (unsigned int)num) : isa_may_disable((unsigned int)num)))
		return -EINVAL;
	if (num == KVM_RISCV_ISA_EXT_H && value) {
		err = shadow_create(vcpu);
		if (err)
			return err;
	}
	isa_set_put(&vcpu->isa, (unsigned int)num, value);
	vcpu_isa_changed(vcpu);
	return 0;
}

static int sbi_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	unsigned long enabled;
	int err = sbi_ext_get(vcpu, num, &enabled);

	if (!err)
		*value = enabled;
	return err;
}

static int sbi_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	return sbi_ext_set(vcpu, num, (unsigned long)value);
}

typedef int reg_get_fn(struct kvm_vcpu *vcpu, unsigned long num, u64 *value);
typedef int reg_set_fn(struct kvm_vcpu *vcpu, unsigned long num, u64 value);

/*
 * Store in *value the bits of mask register `num`, one for each of BITS_PER_LONG extensions.
 * Extensions that do not exist read as 0.
 */
static void multi_get(struct kvm_vcpu *vcpu, unsigned long num, reg_get_fn *get, u64 *value)
{
	unsigned int i;
	u64 one;

	*value = 0;
	for (i = 0; i < BITS_PER_LONG; i++) {
		if (!get(vcpu, num * BITS_PER_LONG + i, &one))
			*value |= one << i;
	}
}

/*
 * Set the extensions of mask register `num` that are in `mask` to `value`. As on Linux, each bit is
 * tried, and extensions that cannot be changed are skipped. The errors are -EBUSY, for SBI extensions
 * after the first run, and -ENOMEM, after which the call can be repeated.
 */
static int multi_set(struct kvm_vcpu *vcpu, unsigned long num, reg_set_fn *set, u64 mask, u64 value)
{
	unsigned int i;

	if (set == sbi_set && vcpu->ran_once)
		return -EBUSY;
	for (i = 0; i < BITS_PER_LONG; i++) {
		if ((mask >> i & 1) && set(vcpu, num * BITS_PER_LONG + i, value) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

#define MULTI(kind, max)                                                                       \
	static int kind##_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)       \
	{                                                                                      \
		(void)vcpu;                                                                    \
		return reg_check_ulong(num, max, size);                                        \
	}                                                                                      \
	static int kind##_multi_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size) \
	{                                                                                      \
		(void)vcpu;                                                                    \
		return reg_check_ulong(num, (max - 1) / BITS_PER_LONG + 1, size);              \
	}                                                                                      \
	static unsigned int kind##_listed(const struct kvm_vcpu *vcpu, unsigned long num)      \
	{                                                                                      \
		u64 value;                                                                     \
                                                                                               \
		return kind##_get((struct kvm_vcpu *)vcpu, num, &value) ? 0 : ULONG_SIZE;      \
	}                                                                                      \
	static int kind##_get_en(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)         \
	{                                                                                      \
		multi_get(vcpu, num, kind##_get, value);                                       \
		return 0;                                                                      \
	}                                                                                      \
	static int kind##_get_dis(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)        \
	{                                                                                      \
		multi_get(vcpu, num, kind##_get, value);                                       \
		*value = (unsigned long)~*value;                                               \
		return 0;                                                                      \
	}                                                                                      \
	static int kind##_set_en(struct kvm_vcpu *vcpu, unsigned long num, u64 value)          \
	{                                                                                      \
		return multi_set(vcpu, num, kind##_set, value, 1);                             \
	}                                                                                      \
	static int kind##_set_dis(struct kvm_vcpu *vcpu, unsigned long num, u64 value)         \
	{                                                                                      \
		return multi_set(vcpu, num, kind##_set, value, 0);                             \
	}

MULTI(isa, KVM_RISCV_ISA_EXT_MAX)
MULTI(sbi, KVM_RISCV_SBI_EXT_MAX)

#define TYPE(kind, subtype) (KVM_REG_RISCV_##kind##_EXT | KVM_REG_RISCV_##kind##_##subtype)

/* As on Linux, only the single registers are listed. */
#define GROUPS(KIND, kind, max, frozen)                  \
	{                                                \
		{ .type = TYPE(KIND, SINGLE),            \
		  .check = kind##_check,                 \
		  .get = kind##_get,                     \
		  .set = kind##_set,                     \
		  .listed = kind##_listed,               \
		  .frozen_by_run = frozen,               \
		  .count = max },                        \
			{ .type = TYPE(KIND, MULTI_EN),  \
			  .check = kind##_multi_check,   \
			  .get = kind##_get_en,          \
			  .frozen_by_run = frozen,       \
			  .set = kind##_set_en },        \
			{ .type = TYPE(KIND, MULTI_DIS), \
			  .check = kind##_multi_check,   \
			  .get = kind##_get_dis,         \
			  .frozen_by_run = frozen,       \
			  .set = kind##_set_dis },       \
	}

const struct reg_group reg_groups_isa[3] = GROUPS(ISA, isa, KVM_RISCV_ISA_EXT_MAX, false);
const struct reg_group reg_groups_sbi[3] = GROUPS(SBI, sbi, KVM_RISCV_SBI_EXT_MAX, true);
