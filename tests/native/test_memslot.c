// SPDX-License-Identifier: MIT
/*
 * test_memslot.c - KVM_SET_USER_MEMORY_REGION: what it refuses, and what it changes.
 */
#include "one_vm.h"
#include "memslot.h"

#define HVA NATIVE_USER_BASE
#define GPA 0x80000000ULL
#define MB  (1ULL << 20)

static int setup(void **state)
{
	(void)state;
	native_reset();
	native_core_start();
	native_user_map(HVA, 64 * MB, NATIVE_HUGE);
	native_vm_open(&vm);
	vm.vcpu = native_vcpu_make(&vm, 0);
	vcpu_load(vm.vcpu);
	return 0;
}

static int set(u32 slot, gpa_t gpa, u64 size, hva_t hva, u32 flags)
{
	int err = native_set_slot(vm.vm, slot, gpa, size, hva, flags);

	memslot_vcpu_refresh(vm.vcpu);
	return err;
}

static long slot_at(gpa_t gpa)
{
	const struct memslot *slot = memslot_find(vm.vcpu, gpa_to_gfn(gpa));

	return slot ? (long)slot->id : -1;
}

/* The guest's store to gpa, through its fault. */
static int store(gpa_t gpa)
{
	struct hv_trap trap = { .scause = EXC_STORE_GUEST_PAGE_FAULT,
				.stval = gpa,
				.htval = gpa >> 2,
				.htinst = 0xa02023 };
	hpa_t hpa;

	if (vm.vcpu->requests & BIT(REQ_TLB_FLUSH))
		tlb_flush_vm_local(vm.vm);
	vm.vcpu->requests = 0;
	if (!native_gstage_access(gpa, NATIVE_STORE, &hpa))
		return 0; /* no fault */
	return exit_gstage_fault(vm.vcpu, &trap);
}

/* ---- refusals, in the words of Linux ------------------------------------------------ */

