// SPDX-License-Identifier: MIT
/*
 * test_nacl.c - SBI NACL: what happens to the shared memory when the host takes it back, when its slot
 * changes, and when the vCPU is saved; and what its fences do.
 *
 * tests/guest/nested/nacl.c tests what the calls do.
 */
#include "nacl_guest.h"
#include "uapi/dirty_log_ioctl.h"
#include "mmu/guest_map.h"

#define OTHER (NATIVE_USER_BASE + NATIVE_GUEST_SIZE) /* user memory that is in no slot */

static void memory_that_was_taken_back_is_mapped_again(void **state)
{
	(void)state;
	begin();
	native_user_unmap(AREA_HVA, 2 * PAGE_SIZE);
	native_user_map(AREA_HVA, 2 * PAGE_SIZE, 0); /* other pages, which are zero */
	assert_false(vm.vcpu->map.mapped);
	put(CSR_vsscratch, 5);
	assert_int_equal(made(NACL(SBI_NACL_SYNC_CSR, ANY)).error, SBI_SUCCESS);
	assert_int_equal(vm.vcpu->nested.vsscratch, 5);
	assert_int_equal(*csr_word(CSR_hstatus), vm.vcpu->nested.hstatus);
	/* The second page alone. */
	native_user_unmap(AREA_HVA + PAGE_SIZE, PAGE_SIZE);
	assert_false(vm.vcpu->map.mapped);
	native_user_map(AREA_HVA + PAGE_SIZE, PAGE_SIZE, 0);
	/* A page beside them. */
	assert_int_equal(made(NACL(SBI_NACL_SYNC_CSR, ANY)).error, SBI_SUCCESS);
	native_user_unmap(AREA_HVA + 2 * PAGE_SIZE, PAGE_SIZE);
	native_user_unmap(AREA_HVA - PAGE_SIZE, PAGE_SIZE);
	assert_true(vm.vcpu->map.mapped);
}

static void set_slot(u32 slot, gpa_t gpa, u64 pages, hva_t hva, u32 flags)
{
	assert_int_equal(native_set_slot(vm.vm, slot, gpa, pages * PAGE_SIZE, hva, flags), 0);
}

static void without_its_memory_nacl_ends(void **state)
{
	(void)state;
	begin();
	native_user_unmap(AREA_HVA + PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(made(NACL(SBI_NACL_SYNC_CSR, ANY)).error, SBI_ERR_NO_SHMEM);
	assert_false(nacl_is_on(vm.vcpu));

	native_user_map(AREA_HVA + PAGE_SIZE, PAGE_SIZE, 0);
	begin();
	set_slot(0, NATIVE_GUEST_BASE, 0, 0, 0);
	set_slot(0, NATIVE_GUEST_BASE, 9, NATIVE_USER_BASE, 0);
	assert_int_equal(made(NACL(SBI_NACL_SYNC_HFENCE, ANY)).error, SBI_ERR_NO_SHMEM);
	assert_false(nacl_is_on(vm.vcpu));
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, AREA_GPA)).error, SBI_ERR_INVALID_ADDRESS);
	/* The first two of the three pages are read-only. */
	set_slot(7, 0x10000, 2, AREA_HVA, KVM_MEM_READONLY);
	set_slot(9, 0x12000, 1, AREA_HVA + 2 * PAGE_SIZE, 0);
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, 0x10000)).error, SBI_ERR_INVALID_ADDRESS);
	/* The third page is missing, then read-only; the address wraps around. */
	set_slot(8, 0x20000, 2, AREA_HVA, 0);
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, 0x20000)).error, SBI_ERR_INVALID_ADDRESS);
	set_slot(10, 0x22000, 1, AREA_HVA + 2 * PAGE_SIZE, KVM_MEM_READONLY);
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, 0x20000)).error, SBI_ERR_INVALID_ADDRESS);
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, -PAGE_SIZE)).error, SBI_ERR_INVALID_ADDRESS);
}

