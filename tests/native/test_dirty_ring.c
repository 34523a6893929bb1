// SPDX-License-Identifier: MIT
/*
 * test_dirty_ring.c - dirty rings: what the guest's stores add, what a reset takes, and a user
 * space that writes anything into a ring.
 */
#include "mmu/dirty_ring.h"
#include "request.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"
#include "sbi/sbi.h"
#include "one_vm.h"
#include "uapi/dirty_log_ioctl.h"

#define HVA NATIVE_USER_BASE
#define GPA 0x80000000ULL
#define MB  (1ULL << 20)

#define ENTRIES 256U /* of a ring of one page */

static int ring_setup(void **state)
{
	(void)state;
	native_reset();
	native_pmu_set(4, 64);
	native_core_start();
	native_user_map(HVA, 64 * MB, NATIVE_HUGE);
	native_vm_open(&vm);
	assert_int_equal(dirty_ring_set_size(vm.vm, PAGE_SIZE), 0);
	vm.vcpu = native_vcpu_make(&vm, 0);
	vcpu_load(vm.vcpu);
	assert_int_equal(native_set_slot(vm.vm, 0, GPA, 4 * MB, HVA, KVM_MEM_LOG_DIRTY_PAGES), 0);
	memslot_vcpu_refresh(vm.vcpu);
	return 0;
}

/* The ring as user space has mapped it. The host maps each page at one fixed address. */
static struct kvm_dirty_gfn *ring(void)
{
	struct kvm_dirty_gfn *entries;
	hpa_t pa;

	assert_int_equal(dirty_ring_page(vm.vcpu, 0, &pa), 0);
	entries = hv_page_map(pa);
	hv_page_unmap(entries);
	return entries;
}

static bool store(u64 page)
{
	gpa_t gpa = GPA + page * PAGE_SIZE;
	struct hv_trap trap = { .scause = EXC_STORE_GUEST_PAGE_FAULT,
				.stval = gpa,
				.htval = gpa >> 2,
				.htinst = 0xa02023 };
	hpa_t hpa;

	tlb_serve(vm.vcpu, vm.vcpu->requests);
	vm.vcpu->requests &= BIT(REQ_RING_FULL);
	if (!native_gstage_access(gpa, NATIVE_STORE, &hpa))
		return false;
	assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
	return true;
}

/* Mark n entries from `first` on as harvested, as user space does. */
static void harvest(unsigned int first, unsigned int n)
{
	for (; n; n--, first++)
		ring()[first % ENTRIES].flags = KVM_DIRTY_GFN_F_RESET;
}

static void a_written_page_is_added_once_until_it_is_reset(void **state)
{
	(void)state;
	assert_true(store(3));
	assert_false(store(3));
	assert_true(store(700));
	assert_int_equal(ring()[0].flags, KVM_DIRTY_GFN_F_DIRTY);
	assert_int_equal(ring()[0].slot, 0);
	assert_int_equal(ring()[0].offset, 3);
	assert_int_equal(ring()[1].offset, 700);
	assert_int_equal(ring()[2].flags, 0);

	/* Nothing is harvested yet; then the first entry is. */
	assert_int_equal(dirty_ring_reset_all(vm.vm), 0);
	harvest(0, 1);
	assert_int_equal(dirty_ring_reset_all(vm.vm), 1);
	assert_int_equal(ring()[0].flags, 0);
	assert_true(store(3));
	assert_false(store(700));
	assert_int_equal(ring()[2].offset, 3);
}

static void entries_are_reset_in_order(void **state)
{
	(void)state;
	store(1), store(2), store(3);
	harvest(1, 2); /* user space has skipped the first */
	assert_int_equal(dirty_ring_reset_all(vm.vm), 0);
	assert_false(store(2));
	harvest(0, 1);
	assert_int_equal(dirty_ring_reset_all(vm.vm), 3);
	assert_true(store(1) && store(2) && store(3));
}

static void the_ring_wraps_around(void **state)
{
	unsigned int i, round;

	(void)state;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 100; i++)
			assert_true(store(i * 7));
		harvest(round * 100, 100);
		assert_int_equal(dirty_ring_reset_all(vm.vm), 100);
	}
	assert_int_equal(dirty_ring_used(vm.vcpu->dirty_ring), 0);
}