static void what_linux_refuses_is_einval(void **state)
{
	static const struct {
		const char *what;
		u32 slot;
		gpa_t gpa;
		u64 size;
		hva_t hva;
		u32 flags;
	} bad[] = {
		{ "size of no whole pages", 0, GPA, MB + 1, HVA, 0 },
		{ "address inside a page", 0, GPA + 0x800, MB, HVA, 0 },
		{ "user address inside a page", 0, GPA, MB, HVA + 8, 0 },
		{ "user address not of user space", 0, GPA, MB, 0xffffffff80000000, 0 },
		{ "range that leaves user space", 0, GPA, 1ULL << 63, HVA, 0 },
		{ "unknown flag", 0, GPA, MB, HVA, 8 },
		{ "guest_memfd, which RISC-V has not", 0, GPA, MB, HVA, 4 },
		{ "slot 32767", 32767, GPA, MB, HVA, 0 },
		{ "another address space", 1 << 16, GPA, MB, HVA, 0 },
		{ "wrapping guest addresses", 0, 0xfffffffffffff000, 2 * PAGE_SIZE, HVA, 0 },
		{ "2^31 pages", 0, 0, PAGE_SIZE << 31, HVA, 0 },
		{ "deletion of what is not", 0, GPA, 0, HVA, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		int err = set(bad[i].slot, bad[i].gpa, bad[i].size, bad[i].hva, bad[i].flags);

		if (err != -EINVAL)
			fail_msg("%s: %d", bad[i].what, err);
	}
	assert_int_equal(slot_at(GPA), -1);
}

static void an_overlap_is_eexist(void **state)
{
	(void)state;
	assert_int_equal(set(0, GPA, MB, HVA, 0), 0);
	assert_int_equal(set(1, GPA + MB - PAGE_SIZE, MB, HVA, 0), -EEXIST);
	assert_int_equal(set(1, GPA - MB + PAGE_SIZE, MB, HVA, 0), -EEXIST);
	assert_int_equal(set(1, GPA - MB, 4 * MB, HVA, 0), -EEXIST);
	assert_int_equal(set(1, GPA + PAGE_SIZE, PAGE_SIZE, HVA, 0), -EEXIST);
	assert_int_equal(set(1, GPA + MB, MB, HVA, 0), 0);
	assert_int_equal(set(2, GPA - MB, MB, HVA, 0), 0);
	/* The same user memory twice is no overlap. */
	assert_int_equal(slot_at(GPA + MB), 1);
	assert_int_equal(slot_at(GPA - 1), 2);
}

static void guest_addresses_beyond_the_table_are_efault(void **state)
{
	u64 limit = 1ULL << gstage_gpa_bits();

	(void)state;
	assert_int_equal(set(0, limit, MB, HVA, 0), -EFAULT);
	assert_int_equal(set(0, limit - MB, MB, HVA, 0), -EFAULT); /* Linux, too */
	assert_int_equal(set(0, limit - MB - PAGE_SIZE, MB, HVA, 0), 0);
}

static void a_slots_memory_size_and_read_only_flag_cannot_change(void **state)
{
	(void)state;
	assert_int_equal(set(0, GPA, MB, HVA, 0), 0);
	assert_int_equal(set(0, GPA, MB, HVA + MB, 0), -EINVAL);
	assert_int_equal(set(0, GPA, 2 * MB, HVA, 0), -EINVAL);
	assert_int_equal(set(0, GPA, MB, HVA, KVM_MEM_READONLY), -EINVAL);
	assert_int_equal(set(0, GPA, MB, HVA, 0), 0); /* nothing new */
	assert_int_equal(slot_at(GPA), 0);
}

static void a_writable_slot_of_what_user_space_may_not_write_is_eperm(void **state)
{
	(void)state;
	native_user_map(HVA + 3 * PAGE_SIZE, PAGE_SIZE, NATIVE_READ_ONLY);
	assert_int_equal(set(0, GPA, MB, HVA, 0), -EPERM);
	assert_int_equal(set(0, GPA, MB, HVA, KVM_MEM_LOG_DIRTY_PAGES), -EPERM);
	assert_int_equal(set(0, GPA, 3 * PAGE_SIZE, HVA, 0), 0);
	assert_int_equal(set(1, GPA + MB, MB, HVA, KVM_MEM_READONLY), 0);
	/* Moved, and with other flags, it is looked at again. */
	native_user_map(HVA, PAGE_SIZE, NATIVE_READ_ONLY);
	assert_int_equal(set(0, GPA + 4 * MB, 3 * PAGE_SIZE, HVA, 0), -EPERM);
	assert_int_equal(set(0, GPA, 3 * PAGE_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES), -EPERM);
	assert_int_equal(set(0, GPA, 3 * PAGE_SIZE, HVA, 0), 0); /* no change at all */
	assert_int_equal(set(0, GPA, 0, HVA, 0), 0);
}

static void without_memory_nothing_changes(void **state)
{
	(void)state;
	native_fail_alloc(1);
	assert_int_equal(set(0, GPA, MB, HVA, 0), -ENOMEM);
	assert_int_equal(slot_at(GPA), -1);
	native_fail_alloc(0);
	assert_int_equal(set(0, GPA, MB, HVA, 0), 0);
	native_fail_alloc(1);
	assert_int_equal(set(0, GPA, 0, HVA, 0), -ENOMEM);
	native_fail_alloc(0);
	assert_int_equal(slot_at(GPA), 0);
	for (unsigned int nth = 1; nth <= 5; nth++) {
		native_fail_alloc(nth);
		assert_int_equal(set(0, GPA, MB, HVA, KVM_MEM_LOG_DIRTY_PAGES), -ENOMEM);
		native_fail_alloc(0);
	}
}

/* ---- effects ---------------------------------------------------------------------------- */

static void a_slot_is_found_from_its_first_to_its_last_page(void **state)
{
	unsigned int i;

	(void)state;
	/* In an order that is not the addresses'. */
	for (i = 0; i < 50; i++)
		assert_int_equal(set(i, GPA + (i * 7 % 50) * 2 * MB, MB, HVA, 0), 0);
	for (i = 0; i < 50; i++) {
		gpa_t gpa = GPA + (i * 7 % 50) * 2 * MB;

		assert_int_equal(slot_at(gpa), i);
		assert_int_equal(slot_at(gpa + MB - 1), i);
		assert_int_equal(slot_at(gpa + MB), -1);
		assert_int_equal(slot_at(gpa - 1), -1);
	}
	for (i = 0; i < 50; i += 2)
		assert_int_equal(set(i, 0, 0, 0, 0), 0);
	for (i = 0; i < 50; i++)
		assert_int_equal(slot_at(GPA + (i * 7 % 50) * 2 * MB), i % 2 ? (long)i : -1);
}

/* As many as there can be, in an order that splits chunks; then all away again. */
static void all_32767_slots_can_be_used(void **state)
{
	const unsigned int all = 32767;
	unsigned int i;

	(void)state;
	for (i = 0; i < all; i++)
		assert_int_equal(set(i, GPA + i * 7919ULL % all * 2 * PAGE_SIZE, PAGE_SIZE, HVA, 0),
				 0);
	for (i = 0; i < all; i += 61) {
		gpa_t gpa = GPA + i * 7919ULL % all * 2 * PAGE_SIZE;

		assert_int_equal(slot_at(gpa), i);
		assert_int_equal(slot_at(gpa + PAGE_SIZE), -1);
		assert_int_equal(set(i, gpa, PAGE_SIZE, HVA + MB, 0), -EINVAL);
	}
	for (i = 0; i < all; i++)
		assert_int_equal(set(i, 0, 0, 0, 0), 0);
	assert_int_equal(slot_at(GPA), -1);
	assert_int_equal(vm.vm->slots->nr, 0);
}

static void a_deleted_slot_is_unmapped_and_forgotten(void **state)
{
	struct gstage_leaf leaf;
	hpa_t hpa;

	(void)state;
	set(0, GPA, 4 * MB, HVA, 0);
	assert_int_equal(store(GPA + MB), RESUME_GUEST);
	assert_int_equal(native_gstage_access(GPA + MB, NATIVE_STORE, &hpa), 0);
	assert_int_equal(set(0, 0, 0, 0, 0), 0);
	assert_int_equal(gstage_find(&vm.vm->gstage, GPA + MB, &leaf), -ENOENT);
	assert_true(vm.vcpu->requests & BIT(REQ_TLB_FLUSH));
	assert_int_equal(store(GPA + MB), RESUME_USER); /* MMIO now */
}

static void a_moved_slot_is_elsewhere(void **state)
{
	(void)state;
	set(0, GPA, 4 * MB, HVA, 0);
	store(GPA + MB);
	assert_int_equal(set(0, GPA + 2 * MB, 4 * MB, HVA, 0), 0); /* over its own old place */
	assert_int_equal(slot_at(GPA), -1);
	assert_int_equal(slot_at(GPA + 5 * MB), 0);
	assert_int_equal(store(GPA + 3 * MB), RESUME_GUEST);
	assert_int_equal(store(GPA + MB), RESUME_USER);
}

static void an_old_map_lives_as_long_as_a_vcpu_reads_it(void **state)
{
	const struct memslot *slot;
	struct kvm_vcpu *second = native_vcpu_make(&vm, 1);

	(void)state;
	set(0, GPA, MB, HVA, 0);
	memslot_vcpu_refresh(second);
	slot = memslot_find(second, gpa_to_gfn(GPA));
	assert_int_equal(set(0, 0, 0, 0, 0), 0);
	assert_int_equal(slot->hva, HVA); /* ASan would say */
	memslot_vcpu_refresh(second);
	assert_null(memslot_find(second, gpa_to_gfn(GPA)));
}

static void guest_memory_is_read_and_written_across_slots(void **state)
{
	char in[] = "over the edge", out[sizeof(in)];

	(void)state;
	set(0, GPA, MB, HVA, 0);
	set(1, GPA + MB, MB, HVA + 8 * MB, 0);
	set(2, GPA + 2 * MB, MB, HVA, KVM_MEM_READONLY);
	assert_int_equal(kvm_write_guest(vm.vcpu, GPA + MB - 5, in, sizeof(in)), 0);
	assert_memory_equal(native_user(HVA + 8 * MB), in + 5, sizeof(in) - 5);
	assert_int_equal(kvm_read_guest(vm.vm, GPA + MB - 5, out, sizeof(out)), 0);
	assert_string_equal(out, in);
	assert_int_equal(kvm_write_guest(vm.vcpu, GPA + 2 * MB, in, 1), -EFAULT);
	assert_int_equal(kvm_read_guest(vm.vm, GPA + 3 * MB - 2, out, 4), -EFAULT);
	assert_int_equal(kvm_read_guest(vm.vm, 0, out, 4), -EFAULT);
}

/* ---- the dirty log -------------------------------------------------------------------------- */

#define LOG_HVA (HVA + 40 * MB)

static int get_log(u32 slot)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = (void *)LOG_HVA };

	return kvm_vm_ioctl_get_dirty_log(vm.vm, &log);
}

