// SPDX-License-Identifier: MIT
/*
 * test_fault.c - G-stage faults on memory: what they map, and races with the host.
 *
 * The guest's accesses go through the TLB model, which drops only what a fence covers.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include "touch.h"

static int setup_small(void **state)
{
	(void)state;
	return touch_setup(0);
}

static int setup_huge(void **state)
{
	(void)state;
	return touch_setup(NATIVE_HUGE);
}

static int setup_cow(void **state)
{
	(void)state;
	return touch_setup(NATIVE_COW);
}

static struct gstage_leaf leaf_at(gpa_t gpa)
{
	struct gstage_leaf leaf;

	assert_int_equal(gstage_find(&vm.vm->gstage, gpa, &leaf), 0);
	return leaf;
}

static bool mapped(gpa_t gpa)
{
	struct gstage_leaf leaf;

	return gstage_find(&vm.vm->gstage, gpa, &leaf) == 0;
}

/* ---- mapping -------------------------------------------------------------------------- */

static void memory_is_shared_with_user_space(void **state)
{
	(void)state;
	*(u64 *)native_user(HVA + 0x5008) = 0x1122334455667788;
	assert_int_equal(load(BASE + 0x5008), 0x1122334455667788);
	assert_int_equal(faults, 1);
	store(BASE + 0x5010, 42);
	assert_int_equal(faults, 0); /* the load has mapped the page writable */
	assert_int_equal(*(u64 *)native_user(HVA + 0x5010), 42);
}

/*
 * A fence by address covers leaf PTEs only, but the hart may have cached an invalid PTE of a higher
 * level (H §3.2).
 */
static void a_repeated_spurious_fault_flushes_the_vm(void **state)
{
	unsigned int before;
	u64 data;

	(void)state;
	native_quirks.keeps_absent = true;
	assert_int_equal(touch(vm.vcpu, BASE + 0x5000, NATIVE_LOAD, &data), RESUME_GUEST);
	assert_int_equal(faults, 3); /* 1: map; 2: fence by address; 3: fence all addresses */
	native_quirks.keeps_absent = false;
	before = native_fences.gvma_vmid;
	load(BASE + 0x6000);
	assert_int_equal(faults, 1);
	assert_int_equal(native_fences.gvma_vmid, before);
}

/* A TLB may hold the small leaves, so their table must not be freed before a fence. */
static void a_large_leaf_that_replaces_small_ones_is_fenced(void **state)
{
	struct gstage *gs = &vm.vm->gstage;
	unsigned long pages;

	(void)state;
	gs->huge = false; /* as if another slot's leaves were being removed (slots_commit()) */
	store(BASE + 0x5000, 7);
	pages = native_pages_in_use();
	gs->huge = true;
	assert_int_equal(native_tlb_entries(), 1);
	load(BASE + 0x6000);
	assert_int_equal(native_events(TRACE_gstage_collapse), 1);
	assert_int_equal(leaf_at(BASE + 0x5000).level, 1);
	assert_int_equal(gs->retired, 0);
	assert_int_equal(gs->unfenced, 0);
	assert_int_equal(native_pages_in_use(), pages - 1);
	serve(vm.vcpu);
	load(BASE + 0x6000);
	assert_int_equal(native_tlb_entries(), 1); /* only the large leaf is cached */
}

static void a_new_leaf_has_a_and_d_set(void **state)
{
	struct gstage_leaf leaf;

	(void)state;
	load(BASE);
	leaf = leaf_at(BASE);
	assert_int_equal(leaf.level, 0);
	assert_int_equal(leaf.pte & 0x3ff, GSTAGE_LEAF | GSTAGE_LEAF_WRITE);
}

static void a_page_that_may_not_be_written_now_is_mapped_without_w(void **state)
{
	(void)state;
	load(BASE);
	assert_false(leaf_at(BASE).pte & (PTE_W | PTE_D));
	store(BASE, 1);
	assert_int_equal(faults, 1);
	assert_true(leaf_at(BASE).pte & PTE_W);
	assert_int_equal(native_fences.gvma_gpa, 1); /* this hart had cached a leaf without W */
}

static void a_2m_block_of_the_host_is_one_leaf(void **state)
{
	(void)state;
	store(BASE + 0x345678, 7);
	assert_int_equal(leaf_at(BASE + 0x345678).level, 1);
	assert_true(mapped(BASE + SZ_2M));
	assert_false(mapped(BASE));
	assert_int_equal(*(u64 *)native_user(HVA + 0x345678), 7);
	store(BASE + 0x200000, 8);
	assert_int_equal(faults, 0);
}

static void the_toggle_keeps_leaves_small(void **state)
{
	(void)state;
	vm.vm->gstage.huge = false;
	store(BASE + 0x345678, 7);
	assert_int_equal(leaf_at(BASE + 0x345678).level, 0);
}

