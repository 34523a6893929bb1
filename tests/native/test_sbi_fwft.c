// SPDX-License-Identifier: MIT
/*
 * test_sbi_fwft.c - firmware features: which exist on which machine, and how to set, lock and reset
 * them.
 */
#include "sbi_guest.h"
#include "exit/exit.h"
#include "vcpu/hsm.h"
#include "vcpu/nested.h"

#define FWFT KVM_COMPAT_REG_SBI_FWFT
#define LOCK SBI_FWFT_LOCK

static long call_set(unsigned long feature, unsigned long value, unsigned long flags)
{
	return made(CALL(SBI_EXT_FWFT, SBI_FWFT_SET, feature, value, flags)).error;
}

static struct call call_get(unsigned long feature)
{
	return made(CALL(SBI_EXT_FWFT, SBI_FWFT_GET, feature));
}

static void restart_with(const char *isa, bool firmware)
{
	one_vm_end(NULL);
	native_firmware_fwft = firmware;
	one_vm_ready(isa, PC);
	second = native_vcpu_make(&vm, 1);
	assert_int_equal(sbi_ext_set(vm.vcpu, KVM_RISCV_SBI_EXT_FWFT, 1), 0);
}

static void without_features_every_call_is_refused(void **state)
{
	unsigned long i;

	(void)state;
	assert_int_equal(sbi_ext_set(vm.vcpu, KVM_RISCV_SBI_EXT_FWFT, 0), 0);
	assert_int_equal(reg_get(FWFT, 0), -EINVAL);
	assert_int_equal(call_get(0).error, SBI_ERR_NOT_SUPPORTED);
	restart_with("h f d", false);
	for (i = 0; i <= 5; i++)
		assert_int_equal(call_set(i, 0, 0), SBI_ERR_NOT_SUPPORTED);
	assert_int_equal(call_get(6).error, SBI_ERR_DENIED);
	assert_int_equal(call_set(0xc0000000, 0, 0), SBI_ERR_DENIED);
	assert_int_equal(made(CALL(SBI_EXT_FWFT, 2, 0)).error, SBI_ERR_NOT_SUPPORTED);
	for (i = 0; i < KVM_COMPAT_FWFT_REGS; i++)
		assert_int_equal(reg_get(FWFT, i), -ENOENT);
}

static void a_feature_is_set_read_locked_and_reset(void **state)
{
	(void)state;
	restart_with("h f d svadu svade", false);
	assert_false(vm.vcpu->henvcfg & ENVCFG_ADUE);
	assert_int_equal(call_get(SBI_FWFT_AD_HW_UPDATING).value, 0);
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 2, 0), SBI_ERR_INVALID_PARAM);
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 1, 2), SBI_ERR_INVALID_PARAM);
	assert_int_equal(call_get(SBI_FWFT_AD_HW_UPDATING).value, 0);
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 1, LOCK), SBI_SUCCESS);
	assert_true(csr_read(henvcfg) & ENVCFG_ADUE);
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 0, 0), SBI_ERR_DENIED_LOCKED);
	assert_int_equal(call_get(SBI_FWFT_AD_HW_UPDATING).value, 1);
	vcpu_reset(vm.vcpu, PC, 0);
	assert_int_equal(call_get(SBI_FWFT_AD_HW_UPDATING).value, 0);
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 1, 0), SBI_SUCCESS);
	/* Once user space disables the extension, the setting is the default again. */
	assert_int_equal(sbi_ext_set(vm.vcpu, KVM_RISCV_SBI_EXT_FWFT, 0), 0);
	assert_false(vm.vcpu->henvcfg & ENVCFG_ADUE);
}

/* Without the extension, its registers do not exist: a VMM could not read or migrate a setting. */
static void disabling_the_extension_resets_its_features(void **state)
{
	(void)state;
	restart_with("h f d ssnpm", true);
	assert_int_equal(reg_set(FWFT, 2, 1), 0);  /* the guest handles misaligned exceptions */
	assert_int_equal(reg_set(FWFT, 5, 16), 0); /* 16 pointer bits are masked */
	assert_true(vm.vcpu->hedeleg & BIT(EXC_LOAD_MISALIGNED));
	assert_int_equal(sbi_ext_set(vm.vcpu, KVM_RISCV_SBI_EXT_FWFT, 0), 0);
	assert_false(vm.vcpu->hedeleg & BIT(EXC_LOAD_MISALIGNED));
	assert_false(vm.vcpu->henvcfg & ENVCFG_PMM);
	assert_int_equal(sbi_ext_set(vm.vcpu, KVM_RISCV_SBI_EXT_FWFT, 1), 0);
	assert_int_equal(reg_get(FWFT, 2), 0);
	assert_int_equal(reg_buf, 0);
}

