// SPDX-License-Identifier: MIT
/*
 * test_race_memory.c - guests run on two harts while their memory is changed.
 *
 * To detect stale translations, the tests write increasing values to the pages, and a guest knows
 * at each read which values are too old. Rule numbers are those of docs/locking.md;
 * tests/native/mutants.slow.t checks that the tests fail if a rule is broken.
 */
#include <sched.h>
#include "one_vm.h"
#include "race.h"
#include "vcpu/nacl.h"

#define BASE  NATIVE_GUEST_BASE
#define HVA   NATIVE_USER_BASE
#define OTHER (HVA + NATIVE_GUEST_SIZE) /* a second range of user memory */
#define PAGES 32
#define VCPUS 3
#define HARTS 2
#define VMS   4 /* other VMs, without memory, for bugs that need several VMs */

static struct race_runner runners[VCPUS + VMS];
static unsigned int nr_runners;
static struct native_vm others[VMS];
static unsigned int nr_others;
static u64 floors[PAGES]; /* the oldest value that a page may still show */
static u64 stale;         /* number of reads through stale translations */

static int setup_with(unsigned int vmid_bits, unsigned int user_flags)
{
	unsigned int i;

	native_reset();
	native_harts_set(HARTS + 1); /* the last one is the test's own: race_harts() */
	native_hgatp_set(1 << SATP_MODE_SV39, vmid_bits);
	native_core_start();
	race_harts(HARTS);
	native_vm_make(&vm, user_flags);
	vcpu_put(vm.vcpu);
	for (i = 1; i < VCPUS; i++) {
		struct kvm_vcpu *vcpu = native_vcpu_make(&vm, i);

		hsm_power_on(vcpu);
	}
	memset(floors, 0, sizeof(floors));
	memset(runners, 0, sizeof(runners));
	stale = 0;
	nr_runners = 0;
	nr_others = 0;
	return 0;
}

static int end(void **state)
{
	while (nr_others)
		native_vm_free(&others[--nr_others]);
	return one_vm_end(state);
}

static int setup(void **state)
{
	(void)state;
	return setup_with(14, 0);
}

static int setup_few_vmids(void **state)
{
	(void)state;
	setup_with(2, 0);
	while (nr_others < VMS) {
		native_vm_open(&others[nr_others]);
		native_vcpu_make(&others[nr_others++], 0);
	}
	return 0;
}

static int setup_huge(void **state)
{
	(void)state;
	return setup_with(14, NATIVE_HUGE);
}

static void start(const struct native_vm *f)
{
	unsigned int i;

	for (i = 0; i < f->nr_vcpus; i++)
		race_start(&runners[nr_runners++], f->vcpu_fd[i], native_file_priv(f->vcpu_fd[i]));
}

static void start_all(void)
{
	unsigned int i;

	start(&vm);
	for (i = 0; i < nr_others; i++)
		start(&others[i]);
}

static void stop_all(void)
{
	unsigned int i;

	for (i = 0; i < nr_runners; i++)
		race_stop(&runners[i]);
	for (i = 0; i < nr_runners; i++)
		assert_int_equal(runners[i].error, 0);
}

static u64 floor_of(unsigned int page)
{
	return __atomic_load_n(&floors[page], __ATOMIC_ACQUIRE);
}

static void set_floor(unsigned int page, u64 value)
{
	__atomic_store_n(&floors[page], value, __ATOMIC_RELEASE);
}

/*
 * Read a page as the guest, and count the value as stale if it is too old or the vCPU's VM is not
 * `vm`. The value 0 means a new, unwritten page. Returns false if the access traps.
 */
static bool check_page(struct kvm_vcpu *vcpu, gpa_t gpa, unsigned int page)
{
	u64 oldest = floor_of(page), value = 0;

	if (!race_load(vcpu, gpa, &value))
		return false;
	if ((value && value < oldest) || vcpu->kvm != vm.vm)
		__atomic_add_fetch(&stale, 1, __ATOMIC_RELAXED);
	return true;
}