/* The slot puts 2 MiB blocks of host memory at guest addresses that are off by one page. */
static void a_slot_misaligned_with_its_memory_gets_small_leaves(void **state)
{
	(void)state;
	native_user_map(HVA + (32UL << 20), 4 * SZ_2M, NATIVE_HUGE);
	assert_int_equal(native_set_slot(vm.vm, 1, 0x10001000, 3 * SZ_2M, HVA + (32UL << 20), 0),
			 0);
	store(0x10001000 + SZ_2M, 1);
	assert_int_equal(leaf_at(0x10001000 + SZ_2M).level, 0);
}

static void a_slot_that_ends_within_2m_gets_small_leaves_there(void **state)
{
	(void)state;
	native_user_map(HVA + (32UL << 20), 4 * SZ_2M, NATIVE_HUGE);
	assert_int_equal(
		native_set_slot(vm.vm, 1, 0x10001000, 2 * SZ_2M, HVA + (32UL << 20) + 0x1000, 0),
		0);
	store(0x10002000, 1);
	assert_int_equal(leaf_at(0x10002000).level, 0);
	store(0x10200000, 1);
	assert_int_equal(leaf_at(0x10200000).level, 1);
	store(0x10400000, 1);
	assert_int_equal(leaf_at(0x10400000).level, 0);
}

static void a_fetch_maps_executable_memory(void **state)
{
	u64 data;

	(void)state;
	assert_int_equal(touch(vm.vcpu, BASE, NATIVE_FETCH, &data), RESUME_GUEST);
	assert_int_equal(trace_exit_class_of(&vm.vcpu->exit_clock), EXIT_FAULT_FETCH);
}

static void memory_that_user_space_does_not_have_is_efault(void **state)
{
	u64 data;

	(void)state;
	native_user_unmap(HVA + 0x4000, PAGE_SIZE);
	assert_int_equal(touch(vm.vcpu, BASE + 0x4000, NATIVE_LOAD, &data), -EFAULT);
}

static void a_write_to_a_read_only_mapping_is_efault(void **state)
{
	u64 data = 0;

	(void)state;
	native_user_map(HVA + (32UL << 20), SZ_2M, 0);
	assert_int_equal(native_set_slot(vm.vm, 1, 0x10000000, SZ_2M, HVA + (32UL << 20), 0), 0);
	native_user_map(HVA + (32UL << 20), SZ_2M, NATIVE_READ_ONLY);
	assert_int_equal(load(0x10000000), 0);
	assert_int_equal(touch(vm.vcpu, 0x10000000, NATIVE_STORE, &data), -EFAULT);
}

static void without_memory_for_tables_the_run_ends_with_enomem(void **state)
{
	u64 data;

	(void)state;
	assert_non_null(native_user(HVA));
	native_fail_alloc(1);
	assert_int_equal(touch(vm.vcpu, BASE, NATIVE_LOAD, &data), -ENOMEM);
	native_fail_alloc(0);
	load(BASE);
}

/* ---- the host takes pages back --------------------------------------------------------------- */

static void an_invalidated_page_is_gone_before_the_host_frees_it(void **state)
{
	u64 data;

	(void)state;
	store(BASE + 0x3000, 1);
	store(BASE + 0x4000, 2);
	native_user_unmap(HVA + 0x3000, PAGE_SIZE);
	assert_false(mapped(BASE + 0x3000));
	assert_true(mapped(BASE + 0x4000));
	/* Once the vCPU has served the fence, the TLB does not have the page either. */
	assert_int_equal(touch(vm.vcpu, BASE + 0x3000, NATIVE_LOAD, &data), -EFAULT);
}

static void the_tlb_keeps_the_page_until_the_fence_is_served(void **state)
{
	hpa_t hpa;

	(void)state;
	store(BASE + 0x3000, 1);
	native_user_unmap_elsewhere(HVA + 0x3000, PAGE_SIZE);
	/* The request is not served yet, so the TLB model still uses the entry. */
	assert_int_equal(native_gstage_access(BASE + 0x3000, NATIVE_LOAD, &hpa), 0);
	serve(vm.vcpu);
	assert_int_not_equal(native_gstage_access(BASE + 0x3000, NATIVE_LOAD, &hpa), 0);
}

static void a_thread_fences_the_vcpu_that_it_has_loaded_at_once(void **state)
{
	hpa_t hpa;

	(void)state;
	store(BASE + 0x3000, 1);
	native_user_unmap(HVA + 0x3000, PAGE_SIZE);
	assert_int_not_equal(native_gstage_access(BASE + 0x3000, NATIVE_LOAD, &hpa), 0);
	assert_int_equal(vm.vcpu->requests, 0);
}

