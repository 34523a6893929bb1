// SPDX-License-Identifier: MIT
/*
 * test_tlb_flush.c - each variant of the toggle tlb_flush drops the TLB entries that it must drop,
 * and `range` keeps the others.
 *
 * Most claims are checked three times in the TLB model: for `range`, with and without Svinval, and
 * for `all`. The model drops an entry only at a fence, and hinval.* takes effect only at
 * sfence.inval.ir.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "native.h"
#include "mmu/hfence.h"
#include "mmu/tlb.h"

#define GPA   NATIVE_GUEST_BASE
#define HVA   NATIVE_USER_BASE
#define SIZE  0x100000UL /* size of a VM's memory */
#define PAGES 64         /* pages that the guest touches */

static const struct variant {
	const char *value, *isa;
} variants[] = {
	{ "range", "h sstc svinval" },
	{ "range", "h sstc" },
	{ "all", "h sstc svinval" },
};

static const struct variant *variant;
static struct native_vm vms[2];

static bool by_range(void)
{
	return variant->value[0] == 'r';
}

static bool by_svinval(void)
{
	return by_range() && strstr(variant->isa, "svinval");
}

static void vm_make(unsigned int i, const char *tlb_flush)
{
	assert_int_equal(native_param_set("tlb_flush", tlb_flush), 0);
	native_vm_open(&vms[i]);
	assert_int_equal(native_set_slot(vms[i].vm, 0, GPA, SIZE, HVA + i * SIZE, 0), 0);
	vms[i].vcpu = native_vcpu_make(&vms[i], 0);
}

static void begin(const struct variant *v)
{
	variant = v;
	native_reset();
	native_isa_set(v->isa);
	isa_host = (struct isa_set){ 0 }; /* forget the previous machine's extensions */
	native_core_start();
	native_user_map(HVA, 2 * SIZE, 0);
	vm_make(0, v->value);
}

static void end(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vms); i++)
		if (vms[i].vm)
			native_vm_free(&vms[i]);
	memset(vms, 0, sizeof(vms));
	native_user_exit();
	assert_int_equal(native_pages_in_use(), 0);
	assert_int_equal(native_objects_in_use(), 0);
}

static void serve(struct kvm_vcpu *vcpu)
{
	tlb_serve(vcpu, __atomic_exchange_n(&vcpu->requests, 0, __ATOMIC_ACQUIRE));
}

/*
 * Whether the loaded vCPU can read gpa, through this hart's TLB or the table. If so, *hpa is the
 * host physical address.
 */
static bool reads(gpa_t gpa, hpa_t *hpa)
{
	return native_gstage_access(gpa, NATIVE_LOAD, hpa) == 0;
}

/*
 * Load from gpa as the loaded guest, and handle its fault, if any. Returns gpa's host physical
 * address.
 */
static hpa_t touch(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	struct hv_trap trap = { .scause = EXC_LOAD_GUEST_PAGE_FAULT,
				.stval = (gva_t)gpa,
				.htval = (unsigned long)(gpa >> 2),
				.htinst = 0x3003 };
	hpa_t hpa = 0;

	if (!reads(gpa, &hpa)) {
		assert_int_equal(exit_gstage_fault(vcpu, &trap), RESUME_GUEST);
		assert_true(reads(gpa, &hpa));
	}
	return hpa;
}

static void touch_all(struct kvm_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		touch(vcpu, GPA + i * PAGE_SIZE);
	serve(vcpu);
}

/* ---- claims ------------------------------------------------------------------------- */

static void a_fence_drops_changed_pages(void)
{
	unsigned int entries;
	hpa_t hpa;

	vcpu_load(vms[0].vcpu);
	touch_all(vms[0].vcpu);
	entries = native_tlb_entries();
	assert_int_equal(entries, PAGES);
	native_user_unmap(HVA + 3 * PAGE_SIZE, 4 * PAGE_SIZE);
	serve(vms[0].vcpu);
	/* Before any access refills the TLB: `range` keeps the other pages, `all` keeps none. */
	assert_int_equal(native_tlb_entries(), by_range() ? PAGES - 4 : 0);
	assert_false(reads(GPA + 3 * PAGE_SIZE, &hpa));
	assert_false(reads(GPA + 6 * PAGE_SIZE, &hpa));
	assert_true(reads(GPA + 7 * PAGE_SIZE, &hpa));
}

