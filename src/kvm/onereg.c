// SPDX-License-Identifier: MIT
/*
 * onereg.c - a vCPU's registers, one by one, by KVM's ids.
 *
 * A table of groups: an id's type and subtype choose the row, the rest is the number
 * within. The vCPU is not loaded here (its mutex is held, KVM_RUN is over), so that memory
 * has everything. KVM_GET_REG_LIST asks the same rows, hence lists what can be read.
 *
 *   63      56 55    52 51        24 23     16 15          0
 *   +---------+--------+------------+---------+-------------+
 *   | arch 80 | size   | type << 24 | subtype | number      |
 *   +---------+--------+------------+---------+-------------+
 */
#include "onereg.h"
#include "timer.h"

#define ULONG_SIZE ((unsigned int)sizeof(unsigned long))
#define NUM_MASK   0xffffULL

static unsigned int always_ulong(const struct kvm_vcpu *vcpu, unsigned long num)
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

static int core_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	if (num == CORE_PC)
		*value = vcpu->guest.sepc;
	else if (num <= CORE_T6)
		*value = vcpu->guest.gpr[num]; /* x1 stands at 1, since pc is where x0 would be */
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

/* ---- CSR: what VS sees as s* ----------------------------------------------------- */

#define CSR_COUNT (sizeof(struct kvm_riscv_csr) / sizeof(unsigned long))
#define CSR_SIP   KVM_REG_RISCV_CSR_REG(sip)
#define VSIP_MASK (BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT))

/* Where each is kept; sip has no place of its own. */
static unsigned long *general_place(struct kvm_vcpu *vcpu, unsigned long num)
{
	struct guest_csrs *c = &vcpu->csrs;
	unsigned long *const places[] = {
		[KVM_REG_RISCV_CSR_REG(sstatus)] = &c->vsstatus,
		[KVM_REG_RISCV_CSR_REG(sie)] = &c->vsie,
		[KVM_REG_RISCV_CSR_REG(stvec)] = &c->vstvec,
		[KVM_REG_RISCV_CSR_REG(sscratch)] = &c->vsscratch,
		[KVM_REG_RISCV_CSR_REG(sepc)] = &c->vsepc,
		[KVM_REG_RISCV_CSR_REG(scause)] = &c->vscause,
		[KVM_REG_RISCV_CSR_REG(stval)] = &c->vstval,
		[KVM_REG_RISCV_CSR_REG(satp)] = &c->vsatp,
		[KVM_REG_RISCV_CSR_REG(scounteren)] = &c->scounteren,
		[KVM_REG_RISCV_CSR_REG(senvcfg)] = &c->senvcfg,
	};

	return num < ARRAY_SIZE(places) ? places[num] : NULL;
}

static int general_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	const unsigned long *place = general_place(vcpu, num);

	if (num == CSR_SIP) {
		vcpu_flush_irqs(vcpu);
		*value = vcpu->csrs.hvip >> 1 & VSIP_MASK;
		return 0;
	}
	if (!place)
		return -ENOENT;
	*value = *place;
	return 0;
}

static int general_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	unsigned long *place = general_place(vcpu, num);

	if (num == CSR_SIP) {
		/* This is the state now: what was on its way before does not change it. */
		__atomic_store_n(&vcpu->irq_changed, 0, __ATOMIC_RELAXED);
		vcpu->csrs.hvip = ((unsigned long)value & VSIP_MASK) << 1;
		return 0;
	}
	if (!place)
		return -ENOENT;
	*place = (unsigned long)value;
	return 0;
}

static unsigned int stateen_size(const struct kvm_vcpu *vcpu, unsigned long num)
{
	return num == 0 && isa_has(vcpu, KVM_RISCV_ISA_EXT_SMSTATEEN) ? ULONG_SIZE : 0;
}

static int stateen_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value)
{
	(void)num;
	*value = vcpu->csrs.sstateen0;
	return 0;
}

static int stateen_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	(void)num;
	vcpu->csrs.sstateen0 = (unsigned long)value;
	return 0;
}

/* ---- TIMER ------------------------------------------------------------------------ */

static unsigned int timer_size(const struct kvm_vcpu *vcpu, unsigned long num)
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

static int timer_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value)
{
	switch (num) {
	case KVM_REG_RISCV_TIMER_REG(frequency):
		return value == hv_timebase_hz() ? 0 : -EINVAL;
	case KVM_REG_RISCV_TIMER_REG(time):
		/* One clock for the whole VM. */
		WRITE_ONCE(vcpu->kvm->time_delta, value - hv_time());
		return 0;
	case KVM_REG_RISCV_TIMER_REG(compare):
		vcpu->timer.restore = value;
		return 0;
	case KVM_REG_RISCV_TIMER_REG(state):
		/* Takes what `compare` was set to, after `time`: the order of a restore. */
		vcpu->timer_ops->set(vcpu, value == KVM_RISCV_TIMER_STATE_ON ? vcpu->timer.restore
									     : TIMER_NEVER);
		return 0;
	default:
		return -ENOENT;
	}
}