/* ---- rules 2, 3, 4, 6: the host takes pages back ---------------------------------------- */

/* Read random pages and store to them. tlb_model.c panics if an access reaches a freed page. */
static void paging_guest(struct kvm_vcpu *vcpu)
{
	unsigned int steps = 40, page;

	while (!race_interrupted(vcpu, steps--)) {
		page = race_random(PAGES);
		if (!check_page(vcpu, BASE + page * PAGE_SIZE, page))
			return;
		if (!race_store(vcpu, BASE + page * PAGE_SIZE + 8 + vcpu->id * 8, steps))
			return;
	}
}

/* At one lookup in four, let other threads run between a page's lookup and its mapping. */
static void yield_at_lookup(hva_t hva, bool write)
{
	(void)hva;
	(void)write;
	if (!race_random(4))
		sched_yield();
}

static void take_back(unsigned int page, u64 value)
{
	hva_t hva = HVA + page * PAGE_SIZE;

	native_user_unmap(hva, PAGE_SIZE);
	set_floor(page, value);
	native_user_map(hva, PAGE_SIZE, 0);
	assert_int_equal(hv_copy_to_user(hva, &value, sizeof(value)), 0);
	if (!race_random(3))
		sched_yield();
}

static void no_guest_sees_a_page_that_the_host_took_back(void **state)
{
	u64 i;

	(void)state;
	native_guest = paging_guest;
	native_page_get_hook = yield_at_lookup;
	start_all();
	/* On a busy machine, it may take longer until a flush finds a vCPU in its guest. */
	for (i = 1; race_round(i) || (!vm.vm->stats.remote_tlb_flush && i < 10000); i++)
		take_back(race_random(PAGES), i);
	stop_all();
	assert_int_equal(stale, 0);
}

/* Take back a page inside a block: the whole leaf is removed, and replaced by small ones. */
static void no_guest_sees_a_removed_page_through_a_2m_leaf(void **state)
{
	unsigned int at;
	u64 i;

	(void)state;
	native_guest = paging_guest;
	native_page_get_hook = yield_at_lookup;
	start_all();
	for (i = 1; race_round(i); i++) {
		take_back(race_random(PAGES), i);
		if (i % 8)
			continue;
		/* Map the whole 2 MiB again, as one block. */
		native_user_unmap(HVA, SZ_2M);
		for (at = 0; at < PAGES; at++)
			set_floor(at, i);
		native_user_map(HVA, SZ_2M, NATIVE_HUGE);
	}
	stop_all();
	assert_int_equal(stale, 0);
}

/* ---- rule 12: HLVX of the instruction that made an MMIO access ---------------------------- */

#define MMIO_GPA 0x10000000UL
#define LW       0x0005a503 /* lw a0,0(a1) */

static void mmio_guest(struct kvm_vcpu *vcpu)
{
	unsigned int page = race_random(PAGES);
	u64 code;

	if (race_interrupted(vcpu, race_random(8)))
		return;
	/* The load, in place of the guest's own fetch, maps the page and fills this hart's TLB. */
	if (!race_load(vcpu, BASE + page * PAGE_SIZE, &code))
		return;
	vcpu->guest.sepc = BASE + page * PAGE_SIZE;
	vcpu->guest.gpr[GPR_A1] = MMIO_GPA;
	native_trap(&(struct hv_trap){
		.scause = EXC_LOAD_GUEST_PAGE_FAULT, .stval = MMIO_GPA, .htval = MMIO_GPA >> 2 });
}

static void no_instruction_is_fetched_from_a_page_taken_back(void **state)
{
	u64 lw = LW, i;
	unsigned int page;

	(void)state;
	for (page = 0; page < PAGES; page++)
		assert_int_equal(hv_copy_to_user(HVA + page * PAGE_SIZE, &lw, sizeof(lw)), 0);
	native_guest = mmio_guest;
	start_all();
	for (i = 1; race_round(i); i++) {
		page = race_random(PAGES);
		native_user_unmap(HVA + page * PAGE_SIZE, PAGE_SIZE);
		native_user_map(HVA + page * PAGE_SIZE, PAGE_SIZE, 0);
		hv_copy_to_user(HVA + page * PAGE_SIZE, &lw, sizeof(lw));
		sched_yield();
	}
	/* On a busy machine, there may have been no MMIO exit yet. */
	while (!READ_ONCE(runners[0].mmio))
		sched_yield();
	stop_all();
}