static void registers_of_a_device_cannot_be_its_memory(void **state)
{
	(void)state;
	native_user_map(OTHER, 3 * PAGE_SIZE, 0);
	set_slot(7, 0x10000, 3, OTHER, 0);
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, 0x10000)).error, SBI_SUCCESS);
	native_user_unmap(OTHER + PAGE_SIZE, PAGE_SIZE);
	native_user_map(OTHER + PAGE_SIZE, PAGE_SIZE, NATIVE_DEVICE);
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, 0x10000)).error, SBI_ERR_INVALID_ADDRESS);
}

static void a_failed_call_changes_nothing(void **state)
{
	(void)state;
	begin();
	assert_int_equal(made(NACL(SBI_NACL_SET_SHMEM, 0x1000)).error, SBI_ERR_INVALID_ADDRESS);
	assert_true(nacl_is_on(vm.vcpu));
	put(CSR_hgeie, ~0UL);
	assert_int_equal(made(NACL(SBI_NACL_SYNC_CSR, ANY)).error, SBI_SUCCESS);
	assert_int_equal(*csr_word(CSR_hgeie), 0);
}

/* The slot is replaced by one with other user memory. */
static void the_memory_follows_its_slot(void **state)
{
	const unsigned long *csrs;

	(void)state;
	begin();
	native_user_map(OTHER, 16 * PAGE_SIZE, 0);
	native_set_slot(vm.vm, 0, NATIVE_GUEST_BASE, 0, 0, 0);
	native_set_slot(vm.vm, 0, NATIVE_GUEST_BASE, 16 * PAGE_SIZE, OTHER, 0);
	*csr_word(CSR_vsscratch) = 9;
	assert_int_equal(nested_reg_set(vm.vcpu, CSR_vsscratch, 3), 0);
	nothing();
	csrs = native_user(OTHER + AREA + PAGE_SIZE);
	assert_int_equal(csrs[NACL_INDEX(CSR_vsscratch)], 3);
	assert_int_equal(*csr_word(CSR_vsscratch), 9);
}

/* The pages of the shared memory that are dirty, as bits; the log is read. */
static u64 dirty_pages(void)
{
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = (void *)OTHER };

	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	return *(u64 *)native_user(OTHER) >> AREA / PAGE_SIZE & 3;
}

static void stores_are_in_the_dirty_log(void **state)
{
	(void)state;
	begin();
	native_user_map(OTHER, PAGE_SIZE, 0);
	native_set_slot(vm.vm, 0, NATIVE_GUEST_BASE, NATIVE_GUEST_SIZE, NATIVE_USER_BASE,
			KVM_MEM_LOG_DIRTY_PAGES);
	assert_int_equal(nested_reg_set(vm.vcpu, CSR_vsscratch, 3), 0);
	nothing();
	assert_int_equal(*csr_word(CSR_vsscratch), 3);
	assert_int_equal(dirty_pages(), 2);
	put(CSR_vsscratch, 4);
	assert_int_equal(made(NACL(SBI_NACL_SYNC_CSR, ANY)).error, SBI_SUCCESS);
	assert_int_equal(dirty_pages(), 3);
}

static void a_register_saves_and_restores_it(void **state)
{
	(void)state;
	assert_true(reg_is(~0ULL));
	assert_int_equal(reg_to(AREA_GPA + 2), -EINVAL);
	assert_int_equal(reg_to(AREA_GPA), 0);
	assert_true(reg_is(AREA_GPA));
	vm.vcpu->nested.vsscratch = 0x123;
	nothing();
	assert_int_equal(*csr_word(CSR_vsscratch), 0x123);

	/* hstatus has still to be swapped. */
	*word(0x200 / 8) = 1;
	*word(0x208 / 8) = HSTATUS_HU;
	assert_int_equal(reg_to(AREA_GPA + 1), 0);
	assert_true(reg_is(AREA_GPA + 1));
	nothing();
	assert_true(vm.vcpu->nested.hstatus & HSTATUS_HU);
	assert_true(reg_is(AREA_GPA));

	assert_int_equal(reg_to(~0ULL), 0);
	assert_true(reg_is(~0ULL));
	vm.vm->toggle[TOGGLE_nacl] = 1;
	assert_int_equal(reg_to(AREA_GPA), -EINVAL);
	vm.vm->toggle[TOGGLE_nacl] = NACL_AUTOSWAP_CSR + 2;
	assert_int_equal(reg_to(AREA_GPA + 1), -EINVAL);
	assert_int_equal(reg_to(AREA_GPA), 0);
	vm.vm->toggle[TOGGLE_nacl] = 0;
	assert_int_equal(reg_to(AREA_GPA), 0);
	native_user_unmap(AREA_HVA, PAGE_SIZE);
	nothing();
	assert_true(reg_is(~0ULL));
}

