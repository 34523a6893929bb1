// SPDX-License-Identifier: MIT
/*
 * onereg.c - KVM_GET_ONE_REG, KVM_SET_ONE_REG and KVM_GET_REG_LIST: a vCPU's registers.
 *
 * An id's type and subtype select a row of the table of groups. The other bits, except for the
 * architecture and the size, are the register's number in that group. The vCPU's mutex is held, and
 * the vCPU is not loaded, so memory holds its whole state. KVM_GET_REG_LIST goes through the same
 * rows and lists only registers that can be read.
 *
 *   63        56 55    52 51    32 31    24 23     16 15          0
 *   +-----------+--------+--------+--------+---------+-------------+
 *   | arch 0x80 | size   | 0      | type   | subtype | number      |
 *   +-----------+--------+--------+--------+---------+-------------+
 */
#include <string.h>
#include "uapi/onereg.h"
#include "vcpu/fp.h"
#include "vcpu/hsm.h"
#include "vcpu/isa.h"
#include "vcpu/timer.h"

unsigned int reg_always_ulong(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)vcpu;
	(void)num;
	return ULONG_SIZE;
}

/* ---- CORE: pc, x1 to x31, privilege ------------------------------------------- */

#define CORE_COUNT (sizeof(struct kvm_riscv_core) / sizeof(unsigned long))
#define CORE_PC    KVM_REG_RISCV_CORE_REG(regs.pc)
#define CORE_T6    KVM_REG_RISCV_CORE_REG(regs.t6)
#define CORE_MODE  KVM_REG_RISCV_CORE_REG(mode)

static int core_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	(void)vcpu;
	return reg_check_ulong(num, CORE_COUNT, size);
}

static int core_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	if (num == CORE_PC)
		*value = vcpu->guest.sepc;
	else if (num <= CORE_T6)
		*value = vcpu->guest.gpr[num]; /* x1 is at 1, since pc is where x0 would be */
	else if (num == CORE_MODE)
		*value = vcpu->guest.sstatus & SSTATUS_SPP ? KVM_RISCV_MODE_S : KVM_RISCV_MODE_U;
	else
		return -ENOENT;
	return 0;
}

static int core_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	if (num == CORE_PC)
		vcpu->guest.sepc = (unsigned long)value;
	else if (num <= CORE_T6)
		vcpu->guest.gpr[num] = (unsigned long)value;
	else if (num == CORE_MODE && value == KVM_RISCV_MODE_S)
		vcpu->guest.sstatus |= SSTATUS_SPP;
	else if (num == CORE_MODE)
		vcpu->guest.sstatus &= ~SSTATUS_SPP;
	else
		return -ENOENT;
	return 0;
}

/* ---- TIMER ------------------------------------------------------------------------ */

#define TIMER_COUNT (sizeof(struct kvm_riscv_timer) / sizeof(u64))

static int timer_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	(void)vcpu;
	if (size != sizeof(u64))
		return -EINVAL;
	return num < TIMER_COUNT ? 0 : -ENOENT;
}

static unsigned int timer_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)vcpu;
	(void)num;
	return sizeof(u64);
}

static int timer_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	u64 compare = vcpu->timer_ops->get(vcpu);

	switch (num) {
	case KVM_REG_RISCV_TIMER_REG(frequency):
		*value = hv_timebase_hz();
		break;
	case KVM_REG_RISCV_TIMER_REG(time):
		*value = timer_guest_time(vcpu->kvm);
		break;
	case KVM_REG_RISCV_TIMER_REG(compare):
		*value = compare;
		break;
	case KVM_REG_RISCV_TIMER_REG(state):
		*value = compare == TIMER_NEVER ? KVM_RISCV_TIMER_STATE_OFF
						: KVM_RISCV_TIMER_STATE_ON;
		break;
	default:
		return -ENOENT;
	}
	return 0;
}

/* Switch the timer on or off. User space may set state and compare in either order. */
static int timer_set_state(struct kvm_vcpu *vcpu, bool on)
{
	/* As on Linux, a timer that is off cannot be switched off. */
	if (!on && !vcpu->timer.restore_on && vcpu->timer_ops->get(vcpu) == TIMER_NEVER)
		return -EINVAL;
	vcpu->timer.restore_on = on;
	vcpu->timer_ops->set(vcpu, on ? vcpu->timer.restore : TIMER_NEVER);
	return 0;
}