static unsigned long loaded_pmm(void)
{
	unsigned long pmm;

	vcpu_load(vm.vcpu);
	pmm = FIELD_GET(ENVCFG_PMM, csr_read(henvcfg));
	vcpu_put(vm.vcpu);
	return pmm;
}

static void pointers_are_masked_in_vs(void **state)
{
	(void)state;
	restart_with("h f d ssnpm", false);
	assert_int_equal(call_set(SBI_FWFT_POINTER_MASK_PMLEN, 8, 0), SBI_ERR_INVALID_PARAM);
	assert_int_equal(call_set(SBI_FWFT_POINTER_MASK_PMLEN, 16, 0), SBI_SUCCESS);
	assert_int_equal(loaded_pmm(), ENVCFG_PMM_16);
	assert_int_equal(call_get(SBI_FWFT_POINTER_MASK_PMLEN).value, 16);
	assert_int_equal(call_set(SBI_FWFT_POINTER_MASK_PMLEN, 7, 0), SBI_SUCCESS);
	assert_int_equal(loaded_pmm(), ENVCFG_PMM_7);
	assert_int_equal(call_set(SBI_FWFT_POINTER_MASK_PMLEN, 0, 0), SBI_SUCCESS);
	assert_int_equal(loaded_pmm(), ENVCFG_PMM_0);
}

/* ---- translations made under the old setting ------------------------------------------------- */

#define GVA   0x5000UL
#define TABLE (NATIVE_GUEST_BASE + 0x10000)

static void set_table(unsigned int level, unsigned int index, pte_t pte)
{
	((pte_t *)native_user(NATIVE_USER_BASE + 0x12000 - 0x1000 * level))[index] = pte;
}

/* Write Sv39 tables for GVA: two pointers and a leaf. */
static void give_tables(struct kvm_vcpu *vcpu)
{
	set_table(2, 0, pte_make(TABLE + 0x1000, PTE_V));
	set_table(1, 0, pte_make(TABLE + 0x2000, PTE_V));
	set_table(0, GVA >> 12,
		  pte_make(NATIVE_GUEST_BASE + 0x4000,
			   PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D));
	vcpu->csrs.vsatp = FIELD_PREP(SATP_MODE, SATP_MODE_SV39) | TABLE >> PAGE_SHIFT;
}

static void accesses(struct kvm_vcpu *vcpu)
{
	gva_t gva = csr_read(vsatp) ? GVA : NATIVE_GUEST_BASE + 0x4000;
	struct hv_trap trap;
	u64 data;

	(void)vcpu;
	if (native_guest_access(gva, NATIVE_LOAD, &data, sizeof(data), &trap))
		native_trap(&trap);
	else
		host_interrupt();
}

static void access_on(struct kvm_vcpu *vcpu, unsigned int hart)
{
	native_hart_set(hart);
	native_guest = accesses;
	native_signal_set(false);
	assert_int_equal(native_run(vcpu), -EINTR);
}

/*
 * Hardware may have cached translations made under the old setting; tlb_model.c panics if one is
 * used.
 */
static void changing_ad_updating_drops_translations(void **state)
{
	(void)state;
	restart_with("h f d svadu svade", false);
	give_tables(vm.vcpu);
	access_on(vm.vcpu, 0);
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 1, 0), SBI_SUCCESS);
	access_on(vm.vcpu, 0);
	assert_int_equal(reg_set(FWFT, KVM_COMPAT_FWFT_AD_HW + 2, 0), 0);
	access_on(vm.vcpu, 0);
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 1, 0), SBI_SUCCESS);
	access_on(vm.vcpu, 0);
	vcpu_reset(vm.vcpu, PC, 0);
	give_tables(vm.vcpu);
	access_on(vm.vcpu, 0);
}