static u64 log_word(unsigned int i)
{
	return ((u64 *)native_user(LOG_HVA))[i];
}

static void each_page_written_is_logged_once(void **state)
{
	(void)state;
	set(0, GPA, 4 * MB, HVA, KVM_MEM_LOG_DIRTY_PAGES);
	store(GPA + 3 * PAGE_SIZE);
	store(GPA + 64 * PAGE_SIZE);
	assert_int_equal(get_log(0), 0);
	assert_int_equal(log_word(0), 1 << 3);
	assert_int_equal(log_word(1), 1);
	assert_int_equal(get_log(0), 0);
	assert_int_equal(log_word(0), 0);
	/* Written again, logged again: it was protected. */
	assert_int_equal(store(GPA + 3 * PAGE_SIZE), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 3);
	assert_int_equal(log_word(1), 0);
}

static void logging_splits_what_was_mapped_large(void **state)
{
	struct gstage_leaf leaf;

	(void)state;
	set(0, GPA, 4 * MB, HVA, 0);
	store(GPA);
	gstage_find(&vm.vm->gstage, GPA, &leaf);
	assert_int_equal(leaf.level, 1);
	assert_int_equal(set(0, GPA, 4 * MB, HVA, KVM_MEM_LOG_DIRTY_PAGES), 0);
	assert_int_equal(store(GPA + 5 * PAGE_SIZE), RESUME_GUEST);
	gstage_find(&vm.vm->gstage, GPA + 5 * PAGE_SIZE, &leaf);
	assert_int_equal(leaf.level, 0);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 5); /* not the other 511 */
	/* The end of logging brings the large leaf back. */
	assert_int_equal(set(0, GPA, 4 * MB, HVA, 0), 0);
	store(GPA + 5 * PAGE_SIZE);
	gstage_find(&vm.vm->gstage, GPA, &leaf);
	assert_int_equal(leaf.level, 1);
}