static void a_page_at_two_guest_addresses_is_unmapped_at_both(void **state)
{
	(void)state;
	assert_int_equal(native_set_slot(vm.vm, 1, 0x10000000, 0x10000, HVA, 0), 0);
	store(BASE + 0x3000, 5);
	assert_int_equal(load(0x10003000), 5);
	native_user_unmap(HVA + 0x3000, PAGE_SIZE);
	assert_false(mapped(BASE + 0x3000));
	assert_false(mapped(0x10003000));
}

static void unmapping_a_page_of_2m_removes_the_whole_leaf(void **state)
{
	(void)state;
	store(BASE, 1);
	native_user_unmap(HVA + 0x7000, PAGE_SIZE);
	assert_false(mapped(BASE));
	store(BASE, 2); /* the other pages are mapped again */
}

static void an_unrelated_range_needs_no_fence(void **state)
{
	(void)state;
	native_user_map(HVA + (64UL << 20), SZ_2M, 0);
	store(BASE, 1);
	native_user_unmap(HVA + (64UL << 20), SZ_2M);
	assert_int_equal(vm.vm->stats.remote_tlb_flush, 0);
	assert_true(mapped(BASE));
}

static void the_end_of_the_address_space_unmaps_everything(void **state)
{
	u64 data;

	(void)state;
	store(BASE, 1);
	store(BASE + SZ_2M, 1);
	native_user_exit();
	assert_false(mapped(BASE));
	assert_false(mapped(BASE + SZ_2M));
	assert_int_equal(touch(vm.vcpu, BASE, NATIVE_LOAD, &data), -EFAULT);
}

static unsigned int hook_calls;

static void unmap_and_map_anew(hva_t hva, bool write)
{
	(void)write;
	if (hook_calls++)
		return;
	native_user_unmap(ALIGN_DOWN(hva, PAGE_SIZE), PAGE_SIZE);
	native_user_map(ALIGN_DOWN(hva, PAGE_SIZE), PAGE_SIZE, 0);
}

static void a_page_taken_back_between_lookup_and_mapping_is_not_mapped(void **state)
{
	(void)state;
	hook_calls = 0;
	native_page_get_hook = unmap_and_map_anew;
	store(BASE + 0x3000, 77);
	assert_int_equal(faults, 2);
	assert_int_equal(native_events(TRACE_gstage_retry), 1);
	assert_int_equal(*(u64 *)native_user(HVA + 0x3000), 77);
}

/* Begin an invalidation at the first lookup, and end it at the third. */
static void invalidate_across_retries(hva_t hva, bool write)
{
	struct hv_notifier *n = &vm.vm->notifier;

	(void)write;
	if (!hook_calls++)
		n->invalidate_start(n, hva, hva + PAGE_SIZE, false);
	if (hook_calls == 3)
		n->invalidate_end(n, hva, hva + PAGE_SIZE);
}

static void a_page_is_not_mapped_during_its_invalidation(void **state)
{
	(void)state;
	hook_calls = 0;
	native_page_get_hook = invalidate_across_retries;
	store(BASE + 0x3000, 77);
	/* Two retries during the invalidation, and one because it ended after the lookup. */
	assert_int_equal(native_events(TRACE_gstage_retry), 3);
	assert_int_equal(vm.vm->gstage.inval_count, 0);
}

static void other_addresses_are_mapped_during_an_invalidation(void **state)
{
	struct hv_notifier *n = &vm.vm->notifier;

	(void)state;
	n->invalidate_start(n, HVA, HVA + PAGE_SIZE, false);
	store(BASE + 0x3000, 1);
	assert_int_equal(native_events(TRACE_gstage_retry), 0);
	n->invalidate_end(n, HVA, HVA + PAGE_SIZE);
}

static void delete_the_slot(hva_t hva, bool write)
{
	(void)hva;
	(void)write;
	if (!hook_calls++)
		assert_int_equal(native_set_slot(vm.vm, 0, 0, 0, 0, 0), 0);
}

static void a_slot_deleted_between_lookup_and_mapping_is_not_mapped(void **state)
{
	u64 data = 1;

	(void)state;
	hook_calls = 0;
	native_page_get_hook = delete_the_slot;
	/* The address is MMIO by now, so the handler exits to user space. */
	assert_int_equal(touch(vm.vcpu, BASE + 0x3000, NATIVE_LOAD, &data), RESUME_USER);
	assert_false(mapped(BASE + 0x3000));
	assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_MMIO);
}

/* ---- several vCPUs ----------------------------------------------------------------------------- */

static volatile bool stop; /* volatile: each access is like READ_ONCE() or WRITE_ONCE() */

struct worker {
	struct kvm_vcpu *vcpu;
	unsigned int hart;
	int error;
};

/*
 * Take one step as run.c does: serve requests, set the mode, execute the fence, and check for new
 * requests. Then access memory as the guest, and handle its fault, if any.
 */