static void changing_pointer_masking_drops_translations(void **state)
{
	static const unsigned int lens[] = { 16, 0, 7, 16, 7, 0 };
	unsigned int i;

	(void)state;
	restart_with("h f d ssnpm", false);
	assert_true(hsm_start(second, PC, 0));
	native_quirks.translated = NATIVE_GUEST_BASE + 0x4000;
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		access_on(vm.vcpu, 0);
		assert_int_equal(call_set(SBI_FWFT_POINTER_MASK_PMLEN, lens[i], 0), SBI_SUCCESS);
		access_on(vm.vcpu, 0);
		/* Run another vCPU, which has no pointer masking. */
		access_on(second, 0);
		access_on(vm.vcpu, 0);
	}
}

/* The firmware delegates misaligned traps exactly while a vCPU that handles them is loaded. */
static void misaligned_traps_are_delegated_while_the_vcpu_is_loaded(void **state)
{
	unsigned long traps = BIT(EXC_LOAD_MISALIGNED) | BIT(EXC_STORE_MISALIGNED);

	(void)state;
	restart_with("h f d", true);
	assert_int_equal(call_set(SBI_FWFT_MISALIGNED, 1, 0), SBI_SUCCESS);
	assert_int_equal(vm.vcpu->hedeleg & traps, traps);
	assert_false(native_firmware_delegates);
	vcpu_load(vm.vcpu);
	assert_true(native_firmware_delegates);
	assert_int_equal(csr_read(hedeleg) & traps, traps);
	vcpu_put(vm.vcpu);
	assert_false(native_firmware_delegates);
	assert_int_equal(call_set(SBI_FWFT_MISALIGNED, 0, 0), SBI_SUCCESS);
	assert_int_equal(vm.vcpu->hedeleg & traps, 0);
	native_firmware_fwft = false;
}

static void features_have_registers(void **state)
{
	const unsigned int base = KVM_COMPAT_FWFT_PMLEN;
	unsigned int num;

	(void)state;
	restart_with("h f d ssnpm", false);
	assert_int_equal(reg_get(FWFT, base), 0);
	assert_int_equal(reg_buf, 1);
	assert_int_equal(reg_set(FWFT, base + 2, 9), -EINVAL);
	assert_int_equal(reg_set(FWFT, base + 2, 7), 0);
	assert_int_equal(call_get(SBI_FWFT_POINTER_MASK_PMLEN).value, 7);
	assert_int_equal(reg_set(FWFT, base + 1, ANY), 0);
	assert_int_equal(reg_get(FWFT, base + 1), 0);
	assert_int_equal(reg_buf, LOCK);
	assert_int_equal(call_set(SBI_FWFT_POINTER_MASK_PMLEN, 0, 0), SBI_ERR_DENIED_LOCKED);
	assert_int_equal(reg_set(FWFT, base + 2, 16), 0); /* the lock applies to the guest only */
	assert_int_equal(reg_set(FWFT, base, 2), -EINVAL);
	assert_int_equal(reg_set(FWFT, base, 0), 0);
	assert_int_equal(call_get(SBI_FWFT_POINTER_MASK_PMLEN).error, SBI_ERR_NOT_SUPPORTED);
	vcpu_reset(vm.vcpu, PC, 0);
	assert_int_equal(reg_get(FWFT, base), 0);
	assert_int_equal(reg_buf, 0); /* user space's setting is kept */
	assert_int_equal(reg_get(FWFT, base + 2), 0);
	assert_int_equal(reg_buf, 0);
	/* landing_pad and shadow_stack, and the end of the list */
	for (num = KVM_COMPAT_FWFT_AD_HW + 3; num <= KVM_COMPAT_FWFT_REGS; num++) {
		assert_int_equal(reg_get(FWFT, num), -ENOENT);
		assert_int_equal(reg_set(FWFT, num, 0), -ENOENT);
	}
}

static int put_isa(unsigned int ext, unsigned long value)
{
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
					 ext,
				   .addr = NATIVE_USER_BASE + 0x100 };

	memcpy(native_user(reg.addr), &value, sizeof(value));
	return onereg_set(vm.vcpu, &reg);
}

/* Restart with a feature's register set to `value`, and then remove `ext`. */
static void restart_without(unsigned int ext, unsigned long num, unsigned long value)
{
	restart_with("h f d ssnpm svadu svade", false);
	assert_int_equal(reg_set(FWFT, num, value), 0);
	assert_int_equal(put_isa(ext, 0), 0);
	assert_int_equal(reg_get(FWFT, num), -ENOENT);
}

