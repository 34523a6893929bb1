// SPDX-License-Identifier: MIT
/*
 * test_dirty_log.c - the dirty log: marking, reading and clearing bits, and its memory use.
 */
#include "slot_vm.h"

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

static int clear_log(u64 first, u32 n)
{
	struct kvm_clear_dirty_log log = { .first_page = first,
					   .num_pages = n,
					   .dirty_bitmap = (void *)LOG_HVA };

	return kvm_vm_ioctl_clear_dirty_log(vm.vm, &log);
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
	/* get_log() has write-protected the page, so the next write is logged. */
	assert_int_equal(store(GPA + 3 * PAGE_SIZE), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 3);
	assert_int_equal(log_word(1), 0);
}

static void logging_splits_large_leaves(void **state)
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
	assert_int_equal(log_word(0), 1 << 5); /* only page 5 is marked, not the other 511 pages */
	/* After logging ends, the next fault maps the large leaf again. */
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

static void a_log_of_several_bitmap_pages_is_read(void **state)
{
	(void)state;
	/*
	 * 40000 pages need two pages of bits. Only the pages to which the guest stores need user
	 * memory.
	 */
	assert_int_equal(
		set(0, GPA, 40000 * PAGE_SIZE, HVA - 8000 * PAGE_SIZE, KVM_MEM_LOG_DIRTY_PAGES), 0);
	assert_int_equal(store(GPA + 8001 * PAGE_SIZE), RESUME_GUEST);
	assert_int_equal(store(GPA + 16000 * PAGE_SIZE), RESUME_GUEST);
	assert_int_equal(get_log(0), 0);
	assert_int_equal(log_word(8001 / 64), 1ULL << 8001 % 64);
	assert_int_equal(log_word(16000 / 64), 1ULL << 16000 % 64);
}

/* Store to two pages whose bits are in different pages of bits. */
static void store_to_both(gfn_t boundary)
{
	assert_int_equal(store(GPA + (boundary - 1) * PAGE_SIZE), RESUME_GUEST);
	assert_int_equal(store(GPA + boundary * PAGE_SIZE), RESUME_GUEST);
}

static void an_ioctl_flushes_once(void **state)
{
	const u64 boundary = 8 * PAGE_SIZE;
	const u64 *flushes = &vm.vm->stats.remote_tlb_flush_requests;
	u64 before;

	(void)state;
	assert_int_equal(set(0, GPA, 40000 * PAGE_SIZE, HVA - (boundary - 100) * PAGE_SIZE,
			     KVM_MEM_LOG_DIRTY_PAGES),
			 0);
	store_to_both(boundary);
	before = *flushes;
	assert_int_equal(get_log(0), 0);
	assert_int_equal(*flushes, before + 1);
	/* The native host's TLB still has both translations unless the flush covers them. */
	store_to_both(boundary);

	assert_int_equal(dirty_log_set_manual(vm.vm, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE), 0);
	before = *flushes;
	assert_int_equal(get_log(0), 0);
	assert_int_equal(*flushes, before);
	assert_int_equal(clear_log(0, 40000), 0);
	assert_int_equal(*flushes, before + 1);
	store_to_both(boundary);
	assert_int_equal(get_log(0), 0);
	before = *flushes;
	native_user_unmap(LOG_HVA + 4096, PAGE_SIZE);
	assert_int_equal(clear_log(0, 40000), -EFAULT);
	assert_int_equal(*flushes, before);
}

static void a_manual_clear_keeps_the_other_bits(void **state)
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
	/* The next write to the cleared page is logged. */
	assert_int_equal(store(GPA + 3 * PAGE_SIZE), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 3 | 1 << 5);
}

static void an_initially_set_log_protects_nothing_until_it_is_cleared(void **state)
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
	assert_int_equal(clear_log(0, 1024), 0); /* with the bits just read, which are all set */
	assert_int_equal(store(GPA + 9 * PAGE_SIZE), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 9);
	gstage_find(&vm.vm->gstage, GPA, &leaf);
	assert_int_equal(leaf.level, 0);
}

static void a_log_allocates_its_bitmap_pages_on_demand(void **state)
{
	(void)state;
	/* Bits for 2^28 - 256 pages would need 8192 pages if they were allocated at once. */
	native_fail_alloc(16);
	assert_int_equal(set(0, GPA, (1ULL << 40) - MB, HVA, KVM_MEM_LOG_DIRTY_PAGES), 0);
	native_fail_alloc(0);
	assert_int_equal(store(GPA + 40 * PAGE_SIZE), RESUME_GUEST);
	assert_int_equal(set(0, GPA, (1ULL << 40) - MB, HVA, 0), 0);
}