/* L1 writes vsscratch by an instruction, and looks for the value in the memory. */
static void write_vsscratch(struct kvm_vcpu *vcpu)
{
	const unsigned long csrw_a0 = (unsigned long)CSR_vsscratch << 20 | 0x51073;

	if (vcpu->guest.sepc != PC) {
		assert_int_equal(*csr_word(CSR_vsscratch), 0x1234);
		host_interrupt();
		return;
	}
	vcpu->guest.gpr[GPR_A0] = 0x1234;
	native_trap(&(struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = csrw_a0 });
}

static void the_memory_has_what_an_instruction_has_written(void **state)
{
	(void)state;
	begin();
	nothing();
	vm.vcpu->guest.sepc = PC;
	native_slow_path_events_off();
	native_guest = write_vsscratch;
	native_signal_set(false);
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(vm.vcpu->guest.sepc, PC + 4);
}

static void a_reset_ends_it(void **state)
{
	(void)state;
	begin();
	nested_reset(vm.vcpu);
	assert_false(nacl_is_on(vm.vcpu));
}

/* What the page of the hook's first look-up is, is no longer so at the second one. */
static void take_back(hva_t hva, bool write)
{
	(void)write;
	native_page_get_hook = NULL;
	native_user_unmap(ALIGN_DOWN(hva, PAGE_SIZE), PAGE_SIZE);
	native_user_map(ALIGN_DOWN(hva, PAGE_SIZE), PAGE_SIZE, 0);
}

static void a_page_taken_back_during_the_look_up_is_not_used(void **state)
{
	(void)state;
	native_page_get_hook = take_back;
	begin();
	assert_ptr_equal(native_ram(vm.vcpu->map.pa[0]), native_user(AREA_HVA));
	assert_ptr_equal(native_ram(vm.vcpu->map.pa[1]), native_user(AREA_HVA + PAGE_SIZE));
}

static void during_an_invalidation_nothing_is_mapped(void **state)
{
	struct hv_notifier *n = &vm.vm->notifier;

	(void)state;
	begin();
	n->invalidate_start(n, AREA_HVA + PAGE_SIZE, AREA_HVA + 2 * PAGE_SIZE, false);
	vcpu_load(vm.vcpu);
	assert_int_equal(guest_map_begin(vm.vcpu), -EAGAIN);
	assert_true(nacl_is_on(vm.vcpu));
	assert_int_equal(vm.vcpu->mode, VCPU_OUTSIDE);
	n->invalidate_end(n, AREA_HVA + PAGE_SIZE, AREA_HVA + 2 * PAGE_SIZE);
	assert_int_equal(guest_map_begin(vm.vcpu), 0);
	assert_int_equal(vm.vcpu->mode, VCPU_IN_GUEST);
	guest_map_end(vm.vcpu, 0);
	assert_int_equal(vm.vcpu->mode, VCPU_OUTSIDE);
	vcpu_put(vm.vcpu);
}

/* The first one may not have waited yet for the end of a section. */
static void a_second_invalidation_waits_too(void **state)
{
	struct hv_notifier *n = &vm.vm->notifier;

	(void)state;
	begin();
	for (unsigned int i = 0; i < 2; i++) {
		vm.vcpu->requests = 0;
		n->invalidate_start(n, AREA_HVA, AREA_HVA + PAGE_SIZE, false);
		assert_true(vm.vcpu->requests & BIT(REQ_HOST));
	}
	vm.vcpu->requests = 0;
	n->invalidate_start(n, AREA_HVA + 2 * PAGE_SIZE, AREA_HVA + 3 * PAGE_SIZE, false);
	assert_false(vm.vcpu->requests & BIT(REQ_HOST));
	for (unsigned int i = 0; i < 3; i++)
		n->invalidate_end(n, AREA_HVA, AREA_HVA + PAGE_SIZE);
}

