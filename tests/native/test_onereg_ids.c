// SPDX-License-Identifier: MIT
/*
 * test_onereg_ids.c - invalid register ids are refused as on Linux, and a refused write changes nothing.
 */
#include "mmu/tlb.h"
#include "regs.h"

static void a_wrong_size_is_einval_and_a_wrong_number_enoent(void **state)
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

/*
 * Bits that no id uses count as part of the number, so the number is out of range. The
 * architecture's bits are ignored.
 */
static void unused_bits_of_an_id_are_enoent(void **state)
{
	static const u64 ids[] = { CONFIG(isa),
				   CORE(regs.pc),
				   GENERAL(stvec),
				   TIMER(time),
				   F_REG(0),
				   D_REG(0),
				   V_CSR(vl),
				   ISA(KVM_RISCV_ISA_EXT_A),
				   SBI(KVM_RISCV_SBI_EXT_TIME) };
	unsigned int i, bit;
	u64 value;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		for (bit = 32; bit < 52; bit++)
			assert_int_equal(get(ids[i] | 1ULL << bit, &value), -ENOENT);
		for (bit = 56; bit < 64; bit++)
			assert_int_equal(get(ids[i] ^ 1ULL << bit, &value), 0);
		for (bit = 18; bit < 24; bit++)
			assert_int_equal(get(ids[i] ^ 1ULL << bit, &value), -ENOENT);
	}
}

static void size_and_number_are_checked_in_linuxs_order(void **state)
{
	static const struct {
		u64 id;
		int err;
	} rows[] = {
		{ CORE(mode) + 1, -ENOENT },
		{ (CORE(mode) + 1) ^ KVM_REG_SIZE_U64, -EINVAL },
		{ (GENERAL(sip) | 7 << 16) ^ KVM_REG_SIZE_U64, -EINVAL },
		{ GENERAL(sip) | 7 << 16, -ENOENT },
		{ AIA(iprio2h) + 1, -ENOENT },
		{ STATEEN + 1, -ENOENT },
		{ CONFIG(satp_mode) + 2, -ENOENT },
		{ F_REG(33), -ENOENT },
		{ F_REG(33) ^ KVM_REG_SIZE_U32, -EINVAL },
		{ D_REG(33) ^ KVM_REG_SIZE_U64, -ENOENT },
		{ D_REG(32), -EINVAL },
		{ V_CSR(datap), -ENOENT },
		{ V_CSR(datap) ^ KVM_REG_SIZE_U64, -EINVAL },
		{ V_REG(31) ^ KVM_REG_SIZE_U128 ^ KVM_REG_SIZE_U64, -EINVAL },
		{ V_REG(32) ^ KVM_REG_SIZE_U128, -ENOENT },
	};
	unsigned int i;
	u64 value;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(get(rows[i].id, &value), rows[i].err);
		assert_int_equal(set(rows[i].id, 0), rows[i].err);
	}
}

static void a_bad_user_address_is_efault(void **state)
{
	struct kvm_one_reg reg = { .id = CORE(regs.pc), .addr = 0x1000 };

	(void)state;
	assert_int_equal(onereg_get(vm.vcpu, &reg), -EFAULT);
	assert_int_equal(onereg_set(vm.vcpu, &reg), -EFAULT);
}

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
			assert_memory_equal(&before.isa, &vm.vcpu->isa, sizeof(before.isa));
			assert_int_equal(before.sbi_ext, vm.vcpu->sbi_ext);
			assert_memory_equal(&before.sta, &vm.vcpu->sta, sizeof(before.sta));
			assert_memory_equal(&before.fwft, &vm.vcpu->fwft, sizeof(before.fwft));
			assert_int_equal(before.timer.compare, vm.vcpu->timer.compare);
			assert_int_equal(before.timer.restore, vm.vcpu->timer.restore);
			assert_int_equal(before.mvendorid, vm.vcpu->mvendorid);
		}
	}
}

#define WITH_H (value_of(CONFIG(isa)) | 1UL << ('h' - 'a'))

/* A vCPU with H needs memory for its shadow table. */
static void without_memory_no_register_enables_h(void **state)
{
	const u64 mask = U64_REG | KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_MULTI_EN;
	const struct {
		u64 id, value;
	} writes[] = {
		{ CONFIG(isa), WITH_H },
		{ ISA(KVM_RISCV_ISA_EXT_H), 1 },
		{ mask, BIT(KVM_RISCV_ISA_EXT_H) },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(writes); i++) {
		native_fail_alloc(2);
		assert_int_equal(set(writes[i].id, writes[i].value), -ENOMEM);
		native_fail_alloc(0);
		assert_int_equal(value_of(ISA(KVM_RISCV_ISA_EXT_H)), 0);
	}
	assert_int_equal(set(mask, BIT(KVM_RISCV_ISA_EXT_H)), 0);
	assert_int_equal(value_of(ISA(KVM_RISCV_ISA_EXT_H)), 1);
}

/* With gpa_from=walk, a vCPU cannot have H (isa_excludes()), and the VM's fences stay as they are. */
static int setup_walk(void **state)
{
	(void)state;
	native_reset();
	native_isa_set("h i m a f d c");
	native_core_start();
	assert_int_equal(native_param_set("gpa_from", "walk"), 0);
	native_user_map(HVA, 1 << 20, 0);
	native_vm_open(&vm);
	vm.vcpu = native_vcpu_make(&vm, 0);
	return 0;
}

static int end_walk(void **state)
{
	assert_int_equal(native_param_set("gpa_from", "htval"), 0);
	return one_vm_end(state);
}

static void a_letter_that_cannot_be_enabled_makes_no_shadow_table(void **state)
{
	const struct tlb_ops *tlb = vm.vm->tlb;

	(void)state;
	assert_int_equal(set(CONFIG(isa), WITH_H), 0);
	assert_int_equal(value_of(ISA(KVM_RISCV_ISA_EXT_H)), 0);
	assert_ptr_equal(vm.vm->tlb, tlb);
	assert_null(vm.vcpu->shadow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unused_bits_of_an_id_are_enoent),
		TEST(size_and_number_are_checked_in_linuxs_order),
		TEST(a_wrong_size_is_einval_and_a_wrong_number_enoent),
		TEST(a_bad_user_address_is_efault),
		TEST(any_id_gets_an_answer_and_a_refusal_changes_nothing),
		TEST(without_memory_no_register_enables_h),
		cmocka_unit_test_setup_teardown(
			a_letter_that_cannot_be_enabled_makes_no_shadow_table, setup_walk,
			end_walk),
	};

	return cmocka_run_group_tests_name("register ids", tests, NULL, NULL);
}
