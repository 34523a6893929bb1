// SPDX-License-Identifier: MIT
/*
 * onereg_find.c - bounded proof of src/kvm/uapi/onereg.c: from any 64-bit id to one row.
 *
 * Proved, for every id, user address and state of the vCPU: the id is refused, or leads to the row
 * of its type and subtype, whose check() gets all remaining bits and the size. KVM_GET_ONE_REG and
 * KVM_SET_ONE_REG then copy exactly as many bytes as the id says, from and to one object. An id that
 * KVM_GET_REG_LIST gives leads back to its row and number.
 * Bounds: none; the loop over the rows is complete.
 * Models: the rows of the other files, with their types, whose check() accepts any number (proved in
 * onereg_rows.c: it accepts only registers that exist); copies, which may fail and bring any bytes;
 * hsm_settle(), fp_forget() and timer_clock_set(). The time CSR has any value, because CBMC ignores
 * inline assembly.
 *
 * Folder: kvm
 * Options: --unwind 24
 */
#include "proof.h"
#include "hv/kvm_hext.h"
#include "uapi/onereg.c"

#define WIDE 64 /* bytes of a modeled wide register */

static u64 passed_num;
static unsigned int passed_size, copied;
static u8 wide_reg[WIDE];
static bool is_wide;

static int any_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	int err;

	(void)vcpu;
	passed_num = num;
	passed_size = size;
	if (size != (is_wide ? WIDE : 4) && size != 8)
		return -EINVAL;
	return err ? -ENOENT : 0;
}

static int any_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	int err;

	(void)vcpu;
	(void)num;
	havoc(value);
	return err ? -ENOENT : 0;
}

static int any_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	(void)vcpu;
	(void)num;
	(void)value;
	return 0;
}

static void *any_wide(struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)vcpu;
	(void)num;
	return is_wide && passed_size == WIDE ? wide_reg : NULL;
}

#define ROW(of)                                                                                  \
	{                                                                                        \
		.type = of, .check = any_check, .get = any_get, .set = any_set, .wide = any_wide \
	}

const struct reg_group reg_group_config = ROW(KVM_REG_RISCV_CONFIG);
const struct reg_group reg_groups_csr[4] = {
	ROW(KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_GENERAL),
	ROW(KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_AIA),
	ROW(KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_SMSTATEEN),
	ROW(KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_HEXT),
};
const struct reg_group reg_group_vector = ROW(KVM_REG_RISCV_VECTOR);
const struct reg_group reg_groups_isa[3] = {
	ROW(KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE),
	ROW(KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_MULTI_EN),
	ROW(KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_MULTI_DIS),
};
const struct reg_group reg_groups_sbi[3] = {
	ROW(KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_SINGLE),
	ROW(KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_MULTI_EN),
	ROW(KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_MULTI_DIS),
};
const struct reg_group reg_groups_state[2] = {
	ROW(KVM_REG_RISCV_SBI_STATE | KVM_REG_RISCV_SBI_STA),
	ROW(KVM_REG_RISCV_SBI_STATE | KVM_COMPAT_REG_SBI_FWFT),
};
const struct reg_group reg_group_pmu = ROW(0x68ULL << KVM_REG_RISCV_TYPE_SHIFT);

int hv_copy_to_user(hva_t dst, const void *src, size_t size)
{
	int err;

	(void)dst;
	copied = (unsigned int)size;
	claim(readable(src, size), "the copied bytes are those of one object");
	return err ? -EFAULT : 0;
}

int hv_copy_from_user(void *dst, hva_t src, size_t size)
{
	int err;

	(void)src;
	copied = (unsigned int)size;
	claim(writable(dst, size), "the copied bytes are those of one object");
	havoc_bytes(dst, size);
	return err ? -EFAULT : 0;
}

void *hv_alloc(size_t size)
{
	bool none;

	return none ? NULL : malloc(size);
}

void hv_free(void *p)
{
	free(p);
}

void hsm_settle(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
}

void fp_forget(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
}