/* Make a fence of entry 7 pending. Returns whether its execution has dropped the shadow table. */
static bool drops(unsigned long config, unsigned long number, unsigned long count)
{
	unsigned long *entry = word(0x800 / 8 + 4 * 7);

	forgotten();
	entry[0] = FENCE | config;
	entry[1] = number;
	entry[3] = count;
	assert_int_equal(made(NACL(SBI_NACL_SYNC_HFENCE, 6)).error, SBI_SUCCESS);
	assert_int_equal(entry[0], FENCE | config);
	assert_false(forgotten());
	assert_int_equal(made(NACL(SBI_NACL_SYNC_HFENCE, 7)).error, SBI_SUCCESS);
	assert_int_equal(entry[0], config);
	return forgotten();
}

static void a_fence_drops_the_shadow_table(void **state)
{
	unsigned long block = ORDER(9);

	(void)state;
	begin();
	for (unsigned long type = 0; type < 8; type++)
		assert_int_equal(drops(TYPE(type) | block | VMID(5), 0, 2), type < 4);
	assert_true(drops(TYPE(3) | VMID(5), 0, 0));
	assert_false(drops(TYPE(3) | VMID(6), 0, 0));
	assert_false(drops(TYPE(2) | block | VMID(6), 0, 2));
	assert_true(drops(TYPE(1) | VMID(6), 0, 0));

	assert_false(drops(TYPE(0) | block, 3, 1)); /* one block is not dropped, but emptied */
	assert_false(drops(TYPE(0) | block, 3, 0));
	assert_false(drops(TYPE(0), 511, 1));
	assert_true(drops(TYPE(0), 511, 2));
	assert_true(drops(TYPE(0) | ORDER(51), 1, 1));
	assert_true(drops(TYPE(0) | ORDER(52), 0, 1));
	assert_true(drops(TYPE(0) | ORDER(127), 0, 1));
	assert_true(drops(TYPE(0), ~0UL, 1));
	assert_true(drops(TYPE(0), 1, ~0UL));
}

static void a_fence_of_the_vs_stage_makes_the_hart_fence(void **state)
{
	struct shadow_table *table = vm.vcpu->shadow->current;

	(void)state;
	begin();
	for (unsigned long type = 4; type < 8; type++) {
		table->hart = 0;
		drops(TYPE(type) | VMID(6), 0, 1);
		assert_int_equal(table->hart, 0);
		drops(TYPE(type) | VMID(5), 0, 1);
		assert_int_equal(table->hart, SHADOW_NO_HART);
	}
}

static void many_fences_are_executed_as_one(void **state)
{
	(void)state;
	begin();
	for (unsigned long n = 1; n < 3; n++) {
		for (unsigned long i = 0; i < n; i++) {
			unsigned long *entry = word(0x800 / 8 + 4 * i);

			entry[0] = FENCE;
			entry[1] = i;
			entry[3] = 1;
		}
		forgotten();
		assert_int_equal(made(NACL(SBI_NACL_SYNC_HFENCE, ANY)).error, SBI_SUCCESS);
		assert_int_equal(forgotten(), n > 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		H_TEST(memory_that_was_taken_back_is_mapped_again),
		H_TEST(without_its_memory_nacl_ends),
		H_TEST(registers_of_a_device_cannot_be_its_memory),
		H_TEST(a_failed_call_changes_nothing),
		H_TEST(the_memory_follows_its_slot),
		H_TEST(stores_are_in_the_dirty_log),
		H_TEST(a_register_saves_and_restores_it),
		H_TEST(the_memory_has_what_an_instruction_has_written),
		H_TEST(a_reset_ends_it),
		H_TEST(a_page_taken_back_during_the_look_up_is_not_used),
		H_TEST(during_an_invalidation_nothing_is_mapped),
		H_TEST(a_second_invalidation_waits_too),
		H_TEST(a_fence_drops_the_shadow_table),
		H_TEST(a_fence_of_the_vs_stage_makes_the_hart_fence),
		H_TEST(many_fences_are_executed_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
