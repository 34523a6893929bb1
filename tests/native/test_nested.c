// SPDX-License-Identifier: MIT
/*
 * test_nested.c - values of H and VS CSRs: after user space has removed an extension, and after writes;
 * Ssaia of L1 and of L2.
 */
#include "one_vm.h"
#include "hv/kvm_hext.h"
#include "exit/exit.h"
#include "uapi/onereg.h"
#include "vcpu/nested.h"

static void set_extension(unsigned int ext, bool on)
{
	isa_set_put(&vm.vcpu->isa, ext, on);
	vcpu_isa_changed(vm.vcpu);
}

static int setup(void **state)
{
	(void)state;
	one_vm_ready("h sstc svinval zicbom ssaia sscofpmf", 0);
	native_h_add(vm.vcpu);
	return 0;
}

static void without_h_no_instruction_traps_for_hstatus(void **state)
{
	const unsigned long traps = HSTATUS_VTVM | HSTATUS_VTSR;

	(void)state;
	for (unsigned int v = 0; v < 2; v++) {
		assert_int_equal(nested_reg_set(vm.vcpu, CSR_hstatus, HSTATUS_SPV | traps), 0);
		nested_set_v(vm.vcpu, v);
		assert_int_not_equal(vm.vcpu->guest.hstatus & traps, 0);
		set_extension(KVM_RISCV_ISA_EXT_H, false);
		assert_int_equal(vm.vcpu->guest.hstatus & traps, 0);
		set_extension(KVM_RISCV_ISA_EXT_H, true);
	}
}

static void a_removed_extension_takes_its_bit_of_henvcfg_along(void **state)
{
	u64 henvcfg;

	(void)state;
	assert_int_equal(nested_reg_set(vm.vcpu, CSR_henvcfg, ENVCFG_STCE | ENVCFG_CBCFE), 0);
	set_extension(KVM_RISCV_ISA_EXT_SSTC, false);
	assert_true(nested_reg_get(vm.vcpu, CSR_henvcfg, &henvcfg));
	assert_true(henvcfg == ENVCFG_CBCFE);
}

/* QEMU keeps bit 0 of what L2 writes to its sepc. L1's next write has to clear it. */
static void a_write_of_vsepc_clears_bit_0(void **state)
{
	u64 vsepc;

	(void)state;
	vm.vcpu->nested.vsepc = 0x1235;
	assert_int_equal(nested_reg_set(vm.vcpu, CSR_vsepc, 0x4321), 0);
	assert_true(nested_reg_get(vm.vcpu, CSR_vsepc, &vsepc));
	assert_true(vsepc == 0x4320);
}

/* H §2.2, table 6. */
static void hedeleg_has_the_causes_that_it_must_have(void **state)
{
	u64 hedeleg;

	(void)state;
	assert_int_equal(nested_reg_set(vm.vcpu, CSR_hedeleg, ~0ULL), 0);
	assert_true(nested_reg_get(vm.vcpu, CSR_hedeleg, &hedeleg));
	assert_true(hedeleg == 0xcb1ff);
}

/* L1 executes csrw csr, a0. */
static void csrw(unsigned long csr, unsigned long value)
{
	int result;

	vm.vcpu->guest.gpr[GPR_A0] = value;
	assert_true(nested_emulate(vm.vcpu, csr << 20 | 0x51073, &result));
	assert_int_equal(result, RESUME_GUEST);
}

static void an_sret_traps_from_the_write_of_spv_on(void **state)
{
	(void)state;
	vcpu_load(vm.vcpu);
	vm.vcpu->guest.sstatus |= SSTATUS_SPP;
	csrw(CSR_hstatus, HSTATUS_SPV);
	assert_true(vm.vcpu->guest.hstatus & HSTATUS_VTSR);
	csrw(CSR_hstatus, 0);
	assert_false(vm.vcpu->guest.hstatus & HSTATUS_VTSR);
	vcpu_put(vm.vcpu);
}

