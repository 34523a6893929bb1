// SPDX-License-Identifier: MIT
/*
 * test_shadow.c - the shadow table is L1's table followed by the VM's own, whatever happens to both.
 *
 * Between the accesses of L2, in random order, L1 changes its table and fences, or enters another of
 * its guests, changes its sstatus.MXR, the host takes pages back and gives others, the dirty log is read, the vCPU is put and
 * loaded on another hart, a new generation of VMIDs begins, and the statistics are cleared.
 */
#include "shadow_guest.h"

/*
 * If this is set, each page of L1 has at most one address in a guest, so that the reverse map is
 * complete. Otherwise, a flush usually finds it incomplete, and drops the table.
 */
static bool one_address;

/* ---- what happens meanwhile ------------------------------------------------------------------- */

static u64 random_flags(void)
{
	u64 flags = PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D;

	if (!rnd(3))
		flags &= ~BIT(rnd(8));
	if (!rnd(6))
		flags &= ~(PTE_R | PTE_W);
	if (!rnd(16))
		flags |= 1ULL << (54 + rnd(7));
	return flags;
}

/*
 * L1 fences `size` bytes, in which it has changed one leaf: all addresses, or one address of the leaf
 * at `l2` and, if there is one, at the same offset in FAR.
 */
static void fence(u64 l2, u64 size, bool is_far)
{
	unsigned long vmid = rnd(2) ? VMID : SHADOW_ANY_VMID;

	l2 += rnd(size / PAGE_SIZE) * PAGE_SIZE;
	if (!rnd(vm.vcpu->shadow->protects ? 2 : 8)) {
		shadow_fence(vm.vcpu, vmid, 0, ~0ULL);
		return;
	}
	shadow_fence(vm.vcpu, vmid, l2, l2 + PAGE_SIZE - 1);
	if (is_far)
		shadow_fence(vm.vcpu, vmid, FAR + l2, FAR + l2 + PAGE_SIZE - 1);
	shadow_fence(vm.vcpu, vmid + 1, 0, ~0ULL);
}

static gpa_t random_page(void)
{
	if (rnd(2))
		return DATA + rnd(NR_DATA) * PAGE_SIZE;
	return BASE + LARGE + rnd(3 * LARGE / PAGE_SIZE) * PAGE_SIZE;
}

/* L1 changes an entry of its table, and executes HFENCE.GVMA. */
static void change_table(void)
{
	u64 i = rnd(NR_SMALL);

	leave_l2();
	if (!rnd(4))
		set_mxr(rnd(2));
	if (one_address && rnd(4)) {
		u64 j = rnd(NR_SMALL), pte = level0[i]; /* two pages change places */

		store_l1(LEVEL0(guest) + i * 8, (level0[j] & PTE_PPN) | random_flags());
		store_l1(LEVEL0(guest) + j * 8, (pte & PTE_PPN) | random_flags());
		fence(i * PAGE_SIZE, PAGE_SIZE, false);
		fence(j * PAGE_SIZE, PAGE_SIZE, false);
	} else if (!one_address && rnd(4)) {
		store_l1(LEVEL0(guest) + i * 8,
			 pte_make(rnd(4) ? DATA + rnd(NR_DATA) * PAGE_SIZE : random_page(), 0) |
				 random_flags());
		fence(SMALL + i * PAGE_SIZE, PAGE_SIZE, true);
	} else if (one_address || rnd(3)) {
		store_l1(LEVEL1(guest) + 8,
			 pte_make(BASE + LARGE * (1 + rnd(3)) + (rnd(8) ? 0 : PAGE_SIZE), 0) |
				 random_flags());
		fence(LARGE, LARGE, true);
	} else {
		store_l1(ROOT(guest) + (HUGE >> 30) * 8,
			 rnd(4) ? 0 : pte_make(BASE, 0) | random_flags());
		fence(HUGE, SZ_1G, false);
	}
	enter_l2();
}

static u64 random_l2_address(void)
{
	u64 region = one_address || rnd(4) ? 0 : FAR;

	if (!one_address && !rnd(8))
		return HUGE + (random_page() - BASE);
	if (rnd(2))
		return region + SMALL + rnd(NR_SMALL) * PAGE_SIZE;
	return region + LARGE + rnd(LARGE / PAGE_SIZE) * PAGE_SIZE;
}

/* Either there are enough VMIDs for the shadow tables, or not, or none at all. */
static void begin_vmid_generation(void)
{
	static const char *const bits[] = { "14", "6", "4", "0" };

	assert_int_equal(native_param_set("vmid_bits", bits[rnd(ARRAY_SIZE(bits))]), 0);
}

static void disturb(void)
{
	hpa_t hpa;

	switch (rnd(10)) {
	case 0:
	case 1:
		change_table();
		break;
	case 2:
		change_page(random_page());
		break;
	case 3:
		if (logging)
			read_log();
		break;
	case 4:
		vcpu_put(vm.vcpu);
		if (rnd(2))
			change_page(random_page());
		native_hart_set(rnd(HARTS));
		vcpu_load(vm.vcpu);
		break;
	case 5: /* as a write to a file of debugfs does */
		vm.vm->stats.remote_tlb_flush_requests = 0;
		break;
	case 6:
		if (!rnd(64))
			set_logging(!logging);
		break;
	case 7:
		if (rnd(4))
			break;
		switch_guest((unsigned int)rnd(NR_GUESTS));
		break;
	case 8: /* an exit to L1, which has no memory at L2's addresses, and then enters L2 again */
		leave_l2();
		assert_int_not_equal(native_gstage_access(random_l2_address(), NATIVE_LOAD, &hpa),
				     0);
		if (!rnd(3))
			change_page(random_page());
		for (u64 n = rnd(6); n > 0; n--)
			check_l1(random_page(), NATIVE_LOAD);
		for (u64 n = rnd(6); n > 0; n--) {
			vm.vm->toggle[TOGGLE_nested_switch] = (u8)rnd(2);
			check_hlv(random_l2_address(), rnd(2), rnd(4) ? 0 : random_page());
		}
		enter_l2();
		break;
	default:
		if (!rnd(4))
			begin_vmid_generation();
		break;
	}
}

/* Returns how often the current table was in the reverse map as a whole. */
static unsigned int access_randomly(unsigned int times)
{
	unsigned int complete = 0;

	for (unsigned int i = 0; i < times; i++) {
		disturb();
		for (u64 n = rnd(8); n > 0; n--)
			check(random_l2_address(), (enum native_access)rnd(3));
		complete += !vm.vcpu->shadow->current->incomplete;
	}
	return complete;
}

static void accesses_agree_with_both_tables(void **state)
{
	(void)state;
	one_address = false;
	access_randomly(20000);
}

static void accesses_agree_with_a_complete_reverse_map(void **state)
{
	(void)state;
	one_address = true;
	for (unsigned int n = 0; n < NR_GUESTS; n++) {
		leave_l2();
		choose_guest(n);
		map_all();
		enter_l2();
	}
	assert_true(access_randomly(20000) > 15000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accesses_agree_with_both_tables),
		TEST(accesses_agree_with_a_complete_reverse_map),
		cmocka_unit_test_setup_teardown(accesses_agree_with_both_tables, setup_huge,
						one_vm_end),
		cmocka_unit_test_setup_teardown(accesses_agree_with_a_complete_reverse_map,
						setup_huge, one_vm_end),
		cmocka_unit_test_setup_teardown(accesses_agree_with_both_tables, setup_protect,
						one_vm_end),
		cmocka_unit_test_setup_teardown(accesses_agree_with_a_complete_reverse_map,
						setup_protect_huge, one_vm_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
