// SPDX-License-Identifier: MIT
/*
 * test_restore.c - save a vCPU with random extensions and registers, and restore it in many orders.
 *
 * The copy must equal the original: the same list of registers with the same values, and the same
 * behavior where no register shows it. The timer's interrupt is raised at the same time, henvcfg
 * and hedeleg have the same bits, and steal time is written for both or for neither. The first
 * order is that of KVM_GET_REG_LIST. The others are random: they obey only the constraints that a
 * register's existence or meaning imposes (phase()). HS_STEPS: number of vCPUs; HS_SEED: seed of
 * the sequence.
 */
#include <stdlib.h>
#include "hv/kvm_hext.h"
#include "vcpu/timer.h"
#include "regs.h"
#include "random.h"

#define LIST     (HVA + 0x1000)
#define MAX_REGS 512

static int machine(void **state)
{
	(void)state;
	native_reset();
	native_isa_set(
		"h i m a f d c v sstc svinval zicbom zicboz smstateen ssaia zba svpbmt svadu "
		"svade ssnpm sscofpmf");
	native_firmware_fwft = true;
	native_core_start();
	native_user_map(HVA, 1 << 20, 0);
	return 0;
}

struct saved {
	u64 id;
	u8 bytes[NATIVE_VLENB];
};

static struct native_vm original, copy;
static struct saved saved[MAX_REGS];
static unsigned int nr_saved;

static u64 type_of(u64 id)
{
	return id & KVM_REG_RISCV_TYPE_MASK;
}

static bool get_bytes(struct kvm_vcpu *vcpu, u64 id, u8 *bytes)
{
	struct kvm_one_reg reg = { .id = id, .addr = HVA };

	memset(native_user(HVA), 0, NATIVE_VLENB);
	if (onereg_get(vcpu, &reg))
		return false;
	memcpy(bytes, native_user(HVA), NATIVE_VLENB);
	return true;
}

static int set_bytes(struct kvm_vcpu *vcpu, u64 id, const u8 *bytes)
{
	struct kvm_one_reg reg = { .id = id, .addr = HVA };

	memcpy(native_user(HVA), bytes, NATIVE_VLENB);
	return onereg_set(vcpu, &reg);
}

static unsigned int list_of(struct kvm_vcpu *vcpu, u64 *ids)
{
	u64 *list = native_user(LIST);

	list[0] = MAX_REGS;
	assert_int_equal(onereg_list(vcpu, LIST), 0);
	memcpy(ids, list + 1, list[0] * sizeof(u64));
	return (unsigned int)list[0];
}

/* ---- the original, in any state that a VMM and a guest can cause ------------------------- */

static const unsigned long extensions[] = {
	KVM_RISCV_ISA_EXT_D,      KVM_RISCV_ISA_EXT_F,      KVM_RISCV_ISA_EXT_V,
	KVM_RISCV_ISA_EXT_SSTC,   KVM_RISCV_ISA_EXT_ZICBOM, KVM_RISCV_ISA_EXT_ZICBOZ,
	KVM_RISCV_ISA_EXT_SVPBMT, KVM_RISCV_ISA_EXT_SSAIA,  KVM_RISCV_ISA_EXT_H,
};

static const unsigned long sbi_extensions[] = {
	KVM_RISCV_SBI_EXT_STA,  KVM_RISCV_SBI_EXT_FWFT, KVM_RISCV_SBI_EXT_FWFT,
	KVM_RISCV_SBI_EXT_SUSP, KVM_RISCV_SBI_EXT_DBCN, KVM_RISCV_SBI_EXT_TIME,
};

/* Return 0, 1, a small number, an address, or any number. */
static u64 random_value(void)
{
	switch (rnd(6)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return rnd(100);
	case 3:
		return NATIVE_GUEST_BASE + 64 * rnd(1000);
	default:
		return rnd(~0ULL);
	}
}

/* Return a timer's time: at most 200 ticks before or after the guest's time, or never. */
static u64 random_time(const struct kvm *of)
{
	return rnd(8) ? timer_guest_time(of) + rnd(400) - 200 : TIMER_NEVER;
}

static u64 sip_of(struct kvm_vcpu *vcpu)
{
	u64 bytes[NATIVE_VLENB / 8];

	assert_true(get_bytes(vcpu, GENERAL(sip), (u8 *)bytes));
	return bytes[0];
}

static void change(struct kvm_vcpu *vcpu, const u64 *ids, unsigned int n)
{
	u64 value[NATIVE_VLENB / 8] = { random_value(), random_value() };
	u64 id = ids[rnd(n)];

	switch (rnd(8)) {
	case 0:
		id = ISA(extensions[rnd(ARRAY_SIZE(extensions))]);
		value[0] = rnd(2);
		break;
	case 1:
		id = SBI(sbi_extensions[rnd(ARRAY_SIZE(sbi_extensions))]);
		value[0] = rnd(2);
		break;
	case 2:
		id = TIMER(compare);
		break;
	case 3:
		id = TIMER(state);
		value[0] = rnd(4) != 0;
		break;
	case 4:
		id = U64_REG | KVM_REG_RISCV_SBI_STATE | KVM_COMPAT_REG_SBI_FWFT |
		     rnd(KVM_COMPAT_FWFT_REGS);
		break;
	case 5: /* as the guest sets it */
		vcpu->timer_ops->set(vcpu, random_time(vcpu->kvm));
		return;
	default:
		break;
	}
	if (id == TIMER(time))
		value[0] = 1000000 + rnd(1000000);
	else if (id == TIMER(compare))
		value[0] = random_time(vcpu->kvm);
	else if (id == GENERAL(sip)) /* keep the timer's bit, which follows the timer */
		value[0] = (value[0] & ~BIT(IRQ_S_TIMER)) | (sip_of(vcpu) & BIT(IRQ_S_TIMER));
	set_bytes(vcpu, id, (const u8 *)value); /* many writes are refused */
}

