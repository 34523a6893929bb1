// SPDX-License-Identifier: MIT
/*
 * test_shadow_tlb.c - what the hart keeps in its TLB while L1 and L2 run in turn, and which fence drops it.
 *
 * L1 and L2 have VS-stage tables, in which one address is mapped to the first of two pages and then to
 * the second. Without a fence, the hart still uses the first one.
 */
#include "shadow_guest.h"

#define INDEX  1UL /* in all three tables: word 0 of a page is its number */
#define GVA    (INDEX << 30 | INDEX << 21 | INDEX << 12)
#define TABLES (BASE + 0x8000) /* of L1 */

#define L1_ADDRESS(n) (TABLES + (4 + (n)) * PAGE_SIZE) /* of a page of L1 */

/* Make three tables, from address `tables` of L1 or L2 on, which are at `gpa`. Returns vsatp. */
static unsigned long make_tables(u64 tables, gpa_t gpa)
{
	for (unsigned int level = 0; level < 2; level++)
		((u64 *)memory(gpa + level * PAGE_SIZE))[INDEX] =
			pte_make(tables + (level + 1) * PAGE_SIZE, PTE_V);
	return FIELD_PREP(SATP_MODE, SATP_MODE_SV39) | tables >> PAGE_SHIFT;
}

/* `gpa` has the tables, which from now on map GVA to `target`. */
static void map_to(gpa_t gpa, u64 target)
{
	((u64 *)memory(gpa + 2 * PAGE_SIZE))[INDEX] =
		pte_make(target, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
}

/* Load from GVA in L1 or L2, whichever runs. */
static u64 load(void)
{
	struct hv_trap trap;
	u64 number = 0;

	for (unsigned int i = 0; i < 16; i++) {
		serve();
		if (!native_guest_access(GVA, NATIVE_LOAD, &number, sizeof(number), &trap))
			return number;
		nested_unsettle(vm.vcpu);
		if (vm.vcpu->nested.v) {
			assert_int_equal(nested_fault(vm.vcpu, &trap), RESUME_GUEST);
			nested_settle(vm.vcpu);
		} else {
			assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
		}
	}
	fail_msg("the address stays unmapped");
	return 0;
}

static u64 number_at(gpa_t gpa)
{
	return numbers[(gpa - BASE) / PAGE_SIZE];
}

/* The numbers of the two pages of L1, and of those of L2, which are pages 4 and 5 of its memory. */
#define L1_PAGE(n) (number_at(L1_ADDRESS(n)))
#define L2_PAGE(n) (number_at(DATA + (4 + (n)) * PAGE_SIZE))

static int setup_tables(void **state)
{
	setup(state);
	native_quirks.htinst = 0x2503;
	map_all();
	leave_l2();
	csr_write(vsatp, make_tables(TABLES, TABLES));
	map_to(TABLES, L1_ADDRESS(0));
	vm.vcpu->nested.vsatp = make_tables(0, DATA);
	map_to(DATA, 4 * PAGE_SIZE);
	assert_int_equal(load(), L1_PAGE(0));
	enter_l2();
	assert_int_equal(load(), L2_PAGE(0));
	return 0;
}

static unsigned int count_fences(void)
{
	const struct native_fences *f = &native_fences;

	return f->gvma_all + f->gvma_vmid + f->gvma_gpa + f->vvma_all + f->vvma_asid + f->vvma_gva;
}

/* Leave L2, and load as L1. */
static u64 load_as_l1(void)
{
	leave_l2();
	return load();
}

static void the_way_to_l1_and_back_needs_no_fence(void **state)
{
	unsigned int fences, misses;

	(void)state;
	load_as_l1();
	enter_l2();
	fences = count_fences();
	misses = native_walks.g_misses + native_walks.vs_misses;
	assert_int_equal(load_as_l1(), L1_PAGE(0));
	enter_l2();
	assert_int_equal(load(), L2_PAGE(0));
	assert_int_equal(count_fences(), fences);
	assert_int_equal(native_walks.g_misses + native_walks.vs_misses, misses);
}

static void a_fence_for_l1_that_arrives_in_l2_is_not_lost(void **state)
{
	struct hfence fence = { .kind = HFENCE_VVMA, .size = ~0ULL };
	struct hv_kicks kicks = { .count = 0 };

	(void)state;
	map_to(TABLES, L1_ADDRESS(1));
	assert_int_equal(load_as_l1(), L1_PAGE(0));
	enter_l2();
	vcpu_request_fence(vm.vcpu, &fence, &kicks);
	serve();
	assert_int_equal(load_as_l1(), L1_PAGE(1));
}

static void a_queue_keeps_both_kinds_of_fences(void **state)
{
	struct hfence gvma = { .kind = HFENCE_GVMA, .start = BASE, .size = PAGE_SIZE };
	struct hfence vvma = { .kind = HFENCE_VVMA, .start = GVA, .size = PAGE_SIZE };
	struct hv_kicks kicks = { .count = 0 };
	unsigned int gvmas, vvmas;

	(void)state;
	leave_l2();
	gvmas = native_fences.gvma_vmid;
	vvmas = native_fences.vvma_all;
	vcpu_request_fence(vm.vcpu, &gvma, &kicks);
	vcpu_request_fence(vm.vcpu, &vvma, &kicks);
	serve();
	assert_int_equal(native_fences.gvma_vmid, gvmas + 1);
	assert_int_equal(native_fences.vvma_all, vvmas + 1);
}

/* hfence.vvma by the guest hypervisor. */
static void execute_hfence_vvma(void)
{
	int result;

	vm.vcpu->guest.sstatus |= SSTATUS_SPP;
	assert_true(nested_emulate(vm.vcpu, 0x22000073, &result));
	nested_unsettle(vm.vcpu);
}

static void hfence_vvma_drops_what_l2_has_cached(void **state)
{
	(void)state;
	map_to(DATA, 5 * PAGE_SIZE);
	leave_l2();
	enter_l2();
	assert_int_equal(load(), L2_PAGE(0));
	leave_l2();
	choose_guest(1);
	execute_hfence_vvma();
	choose_guest(0);
	enter_l2();
	assert_int_equal(load(), L2_PAGE(0));
	leave_l2();
	execute_hfence_vvma();
	enter_l2();
	assert_int_equal(load(), L2_PAGE(1));
}

/* What this hart has cached of L2 is old when the vCPU comes back from another hart. */
static void another_hart_and_back(void **state)
{
	(void)state;
	vcpu_put(vm.vcpu);
	native_hart_set(1);
	vcpu_load(vm.vcpu);
	map_to(DATA, 5 * PAGE_SIZE);
	assert_int_equal(load(), L2_PAGE(1));
	vcpu_put(vm.vcpu);
	native_hart_set(0);
	vcpu_load(vm.vcpu);
	assert_int_equal(load(), L2_PAGE(1));
}

/* In a new generation, a guest has the VMID that another one had, with the same ASID and address. */
static void a_vmid_of_another_guest_is_fenced(void **state)
{
	unsigned long vmid;

	(void)state;
	assert_int_equal(native_param_set("vmid_bits", "14"), 0);
	serve();
	vmid = vm.vcpu->shadow->current->gstage.vmid;
	assert_int_equal(load(), L2_PAGE(0));
	leave_l2();
	choose_guest(1);
	map_all();
	enter_l2();
	leave_l2();
	map_to(DATA, 5 * PAGE_SIZE);
	assert_int_equal(native_param_set("vmid_bits", "14"), 0);
	vmid_update(vm.vcpu);
	enter_l2();
	assert_int_equal(vm.vcpu->shadow->current->gstage.vmid, vmid);
	assert_int_equal(load(), L2_PAGE(1));
}

static void too_few_vmids_are_not_used(void **state)
{
	static const char *const bits[] = { "0", "4" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
		unsigned long generation;

		assert_int_equal(native_param_set("vmid_bits", bits[i]), 0);
		serve();
		generation = vm.vm->gstage.vmid_generation;
		for (unsigned int n = 0; n < 2 * HARTS; n++) {
			leave_l2();
			choose_guest(n);
			enter_l2();
			serve();
			assert_int_equal(FIELD_GET(HGATP_VMID, csr_read(hgatp)), vm.vcpu->vmid);
		}
		assert_int_equal(vm.vm->gstage.vmid_generation, generation);
	}
}

#define CASE(claim) cmocka_unit_test_setup_teardown(claim, setup_tables, one_vm_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_way_to_l1_and_back_needs_no_fence),
		CASE(a_fence_for_l1_that_arrives_in_l2_is_not_lost),
		CASE(a_queue_keeps_both_kinds_of_fences),
		CASE(hfence_vvma_drops_what_l2_has_cached),
		CASE(another_hart_and_back),
		CASE(a_vmid_of_another_guest_is_fenced),
		CASE(too_few_vmids_are_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
