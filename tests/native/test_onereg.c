// SPDX-License-Identifier: MIT
/*
 * test_onereg.c - a vCPU's registers one by one: which there are, what they hold, what is refused.
 */
#include "one_vm.h"

#define HVA NATIVE_USER_BASE

static int setup(void **state)
{
	(void)state;
	native_reset();
	native_isa_set("h i m a f d c sstc svinval zicbom zicboz smstateen zba");
	native_core_start();
	native_user_map(HVA, 1 << 20, 0);
	native_vm_open(&vm);
	vm.vcpu = native_vcpu_make(&vm, 3);
	return 0;
}

static int get(u64 id, u64 *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = HVA };
	int err;

	memset(native_user(HVA), 0, 8);
	err = onereg_get(vm.vcpu, &reg);
	*value = *(u64 *)native_user(HVA);
	return err;
}

static int set(u64 id, u64 value)
{
	struct kvm_one_reg reg = { .id = id, .addr = HVA };

	memcpy(native_user(HVA), &value, 8);
	return onereg_set(vm.vcpu, &reg);
}

static u64 value_of(u64 id)
{
	u64 value;

	assert_int_equal(get(id, &value), 0);
	return value;
}

#define U64_REG      (KVM_REG_RISCV | KVM_REG_SIZE_U64)
#define U32_REG      (KVM_REG_RISCV | KVM_REG_SIZE_U32)
#define CORE(reg)    (U64_REG | KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(reg))
#define GENERAL(reg) (U64_REG | KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(reg))
#define TIMER(reg)   (U64_REG | KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(reg))
#define CONFIG(reg)  (U64_REG | KVM_REG_RISCV_CONFIG | KVM_REG_RISCV_CONFIG_REG(reg))
#define ISA(ext)     (U64_REG | KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE | (ext))
#define SBI(ext)     (U64_REG | KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_SINGLE | (ext))
#define F_REG(n)     (U32_REG | KVM_REG_RISCV_FP_F | (n))
#define D_REG(n)     (U64_REG | KVM_REG_RISCV_FP_D | (n))

/* ---- what each is -------------------------------------------------------------------- */

static void the_core_registers_are_the_guests(void **state)
{
	(void)state;
	assert_int_equal(set(CORE(regs.pc), 0x80200000), 0);
	assert_int_equal(vm.vcpu->guest.sepc, 0x80200000);
	assert_int_equal(set(CORE(regs.ra), 11), 0);
	assert_int_equal(set(CORE(regs.a0), 22), 0);
	assert_int_equal(set(CORE(regs.t6), 33), 0);
	assert_int_equal(vm.vcpu->guest.gpr[1], 11);
	assert_int_equal(vm.vcpu->guest.gpr[10], 22);
	assert_int_equal(vm.vcpu->guest.gpr[31], 33);
	assert_int_equal(value_of(CORE(regs.t6)), 33);
}

static void a_new_vcpu_is_in_s_mode_with_its_id_in_a0(void **state)
{
	(void)state;
	assert_int_equal(value_of(CORE(mode)), KVM_RISCV_MODE_S);
	assert_int_equal(value_of(CORE(regs.a0)), 3);
	assert_int_equal(value_of(CORE(regs.pc)), 0);
	assert_int_equal(set(CORE(mode), KVM_RISCV_MODE_U), 0);
	assert_int_equal(value_of(CORE(mode)), KVM_RISCV_MODE_U);
}

static void s_registers_are_the_vs_ones(void **state)
{
	(void)state;
	assert_int_equal(set(GENERAL(stvec), 0x1000), 0);
	assert_int_equal(set(GENERAL(satp), 0x8000000000012345), 0);
	assert_int_equal(vm.vcpu->csrs.vstvec, 0x1000);
	assert_int_equal(vm.vcpu->csrs.vsatp, 0x8000000000012345);
	assert_int_equal(value_of(GENERAL(satp)), 0x8000000000012345);
}