#define PC (NATIVE_GUEST_BASE + 0x1000)

/* Read vsscratch once, as L1 or L2. */
static void read_vsscratch(struct kvm_vcpu *vcpu)
{
	if (vcpu->guest.sepc == PC)
		native_trap(
			&(struct hv_trap){ .scause = EXC_VIRTUAL_INST,
					   .stval = (unsigned long)CSR_vsscratch << 20 | 0x2573 });
	else
		host_interrupt();
}

/* Before and after L2, L1 can read the CSR, whichever exit vector is in use. */
static void an_access_of_l2_traps_into_l1(void **state)
{
	static const bool v[] = { false, true, false };

	(void)state;
	native_slow_path_events_off();
	native_guest = read_vsscratch;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		native_signal_set(false);
		nested_set_v(vm.vcpu, v[i]);
		vm.vcpu->csrs.vstvec = PC + 0x100;
		vm.vcpu->csrs.vscause = 0;
		vm.vcpu->nested.vsscratch = 0x1234;
		vm.vcpu->guest.gpr[GPR_A0] = 0;
		vm.vcpu->guest.sepc = PC;
		assert_int_equal(native_run(vm.vcpu), -EINTR);
		vcpu_load(vm.vcpu);
		assert_false(vm.vcpu->nested.v);
		assert_int_equal(csr_read(vscause), v[i] ? EXC_VIRTUAL_INST : 0);
		assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], v[i] ? 0 : 0x1234);
		assert_int_equal(vm.vcpu->guest.sepc, v[i] ? PC + 0x100 : PC + 4);
		assert_int_equal(native_fast_exits, 1 + i / 2);
		vcpu_put(vm.vcpu);
	}
}

/* L2 executes an instruction that traps as a virtual instruction. Return its cause in L1. */
static unsigned long cause_in_l1(unsigned long insn)
{
	const struct hv_trap trap = { .scause = EXC_VIRTUAL_INST, .stval = insn };
	unsigned long cause;

	nested_set_v(vm.vcpu, true);
	vcpu_load(vm.vcpu);
	vm.vcpu->guest.sstatus |= SSTATUS_SPP;
	assert_int_equal(exit_nested(vm.vcpu, &trap), RESUME_GUEST);
	assert_false(vm.vcpu->nested.v);
	cause = csr_read(vscause);
	vcpu_put(vm.vcpu);
	return cause;
}

/* As on a hart without the extension. */
static void an_instruction_that_the_vcpu_lacks_is_illegal(void **state)
{
	static const struct {
		unsigned int ext;
		unsigned long insn;
	} rows[] = {
		{ KVM_RISCV_ISA_EXT_SSTC, 0x14d02573 },    /* csrr a0, stimecmp */
		{ KVM_RISCV_ISA_EXT_ZKR, 0x01501573 },     /* csrrw a0, seed, zero */
		{ KVM_RISCV_ISA_EXT_SVINVAL, 0x16000073 }, /* sinval.vma */
		{ KVM_RISCV_ISA_EXT_SVINVAL, 0x18000073 }, /* sfence.w.inval */
		{ KVM_RISCV_ISA_EXT_SVINVAL, 0x26000073 }, /* hinval.vvma */
		{ KVM_RISCV_ISA_EXT_SVINVAL, 0x66000073 }, /* hinval.gvma */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_extension(rows[i].ext, false);
		assert_int_equal(cause_in_l1(rows[i].insn), EXC_ILLEGAL_INST);
		set_extension(rows[i].ext, true);
		assert_int_equal(cause_in_l1(rows[i].insn), EXC_VIRTUAL_INST);
	}
}

