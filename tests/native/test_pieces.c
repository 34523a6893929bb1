// SPDX-License-Identifier: MIT
/*
 * test_pieces.c - what other threads may do when a long change of the table releases mmu_lock.
 *
 * The tests cover rules 3, 4, 5, 6 and 21 of docs/locking.md. native_poll_hook is called where the
 * host would take interrupts; it does what another thread could do there.
 */
#include "touch.h"

#define PAGES 1024U /* adjacent 4 KiB leaves, too many to change in one piece */

static unsigned int pauses;
static void (*at_pause)(void);

static bool mapped(gpa_t gpa)
{
	struct gstage_leaf leaf;

	return gstage_find(&vm.vm->gstage, gpa, &leaf) == 0;
}

static gpa_t page(unsigned int i)
{
	return BASE + (gpa_t)i * PAGE_SIZE;
}

static unsigned int pages_mapped(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < PAGES; i++)
		n += mapped(page(i));
	return n;
}

/*
 * Act only on polls during a pause: mmu_lock is free, and some but not all of the leaves have been
 * removed.
 */
static void poll(void)
{
	unsigned int left = pages_mapped();

	if (spin_is_locked(&vm.vm->gstage.mmu_lock) || left == 0 || left == PAGES)
		return;
	pauses++;
	if (at_pause)
		at_pause();
}

static void touch_all(void)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		store(page(i), i);
	assert_int_equal(pages_mapped(), PAGES);
	pauses = 0;
	native_poll_hook = poll;
}

static int setup_walker(bool recursive)
{
	touch_setup(0);
	if (recursive)
		vm.vm->gstage.ops = &gstage_rec_ops;
	at_pause = NULL;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_walker(false);
}

static int setup_recursive(void **state)
{
	(void)state;
	return setup_walker(true);
}

static int end(void **state)
{
	native_poll_hook = NULL;
	return one_vm_end(state);
}

static void invalidate_all_start(void)
{
	struct hv_notifier *n = &vm.vm->notifier;

	n->invalidate_start(n, HVA, HVA + PAGES * PAGE_SIZE, false);
	assert_int_equal(pages_mapped(), 0);
	serve(vm.vcpu);
}

static void invalidate_all_end(void)
{
	struct hv_notifier *n = &vm.vm->notifier;

	n->invalidate_end(n, HVA, HVA + PAGES * PAGE_SIZE);
}

/* ---- pieces are short ------------------------------------------------------------------- */

static void a_long_range_is_removed_in_short_pieces(void **state)
{
	(void)state;
	touch_all();
	invalidate_all_start();
	/* Of the GSTAGE_PIECE units of work in a piece, each leaf takes GSTAGE_VISIT. */
	assert_in_range(pauses, PAGES * GSTAGE_VISIT / GSTAGE_PIECE - 1,
			PAGES * GSTAGE_VISIT / GSTAGE_PIECE + 4);
	invalidate_all_end();
}

#define TABLES (PAGES / GSTAGE_TABLE_ENTRIES) /* freed at the end, one at a time */

static unsigned int yields;

static void count_yields(bool begins)
{
	yields += begins;
}

static void the_hart_is_yielded_between_pieces_if_the_host_permits_it(void **state)
{
	struct hv_notifier *n = &vm.vm->notifier;
	bool may_sleep[] = { true, false };

	(void)state;
	native_wait_hook = count_yields;
	for (unsigned int i = 0; i < ARRAY_SIZE(may_sleep); i++) {
		touch_all();
		native_hart_wanted = 1;
		yields = 0;
		n->clear_young(n, HVA, HVA + PAGES * PAGE_SIZE);
		assert_int_equal(yields, 0);
		n->invalidate_start(n, HVA, HVA + PAGES * PAGE_SIZE, may_sleep[i]);
		assert_int_equal(yields, may_sleep[i] ? pauses + TABLES : 0);
		assert_true(pauses > 0);
		native_hart_wanted = 0;
		serve(vm.vcpu);
		invalidate_all_end();
		native_poll_hook = NULL;
	}
	touch_all();
	native_hart_wanted = 1;
	yields = 0;
	assert_int_equal(native_set_slot(vm.vm, 0, BASE, 0, HVA, 0), 0);
	/* The slot also fills the table above. */
	assert_int_equal(yields, pauses + TABLES + 1);
	native_hart_wanted = 0;
	native_wait_hook = NULL;
}

static void tables_are_freed_although_pieces_end_inside_them(void **state)
{
	(void)state;
	touch_all();
	invalidate_all_start();
	/*
	 * Only the leaves' tables are freed: the range does not fill any table between them and the
	 * root.
	 */
	assert_int_equal(vm.vm->gstage.tables, vm.vm->gstage.levels - 2);
	assert_int_equal(vm.vm->gstage.unfenced, 0);
	invalidate_all_end();
}