static void a_feature_needs_its_isa_extensions(void **state)
{
	(void)state;
	restart_without(KVM_RISCV_ISA_EXT_SVADU, KVM_COMPAT_FWFT_AD_HW + 2, 1);
	assert_false(vm.vcpu->henvcfg & ENVCFG_ADUE);
	assert_int_equal(call_get(SBI_FWFT_AD_HW_UPDATING).error, SBI_ERR_NOT_SUPPORTED);
	/* Without Svade, hardware always updates the bits. */
	restart_without(KVM_RISCV_ISA_EXT_SVADE, KVM_COMPAT_FWFT_AD_HW + 2, 0);
	assert_true(vm.vcpu->henvcfg & ENVCFG_ADUE);
	assert_int_equal(call_get(SBI_FWFT_AD_HW_UPDATING).error, SBI_ERR_NOT_SUPPORTED);
	restart_without(KVM_RISCV_ISA_EXT_SMNPM, KVM_COMPAT_FWFT_PMLEN + 2, 7);
	assert_false(vm.vcpu->henvcfg & ENVCFG_PMM);
	assert_int_equal(put_isa(KVM_RISCV_ISA_EXT_SSNPM, 0), -EINVAL);
	assert_int_equal(call_get(SBI_FWFT_POINTER_MASK_PMLEN).error, SBI_ERR_NOT_SUPPORTED);
	/* Without Svadu, nothing can update the bits in place of the guest. */
	restart_with("h f d svade", false);
	assert_int_equal(put_isa(KVM_RISCV_ISA_EXT_SVADE, 0), -EINVAL);
	assert_int_equal(put_isa(KVM_RISCV_ISA_EXT_SVADU, 1), -ENOENT);
}

static u64 henvcfg_of_l1(void)
{
	u64 value;

	assert_true(nested_reg_get(vm.vcpu, CSR_henvcfg, &value));
	return value;
}

/* L1 executes csrw henvcfg, a0. */
static void l1_writes_henvcfg(u64 value)
{
	const unsigned long csrw = (unsigned long)CSR_henvcfg << 20 | 0x51073;
	int result;

	vcpu_load(vm.vcpu);
	vm.vcpu->guest.sstatus |= SSTATUS_SPP;
	vm.vcpu->guest.gpr[GPR_A0] = value;
	assert_true(nested_emulate(vm.vcpu, csrw, &result));
	vcpu_put(vm.vcpu);
}

/* L1's firmware would set menvcfg.ADUE, without which henvcfg.ADUE is read-only 0 (Svadu). */
static void a_guest_hypervisor_may_pass_ad_updating_on(void **state)
{
	(void)state;
	restart_with("h f d svadu svade", false);
	native_h_add(vm.vcpu);
	l1_writes_henvcfg(ENVCFG_ADUE);
	assert_true(henvcfg_of_l1() == 0);
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 1, 0), SBI_SUCCESS);
	assert_true(henvcfg_of_l1() == 0);
	l1_writes_henvcfg(ENVCFG_ADUE);
	assert_true(henvcfg_of_l1() == ENVCFG_ADUE);
	assert_true(nested_henvcfg(vm.vcpu) == ENVCFG_ADUE); /* L2's */
	assert_int_equal(call_set(SBI_FWFT_AD_HW_UPDATING, 0, 0), SBI_SUCCESS);
	assert_true(henvcfg_of_l1() == 0);
	/* A VMM may restore henvcfg before FWFT's registers. */
	assert_int_equal(nested_reg_set(vm.vcpu, CSR_henvcfg, ENVCFG_ADUE), 0);
	assert_true(nested_henvcfg(vm.vcpu) == 0);
	assert_int_equal(reg_set(FWFT, KVM_COMPAT_FWFT_AD_HW + 2, 1), 0);
	assert_true(henvcfg_of_l1() == ENVCFG_ADUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_features_every_call_is_refused),
		TEST(a_feature_is_set_read_locked_and_reset),
		TEST(disabling_the_extension_resets_its_features),
		TEST(pointers_are_masked_in_vs),
		TEST(changing_ad_updating_drops_translations),
		TEST(changing_pointer_masking_drops_translations),
		TEST(misaligned_traps_are_delegated_while_the_vcpu_is_loaded),
		TEST(features_have_registers),
		TEST(a_feature_needs_its_isa_extensions),
		TEST(a_guest_hypervisor_may_pass_ad_updating_on),
	};

	return cmocka_run_group_tests_name("SBI, firmware features", tests, NULL, NULL);
}