/* On a hart that leaves stval 0, L0 has to fetch L2's instruction. The exit itself has no address. */
static void a_fault_of_a_fetch_for_emulation_has_a_guest_address(void **state)
{
	const struct hv_trap trap = { .scause = EXC_VIRTUAL_INST, .sepc = PC };

	(void)state;
	nested_set_v(vm.vcpu, true);
	vcpu_load(vm.vcpu);
	vm.vcpu->guest.hstatus &= ~HSTATUS_GVA;
	vm.vcpu->guest.sstatus |= SSTATUS_SPP;
	native_unpriv_trap(&(struct hv_trap){ .scause = EXC_LOAD_PAGE_FAULT, .stval = PC + 2 });
	assert_int_equal(exit_nested(vm.vcpu, &trap), RESUME_GUEST);
	assert_false(vm.vcpu->nested.v);
	assert_int_equal(csr_read(vscause), EXC_INST_PAGE_FAULT);
	assert_int_equal(csr_read(vstval), PC + 2);
	assert_true(vm.vcpu->nested.hstatus & HSTATUS_GVA);
	vcpu_put(vm.vcpu);
}

/*
 * A table of L1 in memory that the host cannot read ends KVM_RUN with -EFAULT, as any other page does;
 * a table outside memory is an access fault of L2.
 */
static void a_table_that_cannot_be_read_ends_the_run(void **state)
{
	const struct hv_trap trap = { .scause = EXC_LOAD_GUEST_PAGE_FAULT, .htval = 0x4000 >> 2 };
	const unsigned long mode = 8UL << 60; /* Sv39x4 */
	static const gpa_t tables[] = { NATIVE_GUEST_BASE, 0x4000 };

	(void)state;
	native_user_unmap(NATIVE_USER_BASE, 4 * PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		assert_int_equal(nested_reg_set(vm.vcpu, CSR_hgatp, mode | tables[i] >> PAGE_SHIFT),
				 0);
		nested_set_v(vm.vcpu, true);
		vcpu_load(vm.vcpu);
		assert_int_equal(exit_nested(vm.vcpu, &trap), i ? RESUME_GUEST : -EFAULT);
		assert_int_equal(vm.vcpu->nested.v, !i);
		if (i)
			assert_int_equal(csr_read(vscause), EXC_LOAD_ACCESS_FAULT);
		vcpu_put(vm.vcpu);
	}
}

/* An interrupt of VS that L1 has not delegated, whichever write makes it pending and enabled. */
static void l1_takes_an_interrupt_after_the_write_that_raises_it(void **state)
{
	static const unsigned long last[] = { CSR_hvip, CSR_hie, CSR_hideleg };

	(void)state;
	vcpu_load(vm.vcpu);
	vm.vcpu->guest.sstatus |= SSTATUS_SPP;
	for (size_t i = 0; i < ARRAY_SIZE(last); i++) {
		csrw(CSR_hvip, 0);
		csr_write(vsstatus, SSTATUS_SIE);
		csr_write(vscause, 0);
		csrw(CSR_hideleg, last[i] == CSR_hideleg ? BIT(IRQ_VS_SOFT) : 0);
		csrw(CSR_hie, last[i] == CSR_hie ? 0 : BIT(IRQ_VS_SOFT));
		csrw(CSR_hvip, last[i] == CSR_hvip ? 0 : BIT(IRQ_VS_SOFT));
		assert_int_equal(csr_read(vscause), 0);
		csrw(CSR_vsscratch, 0);
		assert_int_equal(csr_read(vscause), 0);
		csrw(last[i], last[i] == CSR_hideleg ? 0 : BIT(IRQ_VS_SOFT));
		assert_int_equal(csr_read(vscause), CAUSE_IRQ_FLAG | IRQ_VS_SOFT);
	}
	vcpu_put(vm.vcpu);
}

/* ---- Ssaia ------------------------------------------------------------------------------------- */

#define NONE        FIELD_PREP(HVICTL_IID, IRQ_S_EXT) /* no interrupt: hvictl of L1 */
#define TIMER       (HVICTL_VTI | FIELD_PREP(HVICTL_IID, IRQ_S_TIMER))
#define LCOFI       BIT(IRQ_PMU_OVF)
#define SELECT_L1   0x71
#define SELECT_L2   0x82
#define PRIORITIES1 0x1100 /* of L1 */
#define PRIORITIES2 0x2200

