// SPDX-License-Identifier: MIT
/*
 * test_memslot.c - KVM_SET_USER_MEMORY_REGION: what it refuses, and what it changes.
 */
#include <pthread.h>
#include <unistd.h>
#include "slot_vm.h"

static long slot_at(gpa_t gpa)
{
	const struct memslot *slot = memslot_find(vm.vcpu, gpa_to_gfn(gpa));

	return slot ? (long)slot->id : -1;
}

/* ---- refusals with Linux's errno ------------------------------------------------ */

static void slots_that_linux_refuses_are_einval(void **state)
{
	static const struct {
		const char *what;
		u32 slot;
		gpa_t gpa;
		u64 size;
		hva_t hva;
		u32 flags;
	} bad[] = {
		{ "size that is not a multiple of the page size", 0, GPA, MB + 1, HVA, 0 },
		{ "address that is not page-aligned", 0, GPA + 0x800, MB, HVA, 0 },
		{ "user address that is not page-aligned", 0, GPA, MB, HVA + 8, 0 },
		{ "user address outside user space", 0, GPA, MB, 0xffffffff80000000, 0 },
		{ "range that ends outside user space", 0, GPA, 1ULL << 63, HVA, 0 },
		{ "unknown flag", 0, GPA, MB, HVA, 8 },
		{ "guest_memfd, which RISC-V lacks", 0, GPA, MB, HVA, 4 },
		{ "slot 32767", 32767, GPA, MB, HVA, 0 },
		{ "another address space", 1 << 16, GPA, MB, HVA, 0 },
		{ "guest addresses that wrap", 0, 0xfffffffffffff000, 2 * PAGE_SIZE, HVA, 0 },
		{ "2^31 pages", 0, 0, PAGE_SIZE << 31, HVA, 0 },
		{ "deletion of a missing slot", 0, GPA, 0, HVA, 0 },
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
	/* Slots may share user memory: only their guest addresses must not overlap. */
	assert_int_equal(slot_at(GPA + MB), 1);
	assert_int_equal(slot_at(GPA - 1), 2);
}

static void guest_addresses_beyond_the_table_are_efault(void **state)
{
	u64 limit = 1ULL << gstage_max_gpa_bits();

	(void)state;
	assert_int_equal(set(0, limit, MB, HVA, 0), -EFAULT);
	assert_int_equal(set(0, limit - MB, MB, HVA, 0), -EFAULT); /* as on Linux */
	assert_int_equal(set(0, limit - MB - PAGE_SIZE, MB, HVA, 0), 0);
}

static void a_slots_memory_size_and_read_only_flag_cannot_change(void **state)
{
	(void)state;
	assert_int_equal(set(0, GPA, MB, HVA, 0), 0);
	assert_int_equal(set(0, GPA, MB, HVA + MB, 0), -EINVAL);
	assert_int_equal(set(0, GPA, 2 * MB, HVA, 0), -EINVAL);
	assert_int_equal(set(0, GPA, MB, HVA, KVM_MEM_READONLY), -EINVAL);
	assert_int_equal(set(0, GPA, MB, HVA, 0), 0); /* no change */
	assert_int_equal(slot_at(GPA), 0);
}

static void a_writable_slot_of_read_only_memory_is_eperm(void **state)
{
	(void)state;
	native_user_map(HVA + 3 * PAGE_SIZE, PAGE_SIZE, NATIVE_READ_ONLY);
	assert_int_equal(set(0, GPA, MB, HVA, 0), -EPERM);
	assert_int_equal(set(0, GPA, MB, HVA, KVM_MEM_LOG_DIRTY_PAGES), -EPERM);
	assert_int_equal(set(0, GPA, 3 * PAGE_SIZE, HVA, 0), 0);
	assert_int_equal(set(1, GPA + MB, MB, HVA, KVM_MEM_READONLY), 0);
	/* A slot that is moved or gets other flags is checked again. */
	native_user_map(HVA, PAGE_SIZE, NATIVE_READ_ONLY);
	assert_int_equal(set(0, GPA + 4 * MB, 3 * PAGE_SIZE, HVA, 0), -EPERM);
	assert_int_equal(set(0, GPA, 3 * PAGE_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES), -EPERM);
	assert_int_equal(set(0, GPA, 3 * PAGE_SIZE, HVA, 0), 0); /* no change, so no check */
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
	/* Create the slots in an order other than that of their addresses. */
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

/* Create the maximum number of slots in an order that splits chunks, then delete them all. */
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

static void a_moved_slot_is_found_only_at_its_new_address(void **state)
{
	(void)state;
	set(0, GPA, 4 * MB, HVA, 0);
	store(GPA + MB);
	assert_int_equal(set(0, GPA + 2 * MB, 4 * MB, HVA, 0), 0); /* overlaps its old range */
	assert_int_equal(slot_at(GPA), -1);
	assert_int_equal(slot_at(GPA + 5 * MB), 0);
	assert_int_equal(store(GPA + 3 * MB), RESUME_GUEST);
	assert_int_equal(store(GPA + MB), RESUME_USER);
}

static void an_old_map_lives_while_a_vcpu_reads_it(void **state)
{
	const struct memslot *slot;
	struct kvm_vcpu *second = native_vcpu_make(&vm, 1);

	(void)state;
	set(0, GPA, MB, HVA, 0);
	memslot_vcpu_refresh(second);
	slot = memslot_find(second, gpa_to_gfn(GPA));
	assert_int_equal(set(0, 0, 0, 0, 0), 0);
	assert_int_equal(slot->hva, HVA); /* ASan would report the use of a freed map */
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
	assert_int_equal(kvm_read_guest(vm.vm, GPA + 3 * MB - 2, out, 4), -ENXIO);
	assert_int_equal(kvm_read_guest(vm.vm, 0, out, 4), -ENXIO);
}

/* The notifier skips chunks by the hull of their user addresses, also after a change of a chunk. */
static void an_invalidation_finds_every_slot(void **state)
{
	const unsigned int count = 3 * MEMSLOT_CHUNK, first = MEMSLOT_CHUNK / 2;
	struct gstage_leaf leaf;
	unsigned int i;

	(void)state;
	/* User addresses descend, while guest addresses ascend. */
	for (i = 0; i < count; i++)
		assert_int_equal(set(i, GPA + 2 * i * PAGE_SIZE, PAGE_SIZE,
				     HVA + (count - i) * PAGE_SIZE, 0),
				 0);
	for (i = 0; i < first; i += 3) /* in the first chunk only */
		assert_int_equal(set(i, 0, 0, 0, 0), 0);
	for (i = 0; i < count; i++) {
		gpa_t gpa = GPA + 2 * i * PAGE_SIZE;

		if (i < first && i % 3 == 0)
			continue;
		assert_int_equal(store(gpa), RESUME_GUEST);
		assert_int_equal(gstage_find(&vm.vm->gstage, gpa, &leaf), 0);
		native_user_unmap(HVA + (count - i) * PAGE_SIZE, PAGE_SIZE);
		assert_int_equal(gstage_find(&vm.vm->gstage, gpa, &leaf), -ENOENT);
	}
}

static bool removed;

static void *remove_slot(void *arg)
{
	(void)arg;
	native_hart_set(1);
	native_set_slot(vm.vm, 0, GPA, 0, HVA, 0);
	__atomic_store_n(&removed, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * With or without mapped pages, and so with or without a fence: the core may store through the
 * slot's hva, which no fence prevents.
 */
static void a_removal_waits_for_a_store_by_the_core(void **state)
{
	pthread_t thread;
	int mapped;

	(void)state;
	native_harts_set(2);
	for (mapped = 0; mapped < 2; mapped++) {
		assert_int_equal(set(0, GPA, 8 * PAGE_SIZE, HVA, 0), 0);
		if (mapped)
			assert_int_equal(store(GPA), RESUME_GUEST);
		removed = false;
		assert_true(memslot_store_begin(vm.vcpu));
		pthread_create(&thread, NULL, remove_slot, NULL);
		usleep(50000);
		assert_false(__atomic_load_n(&removed, __ATOMIC_ACQUIRE));
		memslot_store_end(vm.vcpu);
		pthread_join(thread, NULL);
		assert_true(removed);
		memslot_vcpu_refresh(vm.vcpu);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slots_that_linux_refuses_are_einval),
		TEST(an_overlap_is_eexist),
		TEST(guest_addresses_beyond_the_table_are_efault),
		TEST(a_slots_memory_size_and_read_only_flag_cannot_change),
		TEST(a_writable_slot_of_read_only_memory_is_eperm),
		TEST(without_memory_nothing_changes),
		TEST(a_slot_is_found_from_its_first_to_its_last_page),
		TEST(all_32767_slots_can_be_used),
		TEST(a_deleted_slot_is_unmapped_and_forgotten),
		TEST(a_moved_slot_is_found_only_at_its_new_address),
		TEST(an_old_map_lives_while_a_vcpu_reads_it),
		TEST(guest_memory_is_read_and_written_across_slots),
		TEST(an_invalidation_finds_every_slot),
		TEST(a_removal_waits_for_a_store_by_the_core),
	};

	return cmocka_run_group_tests_name("memory slots", tests, NULL, NULL);
}
