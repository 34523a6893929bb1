// SPDX-License-Identifier: MIT
/*
 * test_device_page.c - a vCPU remembers a page without a slot, but only until the VM's memory map
 * changes.
 */
#include "one_vm.h"

#define MMIO 0x10000000UL
#define LW   0x2503   /* htinst: lw a0,0(a1) */
#define SW   0xa02023 /* sw a0,0(a1) */

static int setup(void **state)
{
	(void)state;
	one_vm_ready(NULL, NATIVE_GUEST_BASE);
	vcpu_load(vm.vcpu);
	return 0;
}

static int access(unsigned long scause, unsigned long htinst)
{
	struct hv_trap trap = { .sepc = vm.vcpu->guest.sepc,
				.scause = scause,
				.stval = MMIO,
				.htval = MMIO >> 2,
				.htinst = htinst };
	int ret = exit_gstage_fault(vm.vcpu, &trap);

	complete_exit(vm.vcpu);
	return ret;
}

static int load(void)
{
	return access(EXC_LOAD_GUEST_PAGE_FAULT, LW);
}

static int store(void)
{
	return access(EXC_STORE_GUEST_PAGE_FAULT, SW);
}

static void a_slot_added_over_a_device_is_memory(void **state)
{
	(void)state;
	assert_int_equal(load(), RESUME_USER);
	assert_int_equal(vm.vcpu->device_gfn, gpa_to_gfn(MMIO));
	assert_int_equal(store(), RESUME_USER);
	assert_int_equal(native_set_slot(vm.vm, 1, MMIO, PAGE_SIZE, NATIVE_USER_BASE, 0), 0);
	assert_int_equal(load(), RESUME_GUEST);
	assert_int_equal(store(), RESUME_GUEST);
	assert_int_equal(native_set_slot(vm.vm, 1, MMIO, 0, 0, 0), 0);
	assert_int_equal(load(), RESUME_USER);
}

static void read_only_memory_is_not_remembered_as_a_device(void **state)
{
	(void)state;
	assert_int_equal(
		native_set_slot(vm.vm, 1, MMIO, PAGE_SIZE, NATIVE_USER_BASE, KVM_MEM_READONLY), 0);
	assert_int_equal(store(), RESUME_USER);
	assert_int_equal(load(), RESUME_GUEST);
	assert_int_equal(store(), RESUME_USER);
}

static void an_access_by_the_page_table_walk_is_not_emulated(void **state)
{
	(void)state;
	assert_int_equal(load(), RESUME_USER);
	/* If a page-table walk reads an entry in the device, there is no load to emulate. */
	assert_int_equal(access(EXC_LOAD_GUEST_PAGE_FAULT, 0x3000), RESUME_GUEST);
	assert_int_equal(csr_read(vscause), EXC_LOAD_ACCESS_FAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_slot_added_over_a_device_is_memory),
		TEST(read_only_memory_is_not_remembered_as_a_device),
		TEST(an_access_by_the_page_table_walk_is_not_emulated),
	};

	return cmocka_run_group_tests_name("device pages", tests, NULL, NULL);
}
