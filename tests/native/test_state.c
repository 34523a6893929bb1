// SPDX-License-Identifier: MIT
/*
 * test_state.c - the state that moves with a vCPU from hart to hart, the state that stays behind,
 * and the state that a reset keeps.
 */
#include "regs.h"

#define UNIT_SIZE (32 * NATIVE_VLENB)

static void a_vcpu_that_moves_to_another_hart_executes_fence_i(void **state)
{
	unsigned int before;

	(void)state;
	vcpu_load(vm.vcpu);
	vcpu_put(vm.vcpu);
	before = native_fences.fence_i;
	vcpu_load(vm.vcpu);
	vcpu_put(vm.vcpu);
	assert_int_equal(native_fences.fence_i, before);
	native_hart_set(1);
	vcpu_load(vm.vcpu);
	vcpu_put(vm.vcpu);
	assert_int_equal(native_fences.fence_i, before + 1);
	native_hart_set(0);
	vcpu_load(vm.vcpu);
	vcpu_put(vm.vcpu);
	assert_int_equal(native_fences.fence_i, before + 2);
}

static void stopi_shows_an_external_interrupt_only_while_there_is_one(void **state)
{
	(void)state;
	vcpu_load(vm.vcpu);
	assert_int_equal(csr_read(hvictl), IRQ_S_EXT << 16);
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	vcpu_flush_irqs(vm.vcpu);
	assert_int_equal(csr_read(hvictl), IRQ_S_EXT << 16 | 1);
	vcpu_put(vm.vcpu);
	vcpu_load(vm.vcpu);
	assert_int_equal(csr_read(hvictl), IRQ_S_EXT << 16 | 1);
	vcpu_clear_irq(vm.vcpu, IRQ_VS_EXT);
	vcpu_flush_irqs(vm.vcpu);
	assert_int_equal(csr_read(hvictl), IRQ_S_EXT << 16);
	vcpu_put(vm.vcpu);
}

/* ---- AIA: the guest's interrupt priorities in hviprio1 and hviprio2 ------------------------- */

static unsigned long access_sireg(unsigned long select, unsigned long value, unsigned long mask)
{
	struct csr_access access = { .csr = CSR_sireg, .new_value = value, .write_mask = mask };
	unsigned long old = 0;

	csr_write(vsiselect, select);
	assert_int_equal(aia_access(vm.vcpu, &access, &old), AIA_DONE);
	return old;
}

static void iprio_registers_reach_hviprio(void **state)
{
	(void)state;
	vcpu_load(vm.vcpu);
	access_sireg(0x30, 0x1122334455667788, ~0UL);     /* priorities of interrupts 0 to 7 */
	assert_int_equal(csr_read(hviprio1), 0x33007700); /* those of interrupts 5 and 1 */
	assert_int_equal(access_sireg(0x30, 0, 0), 0x330000007700);
	access_sireg(0x32, ~0UL, 0xff0000000000); /* 13 */
	assert_int_equal(csr_read(hviprio1), 0xff0033007700);
	access_sireg(0x34, 0x0102030405060708, ~0UL); /* interrupts 16 to 23 */
	assert_int_equal(csr_read(hviprio2), 0x0102030405060708);
	access_sireg(0x3e, ~0UL, ~0UL);
	assert_int_equal(access_sireg(0x3e, 0, 0), 0);
	vcpu_put(vm.vcpu);
	assert_int_equal(vm.vcpu->csrs.aia[KVM_REG_RISCV_CSR_AIA_REG(iprio2)], 0x0102030405060708);
}

static void other_indirect_registers_go_to_user_space(void **state)
{
	struct csr_access access = { .csr = CSR_sireg };
	unsigned long old;

	(void)state;
	vcpu_load(vm.vcpu);
	csr_write(vsiselect, 0x31);
	assert_int_equal(aia_access(vm.vcpu, &access, &old), AIA_ILLEGAL);
	csr_write(vsiselect, 0x70);
	assert_int_equal(aia_access(vm.vcpu, &access, &old), AIA_USER);
	access.csr = CSR_stopei;
	assert_int_equal(aia_access(vm.vcpu, &access, &old), AIA_USER);
	vm.vcpu->guest.sstatus &= ~SSTATUS_SPP; /* VU */
	assert_int_equal(aia_access(vm.vcpu, &access, &old), AIA_ILLEGAL);
	vcpu_put(vm.vcpu);
}

/* ---- reset ---------------------------------------------------------------------------------- */

/* After a reset, all registers except a0 (the vCPU's ID) read as in a new vCPU. */
static void a_reset_vcpu_reads_as_a_new_one(void **state)
{
	static u64 ids[512];
	struct kvm_vcpu *used = vm.vcpu, *fresh = native_vcpu_make(&vm, 4);
	u8 *regs = used->vector.regs;
	u64 n, i, *list = native_user(HVA + 0x1000), want;

	(void)state;
	list[0] = 512;
	assert_int_equal(onereg_list(used, HVA + 0x1000), 0);
	n = list[0];
	memcpy(ids, list + 1, n * sizeof(u64));
	memset(&used->guest, 0xa5, sizeof(used->guest));
	memset(&used->csrs, 0xa5, sizeof(used->csrs));
	memset(&used->fp, 0xa5, sizeof(used->fp));
	memset(&used->vector, 0xa5, sizeof(used->vector));
	memset(regs, 0xa5, UNIT_SIZE);
	used->vector.regs = regs;
	/*
	 * IRQ_VS_EXT is not set here, because its level belongs to user space and survives the
	 * reset.
	 */
	vcpu_set_irq(used, IRQ_VS_TIMER);
	vcpu_set_irq(used, IRQ_VS_SOFT);
	assert_int_equal(set(TIMER(compare), 12345), 0);
	assert_int_equal(set(TIMER(state), KVM_RISCV_TIMER_STATE_ON), 0);
	vcpu_drop_irqs(used); /* as hsm.c does when it starts the vCPU */
	vcpu_reset(used, 0, 0);
	for (i = 0; i < n; i++) {
		vm.vcpu = fresh;
		want = value_of(ids[i]);
		vm.vcpu = used;
		if (ids[i] == CORE(regs.a0))
			want = used->id;
		assert_int_equal(value_of(ids[i]), want);
	}
	for (i = 0; i < UNIT_SIZE; i++)
		assert_int_equal(regs[i], 0);
}

