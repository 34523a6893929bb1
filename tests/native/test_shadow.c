// SPDX-License-Identifier: MIT
/*
 * test_shadow.c - the shadow table is L1's table followed by the VM's own, whatever happens to both.
 *
 * The vCPU runs L2, whose accesses are made through the model of the hart's TLB. Between them, in
 * random order, L1 changes its table and fences, the host takes pages back and gives others, the
 * dirty log is read, the vCPU is put and loaded, the statistics are cleared, and allocations fail.
 * A second translation, reference(), says what each access must yield. Each page of the VM contains
 * its own number, so an access to a page that the VM no longer has is noticed.
 */
#include "one_vm.h"
#include "random.h"
#include "exit/exit.h"
#include "mmu/shadow.h"
#include "vcpu/nested.h"

#define BASE    NATIVE_GUEST_BASE
#define HVA     NATIVE_USER_BASE
#define LOG_HVA (HVA + NATIVE_GUEST_SIZE) /* where the dirty log is written */

#define ROOT   (BASE + 0x100000) /* L1's table: 16 KiB, aligned */
#define LEVEL1 (BASE + 0x104000)
#define LEVEL0 (BASE + 0x105000)

/*
 * L2 has a region of 4 KiB pages, and one that a leaf of 2 MiB may map. The VM's memory is in the
 * same two parts: single pages from DATA on, and whole 2 MiB from BASE + 2 MiB on.
 */
#define NR_SMALL 16UL
#define SMALL    0UL
#define LARGE    (2UL << 20)
#define FAR      (700UL << 30) /* both regions again */
#define HUGE     (1UL << 30)   /* a region that a leaf of 1 GiB may map to all of the VM's memory */
#define DATA     (BASE + 0x180000)
#define NR_DATA  16UL

#define VMID 5UL /* in L1's hgatp */

static u64
	numbers[NATIVE_GUEST_SIZE / PAGE_SIZE]; /* in the VM's pages; 0: the page is not mapped */
static bool stored[ARRAY_SIZE(numbers)];        /* by L2 since the dirty log was last read */
static u64 last_number;
static u64 *root, *level1, *level0;
static bool logging;

static void *memory(gpa_t gpa)
{
	return native_user(HVA + (gpa - BASE));
}

/* Give the VM a new page at gpa. */
static void number_page(gpa_t gpa)
{
	numbers[(gpa - BASE) / PAGE_SIZE] = ++last_number;
	*(u64 *)memory(gpa) = last_number;
}

static void enter_l2(void)
{
	vm.vcpu->nested.v = true;
	nested_enter(vm.vcpu);
	nested_settle(vm.vcpu);
}

static void leave_l2(void)
{
	nested_unsettle(vm.vcpu);
	vm.vcpu->nested.v = false;
	nested_leave(vm.vcpu);
}

static int setup_flags(unsigned int flags)
{
	native_reset();
	native_isa_set("h f d sstc svinval svnapot svpbmt");
	native_core_start();
	native_vm_make(&vm, flags);
	vcpu_put(vm.vcpu);
	assert_int_equal(shadow_create(vm.vcpu), 0);
	isa_set_put(&vm.vcpu->isa, KVM_RISCV_ISA_EXT_H, true);
	vcpu_isa_changed(vm.vcpu);

	last_number = 0;
	logging = false;
	memset(stored, 0, sizeof(stored));
	native_user_map(LOG_HVA, 16 * PAGE_SIZE, 0);
	for (gpa_t gpa = BASE; gpa < BASE + NATIVE_GUEST_SIZE; gpa += PAGE_SIZE)
		number_page(gpa);
	level1 = memory(LEVEL1);
	level0 = memory(LEVEL0);
	root = memory(ROOT);
	root[0] = pte_make(LEVEL1, PTE_V);
	root[HUGE >> 30] = 0;
	*(u64 *)memory(ROOT + (FAR >> 30) * sizeof(*root)) = pte_make(LEVEL1, PTE_V);
	level1[0] = pte_make(LEVEL0, PTE_V);
	level1[1] = 0;
	memset(level0, 0, PAGE_SIZE);

	vcpu_load(vm.vcpu);
	assert_int_equal(shadow_set_mode(vm.vcpu, SATP_MODE_SV39), 0);
	vm.vcpu->nested.hgatp = FIELD_PREP(HGATP_MODE, SATP_MODE_SV39) |
				FIELD_PREP(HGATP_VMID, VMID) | ROOT >> PAGE_SHIFT;
	enter_l2();
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_flags(0);
}