static void the_variant_selects_the_fence_instructions(void)
{
	struct native_fences before;

	vcpu_load(vms[0].vcpu);
	touch_all(vms[0].vcpu);
	before = native_fences;
	native_user_unmap(HVA + 3 * PAGE_SIZE, 4 * PAGE_SIZE);
	serve(vms[0].vcpu);
	assert_int_equal(native_fences.inval - before.inval, by_svinval() ? 4 : 0);
	assert_int_equal(native_fences.gvma_gpa - before.gvma_gpa,
			 by_range() && !by_svinval() ? 4 : 0);
	assert_int_equal(native_fences.gvma_vmid - before.gvma_vmid, by_range() ? 0 : 1);
	before = native_fences;
	native_user_unmap(HVA + 9 * PAGE_SIZE, PAGE_SIZE); /* Svinval is not used for one page */
	serve(vms[0].vcpu);
	assert_int_equal(native_fences.inval, before.inval);
	assert_int_equal(native_fences.gvma_gpa - before.gvma_gpa, by_range() ? 1 : 0);
	assert_int_equal(native_fences.gvma_vmid - before.gvma_vmid, by_range() ? 0 : 1);
}

static void a_change_too_large_for_a_range_flushes_the_vm(void)
{
	struct native_fences before;
	hpa_t hpa;

	vcpu_load(vms[0].vcpu);
	touch_all(vms[0].vcpu);
	touch(vms[0].vcpu, GPA + PAGES * PAGE_SIZE);
	before = native_fences;
	native_user_unmap(HVA, (PAGES + 1) * PAGE_SIZE);
	serve(vms[0].vcpu);
	assert_int_equal(native_fences.gvma_vmid - before.gvma_vmid, 1);
	assert_int_equal(native_tlb_entries(), 0);
	assert_false(reads(GPA, &hpa));
}

/* More changes between two guest entries than a fence queue holds leave no stale translation. */
static void many_changes_between_two_entries_are_all_fenced(void)
{
	unsigned int i;
	hpa_t hpa;

	vcpu_load(vms[0].vcpu);
	touch_all(vms[0].vcpu);
	for (i = 0; i < PAGES; i += 3)
		native_user_unmap(HVA + i * PAGE_SIZE, PAGE_SIZE);
	serve(vms[0].vcpu);
	for (i = 0; i < PAGES; i += 3)
		assert_false(reads(GPA + i * PAGE_SIZE, &hpa));
}

/* Request a VS-stage fence, for one ASID or for all ASIDs, and serve it. */
static void fence_vvma(enum hfence_kind kind, unsigned long asid, u64 start, u64 size)
{
	struct hfence fence = { .kind = kind, .asid = asid, .start = start, .size = size };

	vcpu_request_fence(vms[0].vcpu, &fence, NULL);
	serve(vms[0].vcpu);
}

static void a_guests_fence_follows_the_variant(void)
{
	struct native_fences before;

	vcpu_load(vms[0].vcpu);
	before = native_fences;
	fence_vvma(HFENCE_VVMA, 0, 0x1000, 0x3000);
	fence_vvma(HFENCE_VVMA_ASID, 5, 0x1800, 0x1000); /* spans two pages */
	assert_int_equal(native_fences.inval - before.inval, by_svinval() ? 5 : 0);
	assert_int_equal(native_fences.vvma_gva - before.vvma_gva,
			 by_range() && !by_svinval() ? 5 : 0);
	assert_int_equal(native_fences.vvma_all - before.vvma_all, by_range() ? 0 : 2);
	before = native_fences;
	fence_vvma(HFENCE_VVMA_ASID, 5, 0, ~0ULL);
	assert_int_equal(native_fences.vvma_asid - before.vvma_asid, by_range() ? 1 : 0);
	assert_int_equal(native_fences.vvma_all - before.vvma_all, by_range() ? 0 : 1);
	assert_int_equal(native_fences.gvma_vmid + native_fences.gvma_gpa,
			 before.gvma_vmid + before.gvma_gpa);
}