static long set_mp_state(u32 mp_state)
{
	memcpy(native_user(HVA), &mp_state, sizeof(mp_state));
	return native_ioctl(vm.vcpu_fd[0], KVM_SET_MP_STATE, HVA);
}

static u32 mp_state_of(void)
{
	assert_int_equal(native_ioctl(vm.vcpu_fd[0], KVM_GET_MP_STATE, HVA), 0);
	return *(u32 *)native_user(HVA);
}

static long enable_cap(struct kvm_enable_cap cap)
{
	memcpy(native_user(HVA), &cap, sizeof(cap));
	return native_ioctl(vm.vm_fd, KVM_ENABLE_CAP, HVA);
}

#define CAP KVM_CAP_RISCV_MP_STATE_RESET

static void init_received_resets_a_vcpu_once_the_capability_is_enabled(void **state)
{
	(void)state;
	assert_int_equal(native_ioctl(vm.vm_fd, KVM_CHECK_EXTENSION, CAP), 1);
	assert_int_equal(set(CORE(regs.pc), 0x1000), 0);
	assert_int_equal(set_mp_state(KVM_MP_STATE_INIT_RECEIVED), -EINVAL);
	assert_int_equal(enable_cap((struct kvm_enable_cap){ .cap = CAP, .flags = 1 }), -EINVAL);
	assert_int_equal(set_mp_state(KVM_MP_STATE_INIT_RECEIVED), -EINVAL);
	assert_int_equal(value_of(CORE(regs.pc)), 0x1000);
	assert_int_equal(enable_cap((struct kvm_enable_cap){ .cap = CAP }), 0);

	vm.vcpu->guest.gpr[GPR_A0] = 5;
	vm.vcpu->csrs.vsatp = 5;
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	vcpu_flush_irqs(vm.vcpu);
	vcpu_set_irq(vm.vcpu, IRQ_VS_SOFT);
	assert_int_equal(set_mp_state(KVM_MP_STATE_INIT_RECEIVED), 0);
	assert_int_equal(value_of(CORE(regs.pc)), 0);
	assert_int_equal(value_of(CORE(regs.a0)), 0);
	assert_int_equal(value_of(GENERAL(satp)), 0);
	assert_int_equal(value_of(GENERAL(sip)), 0);
	/* The vCPU's configuration and its MP state are kept. */
	assert_int_equal(value_of(ISA(KVM_RISCV_ISA_EXT_SSTC)), 1);
	assert_int_equal(mp_state_of(), KVM_MP_STATE_RUNNABLE);
	assert_int_equal(set_mp_state(KVM_MP_STATE_STOPPED), 0);
	assert_int_equal(set_mp_state(KVM_MP_STATE_INIT_RECEIVED), 0);
	assert_int_equal(mp_state_of(), KVM_MP_STATE_STOPPED);
}

static void init_received_ends_a_start_that_is_pending(void **state)
{
	(void)state;
	assert_int_equal(enable_cap((struct kvm_enable_cap){ .cap = CAP }), 0);
	hsm_power_off(vm.vcpu);
	assert_true(hsm_start(vm.vcpu, 0x80200000, 77));
	assert_int_equal(set_mp_state(KVM_MP_STATE_INIT_RECEIVED), 0);
	assert_int_equal(value_of(CORE(regs.pc)), 0);
	assert_int_equal(value_of(CORE(regs.a1)), 0);
	assert_int_equal(mp_state_of(), KVM_MP_STATE_RUNNABLE);
}

/* Start with these bits of vsstatus read-only zero, set UBE, and return what the hart has after a load. */
static unsigned long loaded_ube(unsigned long read_only_zero)
{
	one_vm_end(NULL);
	native_reset();
	native_quirks.vsstatus_zero = read_only_zero;
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu_put(vm.vcpu);
	vm.vcpu->csrs.vsstatus = SSTATUS_UBE;
	vcpu_load(vm.vcpu);
	return csr_read(vsstatus) & SSTATUS_UBE;
}

static void a_vcpu_keeps_ube_if_the_hart_has_it(void **state)
{
	const unsigned long mprv = BIT(17); /* never a field of vsstatus */

	(void)state;
	assert_int_equal(loaded_ube(mprv), SSTATUS_UBE);
	assert_int_equal(loaded_ube(mprv | SSTATUS_UBE), 0);
	assert_int_equal(loaded_ube(0), 0); /* QEMU 10 accepts every bit, and has no UBE */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vcpu_that_moves_to_another_hart_executes_fence_i),
		TEST(stopi_shows_an_external_interrupt_only_while_there_is_one),
		TEST(iprio_registers_reach_hviprio),
		TEST(other_indirect_registers_go_to_user_space),
		TEST(a_reset_vcpu_reads_as_a_new_one),
		TEST(init_received_resets_a_vcpu_once_the_capability_is_enabled),
		TEST(init_received_ends_a_start_that_is_pending),
		TEST(a_vcpu_keeps_ube_if_the_hart_has_it),
	};

	return cmocka_run_group_tests_name("a vCPU's state", tests, NULL, NULL);
}