static int guest_step(struct kvm_vcpu *vcpu, gva_t gva, u64 *data)
{
	struct hv_trap trap;
	unsigned long cause;

	serve(vcpu);
	vmid_update(vcpu);
	__atomic_store_n(&vcpu->mode, VCPU_IN_GUEST, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(vcpu->requests)) {
		__atomic_store_n(&vcpu->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
		return RESUME_GUEST;
	}
	/* This panics if the host has freed the page. */
	cause = native_guest_access(gva, NATIVE_STORE, data, sizeof(*data), &trap);
	*data += !cause;
	__atomic_store_n(&vcpu->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
	if (!cause)
		return RESUME_GUEST;
	trap = (struct hv_trap){
		.scause = cause, .stval = gva, .htval = gva >> 2, .htinst = 0x2503
	};
	return exit_gstage_fault(vcpu, &trap);
}

static void *guest_thread(void *arg)
{
	struct worker *w = arg;
	unsigned int n = w->hart * 7;
	u64 data = 0;

	native_hart_set(w->hart);
	vcpu_load(w->vcpu);
	while (!stop && !w->error) {
		int ret = guest_step(w->vcpu, BASE + (n++ % 64) * PAGE_SIZE, &data);

		/* -EFAULT: the page is unmapped for a moment. */
		if (ret != RESUME_GUEST && ret != -EFAULT)
			w->error = ret ? ret : -1;
	}
	vcpu_put(w->vcpu);
	return NULL;
}

static void guests_never_use_a_page_that_the_host_took_back(void **state)
{
	time_t until = time(NULL) + 30;
	struct worker workers[2];
	pthread_t threads[2];
	unsigned int i;

	(void)state;
	vcpu_put(vm.vcpu);
	stop = false;
	for (i = 0; i < 2; i++) {
		workers[i].vcpu = i ? native_vcpu_make(&vm, i) : vm.vcpu;
		workers[i].hart = i + 1;
		workers[i].error = 0;
	}
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, guest_thread, &workers[i]);
	/*
	 * Continue until 60 flushes have reached a vCPU in its guest, which takes a while on a busy
	 * machine, or until the time is up.
	 */
	for (i = 0; vm.vm->stats.remote_tlb_flush < 60 && time(NULL) < until; i++) {
		hva_t hva = HVA + (i * 13 % 64) * PAGE_SIZE;

		native_user_unmap(hva, PAGE_SIZE);
		native_user_map(hva, PAGE_SIZE, 0);
		sched_yield();
	}
	stop = true;
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].error, 0);
	}
	assert_true(vm.vm->stats.remote_tlb_flush >= 10);
}

#define SMALL(claim) cmocka_unit_test_setup_teardown(claim, setup_small, one_vm_end)
#define HUGE(claim)  cmocka_unit_test_setup_teardown(claim, setup_huge, one_vm_end)
#define COW(claim)   cmocka_unit_test_setup_teardown(claim, setup_cow, one_vm_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SMALL(memory_is_shared_with_user_space),
		SMALL(a_new_leaf_has_a_and_d_set),
		SMALL(a_repeated_spurious_fault_flushes_the_vm),
		HUGE(a_large_leaf_that_replaces_small_ones_is_fenced),
		COW(a_page_that_may_not_be_written_now_is_mapped_without_w),
		HUGE(a_2m_block_of_the_host_is_one_leaf),
		HUGE(the_toggle_keeps_leaves_small),
		SMALL(a_slot_misaligned_with_its_memory_gets_small_leaves),
		SMALL(a_slot_that_ends_within_2m_gets_small_leaves_there),
		SMALL(a_fetch_maps_executable_memory),
		SMALL(memory_that_user_space_does_not_have_is_efault),
		SMALL(a_write_to_a_read_only_mapping_is_efault),
		SMALL(without_memory_for_tables_the_run_ends_with_enomem),
		SMALL(an_invalidated_page_is_gone_before_the_host_frees_it),
		SMALL(the_tlb_keeps_the_page_until_the_fence_is_served),
		SMALL(a_thread_fences_the_vcpu_that_it_has_loaded_at_once),
		SMALL(a_page_at_two_guest_addresses_is_unmapped_at_both),
		HUGE(unmapping_a_page_of_2m_removes_the_whole_leaf),
		SMALL(an_unrelated_range_needs_no_fence),
		SMALL(the_end_of_the_address_space_unmaps_everything),
		SMALL(a_page_taken_back_between_lookup_and_mapping_is_not_mapped),
		SMALL(a_page_is_not_mapped_during_its_invalidation),
		SMALL(other_addresses_are_mapped_during_an_invalidation),
		SMALL(a_slot_deleted_between_lookup_and_mapping_is_not_mapped),
		SMALL(guests_never_use_a_page_that_the_host_took_back),
	};

	return cmocka_run_group_tests_name("G-stage faults", tests, NULL, NULL);
}
