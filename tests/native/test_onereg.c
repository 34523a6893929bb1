// SPDX-License-Identifier: MIT
/*
 * test_onereg.c - a vCPU's registers: which exist, and the value of each.
 */
#include "vcpu/hsm.h"
#include "regs.h"

/* ---- the value of each register -------------------------------------------------------------- */

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

static void a_new_vcpu_is_in_s_mode_and_all_zero(void **state)
{
	(void)state;
	assert_int_equal(value_of(CORE(mode)), KVM_RISCV_MODE_S);
	assert_int_equal(value_of(CORE(regs.a0)), 0);
	assert_int_equal(value_of(CORE(regs.pc)), 0);
	assert_int_equal(set(CORE(mode), KVM_RISCV_MODE_U), 0);
	assert_int_equal(value_of(CORE(mode)), KVM_RISCV_MODE_U);
}

static void s_mode_csrs_are_the_vs_csrs(void **state)
{
	(void)state;
	assert_int_equal(set(GENERAL(stvec), 0x1000), 0);
	assert_int_equal(set(GENERAL(satp), 0x8000000000012345), 0);
	assert_int_equal(vm.vcpu->csrs.vstvec, 0x1000);
	assert_int_equal(vm.vcpu->csrs.vsatp, 0x8000000000012345);
	assert_int_equal(value_of(GENERAL(satp)), 0x8000000000012345);
}

static void sip_is_hvip_shifted_right_by_one(void **state)
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

/* A start lowers the software and timer lines; the external line keeps the state that was written. */
static void a_start_keeps_the_external_line_of_sip(void **state)
{
	(void)state;
	for (u64 line = 0; line <= 1; line++) {
		(line ? vcpu_clear_irq : vcpu_set_irq)(vm.vcpu, IRQ_VS_EXT);
		assert_int_equal(set(GENERAL(sip), line << IRQ_S_EXT | BIT(IRQ_S_SOFT)), 0);
		hsm_power_off(vm.vcpu);
		assert_true(hsm_start(vm.vcpu, NATIVE_GUEST_BASE, 0));
		hsm_settle(vm.vcpu);
		assert_int_equal(value_of(GENERAL(sip)), line << IRQ_S_EXT);
	}
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

static void a_vector_register_has_the_harts_length(void **state)
{
	struct kvm_one_reg reg = { .id = V_REG(31), .addr = HVA + PAGE_SIZE - NATIVE_VLENB };
	u8 *user = native_user(reg.addr);
	unsigned int i;

	(void)state;
	for (i = 0; i < NATIVE_VLENB; i++)
		user[i] = (u8)(0xa0 + i);
	assert_int_equal(onereg_set(vm.vcpu, &reg), 0);
	assert_memory_equal(vm.vcpu->vector.regs + 31 * NATIVE_VLENB, user, NATIVE_VLENB);
	memset(user, 0, NATIVE_VLENB);
	assert_int_equal(onereg_get(vm.vcpu, &reg), 0);
	assert_memory_equal(vm.vcpu->vector.regs + 31 * NATIVE_VLENB, user, NATIVE_VLENB);
	assert_int_equal(value_of(V_CSR(vlenb)), NATIVE_VLENB);
	assert_int_equal(set(V_CSR(vlenb), NATIVE_VLENB), 0);
	assert_int_equal(set(V_CSR(vlenb), 2 * NATIVE_VLENB), -EINVAL);
	assert_int_equal(set(V_CSR(vl), 5), 0);
	assert_int_equal(vm.vcpu->vector.vl, 5);
}

static void half_a_vector_register_changes_nothing(void **state)
{
	/* The mapping is 1 MiB long: it holds only the first 8 of the register's 16 bytes. */
	struct kvm_one_reg reg = { .id = V_REG(3), .addr = HVA + (1 << 20) - 8 };

	(void)state;
	memset(native_user(reg.addr), 0x55, 8);
	assert_int_equal(onereg_set(vm.vcpu, &reg), -EFAULT);
	assert_int_equal(vm.vcpu->vector.regs[3 * NATIVE_VLENB], 0);
}

static void aia_registers_hold_what_is_written(void **state)
{
	(void)state;
	assert_int_equal(set(AIA(iprio2), 0x1234), 0);
	assert_int_equal(value_of(AIA(iprio2)), 0x1234);
	assert_int_equal(value_of(AIA(siselect)), 0);
}

/* ---- registers that may change, and until when ----------------------------------------- */

static void hardware_constants_accept_only_their_value(void **state)
{
	static const u64 facts[] = { CONFIG(zicbom_block_size), CONFIG(zicboz_block_size),
				     CONFIG_ZICBOP, CONFIG(satp_mode) };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(facts); i++) {
		u64 value = value_of(facts[i]);

		assert_int_equal(set(facts[i], value), 0);
		assert_int_equal(set(facts[i], value + 1), -EINVAL);
		assert_int_equal(set(facts[i], 0), facts[i] == CONFIG(satp_mode) ? -EINVAL : 0);
	}
	assert_int_equal(value_of(CONFIG(zicboz_block_size)), 64);
	assert_int_equal(value_of(CONFIG_ZICBOP), 0); /* this machine has no Zicbop */
}