static void without_a_bitmap_page_its_whole_range_counts_as_written(void **state)
{
	struct hv_trap load = { .scause = EXC_LOAD_GUEST_PAGE_FAULT,
				.stval = GPA + 9 * PAGE_SIZE,
				.htval = (GPA + 9 * PAGE_SIZE) >> 2,
				.htinst = 0x2003 };

	(void)state;
	set(0, GPA, 4 * MB - 7 * PAGE_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES);
	exit_gstage_fault(vm.vcpu, &load); /* allocate all tables, but no page of bits */
	native_fail_alloc(1);
	assert_int_equal(store(GPA + 9 * PAGE_SIZE), RESUME_GUEST);
	native_fail_alloc(0);
	get_log(0);
	assert_true(log_word(0) == ~0ULL);
	assert_true(log_word(15) == ~0ULL >> 7); /* no bit is set beyond the slot's end */
	get_log(0);
	assert_true((log_word(0) | log_word(15)) == 0);
	/* get_log() has write-protected the page. */
	assert_int_equal(store(GPA + 9 * PAGE_SIZE), RESUME_GUEST);
	get_log(0);
	assert_int_equal(log_word(0), 1 << 9);
}

static void an_initially_set_log_is_cleared_in_part(void **state)
{
	const u64 both = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;
	u64 *bits = native_user(LOG_HVA);

	(void)state;
	assert_int_equal(dirty_log_set_manual(vm.vm, both), 0);
	set(0, GPA, 39990 * PAGE_SIZE, HVA - 8000 * PAGE_SIZE, KVM_MEM_LOG_DIRTY_PAGES);
	bits[0] = 1 << 3;
	native_fail_alloc(2); /* the first allocation is the copy of user space's bits */
	assert_int_equal(clear_log(64, 64), 0);
	native_fail_alloc(0);
	get_log(0);
	assert_true(log_word(1) == ~0ULL); /* without a page of bits, the bit stays set */
	bits[0] = 1 << 3;
	assert_int_equal(clear_log(64, 64), 0);
	get_log(0);
	assert_true(log_word(1) == ~(1ULL << 3) && log_word(0) == ~0ULL);
	bits[0] = 1 << 3;
	assert_int_equal(clear_log(39936, 54), 0);
	get_log(0);
	/* No bit beyond the end of the slot is set. */
	assert_true(log_word(624) == (~0ULL >> 10 & ~(1ULL << 3)));
	memset(bits, 0xff, 40000 / 8);
	assert_int_equal(clear_log(0, 39990), 0);
	get_log(0);
	assert_true(log_word(1) == 0 && log_word(511) == 0 && log_word(512) == 0 &&
		    log_word(624) == 0);
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
	assert_int_equal(clear_log(64, 36), 0); /* up to the slot's end */
	assert_int_equal(clear_log(0, 100), 0);
	assert_int_equal(dirty_log_set_manual(vm.vm, 2), -EINVAL);
	assert_int_equal(dirty_log_set_manual(vm.vm, 4), -EINVAL);
	set(0, GPA, 100 * PAGE_SIZE, HVA, 0);
	assert_int_equal(clear_log(0, 64), -ENOENT);
}

static void reading_a_log_that_does_not_exist_is_refused(void **state)
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
		TEST(each_page_written_is_logged_once),
		TEST(logging_splits_large_leaves),
		TEST(a_page_only_read_is_not_logged),
		TEST(a_log_of_several_bitmap_pages_is_read),
		TEST(an_ioctl_flushes_once),
		TEST(a_manual_clear_keeps_the_other_bits),
		TEST(an_initially_set_log_protects_nothing_until_it_is_cleared),
		TEST(a_log_allocates_its_bitmap_pages_on_demand),
		TEST(without_a_bitmap_page_its_whole_range_counts_as_written),
		TEST(an_initially_set_log_is_cleared_in_part),
		TEST(bad_ranges_and_flags_of_a_log_are_refused),
		TEST(reading_a_log_that_does_not_exist_is_refused),
	};

	return cmocka_run_group_tests_name("dirty log", tests, NULL, NULL);
}