static int setup_huge(void **state)
{
	(void)state;
	return setup_flags(NATIVE_HUGE);
}

/* ---- the reference ---------------------------------------------------------------------------- */

/* Does L1's table permit the access? *gpa is L1's address. */
static bool reference(u64 l2, enum native_access access, gpa_t *gpa)
{
	bool huge = l2 / SZ_1G == HUGE / SZ_1G, large = (l2 &= SZ_1G - 1) >= LARGE;
	u64 pte = huge ? root[HUGE >> 30] : large ? level1[1] : level0[l2 / PAGE_SIZE];
	u64 base = (pte >> 10 & ((1ULL << 44) - 1)) << 12, size = huge    ? SZ_1G
								  : large ? LARGE
									  : PAGE_SIZE;

	if ((pte & (PTE_V | PTE_U | PTE_A)) != (PTE_V | PTE_U | PTE_A) || pte >> 54 ||
	    ((pte & PTE_W) && !(pte & PTE_R)))
		return false;
	if (base % size)
		return false;
	*gpa = base | (l2 & (size - 1));
	if (access == NATIVE_STORE)
		return (pte & PTE_W) && (pte & PTE_D);
	return pte & (access == NATIVE_FETCH ? PTE_X : PTE_R);
}

/* ---- one access of L2 --------------------------------------------------------------------------- */

static void serve(void)
{
	tlb_serve(vm.vcpu, __atomic_exchange_n(&vm.vcpu->requests, 0, __ATOMIC_ACQUIRE));
	shadow_check(vm.vcpu); /* as nested_before_entry() */
}

/* Returns 0; RESUME_USER: the address is not memory; -EFAULT: the fault went to L1; -ENOMEM. */
static int access_l2(u64 l2, enum native_access access, hpa_t *hpa)
{
	struct hv_trap trap;
	int ret;

	for (unsigned int i = 0; i < 8; i++) {
		serve();
		trap = (struct hv_trap){ .scause = native_gstage_access(l2, access, hpa),
					 .htval = l2 >> 2,
					 .stval = l2,
					 .htinst = access == NATIVE_FETCH ? 0 : 0x2503 };
		if (!trap.scause)
			return 0;
		nested_unsettle(vm.vcpu);
		ret = nested_fault(vm.vcpu, &trap);
		if (!vm.vcpu->nested.v) {
			assert_int_equal(ret, RESUME_GUEST);
			enter_l2();
			return -EFAULT;
		}
		nested_settle(vm.vcpu);
		if (ret != RESUME_GUEST)
			return ret;
	}
	return -ELOOP;
}