static int timer_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	switch (num) {
	case KVM_REG_RISCV_TIMER_REG(frequency):
		return value == hv_timebase_hz() ? 0 : -EINVAL;
	case KVM_REG_RISCV_TIMER_REG(time):
		/* The whole VM has one clock. */
		WRITE_ONCE(vcpu->kvm->time_delta, value - hv_time());
		timer_clock_set(vcpu);
		return 0;
	case KVM_REG_RISCV_TIMER_REG(compare):
		vcpu->timer.restore = value;
		if (vcpu->timer.restore_on)
			vcpu->timer_ops->set(vcpu, value);
		return 0;
	case KVM_REG_RISCV_TIMER_REG(state):
		return timer_set_state(vcpu, value == KVM_RISCV_TIMER_STATE_ON);
	default:
		return -ENOENT;
	}
}

/* ---- FP ----------------------------------------------------------------------------- */

#define F_FCSR  KVM_REG_RISCV_FP_F_REG(fcsr)
#define D_FCSR  KVM_REG_RISCV_FP_D_REG(fcsr)
#define NAN_BOX 0xffffffff00000000ULL /* the upper half of a register that holds a 32-bit value */

static unsigned int f_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	(void)num;
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_F) ? sizeof(u32) : 0;
}

static int f_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	if (!f_listed(vcpu, 0))
		return -ENOENT;
	if (size != sizeof(u32))
		return -EINVAL;
	return num <= F_FCSR ? 0 : -ENOENT;
}

static int f_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	*value = num == F_FCSR ? vcpu->fp.fcsr : (u32)vcpu->fp.f[num];
	return 0;
}

static int f_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	if (num == F_FCSR)
		vcpu->fp.fcsr = (u32)value;
	else
		vcpu->fp.f[num] = NAN_BOX | (u32)value;
	return 0;
}

static unsigned int d_listed(const struct kvm_vcpu *vcpu, unsigned long num)
{
	if (!isa_has(vcpu, KVM_RISCV_ISA_EXT_D))
		return 0;
	return num == D_FCSR ? sizeof(u32) : sizeof(u64);
}

/* The size depends on the register, so the number is checked first. */
static int d_check(const struct kvm_vcpu *vcpu, u64 num, unsigned int size)
{
	if (num > D_FCSR || !d_listed(vcpu, num))
		return -ENOENT;
	return size == d_listed(vcpu, num) ? 0 : -EINVAL;
}

static int d_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	*value = num == D_FCSR ? vcpu->fp.fcsr : vcpu->fp.f[num];
	return 0;
}

static int d_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	if (num == D_FCSR)
		vcpu->fp.fcsr = (u32)value;
	else
		vcpu->fp.f[num] = value;
	return 0;
}

/* ---- the table ------------------------------------------------------------------------ */

static const struct reg_group core_groups[] = {
	{ .type = KVM_REG_RISCV_CORE,
	  .check = core_check,
	  .get = core_get,
	  .set = core_set,
	  .listed = reg_always_ulong,
	  .count = CORE_COUNT },
	{ .type = KVM_REG_RISCV_TIMER,
	  .check = timer_check,
	  .get = timer_get,
	  .set = timer_set,
	  .listed = timer_listed,
	  .count = TIMER_COUNT },
	{ .type = KVM_REG_RISCV_FP_F,
	  .check = f_check,
	  .get = f_get,
	  .set = f_set,
	  .listed = f_listed,
	  .count = F_FCSR + 1 },
	{ .type = KVM_REG_RISCV_FP_D,
	  .check = d_check,
	  .get = d_get,
	  .set = d_set,
	  .listed = d_listed,
	  .count = D_FCSR + 1 },
};

/* In the order of KVM_GET_REG_LIST. The first row of a type is the row for subtype 0. */
static const struct reg_group *const groups[] = {
	&reg_group_config,    &core_groups[0],    &reg_groups_csr[0], &reg_groups_csr[1],
	&reg_groups_csr[2],   &core_groups[1],    &core_groups[2],    &core_groups[3],
	&reg_group_vector,    &reg_groups_isa[0], &reg_groups_isa[1], &reg_groups_isa[2],
	&reg_groups_csr[3], /* after ISA, which decides whether it exists */
	&reg_groups_sbi[0],   &reg_groups_sbi[1], &reg_groups_sbi[2], &reg_groups_state[0],
	&reg_groups_state[1], &reg_group_pmu,
};

#define TYPE_BITS    ((u64)KVM_REG_RISCV_TYPE_MASK)
#define SUBTYPE_BITS ((u64)KVM_REG_RISCV_SUBTYPE_MASK)