static void machine_ids_can_change_until_the_first_run(void **state)
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

static void only_a_switchable_extension_can_be_disabled(void **state)
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

static void sbi_extensions_are_switched_singly_and_in_words(void **state)
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

static bool is_listed(u64 id);

static void registers_of_a_disabled_extension_do_not_exist(void **state)
{
	static const struct {
		unsigned long ext;
		u64 id;
	} rows[] = {
		{ KVM_RISCV_ISA_EXT_V, V_CSR(vl) },
		{ KVM_RISCV_ISA_EXT_V, V_REG(0) },
		{ KVM_RISCV_ISA_EXT_D, D_REG(32) ^ KVM_REG_SIZE_U64 ^ KVM_REG_SIZE_U32 },
		{ KVM_RISCV_ISA_EXT_F, F_REG(0) },
		{ KVM_RISCV_ISA_EXT_SSAIA, AIA(siselect) },
		{ KVM_RISCV_ISA_EXT_SMSTATEEN, STATEEN },
	};
	unsigned int i;
	u64 value;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(is_listed(rows[i].id));
		assert_int_equal(set(ISA(rows[i].ext), 0), 0);
		assert_false(is_listed(rows[i].id));
		assert_int_equal(get(rows[i].id, &value), -ENOENT);
		assert_int_equal(set(rows[i].id, 0), -ENOENT);
		assert_int_equal(set(ISA(rows[i].ext), 1), 0);
		assert_true(is_listed(rows[i].id));
	}
}