/* Fence as after a fault that adds permissions to a leaf: no other hart is involved. */
static void a_local_fence_drops_the_page(void)
{
	struct hfence fence = { .kind = HFENCE_GVMA, .start = GPA + 5 * PAGE_SIZE, .size = 2 };

	vcpu_load(vms[0].vcpu);
	touch_all(vms[0].vcpu);
	tlb_fence_local(vms[0].vm, &fence);
	assert_int_equal(native_tlb_entries(), by_range() ? PAGES - 1 : 0);
	assert_int_equal(vms[0].vcpu->requests, 0);
}

/* Pages are replaced at random, and the guest's accesses always find the current page. */
static void random_changes_leave_no_stale_translation(void)
{
	unsigned int i, n = 4711;

	vcpu_load(vms[0].vcpu);
	for (i = 0; i < 4000; i++) {
		unsigned int page, count;

		n = n * 1103515245 + 12345;
		page = (n >> 16) % PAGES;
		count = 1 + (n >> 24) % 5;
		if (i % 4 == 0) {
			native_user_unmap(HVA + page * PAGE_SIZE, count * PAGE_SIZE);
			native_user_map(HVA + page * PAGE_SIZE, count * PAGE_SIZE, 0);
			*(u64 *)native_user(HVA + page * PAGE_SIZE) = i;
			serve(vms[0].vcpu);
		}
		/* native_user() is the host's view: the guest sees the same frame. */
		assert_ptr_equal(native_ram(touch(vms[0].vcpu, GPA + page * PAGE_SIZE)),
				 native_user(HVA + page * PAGE_SIZE));
	}
}

/* ---- the guest's tables -------------------------------------------------------------------- */

#define GVA       0x5000UL
#define SV39_LEAF (PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D)

/* Let the table in one of the guest's pages map GVA to another of its pages. */
static void write_leaf(unsigned int page, unsigned int data)
{
	pte_t *table = native_user(HVA + page * PAGE_SIZE);

	table[GVA >> PAGE_SHIFT] = pte_make(GPA + data * PAGE_SIZE, SV39_LEAF);
}

static u64 load_gva(void)
{
	struct hv_trap trap;
	u64 value = 0;

	assert_int_equal(native_guest_access(GVA, NATIVE_LOAD, &value, sizeof(value), &trap), 0);
	return value;
}

/*
 * The host takes back the page of a table, and its frame is used for something else. Until the vCPU
 * enters its guest, the hart may walk this table, since its CSRs are loaded.
 */
static void a_table_that_is_taken_back_leaves_no_translation(void)
{
	struct hv_user_page frame;
	unsigned int i;

	for (i = 0; i < 2; i++)
		*(pte_t *)native_user(HVA + i * PAGE_SIZE) =
			pte_make(GPA + (i + 1) * PAGE_SIZE, PTE_V);
	write_leaf(2, 3);
	for (i = 3; i < 5; i++)
		*(u64 *)native_user(HVA + i * PAGE_SIZE) = i;
	vcpu_load(vms[0].vcpu);
	touch_all(vms[0].vcpu);
	csr_write(vsatp, FIELD_PREP(SATP_MODE, SATP_MODE_SV39) |
				 FIELD_PREP(SATP_PPN, (unsigned long)(GPA >> PAGE_SHIFT)));
	assert_int_equal(hv_user_page_get(vms[0].vm->mm, HVA + 2 * PAGE_SIZE, true, &frame), 0);
	native_user_unmap_elsewhere(HVA + 2 * PAGE_SIZE, PAGE_SIZE);
	((pte_t *)native_ram(frame.pa))[GVA >> PAGE_SHIFT] =
		pte_make(GPA + 4 * PAGE_SIZE, SV39_LEAF);
	load_gva();
	hv_user_page_put(&frame);

	native_user_map(HVA + 2 * PAGE_SIZE, PAGE_SIZE, 0);
	write_leaf(2, 3);
	serve(vms[0].vcpu);
	touch(vms[0].vcpu, GPA + 2 * PAGE_SIZE);
	assert_int_equal(load_gva(), 3);
}