static void check(u64 l2, enum native_access access)
{
	gpa_t gpa = 0;
	hpa_t hpa = 0;
	bool permitted = reference(l2, access, &gpa);
	int ret = access_l2(l2, access, &hpa);
	u64 page;

	if (!permitted) {
		assert_int_equal(ret, -EFAULT);
		return;
	}
	page = (gpa - BASE) / PAGE_SIZE;
	if (!numbers[page]) {
		assert_int_equal(ret,
				 -EFAULT); /* KVM_RUN's, since user space has no memory there */
		return;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(*(u64 *)native_ram(ALIGN_DOWN(hpa, PAGE_SIZE)), numbers[page]);
	if (access == NATIVE_STORE)
		stored[page] = true;
}

/* ---- what happens meanwhile ------------------------------------------------------------------- */

static u64 random_flags(void)
{
	u64 flags = PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D;

	if (!rnd(3))
		flags &= ~BIT(rnd(8));
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
	if (!rnd(8)) {
		shadow_fence(vm.vcpu, vmid, 0, ~0ULL);
		return;
	}
	shadow_fence(vm.vcpu, vmid, l2, l2 + PAGE_SIZE - 1);
	if (is_far)
		shadow_fence(vm.vcpu, vmid, FAR + l2, FAR + l2 + PAGE_SIZE - 1);
	shadow_fence(vm.vcpu, vmid + 1, 0, ~0ULL);
}

/* L1 changes an entry of its table, and executes HFENCE.GVMA. */
static void change_table(void)
{
	u64 i = rnd(NR_SMALL);

	leave_l2();
	if (rnd(4)) {
		level0[i] = pte_make(DATA + rnd(NR_DATA) * PAGE_SIZE, 0) | random_flags();
		fence(SMALL + i * PAGE_SIZE, PAGE_SIZE, true);
	} else if (rnd(4)) {
		level1[1] = pte_make(BASE + LARGE * (1 + rnd(3)) + (rnd(8) ? 0 : PAGE_SIZE), 0) |
			    random_flags();
		fence(LARGE, LARGE, true);
	} else {
		root[HUGE >> 30] = rnd(4) ? 0 : pte_make(BASE, 0) | random_flags();
		fence(HUGE, SZ_1G, false);
	}
	enter_l2();
}

static void change_page(gpa_t gpa)
{
	u64 *number = &numbers[(gpa - BASE) / PAGE_SIZE];

	if (*number) {
		native_user_unmap(HVA + (gpa - BASE), PAGE_SIZE);
		*number = 0;
	} else {
		native_user_map(HVA + (gpa - BASE), PAGE_SIZE, 0);
		number_page(gpa);
	}
}

static gpa_t random_page(void)
{
	if (rnd(2))
		return DATA + rnd(NR_DATA) * PAGE_SIZE;
	return BASE + LARGE + rnd(3 * LARGE / PAGE_SIZE) * PAGE_SIZE;
}

/* Every page that L2 has stored to since the log was last read must be marked. */
static void read_log(void)
{
	static u64 bits[NATIVE_GUEST_SIZE / PAGE_SIZE / 64];
	struct kvm_dirty_log log = { .dirty_bitmap = (void *)LOG_HVA };

	assert_int_equal(kvm_vm_ioctl_get_dirty_log(vm.vm, &log), 0);
	memcpy(bits, native_user(LOG_HVA), sizeof(bits));
	for (size_t i = 0; i < ARRAY_SIZE(stored); i++)
		assert_true(!stored[i] || (bits[i / 64] >> i % 64 & 1));
	memset(stored, 0, sizeof(stored));
}

static void set_logging(bool on)
{
	assert_int_equal(native_set_slot(vm.vm, 0, BASE, NATIVE_GUEST_SIZE, HVA,
					 on ? KVM_MEM_LOG_DIRTY_PAGES : 0),
			 0);
	logging = on;
	memset(stored, 0, sizeof(stored));
}

static u64 random_l2_address(void)
{
	u64 region = rnd(4) ? 0 : FAR;

	if (!rnd(16))
		return HUGE + (random_page() - BASE);
	if (rnd(2))
		return region + SMALL + rnd(NR_SMALL) * PAGE_SIZE;
	return region + LARGE + rnd(LARGE / PAGE_SIZE) * PAGE_SIZE;
}

static void disturb(void)
{
	hpa_t hpa;

	switch (rnd(8)) {
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
		vcpu_load(vm.vcpu);
		break;
	case 5: /* as a write to a file of debugfs does */
		vm.vm->stats.remote_tlb_flush_requests = 0;
		break;
	case 6:
		if (!rnd(64))
			set_logging(!logging);
		break;
	default: /* an exit to L1, which has no memory at L2's addresses, and then enters L2 again */
		leave_l2();
		assert_int_not_equal(native_gstage_access(random_l2_address(), NATIVE_LOAD, &hpa),
				     0);
		enter_l2();
		break;
	}
}

static void accesses_agree_with_both_tables(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		disturb();
		for (u64 n = rnd(8); n > 0; n--)
			check(random_l2_address(), (enum native_access)rnd(3));
	}
}

/* ---- single cases ------------------------------------------------------------------------------- */

static void map_all(void)
{
	for (u64 i = 0; i < NR_SMALL; i++)
		level0[i] = pte_make(DATA + i * PAGE_SIZE,
				     PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D);
}

static void a_failed_allocation_is_reported_and_repeated(void **state)
{
	hpa_t hpa;

	(void)state;
	map_all();
	for (unsigned int nth = 1; nth <= 2; nth++) {
		leave_l2();
		shadow_drop(vm.vcpu);
		enter_l2();
		check(0, NATIVE_STORE); /* so that the VM's own table is complete */
		leave_l2();
		shadow_drop(vm.vcpu);
		enter_l2();
		native_fail_alloc(nth);
		assert_int_equal(access_l2(0, NATIVE_STORE, &hpa), -ENOMEM);
		native_fail_alloc(0);
		check(0, NATIVE_STORE);
	}
}

static void a_flush_at_once_leaves_other_changes_pending(void **state)
{
	struct gstage *gs = &vm.vm->gstage;
	struct gstage_pending_flush pending;

	(void)state;
	map_all();
	check(0, NATIVE_STORE);
	spin_lock(&gs->mmu_lock);
	gstage_protect(gs, DATA, DATA + PAGE_SIZE);
	spin_unlock(&gs->mmu_lock);
	tlb_flush_page_at_once(vm.vm, BASE + NATIVE_GUEST_SIZE);
	spin_lock(&gs->mmu_lock);
	pending = gstage_take_pending_flush(gs);
	spin_unlock(&gs->mmu_lock);
	assert_true(pending.fence);
	tlb_flush_pending(vm.vm, &pending);
}