/* ---- rule 27: the core uses pages of guest memory that it has mapped ------------------------- */

/* Each exit makes the core write to the vCPU's pages before the next entry. */
static void sharing_guest(struct kvm_vcpu *vcpu)
{
	nacl_csr_changed(vcpu);
	race_interrupted(vcpu, 0);
}

/* ASan and TSan find an access to a page that the host has freed. */
static void the_core_uses_no_page_that_the_host_took_back(void **state)
{
	unsigned int i;
	u64 round;

	(void)state;
	for (i = 0; i < vm.nr_vcpus; i++)
		assert_int_equal(
			nacl_reg_set(native_file_priv(vm.vcpu_fd[i]), BASE + 2UL * i * PAGE_SIZE),
			0);
	native_guest = sharing_guest;
	native_page_get_hook = yield_at_lookup;
	start_all();
	for (round = 1; race_round(round); round++)
		take_back(race_random(2 * vm.nr_vcpus), round);
	stop_all();
}

/* ---- rule 5: the memory map changes ---------------------------------------------------------- */

static void map_guest(struct kvm_vcpu *vcpu)
{
	unsigned int steps = 40, page;

	while (!race_interrupted(vcpu, steps--)) {
		page = race_random(4);
		if (!check_page(vcpu, BASE + page * PAGE_SIZE, page))
			return;
	}
}

/* Write value i to four pages at hva, then delete slot 0 and create it again with these pages. */
static void remap_slot(hva_t hva, u64 i)
{
	unsigned int page;

	for (page = 0; page < 4; page++)
		assert_int_equal(hv_copy_to_user(hva + page * PAGE_SIZE, &i, sizeof(i)), 0);
	assert_int_equal(native_set_slot(vm.vm, 0, BASE, 0, 0, 0), 0);
	if (race_random(2))
		sched_yield();
	assert_int_equal(native_set_slot(vm.vm, 0, BASE, 4 * PAGE_SIZE, hva, 0), 0);
	for (page = 0; page < 4; page++)
		set_floor(page, i);
	if (race_random(2))
		sched_yield();
}

static void no_guest_sees_a_replaced_memory_map(void **state)
{
	u64 i;

	(void)state;
	native_user_map(OTHER, 4 * PAGE_SIZE, 0);
	remap_slot(HVA, 1);
	native_guest = map_guest;
	native_page_get_hook = yield_at_lookup;
	start_all();
	for (i = 2; race_round(i); i++)
		remap_slot(i % 2 ? HVA : OTHER, i);
	stop_all();
	assert_int_equal(stale, 0);
}

static u64 moves; /* odd while the slot is not at BASE */

static void moved_guest(struct kvm_vcpu *vcpu)
{
	unsigned int steps = 40;
	u64 before, value;

	while (!race_interrupted(vcpu, steps--)) {
		before = __atomic_load_n(&moves, __ATOMIC_SEQ_CST);
		if (!race_load(vcpu, BASE + race_random(4) * PAGE_SIZE, &value))
			return;
		if (before % 2 && __atomic_load_n(&moves, __ATOMIC_SEQ_CST) == before)
			__atomic_add_fetch(&stale, 1, __ATOMIC_RELAXED);
	}
}

