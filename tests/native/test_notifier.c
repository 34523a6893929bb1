// SPDX-License-Identifier: MIT
/*
 * test_notifier.c - the host takes pages back while other code uses them.
 *
 * The tests cover rules 3, 4 and 6 of docs/locking.md. A hook of the native machine, or the test
 * itself, does what another thread could do at exactly the critical step, so the result does not
 * depend on timing.
 */
#include "touch.h"

#define BLOCK BASE            /* a 2M leaf */
#define PAGE  (BASE + 0x7000) /* a page inside BLOCK */

static unsigned int hook_calls;

static int setup(void **state)
{
	(void)state;
	hook_calls = 0;
	return touch_setup(0);
}

static int setup_huge(void **state)
{
	(void)state;
	hook_calls = 0;
	return touch_setup(NATIVE_HUGE);
}

static bool mapped(gpa_t gpa)
{
	struct gstage_leaf leaf;

	return gstage_find(&vm.vm->gstage, gpa, &leaf) == 0;
}

/* ---- rule 3: the recheck covers the whole leaf ------------------------------------------ */

/*
 * Begin an invalidation of PAGE after the first lookup of another page, and end it after the third
 * lookup.
 */
static void invalidate_neighbor(hva_t hva, bool write)
{
	struct hv_notifier *n = &vm.vm->notifier;

	(void)hva;
	(void)write;
	hook_calls++;
	if (hook_calls == 1)
		n->invalidate_start(n, HVA + 0x7000, HVA + 0x8000, false);
	if (hook_calls == 2)
		assert_false(mapped(PAGE));
	if (hook_calls == 3)
		n->invalidate_end(n, HVA + 0x7000, HVA + 0x8000);
}

static void a_large_leaf_is_refused_during_an_invalidation_inside_it(void **state)
{
	(void)state;
	native_page_get_hook = invalidate_neighbor;
	store(BLOCK, 1);
	assert_int_equal(hook_calls, 4);
	assert_int_equal(native_events(TRACE_gstage_retry), 3);
	assert_true(mapped(PAGE));
}

static void a_small_leaf_beside_an_invalidation_is_mapped(void **state)
{
	struct hv_notifier *n = &vm.vm->notifier;

	(void)state;
	n->invalidate_start(n, HVA + 0x7000, HVA + 0x8000, false);
	store(BASE + 0x6000, 1);
	store(BASE + 0x8000, 1);
	assert_int_equal(native_events(TRACE_gstage_retry), 0);
	n->invalidate_end(n, HVA + 0x7000, HVA + 0x8000);
}

/* Linux's clear_refs_write() ends its range like this. */
static void an_invalidation_of_all_addresses_unmaps(void **state)
{
	struct hv_notifier *n = &vm.vm->notifier;
	hpa_t hpa;

	(void)state;
	store(PAGE, 1);
	n->invalidate_start(n, 0, ~0UL, true);
	serve(vm.vcpu);
	assert_false(mapped(PAGE));
	assert_int_not_equal(native_gstage_access(PAGE, NATIVE_STORE, &hpa), 0);
	n->invalidate_end(n, 0, ~0UL);
}

static void send_signal(void)
{
	native_signal_set(true);
}

static void a_signal_while_a_table_is_freed_is_noticed(void **state)
{
	struct gstage *gs = &vm.vm->gstage;
	struct hv_trap trap;
	u64 data;

	(void)state;
	gs->huge = false;
	store(BASE + 0x5000, 7);
	gs->huge = true;
	vm.vcpu->requests = 0;
	assert_true(native_guest_access(BASE + 0x6000, NATIVE_LOAD, &data, sizeof(data), &trap));
	trap.sepc = vm.vcpu->guest.sepc;
	native_poll_hook = send_signal;
	assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
	native_poll_hook = NULL;
	assert_true(hv_signal_pending());
	assert_true(vm.vcpu->requests & BIT(REQ_HOST));
}

/* ---- rule 6: a thread that finds a leaf removed also waits for the fence --------------------- */

/* Act as another thread that has removed the leaf and has not fenced yet. */
static struct gstage_pending_flush unmap_unfenced(gpa_t gpa)
{
	gstage_unmap(&vm.vm->gstage, gpa, gpa + PAGE_SIZE);
	return gstage_take_pending_flush(&vm.vm->gstage);
}