static void each(void (*claim)(void))
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(variants); i++) {
		print_message("# tlb_flush=%s, %s\n", variants[i].value, variants[i].isa);
		begin(&variants[i]);
		claim();
		end();
	}
}

#define FOR_EACH(claim)                    \
	static void each_##claim(void **s) \
	{                                  \
		(void)s;                   \
		each(claim);               \
	}

FOR_EACH(a_fence_drops_changed_pages)
FOR_EACH(the_variant_selects_the_fence_instructions)
FOR_EACH(a_change_too_large_for_a_range_flushes_the_vm)
FOR_EACH(many_changes_between_two_entries_are_all_fenced)
FOR_EACH(a_guests_fence_follows_the_variant)
FOR_EACH(a_local_fence_drops_the_page)
FOR_EACH(random_changes_leave_no_stale_translation)
FOR_EACH(a_table_that_is_taken_back_leaves_no_translation)

/* Two VMs alternate on one hart: each fences in its own way and keeps the other's entries. */
static void two_vms_with_different_variants_share_a_hart(void **state)
{
	unsigned int i, v;
	hpa_t hpa;

	(void)state;
	begin(&variants[0]);
	vm_make(1, "all");
	assert_string_equal(vms[0].vm->tlb->name, "range");
	assert_string_equal(vms[1].vm->tlb->name, "all");
	for (v = 0; v < 2; v++) {
		vcpu_load(vms[v].vcpu);
		touch_all(vms[v].vcpu);
		vcpu_put(vms[v].vcpu);
	}
	assert_int_equal(native_tlb_entries(), 2 * PAGES);
	for (v = 0; v < 2; v++) {
		native_user_unmap(HVA + v * SIZE, 2 * PAGE_SIZE);
		vcpu_load(vms[v].vcpu);
		serve(vms[v].vcpu);
		for (i = 0; i < 2; i++)
			assert_false(reads(GPA + i * PAGE_SIZE, &hpa));
		vcpu_put(vms[v].vcpu);
		/* VM 0 drops 2 of 128 entries, by range. VM 1 drops all its own, and no others. */
		assert_int_equal(native_tlb_entries(), v ? PAGES - 2 : 2 * PAGES - 2);
	}
	end();
}

/* A claim about the model of fences, on which the others rely. */
static void hinval_without_the_last_fence_drops_nothing(void **state)
{
	(void)state;
	begin(&variants[0]);
	vcpu_load(vms[0].vcpu);
	touch_all(vms[0].vcpu);
	sfence_w_inval();
	hinval_gvma_vmid_gpa(vms[0].vm->gstage.vmid, GPA);
	assert_int_equal(native_tlb_entries(), PAGES);
	sfence_inval_ir();
	assert_int_equal(native_tlb_entries(), PAGES - 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_a_fence_drops_changed_pages),
		cmocka_unit_test(each_the_variant_selects_the_fence_instructions),
		cmocka_unit_test(each_a_change_too_large_for_a_range_flushes_the_vm),
		cmocka_unit_test(each_many_changes_between_two_entries_are_all_fenced),
		cmocka_unit_test(each_a_guests_fence_follows_the_variant),
		cmocka_unit_test(each_a_local_fence_drops_the_page),
		cmocka_unit_test(each_random_changes_leave_no_stale_translation),
		cmocka_unit_test(each_a_table_that_is_taken_back_leaves_no_translation),
		cmocka_unit_test(two_vms_with_different_variants_share_a_hart),
		cmocka_unit_test(hinval_without_the_last_fence_drops_nothing),
	};

	return cmocka_run_group_tests_name("tlb_flush", tests, NULL, NULL);
}
