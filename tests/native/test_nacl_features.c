// SPDX-License-Identifier: MIT
/*
 * test_nacl_features.c - SBI NACL: which features a VM has, and what the calls and exits do without one
 * of them.
 *
 * tests/guest/nested/nacl.c tests what they do with it.
 */
#include "nacl_guest.h"

/* Values of the toggle that omit a feature; 0 omits none. */
#define WITHOUT(feature) (NACL_##feature + 2)

static void set_toggle(unsigned int value)
{
	vm.vm->toggle[TOGGLE_nacl] = (u8)value;
	vcpu_isa_changed(vm.vcpu);
}

static void without_the_toggle_there_is_no_nacl(void **state)
{
	(void)state;
	assert_int_equal(made(CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_NACL)).value, 1);
	for (unsigned long feature = 0; feature < 5; feature++)
		assert_int_equal(made(NACL(SBI_NACL_PROBE_FEATURE, feature)).value, feature < 4);
	set_toggle(1);
	assert_int_equal(made(CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_NACL)).value, 0);
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, AREA_GPA)).error, SBI_ERR_NOT_SUPPORTED);
}

static long error_of(unsigned long fid)
{
	return made(NACL(fid, ANY)).error;
}

static void the_toggle_can_omit_a_feature(void **state)
{
	long error;

	(void)state;
	for (unsigned int omitted = 0; omitted < NACL_FEATURES; omitted++) {
		set_toggle(omitted + 2);
		assert_int_equal(
			made(CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_NACL)).value, 1);
		for (unsigned int feature = 0; feature < 6; feature++)
			assert_int_equal(made(NACL(SBI_NACL_PROBE_FEATURE, feature)).value,
					 feature < 4 && feature != omitted);
		assert_int_equal(made(NACL(SBI_NACL_PROBE_FEATURE, ANY)).value, 0);
		for (unsigned int feature = 0; feature < 3; feature++)
			assert_int_equal(error_of(SBI_NACL_SYNC_CSR + feature),
					 feature == omitted ? SBI_ERR_NOT_SUPPORTED
							    : SBI_ERR_NO_SHMEM);
		begin();
		for (unsigned int feature = 0; feature < 3; feature++) {
			error = feature == omitted ? SBI_ERR_NOT_SUPPORTED : SBI_SUCCESS;
			/* sync_sret does not return, except with an error. */
			if (feature != NACL_SYNC_SRET || error)
				assert_int_equal(error_of(SBI_NACL_SYNC_CSR + feature), error);
		}
		nacl_off(vm.vcpu);
	}
}

static void sync_sret_does_what_the_other_features_do(void **state)
{
	const unsigned int values[] = { 0, WITHOUT(SYNC_CSR), WITHOUT(SYNC_HFENCE),
					WITHOUT(AUTOSWAP_CSR) };
	unsigned long *entry = word(0x800 / 8);

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++) {
		set_toggle(values[i]);
		begin();
		vm.vcpu->nested.vsscratch = 0;
		vm.vcpu->nested.hstatus &= ~HSTATUS_HU;
		put(CSR_vsscratch, 5);
		entry[0] = FENCE | TYPE(1);
		forgotten();
		*word(0x200 / 8) = 1;
		*word(0x208 / 8) = HSTATUS_HU;
		*word(31) = i;
		made(NACL(SBI_NACL_SYNC_SRET));
		assert_int_equal(vm.vcpu->guest.gpr[31], i);
		assert_int_equal(vm.vcpu->nested.vsscratch, values[i] == WITHOUT(SYNC_CSR) ? 0 : 5);
		assert_int_equal(forgotten(), values[i] != WITHOUT(SYNC_HFENCE));
		assert_int_equal(entry[0] >> 63, values[i] == WITHOUT(SYNC_HFENCE));
		assert_int_equal(!(vm.vcpu->nested.hstatus & HSTATUS_HU),
				 values[i] == WITHOUT(AUTOSWAP_CSR));
	}
}

/* The guest makes an ecall, which its hypervisor handles. */
static void only_autoswap_swaps_hstatus_at_an_exit(void **state)
{
	const unsigned int values[] = { 0, WITHOUT(AUTOSWAP_CSR) };
	unsigned long own = HSTATUS_HU | HSTATUS_SPV;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++) {
		struct call calls[] = { NACL(SBI_NACL_SYNC_SRET), NACL(0), NACL(9) };

		set_toggle(values[i]);
		begin();
		vm.vcpu->nested.hstatus = i ? own : HSTATUS_HU;
		*word(0x200 / 8) = 1;
		*word(0x208 / 8) = HSTATUS_SPV;
		assert_int_equal(run_script(calls, 3), -EINTR);
		assert_int_equal(calls[2].error, SBI_ERR_NOT_SUPPORTED);
		assert_int_equal(vm.vcpu->nested.hstatus & own, i ? own : HSTATUS_HU);
		assert_int_equal(*word(0x208 / 8) & own, HSTATUS_SPV);
		assert_true(reg_is(AREA_GPA));
	}
}

static void without_sync_csr_a_mark_keeps_no_value(void **state)
{
	const unsigned int csrs[] = { CSR_vsscratch, CSR_hcounteren }; /* in both halves */

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int csr = csrs[i / 2];

		set_toggle(i % 2 ? WITHOUT(SYNC_CSR) : 0);
		begin();
		put(csr, 5);
		assert_int_equal(nested_reg_set(vm.vcpu, csr, 3), 0);
		nothing();
		assert_int_equal(*csr_word(csr), i % 2 ? 3 : 5);
		*word(DIRTY + NACL_INDEX(csr) / 64) = 0;
	}
}

static void a_vcpu_without_h_has_no_nacl(void **state)
{
	(void)state;
	isa_set_put(&vm.vcpu->isa, KVM_RISCV_ISA_EXT_H, false);
	vcpu_isa_changed(vm.vcpu);
	assert_int_equal(made(CALL(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, SBI_EXT_NACL)).value, 0);
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, AREA_GPA)).error, SBI_ERR_NOT_SUPPORTED);
}

static void without_the_flag_hstatus_is_not_swapped(void **state)
{
	(void)state;
	begin();
	*word(0x208 / 8) = HSTATUS_HU;
	vm.vcpu->nested.nacl_swap = true;
	nacl_csr_changed(vm.vcpu);
	nothing();
	assert_int_equal(*word(0x208 / 8), HSTATUS_HU);
	assert_false(vm.vcpu->nested.hstatus & HSTATUS_HU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		H_TEST(without_the_toggle_there_is_no_nacl),
		H_TEST(the_toggle_can_omit_a_feature),
		H_TEST(sync_sret_does_what_the_other_features_do),
		H_TEST(only_autoswap_swaps_hstatus_at_an_exit),
		H_TEST(without_sync_csr_a_mark_keeps_no_value),
		H_TEST(a_vcpu_without_h_has_no_nacl),
		H_TEST(without_the_flag_hstatus_is_not_swapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