static void no_guest_sees_a_moved_slot_at_its_old_address(void **state)
{
	u64 i;

	(void)state;
	native_guest = moved_guest;
	native_page_get_hook = yield_at_lookup;
	moves = 0;
	start_all();
	for (i = 1; race_round(i); i++) {
		native_set_slot(vm.vm, 0, BASE + NATIVE_GUEST_SIZE, NATIVE_GUEST_SIZE, HVA, 0);
		__atomic_add_fetch(&moves, 1, __ATOMIC_SEQ_CST);
		sched_yield();
		__atomic_add_fetch(&moves, 1, __ATOMIC_SEQ_CST);
		native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, 0);
		sched_yield();
	}
	stop_all();
	assert_int_equal(stale, 0);
}

/* ---- the dirty log ------------------------------------------------------------------------------ */

static u64 written; /* increasing values */

static void writing_guest(struct kvm_vcpu *vcpu)
{
	unsigned int steps = 30;

	while (!race_interrupted(vcpu, steps--)) {
		u64 value = __atomic_add_fetch(&written, 1, __ATOMIC_RELAXED);

		if (!race_store(vcpu, BASE + race_random(PAGES) * PAGE_SIZE + vcpu->id * 8, value))
			return;
	}
}

static u64 copies[PAGES][VCPUS];

static void copy_page(unsigned int page)
{
	assert_int_equal(
		hv_copy_from_user(copies[page], HVA + page * PAGE_SIZE, sizeof(copies[page])), 0);
}

/* Read the log, then copy the pages that it lists, as a migration does. */
static void copy_dirty(bool clear)
{
	u32 bitmap = 0; /* for the first PAGES pages */
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = (void *)OTHER };
	struct kvm_clear_dirty_log clear_log = { .slot = 0,
						 .num_pages = 64,
						 .dirty_bitmap = (void *)OTHER };
	unsigned int page;

	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	assert_int_equal(hv_copy_from_user(&bitmap, OTHER, sizeof(bitmap)), 0);
	if (clear)
		assert_int_equal(kvm_vm_ioctl_clear_dirty_log(vm.vm, &clear_log), 0);
	for (page = 0; page < PAGES; page++)
		if (bitmap >> page & 1)
			copy_page(page);
}

static void log_while_they_write(bool manual)
{
	u64 now[VCPUS];
	unsigned int page, i;

	native_user_map(OTHER, 4 * PAGE_SIZE, 0);
	memset(copies, 0, sizeof(copies));
	if (manual)
		assert_int_equal(dirty_log_set_manual(vm.vm, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE),
				 0);
	assert_int_equal(
		native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA, KVM_MEM_LOG_DIRTY_PAGES),
		0);
	native_guest = writing_guest;
	start_all();
	for (i = 1; race_round(i); i++)
		copy_dirty(manual);
	stop_all();
	copy_dirty(manual);
	for (page = 0; page < PAGES; page++) {
		assert_int_equal(hv_copy_from_user(now, HVA + page * PAGE_SIZE, sizeof(now)), 0);
		if (memcmp(now, copies[page], sizeof(now)))
			fail_msg("a write to page %u is not in any log", page);
	}
}

static void no_write_is_missing_from_the_log(void **state)
{
	(void)state;
	log_while_they_write(false);
}

static void no_write_is_missing_from_a_manually_cleared_log(void **state)
{
	(void)state;
	log_while_they_write(true);
}

#define WITH(setup, claim) cmocka_unit_test_setup_teardown(claim, setup, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(setup, no_guest_sees_a_page_that_the_host_took_back),
		WITH(setup_few_vmids, no_guest_sees_a_page_that_the_host_took_back),
		WITH(setup_huge, no_guest_sees_a_removed_page_through_a_2m_leaf),
		WITH(setup, no_instruction_is_fetched_from_a_page_taken_back),
		WITH(setup, the_core_uses_no_page_that_the_host_took_back),
		WITH(setup, no_guest_sees_a_replaced_memory_map),
		WITH(setup, no_guest_sees_a_moved_slot_at_its_old_address),
		WITH(setup, no_write_is_missing_from_the_log),
		WITH(setup, no_write_is_missing_from_a_manually_cleared_log),
	};

	return cmocka_run_group_tests_name("races for memory", tests, NULL, NULL);
}