static void sip_is_hvip_a_bit_lower(void **state)
{
	(void)state;
	assert_int_equal(set(GENERAL(sip), ~0ULL), 0);
	assert_int_equal(vm.vcpu->csrs.hvip,
			 BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER) | BIT(IRQ_VS_EXT));
	assert_int_equal(value_of(GENERAL(sip)),
			 BIT(IRQ_S_SOFT) | BIT(IRQ_S_TIMER) | BIT(IRQ_S_EXT));
	assert_int_equal(set(GENERAL(sip), 0), 0);
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	assert_int_equal(value_of(GENERAL(sip)), BIT(IRQ_S_EXT));
}

static void a_single_precision_number_is_nan_boxed(void **state)
{
	(void)state;
	assert_int_equal(set(F_REG(5), 0x3f800000), 0);
	assert_int_equal(value_of(D_REG(5)), 0xffffffff3f800000);
	assert_int_equal(set(D_REG(5), 0x3ff0000000000000), 0);
	assert_int_equal(value_of(F_REG(5)), 0);
	assert_int_equal(set(F_REG(32), 0xa5), 0);
	assert_int_equal(value_of(U32_REG | KVM_REG_RISCV_FP_D | 32), 0xa5);
}

static void the_timer_is_the_guests_clock(void **state)
{
	(void)state;
	assert_int_equal(value_of(TIMER(frequency)), hv_timebase_hz());
	assert_int_equal(set(TIMER(frequency), 1), -EINVAL);
	assert_int_equal(value_of(TIMER(state)), KVM_RISCV_TIMER_STATE_OFF);
	assert_int_equal(set(TIMER(time), 5000000), 0);
	assert_int_equal(value_of(TIMER(time)), 5000000);
	native_time_set(1000 + 77);
	assert_int_equal(value_of(TIMER(time)), 5000077);
	assert_int_equal(set(TIMER(compare), 6000000), 0);
	assert_int_equal(set(TIMER(state), KVM_RISCV_TIMER_STATE_ON), 0);
	assert_int_equal(value_of(TIMER(state)), KVM_RISCV_TIMER_STATE_ON);
	assert_int_equal(value_of(TIMER(compare)), 6000000);
}

/* ---- what may change, and until when --------------------------------------------------- */

static void facts_of_the_hardware_take_their_own_value_only(void **state)
{
	static const u64 facts[] = { CONFIG(zicbom_block_size), CONFIG(zicboz_block_size),
				     CONFIG(satp_mode) };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(facts); i++) {
		u64 value = value_of(facts[i]);

		assert_int_equal(set(facts[i], value), 0);
		assert_int_equal(set(facts[i], value + 1), -EINVAL);
	}
}

static void identity_is_free_until_the_first_run(void **state)
{
	(void)state;
	assert_int_equal(set(CONFIG(mvendorid), 0x1234), 0);
	assert_int_equal(value_of(CONFIG(mvendorid)), 0x1234);
	vm.vcpu->ran_once = true;
	assert_int_equal(set(CONFIG(mvendorid), 0x1234), 0);
	assert_int_equal(set(CONFIG(mvendorid), 1), -EBUSY);
	assert_int_equal(set(CONFIG(isa), value_of(CONFIG(isa))), 0);
	assert_int_equal(set(CONFIG(isa), 0), -EBUSY);
}

static void an_extension_can_be_taken_if_there_is_a_switch_for_it(void **state)
{
	(void)state;
	assert_int_equal(value_of(ISA(KVM_RISCV_ISA_EXT_SSTC)), 1);
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), 0), 0);
	assert_int_equal(value_of(ISA(KVM_RISCV_ISA_EXT_SSTC)), 0);
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), 1), 0);
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_ZBA), 0), -EINVAL);
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_A), 0), -EINVAL);
	vm.vcpu->ran_once = true;
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), 0), -EBUSY);
}