static void an_invalidation_waits_for_an_earlier_removals_fence(void **state)
{
	struct gstage_pending_flush pending;
	hpa_t hpa;

	(void)state;
	store(PAGE, 1);
	pending = unmap_unfenced(PAGE);
	/* The host frees the page now; from here on the guest must not be able to use it. */
	native_user_unmap(HVA + 0x7000, PAGE_SIZE);
	serve(vm.vcpu);
	assert_int_not_equal(native_gstage_access(PAGE, NATIVE_LOAD, &hpa), 0);
	tlb_flush_pending(vm.vm, &pending);
	assert_int_equal(vm.vm->gstage.unfenced, 0);
}

static void a_slot_deletion_waits_for_an_earlier_removals_fence(void **state)
{
	struct gstage_pending_flush pending;
	hpa_t hpa;

	(void)state;
	store(PAGE, 1);
	pending = unmap_unfenced(PAGE);
	assert_int_equal(native_set_slot(vm.vm, 0, 0, 0, 0, 0), 0);
	serve(vm.vcpu);
	assert_int_not_equal(native_gstage_access(PAGE, NATIVE_LOAD, &hpa), 0);
	tlb_flush_pending(vm.vm, &pending);
}

static void reading_the_log_waits_for_an_earlier_protections_fence(void **state)
{
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = (void *)(HVA + (32UL << 20)) };
	struct gstage_pending_flush pending;
	hpa_t hpa;

	(void)state;
	native_user_map(HVA + (32UL << 20), PAGE_SIZE, 0);
	assert_int_equal(
		native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES),
		0);
	store(PAGE, 1);
	gstage_protect(&vm.vm->gstage, PAGE, PAGE + PAGE_SIZE);
	pending = gstage_take_pending_flush(&vm.vm->gstage);
	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	serve(vm.vcpu);
	assert_int_not_equal(native_gstage_access(PAGE, NATIVE_STORE, &hpa), 0);
	tlb_flush_pending(vm.vm, &pending);
}

/* ---- fences by range ----------------------------------------------------------------------- */

static void a_few_pages_are_fenced_by_address(void **state)
{
	struct native_fences before;
	hpa_t hpa;

	(void)state;
	store(PAGE, 1);
	store(PAGE + PAGE_SIZE, 1);
	store(PAGE + 5 * PAGE_SIZE, 1);
	serve(vm.vcpu);
	before = native_fences;
	native_user_unmap(HVA + 0x7000, 2 * PAGE_SIZE);
	serve(vm.vcpu);
	assert_int_equal(native_fences.inval, before.inval + 2); /* this hardware has Svinval */
	assert_int_equal(native_fences.gvma_vmid, before.gvma_vmid);
	assert_int_not_equal(native_gstage_access(PAGE, NATIVE_LOAD, &hpa), 0);
	assert_int_equal(native_gstage_access(PAGE + 5 * PAGE_SIZE, NATIVE_LOAD, &hpa), 0);
}

static void removing_a_large_leaf_flushes_the_vm(void **state)
{
	struct native_fences before;
	hpa_t hpa;

	(void)state;
	store(BLOCK, 1);
	serve(vm.vcpu);
	before = native_fences;
	native_user_unmap(HVA + 0x7000, PAGE_SIZE);
	serve(vm.vcpu);
	assert_int_equal(native_fences.gvma_vmid, before.gvma_vmid + 1);
	assert_int_not_equal(native_gstage_access(BLOCK + 0x9000, NATIVE_LOAD, &hpa), 0);
}

static void removing_a_table_flushes_the_vm(void **state)
{
	struct native_fences before;

	(void)state;
	store(PAGE, 1);
	serve(vm.vcpu);
	before = native_fences;
	native_user_unmap(HVA, SZ_2M); /* one leaf, and the table that held it */
	serve(vm.vcpu);
	assert_int_equal(native_fences.gvma_vmid, before.gvma_vmid + 1);
	/* The flush waits for no vCPU outside its guest, so an SBI call fences every hart, too. */
	assert_int_equal(native_fences.remote_gvma, before.remote_gvma + 1);
}

/* There are more ranges than the queue holds, so all translations are dropped. */
static void many_ranges_between_two_entries_are_all_fenced(void **state)
{
	unsigned int i;
	hpa_t hpa;

	(void)state;
	for (i = 0; i < 40; i++)
		store(BASE + i * 3 * PAGE_SIZE, i);
	serve(vm.vcpu);
	for (i = 0; i < 40; i++)
		native_user_unmap(HVA + i * 3 * PAGE_SIZE, PAGE_SIZE);
	serve(vm.vcpu);
	for (i = 0; i < 40; i++)
		assert_int_not_equal(
			native_gstage_access(BASE + i * 3 * PAGE_SIZE, NATIVE_LOAD, &hpa), 0);
}