/* ---- rules 4 and 3: the range stays announced ------------------------------------------------ */

/* Store once to page i as the guest. The fault handler must map nothing and let the guest retry. */
static void is_refused(unsigned int i)
{
	struct hv_trap trap;
	u64 data = 0;

	serve(vm.vcpu);
	assert_int_not_equal(native_guest_access(page(i), NATIVE_STORE, &data, sizeof(data), &trap),
			     0);
	trap.sepc = vm.vcpu->guest.sepc;
	assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
	assert_false(mapped(page(i)));
}

static void check_first_page_refused(void)
{
	assert_int_equal(vm.vm->gstage.inval_count, 1);
	assert_false(mapped(page(0)));
	is_refused(0);
}

static void a_removed_page_is_not_mapped_between_pieces(void **state)
{
	(void)state;
	touch_all();
	at_pause = check_first_page_refused;
	invalidate_all_start();
	assert_true(pauses > 0);
	at_pause = NULL;
	invalidate_all_end();
	store(page(0), 1);
}

/* ---- rule 6: changes made so far have a pending flush ---------------------------------------- */

static void invalidate_first_page(void)
{
	struct hv_notifier *n = &vm.vm->notifier;
	hpa_t hpa;

	at_pause = NULL;
	assert_false(mapped(page(0)));
	assert_true(vm.vm->gstage.unfenced > 0);
	n->invalidate_start(n, HVA, HVA + PAGE_SIZE, false);
	serve(vm.vcpu);
	/* The host may now free the page. */
	assert_int_not_equal(native_gstage_access(page(0), NATIVE_LOAD, &hpa), 0);
	n->invalidate_end(n, HVA, HVA + PAGE_SIZE);
}

static void an_invalidation_between_two_pieces_waits_for_the_fence(void **state)
{
	hpa_t hpa;
	unsigned int i;

	(void)state;
	touch_all();
	at_pause = invalidate_first_page;
	invalidate_all_start();
	assert_true(pauses > 0);
	for (i = 0; i < PAGES; i++)
		assert_int_not_equal(native_gstage_access(page(i), NATIVE_LOAD, &hpa), 0);
	assert_int_equal(vm.vm->gstage.unfenced, 0);
	invalidate_all_end();
}

/* ---- rule 5: a slot being removed ------------------------------------------------------------ */

/* The host takes back the last page, which is in the old map and not in the new one. */
static void invalidate_last_page(void)
{
	struct hv_notifier *n = &vm.vm->notifier;
	hva_t last = HVA + (PAGES - 1) * PAGE_SIZE;
	hpa_t hpa;

	at_pause = NULL;
	assert_true(mapped(page(PAGES - 1)));
	n->invalidate_start(n, last, last + PAGE_SIZE, false);
	serve(vm.vcpu);
	assert_false(mapped(page(PAGES - 1)));
	assert_int_not_equal(native_gstage_access(page(PAGES - 1), NATIVE_LOAD, &hpa), 0);
	n->invalidate_end(n, last, last + PAGE_SIZE);
}

static void a_slot_that_is_being_deleted_is_still_invalidated(void **state)
{
	(void)state;
	touch_all();
	at_pause = invalidate_last_page;
	assert_int_equal(native_set_slot(vm.vm, 0, 0, 0, 0, 0), 0);
	assert_true(pauses > 0);
	assert_int_equal(pages_mapped(), 0);
	assert_null(vm.vm->removed_slot);
}

/* ---- dirty log ------------------------------------------------------------------------------- */

#define BITMAP (HVA + (64UL << 20))

static u64 log_of(u64 *bits)
{
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = (void *)BITMAP };
	u64 n = 0;
	unsigned int i;

	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	for (i = 0; i < PAGES / 64; i++) {
		bits[i] = ((u64 *)native_user(BITMAP))[i];
		n += (u64)__builtin_popcountl(bits[i]);
	}
	return n;
}

static unsigned int writable(void)
{
	struct gstage_leaf leaf;
	unsigned int i, n = 0;

	for (i = 0; i < PAGES; i++)
		n += gstage_find(&vm.vm->gstage, page(i), &leaf) == 0 && (leaf.pte & PTE_W);
	return n;
}

static void poll_log(void)
{
	unsigned int left = writable();

	if (spin_is_locked(&vm.vm->gstage.mmu_lock) || left == 0 || left == PAGES)
		return;
	native_poll_hook = NULL;
	pauses++;
	store(page(0), 4711); /* the reader of the log has already taken this page's bit */
	store(page(PAGES - 1), 4711);
}

static void store_to_first(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		store(page(i), i);
}

static void start_log(void)
{
	native_user_map(BITMAP, 1 << 20, 0);
	assert_int_equal(
		native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES),
		0);
}