static void set(unsigned int csr, u64 value)
{
	assert_int_equal(nested_reg_set(vm.vcpu, csr, value), 0);
}

static u64 get(unsigned int csr)
{
	u64 value;

	assert_true(nested_reg_get(vm.vcpu, csr, &value));
	return value;
}

static void assert_hart(unsigned long select, unsigned long hvictl, unsigned long hviprio1,
			unsigned long hviprio2)
{
	assert_int_equal(csr_read(vsiselect), select);
	assert_int_equal(csr_read(hvictl), hvictl);
	assert_int_equal(csr_read(hviprio1), hviprio1);
	assert_int_equal(csr_read(hviprio2), hviprio2);
}

/* Give L1 and L2 registers, and load the vCPU with L1's. */
static void load_l1(void)
{
	unsigned long *aia = vm.vcpu->csrs.aia;

	aia[KVM_REG_RISCV_CSR_AIA_REG(siselect)] = SELECT_L1;
	aia[KVM_REG_RISCV_CSR_AIA_REG(iprio1)] = PRIORITIES1;
	aia[KVM_REG_RISCV_CSR_AIA_REG(iprio2)] = PRIORITIES1 + 1;
	set(CSR_vsiselect, SELECT_L2);
	set(CSR_hvictl, TIMER);
	set(CSR_hviprio1, PRIORITIES2);
	set(CSR_hviprio2, PRIORITIES2 + 1);
	vcpu_load(vm.vcpu);
	assert_hart(SELECT_L1, NONE, PRIORITIES1, PRIORITIES1 + 1);
}

static void registers_of_ssaia_hold_what_a_hart_could(void **state)
{
	(void)state;
	set(CSR_hvictl, ~0ULL);
	assert_true(get(CSR_hvictl) == (0x403f0000 | HVICTL_DPR | HVICTL_IPRIOM | HVICTL_IPRIO));
	set(CSR_hviprio1, ~0ULL);
	assert_true(get(CSR_hviprio1) == 0xffffff00ff00ff00);
	set(CSR_hvien, ~0ULL);
	assert_true(get(CSR_hvien) == LCOFI);
	set(CSR_hvip, ~0ULL);
	assert_true(get(CSR_hvip) == (VS_LINES | LCOFI));
	assert_true(get(CSR_hip) == VS_LINES);
	assert_true(get(CSR_vsip) == LCOFI); /* nothing is delegated */
	set(CSR_vsie, ~0ULL);
	assert_true(get(CSR_vsie) == LCOFI && get(CSR_hie) == 0);
	set(CSR_vsip, 0);
	assert_true(get(CSR_hvip) == VS_LINES);
	set(CSR_hvien, 0);
	set(CSR_hvip, ~0ULL);
	assert_true(get(CSR_vsip) == 0 && get(CSR_vsie) == 0);
}

static void without_sscofpmf_hvien_is_zero(void **state)
{
	(void)state;
	set(CSR_hvien, ~0ULL);
	set(CSR_hvip, ~0ULL);
	set_extension(KVM_RISCV_ISA_EXT_SSCOFPMF, false);
	assert_true(get(CSR_hvien) == 0 && get(CSR_hvip) == VS_LINES);
	set(CSR_hvien, ~0ULL);
	set(CSR_hvip, ~0ULL);
	assert_true(get(CSR_hvien) == 0 && get(CSR_hvip) == VS_LINES);
	set_extension(KVM_RISCV_ISA_EXT_SSCOFPMF, true);
	nested_reset(vm.vcpu);
	set(CSR_hvien, ~0ULL);
	assert_true(get(CSR_hvien) == LCOFI);
}

