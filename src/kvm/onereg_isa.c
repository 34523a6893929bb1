// SPDX-License-Identifier: MIT
/*
 * onereg_isa.c - registers that say what a vCPU is: identity, ISA and SBI extensions.
 *
 * They may be changed until the vCPU first runs; then -EBUSY, unless the value is the
 * one that is there already.
 */
#include "onereg.h"

#define ULONG_SIZE ((unsigned int)sizeof(unsigned long))

/* ---- CONFIG ---------------------------------------------------------------------- */

/* Single letters as bits of `isa`: bit 0 is A. */
static const struct {
	char letter;
	u8 ext;
} letters[] = {
	{ 'a', KVM_RISCV_ISA_EXT_A }, { 'c', KVM_RISCV_ISA_EXT_C }, { 'd', KVM_RISCV_ISA_EXT_D },
	{ 'f', KVM_RISCV_ISA_EXT_F }, { 'i', KVM_RISCV_ISA_EXT_I }, { 'm', KVM_RISCV_ISA_EXT_M },
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

/* Letters that cannot be changed keep their state; that is what Linux does, silently. */
static int set_isa_letters(struct kvm_vcpu *vcpu, u64 bits)
{
	unsigned int i;
	bool want;

	if (bits >> 26)
		return -EINVAL;
	if (bits == isa_letters(vcpu))
		return 0;
	if (vcpu->ran_once)
		return -EBUSY;
	for (i = 0; i < ARRAY_SIZE(letters); i++) {
		want = bits >> (letters[i].letter - 'a') & 1;
		if (want && isa_host_has(letters[i].ext))
			vcpu->isa |= 1ULL << letters[i].ext;
		if (!want && isa_may_disable(letters[i].ext))
			vcpu->isa &= ~(1ULL << letters[i].ext);
	}
	vcpu_isa_changed(vcpu);
	return 0;
}

static unsigned int config_size(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)vcpu;
	switch (num) {
	case KVM_REG_RISCV_CONFIG_REG(zicbom_block_size):
		return isa_host_has(KVM_RISCV_ISA_EXT_ZICBOM) ? ULONG_SIZE : 0;
	case KVM_REG_RISCV_CONFIG_REG(zicboz_block_size):
		return isa_host_has(KVM_RISCV_ISA_EXT_ZICBOZ) ? ULONG_SIZE : 0;
	default:
		return ULONG_SIZE;
	}
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
	default: /* a fact of the hardware: what it is already, or nothing */
		err = config_get(vcpu, num, &fixed);
		if (err)
			return err;
		return fixed == value ? 0 : -EINVAL;
	}
}

const struct reg_group reg_group_config = {
	KVM_REG_RISCV_CONFIG,
	config_size,
	config_get,
	config_set,
	sizeof(struct kvm_riscv_config) / sizeof(unsigned long),
};

/* ---- ISA_EXT and SBI_EXT: one by one, or 64 at a time ----------------------------------- */

static unsigned int ext_size(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)vcpu;
	(void)num;
	return ULONG_SIZE;
}

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
	    !(value ? isa_may_enable((unsigned int)num) : isa_may_disable((unsigned int)num)))
		return -EINVAL;
	vcpu->isa ^= 1ULL << num;
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
	if (vcpu->ran_once)
		return -EBUSY;
	return sbi_ext_set(vcpu, num, (unsigned long)value);
}

typedef int reg_get_fn(struct kvm_vcpu *vcpu, unsigned long num, u64 *value);
typedef int reg_set_fn(struct kvm_vcpu *vcpu, unsigned long num, u64 value);

/* BITS_PER_LONG of them as one mask; those that do not exist read as 0. */
static int multi_get(struct kvm_vcpu *vcpu, unsigned long num, unsigned int max, reg_get_fn *get,
		     u64 *value)
{
	unsigned int i;
	u64 one;

	if (num > (max - 1) / BITS_PER_LONG)
		return -ENOENT;
	*value = 0;
	for (i = 0; i < BITS_PER_LONG; i++) {
		if (!get(vcpu, num * BITS_PER_LONG + i, &one))
			*value |= one << i;
	}
	return 0;
}

/* As Linux: each bit is tried, and those that cannot be changed are passed over. */
static int multi_set(struct kvm_vcpu *vcpu, unsigned long num, unsigned int max, reg_set_fn *set,
		     u64 mask, u64 value)
{
	unsigned int i;

	if (num > (max - 1) / BITS_PER_LONG)
		return -ENOENT;
	for (i = 0; i < BITS_PER_LONG; i++) {
		if (mask >> i & 1)
			set(vcpu, num * BITS_PER_LONG + i, value);
	}
	return 0;
}

#define MULTI(kind, max)                                                                \
	static int kind##_get_en(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)  \
	{                                                                               \
		return multi_get(vcpu, num, max, kind##_get, value);                    \
	}                                                                               \
	static int kind##_get_dis(struct kvm_vcpu *vcpu, unsigned long num, u64 *value) \
	{                                                                               \
		int err = multi_get(vcpu, num, max, kind##_get, value);                 \
                                                                                        \
		*value = (unsigned long)~*value;                                        \
		return err;                                                             \
	}                                                                               \
	static int kind##_set_en(struct kvm_vcpu *vcpu, unsigned long num, u64 value)   \
	{                                                                               \
		return multi_set(vcpu, num, max, kind##_set, value, 1);                 \
	}                                                                               \
	static int kind##_set_dis(struct kvm_vcpu *vcpu, unsigned long num, u64 value)  \
	{                                                                               \
		return multi_set(vcpu, num, max, kind##_set, value, 0);                 \
	}

MULTI(isa, KVM_RISCV_ISA_EXT_MAX)
MULTI(sbi, KVM_RISCV_SBI_EXT_MAX)

#define ISA_TYPE(sub) (KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_##sub)
#define SBI_TYPE(sub) (KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_##sub)

/* Linux lists the single ones only. */
const struct reg_group reg_groups_isa[3] = {
	{ ISA_TYPE(SINGLE), ext_size, isa_get, isa_set, KVM_RISCV_ISA_EXT_MAX },
	{ ISA_TYPE(MULTI_EN), ext_size, isa_get_en, isa_set_en, 0 },
	{ ISA_TYPE(MULTI_DIS), ext_size, isa_get_dis, isa_set_dis, 0 },
};

const struct reg_group reg_groups_sbi[3] = {
	{ SBI_TYPE(SINGLE), ext_size, sbi_get, sbi_set, KVM_RISCV_SBI_EXT_MAX },
	{ SBI_TYPE(MULTI_EN), ext_size, sbi_get_en, sbi_set_en, 0 },
	{ SBI_TYPE(MULTI_DIS), ext_size, sbi_get_dis, sbi_set_dis, 0 },
};