static void make_original(void)
{
	static u64 ids[MAX_REGS];
	unsigned int n;
	u64 changes;

	native_vm_open(&original);
	original.vcpu = native_vcpu_make(&original, 0);
	n = list_of(original.vcpu, ids);
	for (changes = rnd(100); changes; changes--)
		change(original.vcpu, ids, n);
}

/* ---- save and restore ---------------------------------------------------------------------------- */

static void save(void)
{
	static u64 ids[MAX_REGS];
	unsigned int i;

	nr_saved = list_of(original.vcpu, ids);
	for (i = 0; i < nr_saved; i++) {
		saved[i].id = ids[i];
		assert_true(get_bytes(original.vcpu, ids[i], saved[i].bytes));
	}
}

/*
 * Return the phase in which a register is restored. A D register follows the F register that is its
 * lower half, and the registers of an SBI extension and of H follow the register that enables it.
 */
static unsigned int phase(u64 id)
{
	switch (type_of(id)) {
	case KVM_REG_RISCV_FP_D:
	case KVM_REG_RISCV_SBI_STATE:
		return 1;
	case KVM_REG_RISCV_CSR:
		return (id & KVM_REG_RISCV_SUBTYPE_MASK) == KVM_REG_RISCV_CSR_HEXT;
	default:
		return 0;
	}
}

static void shuffle(void)
{
	unsigned int i, j;
	struct saved swap;

	for (i = nr_saved - 1; i > 0; i--) {
		j = (unsigned int)rnd(i + 1);
		swap = saved[i];
		saved[i] = saved[j];
		saved[j] = swap;
	}
}

static void restore(struct kvm_vcpu *vcpu, unsigned int of_phase, bool all)
{
	unsigned int i;
	int err;

	for (i = 0; i < nr_saved; i++) {
		if (!all && phase(saved[i].id) != of_phase)
			continue;
		err = set_bytes(vcpu, saved[i].id, saved[i].bytes);
		/* A timer that is off cannot be switched off, as on Linux. */
		if (saved[i].id == TIMER(state) && !saved[i].bytes[0] && err == -EINVAL)
			err = 0;
		if (err)
			print_message("# register %#lx: %d\n", (unsigned long)saved[i].id, err);
		assert_int_equal(err, 0);
	}
}

static void make_copy(bool in_order)
{
	native_vm_open(&copy);
	copy.vcpu = native_vcpu_make(&copy, 0);
	if (in_order) {
		restore(copy.vcpu, 0, true);
		return;
	}
	shuffle();
	restore(copy.vcpu, 0, false);
	restore(copy.vcpu, 1, false);
}

/* ---- comparison ---------------------------------------------------------------------------- */

static void same_registers(void)
{
	static u64 ids[MAX_REGS], others[MAX_REGS];
	unsigned int n = list_of(original.vcpu, ids), i;
	u8 a[NATIVE_VLENB], b[NATIVE_VLENB];

	assert_int_equal(list_of(copy.vcpu, others), n);
	assert_memory_equal(ids, others, n * sizeof(u64));
	for (i = 0; i < n; i++) {
		assert_true(get_bytes(original.vcpu, ids[i], a));
		assert_true(get_bytes(copy.vcpu, ids[i], b));
		if (memcmp(a, b, sizeof(a)))
			print_message("# register %#lx\n", (unsigned long)ids[i]);
		assert_memory_equal(a, b, sizeof(a));
	}
}

static bool asks_for_steal_time(struct kvm_vcpu *vcpu)
{
	vcpu->requests &= ~BIT(REQ_STEAL);
	vcpu_load(vcpu);
	vcpu_put(vcpu);
	return vcpu->requests & BIT(REQ_STEAL);
}

static void same_behavior(void)
{
	struct kvm_vcpu *a = original.vcpu, *b = copy.vcpu;
	unsigned int i;

	assert_int_equal(a->henvcfg, b->henvcfg);
	assert_int_equal(a->hedeleg, b->hedeleg);
	assert_ptr_equal(a->timer_ops, b->timer_ops);
	assert_int_equal(asks_for_steal_time(a), asks_for_steal_time(b));
	/* Ignore all interrupt lines but the timer's. */
	a->csrs.hvip &= BIT(IRQ_VS_TIMER);
	b->csrs.hvip &= BIT(IRQ_VS_TIMER);
	a->csrs.vsie = b->csrs.vsie = BIT(IRQ_S_TIMER);
	for (i = 0; i < 60; i++) {
		assert_int_equal(vcpu_has_irq(a), vcpu_has_irq(b));
		native_time_set(hv_time() + rnd(9));
	}
}

static void a_restored_vcpu_equals_the_saved_one(void **state)
{
	const char *steps = getenv("HS_STEPS"), *seed = getenv("HS_SEED");
	unsigned long n = steps ? strtoul(steps, NULL, 0) : 150;
	unsigned int i;

	(void)state;
	if (seed)
		random_state = strtoul(seed, NULL, 0) ?: 1;
	print_message("# HS_SEED=%#lx\n", (unsigned long)random_state);
	for (; n; n--) {
		make_original();
		for (i = 0; i < 4; i++) {
			save();
			make_copy(i == 0);
			same_registers();
			same_behavior();
			native_vm_free(&copy);
		}
		native_vm_free(&original);
	}
	native_user_exit();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_restored_vcpu_equals_the_saved_one, machine),
	};

	return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