/* L2 enables interrupt 13 and clears it in the hart. */
static void l2_has_the_interrupts_of_hvien(void **state)
{
	(void)state;
	set(CSR_hvien, LCOFI);
	set(CSR_hvip, LCOFI);
	load_l1();
	csr_write(vsie, BIT(IRQ_S_SOFT) | LCOFI); /* of L1, which has an interrupt 13 of its own */
	vcpu_set_irq(vm.vcpu, IRQ_PMU_OVF);
	vcpu_flush_irqs(vm.vcpu);
	vm.vcpu->nested.v = true;
	nested_enter(vm.vcpu);
	nested_settle(vm.vcpu);
	assert_true(csr_read(hvien) == LCOFI && csr_read(hvip) == LCOFI && csr_read(vsie) == 0);
	csr_write(vsie, LCOFI);
	csr_write(hvip, 0);
	vcpu_put(vm.vcpu);
	assert_true(get(CSR_vsie) == LCOFI && get(CSR_hvip) == 0);
	vcpu_load(vm.vcpu);
	assert_true(csr_read(vsie) == LCOFI);
	vcpu_put(vm.vcpu);
	set(CSR_hvien, 0);
	vcpu_load(vm.vcpu);
	assert_true(csr_read(hvien) == 0);
	nested_unsettle(vm.vcpu);
	vm.vcpu->nested.v = false;
	nested_leave(vm.vcpu);
	assert_true(csr_read(hvien) == LCOFI && csr_read(hvip) == LCOFI);
	assert_true(csr_read(vsie) == (BIT(IRQ_S_SOFT) | LCOFI));
	vcpu_put(vm.vcpu);
}

static void without_ssaia_they_do_not_exist(void **state)
{
	static const unsigned int csrs[] = { CSR_vsiselect, CSR_hvictl, CSR_hviprio1, CSR_hviprio2,
					     CSR_hvien };
	u64 value;

	(void)state;
	set(CSR_hvictl, TIMER);
	set_extension(KVM_RISCV_ISA_EXT_SSAIA, false);
	for (unsigned int i = 0; i < ARRAY_SIZE(csrs); i++)
		assert_false(nested_reg_get(vm.vcpu, csrs[i], &value));
	nested_set_v(vm.vcpu, true);
	vcpu_load(vm.vcpu);
	assert_false(nested_wfi_ends(vm.vcpu));
	vcpu_put(vm.vcpu);
}

static void l1_and_l2_have_their_own_registers_of_ssaia(void **state)
{
	(void)state;
	load_l1();
	csr_write(vsiselect, SELECT_L1 + 1); /* by L1 */
	vm.vcpu->nested.v = true;
	nested_enter(vm.vcpu);
	nested_settle(vm.vcpu);
	assert_hart(SELECT_L2, TIMER, PRIORITIES2, PRIORITIES2 + 1);
	csr_write(vsiselect, SELECT_L2 + 1); /* by L2 */
	vcpu_put(vm.vcpu);
	assert_true(get(CSR_vsiselect) == SELECT_L2 + 1);
	vcpu_load(vm.vcpu);
	assert_hart(SELECT_L2 + 1, TIMER, PRIORITIES2, PRIORITIES2 + 1);
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT); /* of L1: L2 does not see it */
	vcpu_flush_irqs(vm.vcpu);
	assert_hart(SELECT_L2 + 1, TIMER, PRIORITIES2, PRIORITIES2 + 1);
	nested_unsettle(vm.vcpu);
	vm.vcpu->nested.v = false;
	nested_leave(vm.vcpu);
	assert_hart(SELECT_L1 + 1, NONE | 1, PRIORITIES1, PRIORITIES1 + 1);
	vcpu_put(vm.vcpu);
}