static u64 model_get(const struct kvm_vcpu *vcpu)
{
	return vcpu->timer.compare;
}

static void model_set(struct kvm_vcpu *vcpu, u64 compare)
{
	vcpu->timer.compare = compare;
}

static const struct timer_ops model_timer = { .get = model_get, .set = model_set };

unsigned long hv_timebase_hz(void)
{
	return 10000000;
}

void timer_clock_set(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
}

static struct kvm vm;
static struct kvm_vcpu vcpu;

static void any_vcpu(void)
{
	havoc(&vcpu);
	havoc(&is_wide);
	vcpu.kvm = &vm;
	vcpu.timer_ops = &model_timer;
}

/* Does some row have exactly this type and subtype? */
static bool row_exists(u64 type)
{
	bool found = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		found |= groups[i]->type == type;
	return found;
}

void prove_find(void)
{
	const struct reg_group *group;
	u64 id, num, rest = id & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK);
	int err;

	any_vcpu();
	err = find_reg(&vcpu, id, &group, &num);
	claim(!err || err == -ENOENT || err == -EINVAL,
	      "an id is accepted, or refused with ENOENT or EINVAL");
	if (!group) {
		claim(err == -ENOENT, "an id without a row is refused with ENOENT");
		claim(!row_exists(id & (TYPE_BITS | SUBTYPE_BITS)),
		      "no row has the id's type and subtype");
		reached(err);
		return;
	}
	claim((group->type & TYPE_BITS) == (id & TYPE_BITS), "the row has the id's type");
	if (row_exists(id & (TYPE_BITS | SUBTYPE_BITS)))
		claim(group->type == (id & (TYPE_BITS | SUBTYPE_BITS)),
		      "the row has the id's subtype");
	else
		claim(num >> 16, "without such a row, the number has bits of the subtype");
	claim(num == (rest & ~group->type) && (num | group->type) == rest, "no bit is lost");
	if (group->check == any_check)
		claim(passed_num == num && passed_size == 1U << (id >> 52 & 15),
		      "check() sees the number and the size");
	if (!err && group->check != any_check)
		claim(num < group->count, "an accepted number lies inside the row's table");
	reached(!err && group == &core_groups[1]);
	reached(!err && group == &reg_groups_state[1]);
	reached(err == -EINVAL);
}

void prove_get(void)
{
	struct kvm_one_reg reg;
	int err;

	any_vcpu();
	copied = ~0U;
	err = onereg_get(&vcpu, &reg);
	claim(copied == ~0U || copied == 1U << (reg.id >> 52 & 15), "the id's size is copied");
	claim(err || copied != ~0U, "a successful call has copied the register");
	reached(!err && copied == 4);
	reached(!err && copied == WIDE);
	reached(err == -ENOENT);
}

void prove_set(void)
{
	struct kvm_one_reg reg;
	unsigned int i;
	u8 before;
	int err;

	any_vcpu();
	suppose(i < WIDE);
	copied = ~0U;
	before = wide_reg[i];
	err = onereg_set(&vcpu, &reg);
	claim(copied == ~0U || copied == 1U << (reg.id >> 52 & 15), "the id's size is copied");
	claim(!err || wide_reg[i] == before, "a failed copy changes nothing");
	reached(!err && copied == 8);
	reached(!err && copied == WIDE);
	reached(err == -ENOMEM);
}

void prove_list(void)
{
	const struct reg_group *group;
	unsigned int row;
	unsigned int size;
	unsigned long n;
	u64 num, id;

	any_vcpu();
	suppose(row < ARRAY_SIZE(groups) && n < 1UL << 16);
	suppose(size == 4 || size == 8 || size == WIDE);
	id = reg_id(groups[row], size, n);
	find_reg(&vcpu, id, &group, &num);
	claim(group == groups[row] && num == n, "a listed id leads back to its row and number");
	claim(1U << (id >> 52 & 15) == size && id >> 56 == 0x80,
	      "a listed id has its size, and RISC-V as its architecture");
	reached(row == 17 && size == 8);
	reached(size == 4);
	reached(size == WIDE);
}