static void a_guest_does_not_enter_with_a_full_ring(void **state)
{
	unsigned int i, full = ENTRIES - DIRTY_RING_RESERVED;

	(void)state;
	for (i = 0; i < full - 1; i++)
		store(i);
	assert_false(vm.vcpu->requests & BIT(REQ_RING_FULL));
	store(i);
	assert_true(vm.vcpu->requests & BIT(REQ_RING_FULL));
	vcpu_put(vm.vcpu);
	for (i = 0; i < 3; i++) {
		vm.vcpu->run->exit_reason = 0;
		assert_int_equal(native_run(vm.vcpu), 0);
		assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_DIRTY_RING_FULL);
		assert_int_equal(vm.vcpu->stats.exits, 0);
	}
	harvest(0, 1);
	assert_int_equal(dirty_ring_reset_all(vm.vm), 1);
	native_signal_set(true);
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_false(vm.vcpu->requests & BIT(REQ_RING_FULL));
	vcpu_load(vm.vcpu);
}

/* The host's own stores are logged, but must not overwrite entries that user space has not seen. */
static void the_host_does_not_store_once_the_ring_has_no_room(void **state)
{
	static const u8 byte = 0x5a;
	u64 page, stores = 0;
	unsigned int i;

	(void)state;
	for (page = 0; page < 2 * ENTRIES; page++)
		stores += !kvm_write_guest(vm.vcpu, GPA + page * PAGE_SIZE, &byte, 1);
	assert_int_equal(dirty_ring_used(vm.vcpu->dirty_ring), ENTRIES - 1);
	/* A try that failed because the page had to be faulted in has an entry of its own. */
	for (page = 0, i = 1; i < ENTRIES - 1; i++) {
		page += ring()[i].offset != page;
		assert_int_equal(ring()[i].offset, page);
	}
	assert_int_equal(stores, page + 1);
	assert_int_equal(kvm_write_guest(vm.vcpu, GPA, &byte, 1), -EAGAIN);
	assert_int_equal(*(u8 *)native_user(HVA + page * PAGE_SIZE), byte);
	assert_int_equal(*(u8 *)native_user(HVA + stores * PAGE_SIZE), 0);
}

#define EVENTS_GPA (GPA + MB)

static struct sbi_pmu_event_info *events(void)
{
	return native_user(HVA + MB);
}

/* event_get_info for `count` events, each of which is a firmware event. */
static long ask_for_events(unsigned long count)
{
	unsigned long *gpr = vm.vcpu->guest.gpr;
	struct sbiret ret = { 0 };

	for (unsigned long i = 0; i < count; i++)
		events()[i] = (struct sbi_pmu_event_info){ 0xf0000, 7, 0 };
	gpr[GPR_A0] = EVENTS_GPA;
	gpr[GPR_A1] = 0;
	gpr[GPR_A2] = count;
	gpr[GPR_A3] = 0;
	assert_int_equal(sbi_pmu(vm.vcpu, SBI_EXT_PMU, SBI_PMU_EVENT_GET_INFO, &ret), RESUME_GUEST);
	return ret.error;
}

/* Each write of guest memory adds an entry, so there must be few. */
static void answers_about_many_events_fit_into_the_ring(void **state)
{
	const unsigned long count = 500;

	(void)state;
	assert_int_equal(ask_for_events(count), SBI_SUCCESS);
	for (unsigned long i = 0; i < count; i++)
		assert_int_equal(events()[i].output, 1);
	assert_true(dirty_ring_used(vm.vcpu->dirty_ring) <= 20);
}

/* Only entries in use are reset, however many user space marks. */
static void marking_unused_entries_changes_nothing(void **state)
{
	(void)state;
	store(9);
	harvest(0, ENTRIES);
	assert_int_equal(dirty_ring_reset_all(vm.vm), 1);
	assert_int_equal(dirty_ring_reset_all(vm.vm), 0);
	assert_int_equal(dirty_ring_used(vm.vcpu->dirty_ring), 0);
	assert_true(store(9));
	assert_int_equal(ring()[1].flags, KVM_DIRTY_GFN_F_DIRTY);
	assert_int_equal(ring()[1].offset, 9);
}