static void l1_reads_vstopi_of_l2(void **state)
{
	const unsigned long read_a0 = (unsigned long)CSR_vstopi << 20 | 0x2573,
			    write = (unsigned long)CSR_vstopi << 20 | 0x51073;
	int result;

	(void)state;
	load_l1();
	vm.vcpu->guest.sstatus |= SSTATUS_SPP;
	assert_true(nested_emulate(vm.vcpu, read_a0, &result));
	assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], IRQ_S_TIMER << 16 | 1);
	assert_hart(SELECT_L1, NONE, PRIORITIES1, PRIORITIES1 + 1);
	assert_false(nested_emulate(vm.vcpu, write, &result));
	vcpu_put(vm.vcpu);
	set_extension(KVM_RISCV_ISA_EXT_SSAIA, false);
	vcpu_load(vm.vcpu);
	assert_false(nested_emulate(vm.vcpu, read_a0, &result));
	vcpu_put(vm.vcpu);
}

static void an_interrupt_in_hvictl_ends_a_wfi(void **state)
{
	(void)state;
	load_l1();
	assert_true(vm.vcpu->nested.on); /* so that a WFI of L1 asks, too */
	assert_true(nested_wfi_ends(vm.vcpu));
	vcpu_put(vm.vcpu);
	nested_set_v(vm.vcpu, true);
	vcpu_load(vm.vcpu);
	assert_true(nested_wfi_ends(vm.vcpu));
	vcpu_put(vm.vcpu);
	set(CSR_hvictl, HVICTL_VTI | NONE);
	vcpu_load(vm.vcpu);
	assert_false(nested_wfi_ends(vm.vcpu));
	vcpu_put(vm.vcpu);
}

/* Bit 13 of vsie has a register of its own. */
static void set_vsie(u64 value)
{
	struct kvm_one_reg r = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CSR |
				       KVM_REG_RISCV_CSR_HEXT | KVM_HS_HEXT_VSIE,
				 .addr = NATIVE_USER_BASE + 0x100 };

	memcpy(native_user(r.addr), &value, sizeof(value));
	assert_int_equal(onereg_set(vm.vcpu, &r), 0);
}

/* Whether or not L2 runs (AIA, "WFI (Wait for Interrupt) instruction"). */
static void an_interrupt_of_hvien_ends_a_wfi_of_l1(void **state)
{
	(void)state;
	set(CSR_hvictl, NONE);
	set(CSR_hvien, LCOFI);
	set(CSR_vsie, LCOFI);
	assert_false(vm.vcpu->nested.on);
	set(CSR_hvip, LCOFI);
	assert_true(vm.vcpu->nested.on); /* so that a WFI of L1 asks */
	vcpu_load(vm.vcpu);
	assert_true(nested_wfi_ends(vm.vcpu));
	vcpu_put(vm.vcpu);
	set_vsie(0);
	assert_false(vm.vcpu->nested.on);
	set_vsie(LCOFI);
	assert_true(vm.vcpu->nested.on);
	set(CSR_vsie, 0);
	vcpu_load(vm.vcpu);
	assert_false(nested_wfi_ends(vm.vcpu));
	vcpu_put(vm.vcpu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_h_no_instruction_traps_for_hstatus),
		TEST(a_removed_extension_takes_its_bit_of_henvcfg_along),
		TEST(a_write_of_vsepc_clears_bit_0),
		TEST(hedeleg_has_the_causes_that_it_must_have),
		TEST(an_sret_traps_from_the_write_of_spv_on),
		TEST(an_access_of_l2_traps_into_l1),
		TEST(an_instruction_that_the_vcpu_lacks_is_illegal),
		TEST(a_fault_of_a_fetch_for_emulation_has_a_guest_address),
		TEST(a_table_that_cannot_be_read_ends_the_run),
		TEST(l1_takes_an_interrupt_after_the_write_that_raises_it),
		TEST(registers_of_ssaia_hold_what_a_hart_could),
		TEST(without_ssaia_they_do_not_exist),
		TEST(l1_and_l2_have_their_own_registers_of_ssaia),
		TEST(without_sscofpmf_hvien_is_zero),
		TEST(l2_has_the_interrupts_of_hvien),
		TEST(l1_reads_vstopi_of_l2),
		TEST(an_interrupt_in_hvictl_ends_a_wfi),
		TEST(an_interrupt_of_hvien_ends_a_wfi_of_l1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