static void flush_requests_and_flushes_are_counted_separately(void **state)
{
	(void)state;
	store(PAGE, 1);
	assert_int_equal(vm.vm->stats.remote_tlb_flush_requests, 0);
	native_user_unmap(HVA + 0x7000, PAGE_SIZE);
	assert_int_equal(vm.vm->stats.remote_tlb_flush_requests, 1);
	assert_int_equal(vm.vm->stats.remote_tlb_flush, 0); /* no vCPU was in its guest */
}

/* ---- accessed bits, and pages that move --------------------------------------------------------- */

static bool is_young(hva_t hva)
{
	return vm.vm->notifier.test_young(&vm.vm->notifier, hva, hva + PAGE_SIZE);
}

static void age(hva_t start, hva_t end)
{
	vm.vm->notifier.clear_young(&vm.vm->notifier, start, end);
	serve(vm.vcpu);
}

static void only_a_page_used_again_is_young_again(void **state)
{
	(void)state;
	store(BASE + 0x1000, 1);
	store(BASE + 0x2000, 2);
	assert_true(is_young(HVA + 0x1000) && is_young(HVA + 0x2000));
	assert_false(is_young(HVA + 0x3000)); /* not mapped, so never used */
	age(HVA, HVA + SZ_2M);
	assert_false(is_young(HVA + 0x1000) || is_young(HVA + 0x2000));
	assert_int_equal(load(BASE + 0x2000), 2);
	assert_int_equal(faults, 1); /* this hardware does not set A: the fault handler does */
	assert_false(is_young(HVA + 0x1000));
	assert_true(is_young(HVA + 0x2000));
	store(BASE + 0x2000, 3); /* W and D are unchanged */
	assert_int_equal(faults, 0);
}

static void a_large_leaf_is_young_as_a_whole(void **state)
{
	(void)state;
	store(BLOCK, 1);
	age(HVA + 0x7000, HVA + 0x8000);
	assert_false(is_young(HVA));
	load(BLOCK + 0x9000);
	assert_true(is_young(HVA + 0x7000));
}

static void testing_young_changes_nothing(void **state)
{
	struct native_fences before;

	(void)state;
	store(PAGE, 1);
	serve(vm.vcpu);
	before = native_fences;
	is_young(HVA + 0x7000);
	serve(vm.vcpu);
	assert_memory_equal(&before, &native_fences, sizeof(before));
	assert_int_equal(load(PAGE), 1);
	assert_int_equal(faults, 0);
}

static void moving_a_page_requests_fence_i(void **state)
{
	struct hv_notifier *n = &vm.vm->notifier;

	(void)state;
	store(PAGE, 1);
	n->invalidate_start(n, HVA + 0x7000, HVA + 0x8000, false);
	assert_false(vm.vcpu->requests & BIT(REQ_FENCE_I));
	n->moved(n, HVA + 0x7000, HVA + 0x8000);
	assert_true(vm.vcpu->requests & BIT(REQ_FENCE_I));
	n->invalidate_end(n, HVA + 0x7000, HVA + 0x8000);
}

#define HUGE(claim) cmocka_unit_test_setup_teardown(claim, setup_huge, one_vm_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HUGE(a_large_leaf_is_refused_during_an_invalidation_inside_it),
		TEST(a_small_leaf_beside_an_invalidation_is_mapped),
		TEST(an_invalidation_of_all_addresses_unmaps),
		HUGE(a_signal_while_a_table_is_freed_is_noticed),
		TEST(an_invalidation_waits_for_an_earlier_removals_fence),
		TEST(a_slot_deletion_waits_for_an_earlier_removals_fence),
		TEST(reading_the_log_waits_for_an_earlier_protections_fence),
		TEST(a_few_pages_are_fenced_by_address),
		HUGE(removing_a_large_leaf_flushes_the_vm),
		TEST(removing_a_table_flushes_the_vm),
		TEST(many_ranges_between_two_entries_are_all_fenced),
		TEST(only_a_page_used_again_is_young_again),
		HUGE(a_large_leaf_is_young_as_a_whole),
		TEST(testing_young_changes_nothing),
		TEST(moving_a_page_requests_fence_i),
		TEST(flush_requests_and_flushes_are_counted_separately),
	};

	return cmocka_run_group_tests_name("notifiers", tests, NULL, NULL);
}