static void invalid_slots_and_pages_are_ignored(void **state)
{
	static const struct {
		u32 slot;
		u64 offset;
	} rows[] = { { 0, 1024 },       { 0, ~0ULL }, { 0, 1ULL << 52 }, { 1, 0 }, { 0x10000, 5 },
		     { 0xffffffff, 5 }, { 32766, 0 }, { 32767, 0 },      { 2, 0 } };
	unsigned int i;

	(void)state;
	assert_int_equal(native_set_slot(vm.vm, 2, GPA + 16 * MB, MB, HVA + 16 * MB, 0),
			 0); /* not logged */
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		store(i);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ring()[i].slot = rows[i].slot;
		ring()[i].offset = rows[i].offset;
	}
	harvest(0, ARRAY_SIZE(rows));
	assert_int_equal(dirty_ring_reset_all(vm.vm), ARRAY_SIZE(rows));
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_false(store(i)); /* still writable: user space did not name its page */
}

static void a_vm_has_either_bitmaps_or_rings(void **state)
{
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = (void *)HVA };
	struct kvm_clear_dirty_log clear = { .slot = 0, .num_pages = 64 };
	hpa_t pa;

	(void)state;
	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), -ENXIO);
	assert_int_equal(kvm_vm_ioctl_clear_dirty_log(vm.vm, &clear), -ENXIO);
	assert_int_equal(dirty_ring_page(vm.vcpu, 1, &pa), -EINVAL);
	assert_int_equal(dirty_ring_set_size(vm.vm, PAGE_SIZE), -EINVAL); /* only once */
}

static void sizes_are_checked_as_on_linux(void **state)
{
	static const struct {
		u32 size;
		int err;
	} rows[] = { { 0, -EINVAL },     { 2048, -EINVAL },   { 4097, -EINVAL },
		     { 12288, -EINVAL }, { 1 << 21, -E2BIG }, { 1U << 31, -E2BIG },
		     { 1 << 20, 0 },     { 1 << 20, -EINVAL } };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(dirty_ring_set_size(vm.vm, rows[i].size), rows[i].err);
}

static int no_vcpu_setup(void **state)
{
	(void)state;
	native_reset();
	native_core_start();
	native_vm_open(&vm);
	return 0;
}

static void without_memory_for_the_ring_there_is_no_vcpu(void **state)
{
	unsigned int nth;
	int fd = -1;

	(void)state;
	assert_int_equal(dirty_ring_set_size(vm.vm, 4 * PAGE_SIZE), 0);
	for (nth = 1; fd < 0; nth++) {
		native_fail_alloc(nth);
		fd = (int)native_ioctl(vm.vm_fd, KVM_CREATE_VCPU, 0);
		assert_true(fd >= 0 || fd == -ENOMEM);
	}
	native_fail_alloc(0);
	assert_true(nth > 7); /* vCPU, run page, ring and its four pages */
	native_close(fd);
}

#define RING_TEST(claim) cmocka_unit_test_setup_teardown(claim, ring_setup, one_vm_end)
#define VM_TEST(claim)   cmocka_unit_test_setup_teardown(claim, no_vcpu_setup, one_vm_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RING_TEST(a_written_page_is_added_once_until_it_is_reset),
		RING_TEST(entries_are_reset_in_order),
		RING_TEST(the_ring_wraps_around),
		RING_TEST(a_guest_does_not_enter_with_a_full_ring),
		RING_TEST(the_host_does_not_store_once_the_ring_has_no_room),
		RING_TEST(answers_about_many_events_fit_into_the_ring),
		RING_TEST(marking_unused_entries_changes_nothing),
		RING_TEST(invalid_slots_and_pages_are_ignored),
		RING_TEST(a_vm_has_either_bitmaps_or_rings),
		VM_TEST(sizes_are_checked_as_on_linux),
		VM_TEST(without_memory_for_the_ring_there_is_no_vcpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