static void a_reset_forgets_the_translations(void **state)
{
	unsigned long hgatp = vm.vcpu->nested.hgatp;

	(void)state;
	map_all();
	check(0, NATIVE_LOAD);
	vcpu_reset(vm.vcpu, 0, 0);
	level0[0] = pte_make(DATA + PAGE_SIZE, PTE_V | PTE_R | PTE_U | PTE_A);
	vm.vcpu->nested.hgatp = hgatp;
	enter_l2();
	check(0, NATIVE_LOAD);
}

static void the_table_is_bounded(void **state)
{
	struct shadow *shadow = vm.vcpu->shadow;

	(void)state;
	map_all();
	check(0, NATIVE_LOAD);
	shadow->gstage.tables += SHADOW_TABLES;
	check(PAGE_SIZE, NATIVE_LOAD);
	assert_true(shadow->gstage.tables < SHADOW_TABLES);
}

static unsigned long access_once(u64 l2)
{
	hpa_t hpa;

	serve();
	return native_gstage_access(l2, NATIVE_LOAD, &hpa);
}

/* A fence, between an exit of L2 and its next entry. */
static void fence_gvma(unsigned long vmid, gpa_t start, gpa_t last)
{
	leave_l2();
	shadow_fence(vm.vcpu, vmid, start, last);
	enter_l2();
}

static void a_fence_removes_what_it_names(void **state)
{
	unsigned long missing = EXC_LOAD_GUEST_PAGE_FAULT;

	(void)state;
	map_all();
	for (u64 i = 0; i < 4; i++)
		check(i * PAGE_SIZE, NATIVE_LOAD);
	check(FAR, NATIVE_LOAD);
	fence_gvma(VMID + 1, 0, ~0ULL);
	assert_int_equal(access_once(0), 0);
	fence_gvma(VMID, PAGE_SIZE, 3 * PAGE_SIZE - 1);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(PAGE_SIZE), missing);
	assert_int_equal(access_once(2 * PAGE_SIZE), missing);
	assert_int_equal(access_once(3 * PAGE_SIZE), 0);
	assert_int_equal(access_once(FAR), 0);
	fence_gvma(SHADOW_ANY_VMID, FAR, FAR);
	assert_int_equal(access_once(0), 0);
	assert_int_equal(access_once(FAR), missing);
	fence_gvma(VMID, 1ULL << 41, 1ULL << 41); /* beyond the table's reach */
	fence_gvma(SHADOW_ANY_VMID, ~0ULL, ~0ULL);
	assert_int_equal(access_once(0), 0);
	fence_gvma(VMID, LARGE - 1, LARGE); /* in two blocks */
	assert_int_equal(access_once(0), missing);
}

/* L1 replaces a leaf of 2 MiB by a table, and L2 uses the table before L1 fences one address. */
static void a_leaf_that_was_split_is_removed_as_a_whole(void **state)
{
	hpa_t hpa;

	(void)state;
	level1[1] = pte_make(BASE + LARGE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	check(LARGE, NATIVE_LOAD);
	assert_int_equal(access_once(LARGE + 3 * PAGE_SIZE), 0);
	level1[1] = pte_make(LEVEL0, PTE_V);
	level0[1] = pte_make(DATA, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	assert_int_equal(access_l2(LARGE + PAGE_SIZE, NATIVE_STORE, &hpa), 0);
	fence_gvma(VMID, LARGE + 2 * PAGE_SIZE, LARGE + 2 * PAGE_SIZE);
	assert_int_equal(access_once(LARGE + 3 * PAGE_SIZE), EXC_LOAD_GUEST_PAGE_FAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accesses_agree_with_both_tables),
		cmocka_unit_test_setup_teardown(accesses_agree_with_both_tables, setup_huge,
						one_vm_end),
		TEST(a_failed_allocation_is_reported_and_repeated),
		TEST(a_flush_at_once_leaves_other_changes_pending),
		TEST(a_reset_forgets_the_translations),
		TEST(the_table_is_bounded),
		TEST(a_fence_removes_what_it_names),
		cmocka_unit_test_setup_teardown(a_leaf_that_was_split_is_removed_as_a_whole,
						setup_huge, one_vm_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
