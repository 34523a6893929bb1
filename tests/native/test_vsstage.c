// SPDX-License-Identifier: MIT
/*
 * test_vsstage.c - find the guest physical address that faulted, even if the hardware does not
 * report it.
 *
 * Most claims are checked with htval and htinst as QEMU fills them, with either or both 0, and with
 * a core that reads neither (toggle gpa_from).
 */
#include "touch.h"
#include "mmu/gpa.h"

static int setup_small(void **state)
{
	(void)state;
	return touch_setup(0);
}

static int setup_cow(void **state)
{
	(void)state;
	return touch_setup(NATIVE_COW);
}

/* Write a guest PTE. The Sv39 tables are at BASE (root), BASE + 0x1000 and BASE + 0x2000. */
static void guest_pte(gpa_t at, gpa_t target, pte_t flags)
{
	*(pte_t *)native_user(HVA + (at - BASE)) = pte_make(target, flags);
}

#define GVA       0x12345678UL
#define ALL_FLAGS (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)

static void guest_tables(gpa_t target, pte_t flags)
{
	guest_pte(BASE + ((GVA >> 30) & 511) * 8, BASE + 0x1000, PTE_V);
	guest_pte(BASE + 0x1000 + ((GVA >> 21) & 511) * 8, BASE + 0x2000, PTE_V);
	guest_pte(BASE + 0x2000 + ((GVA >> 12) & 511) * 8, target, flags);
	csr_write(vsatp, FIELD_PREP(SATP_MODE, SATP_MODE_SV39) | BASE >> PAGE_SHIFT);
}

static void for_all_quirks(void (*claim)(void))
{
	struct gstage_pending_flush pending;
	unsigned int q;

	for (q = 0; q < 8; q++) {
		vm.vm->gpa = q & 4 ? &gpa_walk_ops : &gpa_htval_ops;
		native_quirks.htval_zero = q & 1;
		native_quirks.htinst_zero = q & 2;
		csr_write(vscause, 0);
		vm.vcpu->device_gfn = ~0ULL; /* none: with gpa_walk, none is remembered */
		vm.vcpu->guest.sepc = BASE + 0x8000;
		/* Unmap everything, so that every PTE that a walk reads causes a fault first. */
		spin_lock(&vm.vm->gstage.mmu_lock);
		gstage_unmap(&vm.vm->gstage, 0, ~0ULL);
		pending = gstage_take_pending_flush(&vm.vm->gstage);
		spin_unlock(&vm.vm->gstage.mmu_lock);
		tlb_flush_pending(vm.vm, &pending);
		claim();
	}
}

static void tables_and_data_come_one_by_one(void)
{
	guest_tables(BASE + 0x5000, ALL_FLAGS);
	*(u64 *)native_user(HVA + 0x5678) = 99;
	assert_int_equal(load(GVA), 99);
	assert_int_equal(faults, 4);
}

static void a_walk_finds_its_tables_and_its_page(void **state)
{
	(void)state;
	for_all_quirks(tables_and_data_come_one_by_one);
}

static void a_and_d_are_set(void)
{
	native_user_unmap(HVA + 0x2000, PAGE_SIZE);
	native_user_map(HVA + 0x2000, PAGE_SIZE, NATIVE_COW);
	guest_tables(BASE + 0x5000, PTE_V | PTE_R | PTE_W);
	/*
	 * The load maps the PTE's page read-only. The page becomes writable only when the walk has
	 * to set A and D.
	 */
	load_gpa(BASE + 0x2000 + ((GVA >> 12) & 511) * 8);
	store(GVA, 5);
	assert_int_equal(*(u64 *)native_user(HVA + 0x5678), 5);
	assert_int_equal(*(pte_t *)native_user(HVA + 0x2000 + ((GVA >> 12) & 511) * 8) &
				 (PTE_A | PTE_D),
			 PTE_A | PTE_D);
}

static void a_walk_that_sets_a_and_d_gets_its_table_writable(void **state)
{
	(void)state;
	vm.vcpu->henvcfg |= ENVCFG_ADUE;
	csr_write(henvcfg, ENVCFG_ADUE);
	for_all_quirks(a_and_d_are_set);
}

static void a_hart_without_svade_and_svadu_may_set_a_and_d(void **state)
{
	(void)state;
	native_quirks.sets_ad = true;
	for_all_quirks(a_and_d_are_set);
}

static void data_is_mmio(void)
{
	bool walks = native_quirks.htval_zero || native_quirks.htinst_zero ||
		     vm.vm->gpa == &gpa_walk_ops;
	u32 insn = 0x0005a503; /* lw a0,0(a1) */
	u64 data;

	hv_copy_to_user(HVA + 0x8000, &insn, 4);
	guest_tables(0x10000000, ALL_FLAGS);
	/* Map the code, so that HLVX, which is not tested here, can read the load instruction. */
	guest_pte(BASE, 0x80000000, 0);
	guest_pte(BASE + ((GVA >> 30) & 511) * 8, BASE + 0x1000, PTE_V);
	guest_pte(BASE + 0x1000 + 8, BASE, ALL_FLAGS);
	vm.vcpu->guest.sepc = SZ_2M + 0x8000;
	vm.vcpu->guest.gpr[11] = GVA;
	assert_int_equal(touch(vm.vcpu, SZ_2M + 0x8000, NATIVE_FETCH, &data), RESUME_GUEST);
	assert_int_equal(touch(vm.vcpu, GVA, NATIVE_LOAD, &data), RESUME_USER);
	assert_int_equal(vm.vcpu->run->mmio.phys_addr, 0x10000678);
	assert_int_equal(vm.vcpu->run->mmio.len, 4);
	complete_exit(vm.vcpu);
	/*
	 * Everything is mapped now, and htval and htinst, if they are filled, identify the device,
	 * but not with gpa_walk. Otherwise the tables are walked: a signal may have arrived.
	 */
	vm.vcpu->requests = 0;
	vm.vcpu->guest.sepc = SZ_2M + 0x8000;
	assert_int_equal(touch(vm.vcpu, GVA, NATIVE_LOAD, &data), RESUME_USER);
	assert_int_equal(vm.vcpu->requests & BIT(REQ_HOST), walks ? BIT(REQ_HOST) : 0);
	complete_exit(vm.vcpu);
}