static void without_sta_its_registers_are_not_listed(void **state)
{
	u64 id = U64_REG | KVM_REG_RISCV_SBI_STATE | KVM_REG_RISCV_SBI_STA;
	u64 value;

	(void)state;
	assert_true(is_listed(id));
	assert_int_equal(set(SBI(KVM_RISCV_SBI_EXT_STA), 0), 0);
	assert_false(is_listed(id));
	assert_int_equal(get(id, &value), -EINVAL);
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

static bool is_listed(u64 id)
{
	u64 n, *ids = listed(&n);

	while (n--) {
		if (ids[n] == id)
			return true;
	}
	return false;
}

/* Set a register. A timer that is off cannot be switched off, as on Linux, so ignore that error. */
static int set_back(u64 id, u64 value)
{
	int err = set(id, value);

	return id == TIMER(state) && value == KVM_RISCV_TIMER_STATE_OFF && err == -EINVAL ? 0 : err;
}

static void every_listed_register_can_be_read_and_written_back(void **state)
{
	u64 n, i, j, value, *ids = listed(&n);
	bool has_pc = false;

	(void)state;
	for (i = 0; i < n; i++) {
		assert_int_equal(get(ids[i], &value), 0);
		assert_int_equal(set_back(ids[i], value), 0);
		has_pc |= ids[i] == CORE(regs.pc);
		for (j = 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
	}
	assert_true(has_pc);
}

/* Copy all registers of one vCPU to another, as a migration does. */
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
		assert_int_equal(set_back(ids[i], values[i]), 0);
	/*
	 * Setting an F register overwrites the upper half of the D register. The list has the D
	 * registers after the F registers, so all 64 bits are restored.
	 */
	for (i = 0; i < n; i++)
		assert_int_equal(value_of(ids[i]), values[i]);
	vm.vcpu = source;
}

/* A VMM that saves the vCPU between its start and its next KVM_RUN saves the start state. */
static void a_started_vcpu_reads_its_start_state(void **state)
{
	(void)state;
	assert_int_equal(set(CORE(regs.pc), 0x1000), 0);
	assert_int_equal(set(GENERAL(stvec), 0x2000), 0);
	hsm_power_off(vm.vcpu);
	assert_int_equal(value_of(CORE(regs.pc)), 0x1000);
	assert_true(hsm_start(vm.vcpu, 0x80200000, 77));
	assert_int_equal(value_of(CORE(regs.pc)), 0x80200000);
	assert_int_equal(value_of(CORE(regs.a0)), vm.vcpu->id);
	assert_int_equal(value_of(CORE(regs.a1)), 77);
	assert_int_equal(value_of(GENERAL(stvec)), 0);
	/* A register that is set after the start keeps that value. */
	assert_int_equal(set(CORE(regs.a1), 78), 0);
	assert_int_equal(value_of(CORE(regs.a1)), 78);
	assert_false(hsm_start_is_pending(vm.vcpu));
}

/* Call KVM_RUN: it serves the vCPU's requests, and then a pending signal ends it. */
static void run_to_a_signal(void)
{
	native_signal_set(true);
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	native_signal_set(false);
}

static void a_start_does_not_overwrite_registers_set_after_a_stop(void **state)
{
	(void)state;
	hsm_power_off(vm.vcpu);
	assert_true(hsm_start(vm.vcpu, 0x80200000, 77));
	hsm_power_off(vm.vcpu);
	assert_int_equal(set(CORE(regs.pc), 0x80300000), 0);
	assert_int_equal(set(GENERAL(stvec), 0x2000), 0);
	hsm_power_on(vm.vcpu);
	run_to_a_signal();
	assert_int_equal(value_of(CORE(regs.pc)), 0x80300000);
	assert_int_equal(value_of(GENERAL(stvec)), 0x2000);
	/* The other registers have the values of the start, which came before the stop. */
	assert_int_equal(value_of(CORE(regs.a1)), 77);
}

/* A VMM that pauses the vCPU does not set any registers, so the pending start still applies. */
static void a_pending_start_survives_a_stop(void **state)
{
	(void)state;
	hsm_power_off(vm.vcpu);
	assert_int_equal(set(CORE(regs.pc), 0x80300000), 0);
	assert_true(hsm_start(vm.vcpu, 0x80200000, 77));
	hsm_power_off(vm.vcpu);
	hsm_power_on(vm.vcpu);
	run_to_a_signal();
	assert_int_equal(value_of(CORE(regs.pc)), 0x80200000);
	assert_int_equal(value_of(CORE(regs.a0)), vm.vcpu->id);
}

/* ---- the order in which registers are set ----------------------------------------------------- */

static void a_set_timer_survives_a_change_of_sstc(void **state)
{
	u64 sstc;

	(void)state;
	vm.vcpu->csrs.vsie = BIT(IRQ_S_TIMER);
	for (sstc = 0; sstc < 2; sstc++) {
		native_time_set(hv_time() + 1);
		assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), !sstc), 0);
		assert_int_equal(set(TIMER(compare), value_of(TIMER(time)) + 1000), 0);
		assert_int_equal(set(TIMER(state), KVM_RISCV_TIMER_STATE_ON), 0);
		assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), sstc), 0);
		assert_int_equal(value_of(TIMER(state)), KVM_RISCV_TIMER_STATE_ON);
		native_time_set(hv_time() + 999);
		assert_false(vcpu_has_irq(vm.vcpu));
		native_time_set(hv_time() + 1);
		assert_true(vcpu_has_irq(vm.vcpu));
		assert_int_equal(set(TIMER(state), KVM_RISCV_TIMER_STATE_OFF), 0);
		assert_false(vcpu_has_irq(vm.vcpu));
	}
}