static void a_store_between_two_pieces_is_in_the_next_log(void **state)
{
	u64 bits[PAGES / 64];

	(void)state;
	start_log();
	store_to_first(PAGES);
	pauses = 0;
	native_poll_hook = poll_log;
	assert_int_equal(log_of(bits), PAGES);
	assert_int_equal(pauses, 1);
	native_poll_hook = NULL;
	assert_int_equal(log_of(bits), 1);
	assert_int_equal(bits[0], 1);
	assert_int_equal(log_of(bits), 0);
	store(page(0), 1);
	assert_int_equal(log_of(bits), 1);
}

/*
 * A flush of more than 64 pages flushes everything. The numbers of leaves differ so that the last
 * piece of one of them is shorter, and its flush does not include the first piece.
 */
static void the_first_piece_is_fenced_like_the_last(void **state)
{
	u64 bits[PAGES / 64];
	unsigned int count;

	(void)state;
	start_log();
	for (count = PAGES - GSTAGE_PIECE / GSTAGE_VISIT; count <= PAGES; count += 32) {
		store_to_first(count);
		assert_int_equal(log_of(bits), count);
		store(page(1), 4711);
		store(page(count - 1), 4711);
		assert_int_equal(log_of(bits), 2);
	}
}

/* ---- a leaf mapped in the finished part ------------------------------------------------------ */

static bool leaf_mapped;

static void map_first_page(void)
{
	if (leaf_mapped || mapped(page(0)))
		return;
	leaf_mapped = true;
	store(page(0), 4711);
}

static void a_leaf_mapped_between_two_pieces_stays(void **state)
{
	hpa_t hpa;

	(void)state;
	assert_int_equal(
		native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES),
		0);
	touch_all();
	leaf_mapped = false;
	at_pause = map_first_page;
	/* Logging ends: all leaves are removed, so that large ones can be mapped. */
	assert_int_equal(native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, 0), 0);
	assert_true(leaf_mapped);
	native_poll_hook = NULL;
	assert_true(mapped(page(0))); /* its table was not freed */
	assert_int_equal(load(page(0)), 4711);
	invalidate_all_start();
	assert_int_not_equal(native_gstage_access(page(0), NATIVE_LOAD, &hpa), 0);
	invalidate_all_end();
}

/* ---- a large leaf where small ones are being removed ---------------------------------------- */

#define LATER 700U /* a page of the second 2 MiB */

static unsigned int level_of(unsigned int i)
{
	struct gstage_leaf leaf;

	assert_int_equal(gstage_find(&vm.vm->gstage, page(i), &leaf), 0);
	return leaf.level;
}

static void fault_in_second_block(void)
{
	if (spin_is_locked(&vm.vm->gstage.mmu_lock) || mapped(page(0)) || !mapped(page(PAGES - 1)))
		return;
	native_poll_hook = NULL;
	pauses++;
	assert_int_equal(level_of(LATER + 1), 0);
	store(page(LATER), 4711);
	/* The fault has not replaced the small leaves by a large one. */
	assert_int_equal(level_of(LATER + 1), 0);
}

static void no_large_leaf_is_mapped_while_small_ones_are_removed(void **state)
{
	const struct gstage_ops *ops = vm.vm->gstage.ops;
	unsigned int i;

	(void)state;
	end(state);
	touch_setup(NATIVE_HUGE);
	vm.vm->gstage.ops = ops;
	assert_int_equal(
		native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES),
		0);
	for (i = 0; i < PAGES; i++)
		if (i != LATER)
			store(page(i), i);
	pauses = 0;
	native_poll_hook = fault_in_second_block;
	assert_int_equal(native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, 0), 0);
	assert_int_equal(pauses, 1);
	assert_int_equal(pages_mapped(), 0);
	assert_int_equal(load(page(LATER)), 4711);
	assert_int_equal(level_of(LATER), 1);
}

#define BOTH(claim)                                                     \
	cmocka_unit_test_setup_teardown(claim, setup, end),             \
	{                                                               \
#claim ", recursive", claim, setup_recursive, end, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_long_range_is_removed_in_short_pieces),
		BOTH(the_hart_is_yielded_between_pieces_if_the_host_permits_it),
		BOTH(tables_are_freed_although_pieces_end_inside_them),
		BOTH(a_removed_page_is_not_mapped_between_pieces),
		BOTH(an_invalidation_between_two_pieces_waits_for_the_fence),
		BOTH(a_slot_that_is_being_deleted_is_still_invalidated),
		BOTH(a_store_between_two_pieces_is_in_the_next_log),
		BOTH(the_first_piece_is_fenced_like_the_last),
		BOTH(a_leaf_mapped_between_two_pieces_stays),
		BOTH(no_large_leaf_is_mapped_while_small_ones_are_removed),
	};

	return cmocka_run_group_tests_name("pieces", tests, NULL, NULL);
}