static void an_extension_that_the_hart_lacks_does_not_exist(void **state)
{
	u64 value;

	(void)state;
	assert_int_equal(get(ISA(KVM_RISCV_ISA_EXT_ZBB), &value), -ENOENT);
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_ZBB), 1), -ENOENT);
	assert_int_equal(get(ISA(KVM_RISCV_ISA_EXT_MAX), &value), -ENOENT);
}

static void without_d_there_are_no_d_registers(void **state)
{
	u64 value;

	(void)state;
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_D), 0), 0);
	assert_int_equal(get(D_REG(0), &value), -ENOENT);
	assert_int_equal(get(F_REG(0), &value), 0);
}

static void sbi_extensions_are_switched_one_by_one_and_in_words(void **state)
{
	u64 word = U64_REG | KVM_REG_RISCV_SBI_EXT;

	(void)state;
	assert_int_equal(value_of(SBI(KVM_RISCV_SBI_EXT_TIME)), 1);
	assert_int_equal(value_of(SBI(KVM_RISCV_SBI_EXT_DBCN)), 0);
	assert_int_equal(set(word | KVM_REG_RISCV_SBI_MULTI_DIS, BIT(KVM_RISCV_SBI_EXT_TIME)), 0);
	assert_int_equal(set(word | KVM_REG_RISCV_SBI_MULTI_EN, BIT(KVM_RISCV_SBI_EXT_DBCN)), 0);
	assert_int_equal(value_of(SBI(KVM_RISCV_SBI_EXT_TIME)), 0);
	assert_int_equal(value_of(SBI(KVM_RISCV_SBI_EXT_DBCN)), 1);
	assert_int_equal(set(SBI(KVM_RISCV_SBI_EXT_DBCN), 2), -EINVAL);
	vm.vcpu->ran_once = true;
	assert_int_equal(set(SBI(KVM_RISCV_SBI_EXT_DBCN), 0), -EBUSY);
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void another_size_is_einval_and_another_number_enoent(void **state)
{
	u64 value;

	(void)state;
	assert_int_equal(get(CORE(regs.pc) ^ KVM_REG_SIZE_U64 ^ KVM_REG_SIZE_U32, &value), -EINVAL);
	assert_int_equal(get(F_REG(0) ^ KVM_REG_SIZE_U64 ^ KVM_REG_SIZE_U32, &value), -EINVAL);
	assert_int_equal(get(CORE(mode) + 1, &value), -ENOENT);
	assert_int_equal(get(GENERAL(senvcfg) + 1, &value), -ENOENT);
	assert_int_equal(get(TIMER(state) + 1, &value), -ENOENT);
	assert_int_equal(get(F_REG(33), &value), -ENOENT);
	assert_int_equal(get(U64_REG | 0xfULL << KVM_REG_RISCV_TYPE_SHIFT, &value), -ENOENT);
}

static void a_bad_user_address_is_efault(void **state)
{
	struct kvm_one_reg reg = { .id = CORE(regs.pc), .addr = 0x1000 };

	(void)state;
	assert_int_equal(onereg_get(vm.vcpu, &reg), -EFAULT);
	assert_int_equal(onereg_set(vm.vcpu, &reg), -EFAULT);
}

/* ---- the list ---------------------------------------------------------------------------------- */

static u64 *listed(u64 *n)
{
	u64 *list = native_user(HVA + 0x1000);

	list[0] = 0;
	assert_int_equal(onereg_list(vm.vcpu, HVA + 0x1000), -E2BIG);
	*n = list[0];
	assert_true(*n > 60 && *n < 500);
	assert_int_equal(onereg_list(vm.vcpu, HVA + 0x1000), 0);
	assert_int_equal(list[0], *n);
	return list + 1;
}

static void every_listed_register_can_be_read_and_written_back(void **state)
{
	u64 n, i, j, value, *ids = listed(&n);
	bool has_pc = false;

	(void)state;
	for (i = 0; i < n; i++) {
		assert_int_equal(get(ids[i], &value), 0);
		assert_int_equal(set(ids[i], value), 0);
		has_pc |= ids[i] == CORE(regs.pc);
		for (j = 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
	}
	assert_true(has_pc);
}

/* All of one vCPU's registers into another: a migration. */
static void a_restored_vcpu_reads_the_same(void **state)
{
	static u64 ids[512], values[512];
	struct kvm_vcpu *source = vm.vcpu;
	u64 n, i, *list;

	(void)state;
	source->guest.sepc = 0x80001234;
	source->guest.gpr[7] = 77;
	source->csrs.vsepc = 0x4444;
	source->fp.f[9] = 0x123456789abcdef0;
	assert_int_equal(set(TIMER(time), 999), 0);
	list = listed(&n);
	for (i = 0; i < n; i++) {
		ids[i] = list[i];
		values[i] = value_of(list[i]);
	}
	vm.vcpu = native_vcpu_make(&vm, 4);
	for (i = 0; i < n; i++)
		assert_int_equal(set(ids[i], values[i]), 0);
	/* F is listed before D, so that D's 64 bits are what stays. */
	for (i = 0; i < n; i++)
		assert_int_equal(value_of(ids[i]), values[i]);
	vm.vcpu = source;
}

/* ---- any id at all ------------------------------------------------------------------------------- */

static bool is_answer(int err)
{
	return err == 0 || err == -ENOENT || err == -EINVAL || err == -EBUSY || err == -EFAULT;
}

static void any_id_gets_an_answer_and_a_refusal_changes_nothing(void **state)
{
	static struct kvm_vcpu before;
	u64 bits = 0x123456789abcdefULL, i, value;

	(void)state;
	vm.vcpu->ran_once = true;
	for (i = 0; i < 200000; i++) {
		u64 id;
		int err;

		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		id = KVM_REG_RISCV | (bits & 7) << KVM_REG_SIZE_SHIFT |
		     (bits >> 8 & 15) << KVM_REG_RISCV_TYPE_SHIFT |
		     (bits >> 12 & 7) << KVM_REG_RISCV_SUBTYPE_SHIFT | (bits >> 20 & 0x7f);
		if (bits >> 63)
			id ^= 1ULL << (bits >> 40 & 63);
		before = *vm.vcpu;
		err = bits >> 62 & 1 ? get(id, &value) : set(id, bits >> 30);
		if (!is_answer(err))
			fail_msg("0x%llx: %d", id, err);
		if (err) {
			assert_memory_equal(&before.guest, &vm.vcpu->guest, sizeof(before.guest));
			assert_memory_equal(&before.csrs, &vm.vcpu->csrs, sizeof(before.csrs));
			assert_memory_equal(&before.fp, &vm.vcpu->fp, sizeof(before.fp));
			assert_int_equal(before.isa, vm.vcpu->isa);
			assert_int_equal(before.sbi_ext, vm.vcpu->sbi_ext);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_core_registers_are_the_guests),
		TEST(a_new_vcpu_is_in_s_mode_with_its_id_in_a0),
		TEST(s_registers_are_the_vs_ones),
		TEST(sip_is_hvip_a_bit_lower),
		TEST(a_single_precision_number_is_nan_boxed),
		TEST(the_timer_is_the_guests_clock),
		TEST(facts_of_the_hardware_take_their_own_value_only),
		TEST(identity_is_free_until_the_first_run),
		TEST(an_extension_can_be_taken_if_there_is_a_switch_for_it),
		TEST(an_extension_that_the_hart_lacks_does_not_exist),
		TEST(without_d_there_are_no_d_registers),
		TEST(sbi_extensions_are_switched_one_by_one_and_in_words),
		TEST(another_size_is_einval_and_another_number_enoent),
		TEST(a_bad_user_address_is_efault),
		TEST(every_listed_register_can_be_read_and_written_back),
		TEST(a_restored_vcpu_reads_the_same),
		TEST(any_id_gets_an_answer_and_a_refusal_changes_nothing),
	};

	return cmocka_run_group_tests_name("ONE_REG", tests, NULL, NULL);
}