/*
 * Without Sstc, a timer that is due sets a bit of hvip, which sip shows. With Sstc, hvip stays
 * clear, and the interrupt is pending whenever the time has reached the compare register.
 */
static void the_timer_line_follows_the_timer_variant(void **state)
{
	(void)state;
	vm.vcpu->csrs.vsie = BIT(IRQ_S_TIMER);
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), 0), 0);
	assert_int_equal(set(TIMER(compare), value_of(TIMER(time))), 0);
	assert_int_equal(set(TIMER(state), KVM_RISCV_TIMER_STATE_ON), 0);
	assert_int_equal(value_of(GENERAL(sip)), BIT(IRQ_S_TIMER));
	assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), 1), 0);
	assert_int_equal(value_of(GENERAL(sip)), 0);
	assert_true(vcpu_has_irq(vm.vcpu));
	assert_int_equal(set(TIMER(compare), value_of(TIMER(time)) + 1000), 0);
	assert_false(vcpu_has_irq(vm.vcpu));
}

/* Set time, compare and state in each order, with both variants. */
static void a_timer_is_set_in_any_order_of_its_registers(void **state)
{
	static const u8 orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	const u64 ids[3] = { TIMER(time), TIMER(compare), TIMER(state) };
	const u64 values[3] = { 5000000, 5001000, KVM_RISCV_TIMER_STATE_ON };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		native_vm_free(&vm);
		native_vm_open(&vm);
		vm.vcpu = native_vcpu_make(&vm, 0);
		/* The clock starts behind or ahead of all these times. */
		assert_int_equal(set(TIMER(time), i & 1 ? 9000000 : 0), 0);
		assert_int_equal(set(ISA(KVM_RISCV_ISA_EXT_SSTC), i >= ARRAY_SIZE(orders)), 0);
		vm.vcpu->csrs.vsie = BIT(IRQ_S_TIMER);
		for (j = 0; j < 3; j++)
			assert_int_equal(set(ids[orders[i / 2][j]], values[orders[i / 2][j]]), 0);
		native_time_set(hv_time() + 999);
		assert_false(vcpu_has_irq(vm.vcpu));
		native_time_set(hv_time() + 1);
		assert_true(vcpu_has_irq(vm.vcpu));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_core_registers_are_the_guests),
		TEST(a_new_vcpu_is_in_s_mode_and_all_zero),
		TEST(s_mode_csrs_are_the_vs_csrs),
		TEST(sip_is_hvip_shifted_right_by_one),
		TEST(a_start_keeps_the_external_line_of_sip),
		TEST(a_single_precision_number_is_nan_boxed),
		TEST(the_timer_is_the_guests_clock),
		TEST(a_vector_register_has_the_harts_length),
		TEST(half_a_vector_register_changes_nothing),
		TEST(aia_registers_hold_what_is_written),
		TEST(hardware_constants_accept_only_their_value),
		TEST(machine_ids_can_change_until_the_first_run),
		TEST(only_a_switchable_extension_can_be_disabled),
		TEST(an_extension_that_the_hart_lacks_does_not_exist),
		TEST(without_d_there_are_no_d_registers),
		TEST(sbi_extensions_are_switched_singly_and_in_words),
		TEST(registers_of_a_disabled_extension_do_not_exist),
		TEST(without_sta_its_registers_are_not_listed),
		TEST(every_listed_register_can_be_read_and_written_back),
		TEST(a_restored_vcpu_reads_the_same),
		TEST(a_started_vcpu_reads_its_start_state),
		TEST(a_start_does_not_overwrite_registers_set_after_a_stop),
		TEST(a_pending_start_survives_a_stop),
		TEST(a_set_timer_survives_a_change_of_sstc),
		TEST(the_timer_line_follows_the_timer_variant),
		TEST(a_timer_is_set_in_any_order_of_its_registers),
	};

	return cmocka_run_group_tests_name("ONE_REG", tests, NULL, NULL);
}