static void mmio_is_located_through_the_guests_tables(void **state)
{
	(void)state;
	for_all_quirks(data_is_mmio);
}

static void table_is_nowhere(void)
{
	u64 data;

	guest_tables(BASE + 0x5000, ALL_FLAGS);
	guest_pte(BASE + 0x1000 + ((GVA >> 21) & 511) * 8, 0x10000000, PTE_V);
	vm.vcpu->guest.sepc = 0x4444;
	assert_int_equal(touch(vm.vcpu, GVA, NATIVE_STORE, &data), RESUME_GUEST);
	assert_int_equal(csr_read(vscause), EXC_STORE_ACCESS_FAULT);
	assert_int_equal(csr_read(vstval), GVA);
	assert_int_equal(csr_read(vsepc), 0x4444);
}

static void a_table_outside_memory_gives_an_access_fault(void **state)
{
	(void)state;
	for_all_quirks(table_is_nowhere);
}

/* As in table_is_nowhere(), but the access and the PTE have the same low address bits. */
static void table_is_nowhere_with_the_same_low_bits(void)
{
	gva_t gva = GVA & ~0xfffUL;
	u64 data;

	gva |= ((GVA >> 12) & 511) * 8;
	guest_tables(BASE + 0x5000, ALL_FLAGS);
	guest_pte(BASE + 0x1000 + ((GVA >> 21) & 511) * 8, 0x10000000, PTE_V);
	assert_int_equal(touch(vm.vcpu, gva, NATIVE_LOAD, &data), RESUME_GUEST);
	assert_int_equal(csr_read(vscause), EXC_LOAD_ACCESS_FAULT);
}

static void a_table_outside_memory_is_not_taken_for_the_access(void **state)
{
	(void)state;
	for_all_quirks(table_is_nowhere_with_the_same_low_bits);
}

static struct gstage_fault located(unsigned long scause, gva_t gva)
{
	struct hv_trap trap = { .scause = scause, .stval = gva };
	struct gstage_fault fault;

	assert_int_equal(vsstage_locate(vm.vcpu, &trap, &fault), 0);
	return fault;
}

static void superpages_and_napot_ranges_are_walked(void **state)
{
	(void)state;
	guest_tables(0, 0);
	load_gpa(BASE);
	load_gpa(BASE + 0x1000);
	load_gpa(BASE + 0x2000);
	guest_pte(BASE + 0x1000 + ((GVA >> 21) & 511) * 8, 0x20000000, ALL_FLAGS);
	assert_int_equal(located(EXC_LOAD_GUEST_PAGE_FAULT, GVA).gpa,
			 0x20000000 | (GVA & 0x1fffff));
	guest_pte(BASE + ((GVA >> 30) & 511) * 8, 0x40000000, ALL_FLAGS);
	assert_int_equal(located(EXC_LOAD_GUEST_PAGE_FAULT, GVA).gpa, 0x40000000 | GVA);
	guest_tables(0x30008000, ALL_FLAGS | PTE_N);
	assert_int_equal(located(EXC_LOAD_GUEST_PAGE_FAULT, GVA).gpa, 0x30000000 | (GVA & 0xffff));
	csr_write(vsatp, 0);
	assert_int_equal(located(EXC_LOAD_GUEST_PAGE_FAULT, GVA).gpa, GVA);
}

static void a_walk_of_changed_tables_is_retried(void **state)
{
	struct hv_trap trap = { .scause = EXC_LOAD_GUEST_PAGE_FAULT, .stval = GVA };
	struct gstage_fault fault;

	(void)state;
	guest_tables(BASE + 0x5000, 0);
	load_gpa(BASE);
	load_gpa(BASE + 0x1000);
	load_gpa(BASE + 0x2000);
	assert_int_equal(vsstage_locate(vm.vcpu, &trap, &fault), -EAGAIN);
	assert_int_equal(exit_gstage_fault(vm.vcpu, &trap), RESUME_GUEST);
}

#define SMALL(claim) cmocka_unit_test_setup_teardown(claim, setup_small, one_vm_end)
#define COW(claim)   cmocka_unit_test_setup_teardown(claim, setup_cow, one_vm_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SMALL(a_walk_finds_its_tables_and_its_page),
		COW(a_walk_that_sets_a_and_d_gets_its_table_writable),
		COW(a_hart_without_svade_and_svadu_may_set_a_and_d),
		SMALL(mmio_is_located_through_the_guests_tables),
		SMALL(a_table_outside_memory_gives_an_access_fault),
		SMALL(a_table_outside_memory_is_not_taken_for_the_access),
		SMALL(superpages_and_napot_ranges_are_walked),
		SMALL(a_walk_of_changed_tables_is_retried),
	};

	return cmocka_run_group_tests_name("VS-stage", tests, NULL, NULL);
}