static void a_page_only_read_is_not_logged(void **state)
{
	struct hv_trap trap = { .scause = EXC_LOAD_GUEST_PAGE_FAULT,
				.stval = GPA,
				.htval = GPA >> 2 };

	(void)state;
	set(0, GPA, 4 * MB, HVA, KVM_MEM_LOG_DIRTY_PAGES);
	trap.htinst = 0x2003;
	assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 0);
	assert_int_equal(store(GPA), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 1);
}

static void a_log_of_many_pages_of_bits_is_read(void **state)
{
	(void)state;
	/* 40000 pages: bits on two pages. Only the pages touched have to be there. */
	assert_int_equal(
		set(0, GPA, 40000 * PAGE_SIZE, HVA - 8000 * PAGE_SIZE, KVM_MEM_LOG_DIRTY_PAGES), 0);
	assert_int_equal(store(GPA + 8001 * PAGE_SIZE), RESUME_GUEST);
	assert_int_equal(store(GPA + 16000 * PAGE_SIZE), RESUME_GUEST);
	assert_int_equal(get_log(0), 0);
	assert_int_equal(log_word(8001 / 64), 1ULL << 8001 % 64);
	assert_int_equal(log_word(16000 / 64), 1ULL << 16000 % 64);
}

static int clear_log(u64 first, u32 n)
{
	struct kvm_clear_dirty_log log = { .first_page = first,
					   .num_pages = n,
					   .dirty_bitmap = (void *)LOG_HVA };

	return kvm_vm_ioctl_clear_dirty_log(vm.vm, &log);
}