/*
 * Find the row for an id, and the register's number in that row. Returns 0, or -errno if the row
 * has no such register of this size. *group is the row in either case, and NULL if there is no row
 * of the id's type. As on Linux, the architecture is not checked. If the type does not have the
 * id's subtype, its first row is used: the subtype's bits then make the number too large for it.
 */
static int find_reg(const struct kvm_vcpu *vcpu, u64 id, const struct reg_group **group, u64 *num)
{
	const struct reg_group *first = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		if ((groups[i]->type & TYPE_BITS) != (id & TYPE_BITS))
			continue;
		if (!first)
			first = groups[i];
		if (groups[i]->type == (id & (TYPE_BITS | SUBTYPE_BITS)))
			break;
	}
	*group = i < ARRAY_SIZE(groups) ? groups[i] : first;
	if (!*group)
		return -ENOENT;
	*num = id & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | (*group)->type);
	return (*group)->check(vcpu, *num, (unsigned int)KVM_REG_SIZE(id));
}

int onereg_get(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg)
{
	const struct reg_group *group;
	u64 num, value = 0;
	int err = find_reg(vcpu, reg->id, &group, &num);
	const void *wide;

	if (err)
		return err;
	hsm_settle(vcpu);
	wide = group->wide ? group->wide(vcpu, (unsigned long)num) : NULL;
	if (wide)
		return hv_copy_to_user((hva_t)reg->addr, wide, KVM_REG_SIZE(reg->id));
	err = group->get(vcpu, (unsigned long)num, &value);
	if (err)
		return err;
	/* Little-endian: the first bytes of value are the register, whatever its size. */
	return hv_copy_to_user((hva_t)reg->addr, &value, KVM_REG_SIZE(reg->id));
}

/* Read into a copy, so that nothing changes if reading user memory fails halfway. */
static int set_wide(void *wide, hva_t from, unsigned int size)
{
	void *copy = hv_alloc(size);
	int err;

	if (!copy)
		return -ENOMEM;
	err = hv_copy_from_user(copy, from, size);
	if (!err)
		memcpy(wide, copy, size);
	hv_free(copy);
	return err;
}

int onereg_set(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg)
{
	const struct reg_group *group;
	u64 num, value = 0;
	int err = find_reg(vcpu, reg->id, &group, &num);
	void *wide;

	if (!group)
		return err;
	if (group->frozen_by_run && vcpu->ran_once && err != -EINVAL)
		return -EBUSY;
	if (err)
		return err;
	hsm_settle(vcpu);
	fp_forget(vcpu);
	wide = group->wide ? group->wide(vcpu, (unsigned long)num) : NULL;
	if (wide)
		return set_wide(wide, (hva_t)reg->addr, (unsigned int)KVM_REG_SIZE(reg->id));
	err = hv_copy_from_user(&value, (hva_t)reg->addr, KVM_REG_SIZE(reg->id));
	return err ? err : group->set(vcpu, (unsigned long)num, value);
}

static u64 reg_id(const struct reg_group *group, unsigned int size, unsigned long num)
{
	u64 log2 = 0;

	while (1U << log2 < size)
		log2++;
	return KVM_REG_RISCV | log2 << KVM_REG_SIZE_SHIFT | group->type | num;
}

/*
 * Copy all ids to user memory at `list`, unless `list` is 0. Returns the number of ids, or -EFAULT.
 */
static long list_regs(struct kvm_vcpu *vcpu, hva_t list)
{
	unsigned long num;
	unsigned int i, size;
	long n = 0;
	u64 id;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		for (num = 0; num < groups[i]->count; num++) {
			size = groups[i]->listed(vcpu, num);
			if (!size)
				continue;
			id = reg_id(groups[i], size, num);
			if (list &&
			    hv_copy_to_user(list + (unsigned long)n * sizeof(id), &id, sizeof(id)))
				return -EFAULT;
			n++;
		}
	}
	return n;
}

int onereg_list(struct kvm_vcpu *vcpu, hva_t user_list)
{
	u64 room, n;
	long ret;

	if (hv_copy_from_user(&room, user_list, sizeof(room)))
		return -EFAULT;
	n = (u64)list_regs(vcpu, 0);
	if (hv_copy_to_user(user_list, &n, sizeof(n)))
		return -EFAULT;
	/* As on Linux, the number of entries that user space gives is truncated to 32 bits. */
	if ((u32)room < n)
		return -E2BIG;
	ret = list_regs(vcpu, user_list + offsetof(struct kvm_reg_list, reg));
	return ret < 0 ? (int)ret : 0;
}