/* ---- FP ----------------------------------------------------------------------------- */

#define F_FCSR  KVM_REG_RISCV_FP_F_REG(fcsr)
#define D_FCSR  KVM_REG_RISCV_FP_D_REG(fcsr)
#define NAN_BOX 0xffffffff00000000ULL /* how 64-bit registers hold a 32-bit number */

static unsigned int f_size(const struct kvm_vcpu *vcpu, unsigned long num)
{
	return isa_has(vcpu, KVM_RISCV_ISA_EXT_F) && num <= F_FCSR ? sizeof(u32) : 0;
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

static unsigned int d_size(const struct kvm_vcpu *vcpu, unsigned long num)
{
	if (!isa_has(vcpu, KVM_RISCV_ISA_EXT_D) || num > D_FCSR)
		return 0;
	return num == D_FCSR ? sizeof(u32) : sizeof(u64);
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
	{ KVM_REG_RISCV_CORE, always_ulong, core_get, core_set, CORE_COUNT },
	{ KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_GENERAL, always_ulong, general_get, general_set,
	  CSR_COUNT },
	{ KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_SMSTATEEN, stateen_size, stateen_get, stateen_set,
	  1 },
	{ KVM_REG_RISCV_TIMER, timer_size, timer_get, timer_set, 4 },
	{ KVM_REG_RISCV_FP_F, f_size, f_get, f_set, F_FCSR + 1 },
	{ KVM_REG_RISCV_FP_D, d_size, d_get, d_set, D_FCSR + 1 },
};

static const struct reg_group *const groups[] = {
	&reg_group_config,  &core_groups[0],    &core_groups[1],    &core_groups[2],
	&core_groups[3],    &core_groups[4],    &core_groups[5],    &reg_groups_isa[0],
	&reg_groups_isa[1], &reg_groups_isa[2], &reg_groups_sbi[0], &reg_groups_sbi[1],
	&reg_groups_sbi[2],
};

/* The row of an id: 0, or the errno of an id that names nothing. */
static int find_group(const struct kvm_vcpu *vcpu, u64 id, const struct reg_group **group)
{
	u64 type = id & (KVM_REG_RISCV_TYPE_MASK | KVM_REG_RISCV_SUBTYPE_MASK);
	unsigned int i, size;

	if ((id & KVM_REG_ARCH_MASK) != KVM_REG_RISCV)
		return -ENOENT;
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		if (groups[i]->type != type)
			continue;
		*group = groups[i];
		size = groups[i]->size(vcpu, id & NUM_MASK);
		if (!size)
			return -ENOENT;
		return KVM_REG_SIZE(id) == size ? 0 : -EINVAL;
	}
	return -ENOENT;
}

int onereg_get(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg)
{
	const struct reg_group *group;
	u64 value = 0;
	int err = find_group(vcpu, reg->id, &group);

	if (!err)
		err = group->get(vcpu, reg->id & NUM_MASK, &value);
	if (err)
		return err;
	/* Little-endian: the first bytes of value are the register, whatever its size. */
	return hv_copy_to_user((hva_t)reg->addr, &value, KVM_REG_SIZE(reg->id));
}

int onereg_set(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg)
{
	const struct reg_group *group;
	u64 value = 0;
	int err = find_group(vcpu, reg->id, &group);

	if (!err)
		err = hv_copy_from_user(&value, (hva_t)reg->addr, KVM_REG_SIZE(reg->id));
	if (err)
		return err;
	return group->set(vcpu, reg->id & NUM_MASK, value);
}

static u64 reg_id(const struct reg_group *group, unsigned int size, unsigned long num)
{
	u64 log2 = size == 4 ? 2 : 3;

	return KVM_REG_RISCV | log2 << KVM_REG_SIZE_SHIFT | group->type | num;
}

/* Every readable id, to user memory at `list` if that is not 0; returns how many. */
static long list_regs(struct kvm_vcpu *vcpu, hva_t list)
{
	unsigned long num;
	unsigned int i, size;
	long n = 0;
	u64 id, value;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		for (num = 0; num < groups[i]->count; num++) {
			size = groups[i]->size(vcpu, num);
			if (!size || groups[i]->get(vcpu, num, &value))
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
	if (room < n)
		return -E2BIG;
	ret = list_regs(vcpu, user_list + offsetof(struct kvm_reg_list, reg));
	return ret < 0 ? (int)ret : 0;
}