static void a_log_cleared_by_hand_keeps_what_is_not_named(void **state)
{
	(void)state;
	assert_int_equal(dirty_log_set_manual(vm.vm, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE), 0);
	set(0, GPA, 4 * MB, HVA, KVM_MEM_LOG_DIRTY_PAGES);
	store(GPA + 3 * PAGE_SIZE);
	store(GPA + 5 * PAGE_SIZE);
	store(GPA + 70 * PAGE_SIZE);
	get_log(0);
	get_log(0); /* reading clears nothing */
	assert_int_equal(log_word(0), 1 << 3 | 1 << 5);
	((u64 *)native_user(LOG_HVA))[0] = 1 << 3;
	assert_int_equal(clear_log(0, 64), 0);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 5);
	assert_int_equal(log_word(1), 1 << 6);
	/* The page cleared is logged anew. */
	assert_int_equal(store(GPA + 3 * PAGE_SIZE), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 3 | 1 << 5);
}

static void a_log_that_begins_full_needs_no_protection_until_it_is_cleared(void **state)
{
	const u64 both = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;
	struct gstage_leaf leaf;
	unsigned int i;

	(void)state;
	set(0, GPA, 4 * MB, HVA, 0);
	store(GPA);
	assert_int_equal(dirty_log_set_manual(vm.vm, both), 0);
	assert_int_equal(set(0, GPA, 4 * MB, HVA, KVM_MEM_LOG_DIRTY_PAGES), 0);
	gstage_find(&vm.vm->gstage, GPA, &leaf);
	assert_true(leaf.level == 1 && (leaf.pte & PTE_W));
	get_log(0);
	for (i = 0; i < 16; i++)
		assert_int_equal(log_word(i), ~0ULL);
	assert_int_equal(clear_log(0, 1024), 0); /* by its own bits: all */
	assert_int_equal(store(GPA + 9 * PAGE_SIZE), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 9);
	gstage_find(&vm.vm->gstage, GPA, &leaf);
	assert_int_equal(leaf.level, 0);
}

static void bad_ranges_and_flags_of_a_log_are_refused(void **state)
{
	(void)state;
	set(0, GPA, 100 * PAGE_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES);
	assert_non_null(native_user(LOG_HVA));
	assert_int_equal(clear_log(1, 64), -EINVAL);
	assert_int_equal(clear_log(0, 63), -EINVAL);
	assert_int_equal(clear_log(64, 64), -EINVAL);
	assert_int_equal(clear_log(128, 0), -EINVAL);
	assert_int_equal(clear_log(64, 36), 0); /* up to the end */
	assert_int_equal(clear_log(0, 100), 0);
	assert_int_equal(dirty_log_set_manual(vm.vm, 2), -EINVAL);
	assert_int_equal(dirty_log_set_manual(vm.vm, 4), -EINVAL);
	set(0, GPA, 100 * PAGE_SIZE, HVA, 0);
	assert_int_equal(clear_log(0, 64), -ENOENT);
}

static void asking_for_no_log_is_refused(void **state)
{
	(void)state;
	set(0, GPA, MB, HVA, 0);
	assert_int_equal(get_log(0), -ENOENT);
	assert_int_equal(get_log(1), -ENOENT);
	assert_int_equal(get_log(32767), -EINVAL);
	assert_int_equal(get_log(1 << 16), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_linux_refuses_is_einval),
		TEST(an_overlap_is_eexist),
		TEST(guest_addresses_beyond_the_table_are_efault),
		TEST(a_slots_memory_size_and_read_only_flag_cannot_change),
		TEST(a_writable_slot_of_what_user_space_may_not_write_is_eperm),
		TEST(without_memory_nothing_changes),
		TEST(a_slot_is_found_from_its_first_to_its_last_page),
		TEST(all_32767_slots_can_be_used),
		TEST(a_deleted_slot_is_unmapped_and_forgotten),
		TEST(a_moved_slot_is_elsewhere),
		TEST(an_old_map_lives_as_long_as_a_vcpu_reads_it),
		TEST(guest_memory_is_read_and_written_across_slots),
		TEST(each_page_written_is_logged_once),
		TEST(logging_splits_what_was_mapped_large),
		TEST(a_page_only_read_is_not_logged),
		TEST(a_log_of_many_pages_of_bits_is_read),
		TEST(a_log_cleared_by_hand_keeps_what_is_not_named),
		TEST(a_log_that_begins_full_needs_no_protection_until_it_is_cleared),
		TEST(bad_ranges_and_flags_of_a_log_are_refused),
		TEST(asking_for_no_log_is_refused),
	};

	return cmocka_run_group_tests_name("memory slots", tests, NULL, NULL);
}
