// SPDX-License-Identifier: MIT
/*
 * test_guest_irq.c - SGEI that L1 cannot take yet, or that ends its WFI; and vCPUs without guest
 * interrupt files
 */
#include "guest_file_vm.h"
#include "sbi/sbi.h"

/* Let file 1 of the first vCPU deliver identity 5, and hgeie and hie have its interrupt. */
static void open_file(void)
{
	struct kvm_vcpu *vcpu = vcpus[0];

	vcpu_load(vcpu);
	nested_serve_irq(vcpu);
	write_csr(CSR_hstatus, FIELD_PREP(HSTATUS_VGEIN, 1UL));
	write_csr(CSR_vsiselect, IMSIC_EIE0);
	write_csr(CSR_vsireg, BIT(5));
	write_csr(CSR_vsiselect, IMSIC_EIDELIVERY);
	write_csr(CSR_vsireg, 1);
	write_csr(CSR_hgeie, BIT(1));
	write_csr(CSR_hie, SGEI);
	csr_write(vstvec, 0x4000);
}

static void send_5(void)
{
	assert_int_equal(vm.vm->irqchip->send_msi(vm.vm, page_of(0, 1), 5), 0);
}

static void serve(void)
{
	unsigned long requests = __atomic_exchange_n(&vcpus[0]->requests, 0, __ATOMIC_ACQUIRE);

	if (requests & BIT(REQ_NESTED_IRQ))
		nested_serve_irq(vcpus[0]);
}

#define US (hv_timebase_hz() / 1000000)

/* Let this time pass, in which L1 runs. Returns how often the vCPU was made to look. */
static unsigned int run_for(u64 us)
{
	unsigned int checks = 0;
	u64 i;

	for (i = 0; i < us * US; i++) {
		native_time_set(hv_time() + 1);
		checks += (vcpus[0]->requests & BIT(REQ_NESTED_IRQ)) != 0;
		serve();
	}
	return checks;
}

static void l1_takes_sgei_after_it_enables_its_interrupts(void **state)
{
	struct kvm_vcpu *vcpu = vcpus[0];
	unsigned int checks;
	u64 deadline;

	(void)state;
	open_file();
	serve();
	csr_write(vsstatus, 0);
	csr_write(vscause, 0);
	send_5();
	serve();
	assert_int_equal(csr_read(vscause), 0);
	assert_true(vcpu->nested.watched);
	deadline = vcpu->nested_host.timer.deadline;
	nested_check_irqs(vcpu); /* as after other exits: they do not move the check */
	assert_true(vcpu->nested_host.timer.deadline == deadline);
	assert_in_range(run_for(8), 1, 8); /* the first checks come soon */
	checks = run_for(1000);
	assert_in_range(checks, 3, 20); /* they become rarer */
	assert_int_equal(csr_read(vscause), 0);
	csr_write(vsstatus, SSTATUS_SIE); /* L1 enables its interrupts, without an exit */
	run_for(2000);
	assert_int_equal(csr_read(vscause), CAUSE_IRQ_FLAG | IRQ_S_GEXT);
	assert_int_equal(vcpu->guest.sepc, 0x4000);
	/* L1's handler claims the identity. */
	write_csr(CSR_vstopei, 0);
	assert_false(vcpu->nested.watched);
	assert_true(csr_read(hstateen0) & HSTATEEN0_AIA);
	vcpu_put(vcpu);
}

static void a_watched_l1_is_still_watched_after_a_put_and_a_load(void **state)
{
	struct kvm_vcpu *vcpu = vcpus[0];

	(void)state;
	open_file();
	csr_write(vsstatus, 0);
	send_5();
	serve();
	vcpu_put(vcpu);
	csr_write(hstateen0, ~0UL);
	vcpu_load(vcpu);
	assert_false(csr_read(hstateen0) & HSTATEEN0_AIA);
	vcpu_put(vcpu);
}

static void sgei_ends_a_wfi_of_l1(void **state)
{
	(void)state;
	open_file();
	assert_false(nested_wfi_ends(vcpus[0]));
	assert_true(vcpus[0]->nested.on); /* so that a WFI of L1 asks */
	send_5();
	assert_true(vcpus[0]->requests & BIT(REQ_IRQ)); /* ends a sleep */
	assert_true(nested_wfi_ends(vcpus[0]));
	vcpu_put(vcpus[0]);
}

static void sgei_ends_a_retentive_suspend_of_l1(void **state)
{
	struct sbiret ret = { 0 };

	(void)state;
	open_file();
	send_5();
	vcpus[0]->guest.gpr[GPR_A0] = SBI_HSM_SUSPEND_RETENTIVE;
	sbi_hsm(vcpus[0], SBI_EXT_HSM, SBI_HSM_HART_SUSPEND, &ret);
	assert_int_equal(ret.error, SBI_SUCCESS);
	vcpu_put(vcpus[0]);
}

static void without_smstateen_no_vcpu_has_guest_interrupt_files(void **state)
{
	u64 data = 5;

	(void)state;
	assert_int_equal(setup_guests("h f d ssaia", GUEST_BITS) || init_device(), 0);
	vcpu_load(vcpus[0]);
	write_csr(CSR_hgeie, ~0ULL);
	assert_true(read_csr(CSR_hgeie) == 0);
	write_csr(CSR_hstatus, HSTATUS_VGEIN);
	assert_int_equal(vgein(), 0);
	assert_int_equal(vm.vm->irqchip->send_msi(vm.vm, page_of(0, 1), 5), -ENODEV);
	assert_false(vm.vm->irqchip->mmio(vcpus[0], page_of(0, 1), 4, true, &data));
	assert_int_equal(set_attr(KVM_DEV_RISCV_AIA_GRP_IMSIC,
				  KVM_DEV_RISCV_AIA_IMSIC_MKATTR(0ULL, IMSIC_EIDELIVERY) |
					  KVM_DEV_HS_AIA_IMSIC_GUEST(1),
				  1),
			 -ENODEV);
	vcpu_put(vcpus[0]);
}

static void vgein_of_a_file_that_does_not_exist_cannot_be_restored(void **state)
{
	(void)state;
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hstatus, FIELD_PREP(HSTATUS_VGEIN, 3UL)), 0);
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hstatus, FIELD_PREP(HSTATUS_VGEIN, 4UL)),
			 -EINVAL);
	isa_set_put(&vcpus[0]->isa, KVM_RISCV_ISA_EXT_SSAIA, false);
	vcpu_isa_changed(vcpus[0]);
	assert_int_equal(vgein(), 0);
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hstatus, FIELD_PREP(HSTATUS_VGEIN, 1UL)),
			 -EINVAL);
	isa_set_put(&vcpus[0]->isa, KVM_RISCV_ISA_EXT_SSAIA, true);
	vcpu_isa_changed(vcpus[0]);
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hstatus, FIELD_PREP(HSTATUS_VGEIN, 1UL)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_FILES(l1_takes_sgei_after_it_enables_its_interrupts),
		CASE_FILES(a_watched_l1_is_still_watched_after_a_put_and_a_load),
		CASE_FILES(sgei_ends_a_wfi_of_l1),
		CASE_FILES(sgei_ends_a_retentive_suspend_of_l1),
		cmocka_unit_test_teardown(without_smstateen_no_vcpu_has_guest_interrupt_files, end),
		CASE_FILES(vgein_of_a_file_that_does_not_exist_cannot_be_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
