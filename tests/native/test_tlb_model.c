// SPDX-License-Identifier: MIT
/*
 * test_tlb_model.c - costs that QEMU does not show: page walks, and TLB entries dropped by fences.
 *
 * Costs are counted in the TLB model (512 entries per stage and hart, the oldest replaced first,
 * nothing dropped except by a fence) and compared with closed forms; `make tlb-model` prints the
 * tables. The units are references to page-table entries, and TLB entries, not time.
 */
#include <stdio.h>
#include "touch.h"

#define MAX_PAGES 1024u

/* ---- the closed form ---------------------------------------------------------------------- */

/*
 * Return how many PTEs an access reads if it misses in every TLB: the VS-stage walk reads n PTEs,
 * each after a G-stage walk of m, and one more G-stage walk of m finds the page. n and m are the
 * numbers of levels from the root to the leaf.
 */
static unsigned int two_dimensional(unsigned int n, unsigned int m)
{
	return (n + 1) * (m + 1) - 1;
}

static const struct mode {
	const char *name;
	unsigned int satp, levels;
} modes[] = {
	{ "Sv39", SATP_MODE_SV39, 3 },
	{ "Sv48", SATP_MODE_SV48, 4 },
	{ "Sv57", SATP_MODE_SV57, 5 },
};

static const char *const leaf_name[] = { "4K", "2M", "1G" };

/* ---- tables and a page of data, identity-mapped in the G-stage --------------------------- */

#define GVA 0x40201000UL /* the index is 1 at each of the lower three levels */

static unsigned long *guest_ram;
static hpa_t guest_pa;

#define GUEST_ORDER 3 /* 8 pages: up to five tables, and the data in the last page */

static void map_g(struct gstage *gs, unsigned int level)
{
	unsigned int i;
	pte_t old;

	for (i = 0; i < 1U << GUEST_ORDER; i++) {
		hpa_t pa = guest_pa + i * PAGE_SIZE;
		pte_t pte = pte_make(ALIGN_DOWN(pa, gstage_size(level)),
				     GSTAGE_LEAF | GSTAGE_LEAF_WRITE);

		assert_int_equal(gstage_map(gs, pa, level, pte, &old), 0);
	}
}

/*
 * Write the guest's tables. Page 0 is the root, and a leaf at `level` maps the block around GVA to
 * the block around the data's page.
 */
static void map_vs(const struct mode *vs, unsigned int level)
{
	const pte_t leaf = PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D;
	unsigned int i, at, n = vs->levels - level;

	for (i = 0; i < n; i++) {
		hpa_t next = i + 1 < n ? guest_pa + (i + 1) * PAGE_SIZE
				       : ALIGN_DOWN(guest_pa + 7 * PAGE_SIZE, gstage_size(level));

		at = vs->levels - 1 - i;
		guest_ram[i * 512 + (GVA >> (12 + 9 * at) & 511)] =
			pte_make(next, i + 1 < n ? PTE_V : leaf);
	}
	csr_write(vsatp, FIELD_PREP(SATP_MODE, vs->satp) |
				 FIELD_PREP(SATP_PPN, (unsigned long)(guest_pa >> PAGE_SHIFT)));
}

static unsigned int references(const struct mode *vs, unsigned int vs_leaf, const struct mode *g,
			       unsigned int g_leaf)
{
	unsigned long offset;
	struct hv_trap trap;
	struct gstage gs;
	u64 data = 0;

	native_reset();
	native_hgatp_set(1U << g->satp, 14);
	assert_int_equal(gstage_probe(), 0);
	assert_int_equal(gstage_init(&gs, &gstage_iter_ops, true), 0);
	guest_pa = hv_pages_alloc(GUEST_ORDER);
	guest_ram = native_ram(guest_pa);
	map_g(&gs, g_leaf);
	map_vs(vs, vs_leaf);
	csr_write(hgatp, gstage_hgatp(&gs, 1));
	native_quirks.no_tlb = true;
	/* The guest's leaf may be large: find the data page's offset in it. */
	offset = (guest_pa + 7 * PAGE_SIZE) & (gstage_size(vs_leaf) - 1);
	guest_ram[7 * 512] = 4711;
	assert_int_equal(native_guest_access(ALIGN_DOWN(GVA, gstage_size(vs_leaf)) + offset,
					     NATIVE_LOAD, &data, sizeof(data), &trap),
			 0);
	assert_int_equal(data, 4711);
	csr_write(hgatp, 0);
	csr_write(vsatp, 0);
	hv_pages_free(guest_pa, GUEST_ORDER);
	gstage_destroy(&gs);
	return native_walks.vs_refs + native_walks.g_refs;
}

static void a_misss_references_match_the_closed_form(void **state)
{
	unsigned int v, g, vl, gl, counted;

	(void)state;
	print_message("# References of one access that misses all TLBs: (n + 1)(m + 1) - 1\n");
	print_message("# guest  leaf | G-stage  leaf |  n  m | references\n");
	for (v = 0; v < ARRAY_SIZE(modes); v++)
		for (vl = 0; vl < 3; vl++)
			for (g = 0; g < ARRAY_SIZE(modes); g++)
				for (gl = 0; gl < 3; gl++) {
					unsigned int n = modes[v].levels - vl;
					unsigned int m = modes[g].levels - gl;

					counted = references(&modes[v], vl, &modes[g], gl);
					print_message("# %-5s  %-4s | %sx4   %-4s | %2u %2u | %u\n",
						      modes[v].name, leaf_name[vl], modes[g].name,
						      leaf_name[gl], n, m, counted);
					assert_int_equal(counted, two_dimensional(n, m));
				}
}

/* ---- VMs whose guests access pages through their own tables -------------------------------- */

static struct native_vm vms[2];

#define VM_SIZE   (8UL << 20)
#define TABLES    0x600000UL /* offset of the Sv39 tables in a VM's memory */
#define SV39_LEAF (PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D)

static pte_t *guest_table(unsigned int vm_index, unsigned int page)
{
	return native_user(HVA + vm_index * VM_SIZE + TABLES + page * PAGE_SIZE);
}

static gpa_t table_gpa(unsigned int page)
{
	return BASE + TABLES + page * PAGE_SIZE;
}

/* Write Sv39 tables that identity-map 4 MiB of virtual addresses from BASE on with 4 KiB pages. */
static void guest_paging(unsigned int i)
{
	unsigned int page;

	guest_table(i, 0)[BASE >> 30] = pte_make(table_gpa(1), PTE_V);
	for (page = 0; page < 2; page++)
		guest_table(i, 1)[page] = pte_make(table_gpa(2 + page), PTE_V);
	for (page = 0; page < MAX_PAGES; page++)
		guest_table(i, 2 + page / 512)[page % 512] =
			pte_make(BASE + page * PAGE_SIZE, SV39_LEAF);
}

static void load_vm(unsigned int i)
{
	vcpu_load(vms[i].vcpu);
	vmid_update(vms[i].vcpu);
	csr_write(vsatp, FIELD_PREP(SATP_MODE, SATP_MODE_SV39) |
				 FIELD_PREP(SATP_PPN, (unsigned long)(table_gpa(0) >> PAGE_SHIFT)));
}

static void begin(const char *toggle, const char *value, unsigned int count, unsigned int flags)
{
	unsigned int i;

	native_reset();
	native_hgatp_set(1U << SATP_MODE_SV39, 14);
	native_isa_set("h sstc"); /* without Svinval: one instruction per fence */
	isa_host = (struct isa_set){ 0 };
	native_core_start();
	native_quirks.htinst = 0x2503;
	assert_int_equal(native_param_set(toggle, value), 0);
	native_user_map(HVA, count * VM_SIZE, flags);
	for (i = 0; i < count; i++) {
		native_vm_open(&vms[i]);
		assert_int_equal(native_set_slot(vms[i].vm, 0, BASE, VM_SIZE, HVA + i * VM_SIZE, 0),
				 0);
		vms[i].vcpu = native_vcpu_make(&vms[i], 0);
		guest_paging(i);
	}
}

static void end(const char *toggle, const char *initial, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		native_vm_free(&vms[i]);
	native_user_exit();
	assert_int_equal(native_param_set(toggle, initial), 0);
	assert_int_equal(native_pages_in_use(), 0);
}

static void touch_pages(unsigned int i, unsigned int pages)
{
	unsigned int page;
	u64 data = 0;

	for (page = 0; page < pages; page++)
		assert_int_equal(touch(vms[i].vcpu, BASE + page * PAGE_SIZE, NATIVE_LOAD, &data),
				 RESUME_GUEST);
}

static unsigned int fences(void)
{
	const struct native_fences *f = &native_fences;

	return f->gvma_all + f->gvma_vmid + f->gvma_gpa + f->vvma_all + f->vvma_asid + f->vvma_gva;
}

/* What a series of accesses costs, as counts of events. */
struct cost {
	unsigned int faults, fences, dropped, misses, refs;
};

static struct cost cost_now(void)
{
	return (struct cost){
		.faults = native_events(TRACE_kvm_page_fault),
		.fences = fences(),
		.dropped = native_walks.dropped,
		.misses = native_walks.vs_misses + native_walks.g_misses,
		.refs = native_walks.vs_refs + native_walks.g_refs,
	};
}

static struct cost cost_since(struct cost from)
{
	struct cost now = cost_now();

	return (struct cost){
		.faults = now.faults - from.faults,
		.fences = now.fences - from.fences,
		.dropped = now.dropped - from.dropped,
		.misses = now.misses - from.misses,
		.refs = now.refs - from.refs,
	};
}

static void head(const char *what)
{
	print_message("#\n# %s\n", what);
	print_message("# %-40s | faults | fences | dropped | misses | references\n", "");
}

static void row(const char *what, struct cost c)
{
	print_message("# %-40s | %6u | %6u | %7u | %6u | %10u\n", what, c.faults, c.fences,
		      c.dropped, c.misses, c.refs);
}

/* ---- gstage_huge ------------------------------------------------------------------------------ */

static struct cost huge_cost(const char *value, bool again)
{
	struct cost from, c;

	begin("gstage_huge", value, 1, NATIVE_HUGE);
	load_vm(0);
	from = cost_now();
	touch_pages(0, MAX_PAGES);
	if (again) {
		from = cost_now();
		touch_pages(0, MAX_PAGES);
	}
	c = cost_since(from);
	vcpu_put(vms[0].vcpu);
	end("gstage_huge", "on", 1);
	return c;
}

/*
 * 1024 pages, used in order, do not fit into a stage's 512 TLB entries, so each access misses in
 * the VS-stage: 3 references, to guest tables in three pages. The G-stage translations of these
 * pages and of the accessed page may hit or miss. Each miss is a walk of 2 (2M leaf) or 3
 * references.
 */
static void large_leaves_save_faults_and_walks(void **state)
{
	struct cost on, off;

	(void)state;
	head("gstage_huge: 4 MiB of a guest's pages, Sv39 on Sv39x4, touched in order");
	on = huge_cost("on", false);
	row("first time, on", on);
	off = huge_cost("off", false);
	row("first time, off", off);
	assert_int_equal(on.faults, 3); /* two blocks of data, one of tables */
	assert_int_equal(off.faults,
			 MAX_PAGES + 4); /* each page, and the root, middle and two leaf tables */

	on = huge_cost("on", true);
	row("again, on", on);
	off = huge_cost("off", true);
	row("again, off", off);
	assert_int_equal(on.faults + off.faults, 0);
	assert_int_equal(on.misses, MAX_PAGES); /* in the VS-stage only */
	assert_int_equal(on.refs, MAX_PAGES * 3);
	assert_true(off.misses >= 2 * MAX_PAGES);
	assert_int_equal(off.refs, MAX_PAGES * 3 + (off.misses - MAX_PAGES) * 3);
}

/* ---- vmid -------------------------------------------------------------------------------------- */

#define SWITCHES 100
#define USED     32 /* pages per guest */

static struct cost vmid_cost(const char *value)
{
	struct cost from;
	unsigned int i;

	begin("vmid", value, 2, 0);
	for (i = 0; i < 2; i++) {
		load_vm(i);
		touch_pages(i, USED);
		vcpu_put(vms[i].vcpu);
	}
	from = cost_now();
	for (i = 0; i < SWITCHES; i++) {
		load_vm(i % 2);
		touch_pages(i % 2, USED);
		vcpu_put(vms[i % 2].vcpu);
	}
	from = cost_since(from);
	end("vmid", "on", 2);
	return from;
}

static void vmids_save_the_misses_after_a_switch(void **state)
{
	struct cost on, flush;
	unsigned int warm =
		USED + 3; /* G-stage entries: the pages, and the three VS-stage tables */

	(void)state;
	head("vmid: two VMs alternately on one hart, 100 loads, 32 pages used at each");
	on = vmid_cost("on");
	row("on", on);
	flush = vmid_cost("flush");
	row("flush", flush);
	assert_int_equal(on.fences + on.dropped + on.misses + on.refs, 0);
	assert_int_equal(flush.fences, 3 * SWITCHES); /* two G-stage fences, one VS-stage fence */
	assert_int_equal(flush.dropped, SWITCHES * (warm + USED));
	assert_int_equal(flush.misses, SWITCHES * (warm + USED));
	assert_int_equal(flush.refs, SWITCHES * (warm * 3 + USED * 3));
}

/* ---- tlb_flush --------------------------------------------------------------------------------- */

static struct cost flush_cost(const char *value, unsigned int pages)
{
	struct cost from;

	begin("tlb_flush", value, 1, 0);
	load_vm(0);
	touch_pages(0, 256);
	serve(vms[0].vcpu);
	from = cost_now();
	native_user_unmap(HVA, pages * PAGE_SIZE);
	serve(vms[0].vcpu);
	native_user_map(HVA, pages * PAGE_SIZE, 0);
	touch_pages(0, 256);
	from = cost_since(from);
	vcpu_put(vms[0].vcpu);
	end("tlb_flush", "range", 1);
	return from;
}

static void range_flushes_keep_unchanged_pages(void **state)
{
	static const unsigned int taken[] = { 1, 4, 16, 64, 65 };
	unsigned int i;

	(void)state;
	head("tlb_flush: of 256 pages in use the host takes some; then all are used again");
	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		unsigned int n = taken[i];
		struct cost range = flush_cost("range", n), all = flush_cost("all", n);
		char what[64];

		snprintf(what, sizeof(what), "%u taken, range", n);
		row(what, range);
		snprintf(what, sizeof(what), "%u taken, all", n);
		row(what, all);
		assert_int_equal(range.faults, n);
		assert_int_equal(all.faults, n);
		/* `all` drops 256 pages and 3 tables in the G-stage, 256 pages in the VS-stage. */
		assert_int_equal(all.dropped, 256 + 3 + 256);
		assert_int_equal(all.fences, 2);
		if (n > 64) {
			assert_memory_equal(&range, &all, sizeof(all));
			continue;
		}
		assert_int_equal(range.fences, n);
		assert_int_equal(range.dropped, n); /* G-stage entries only */
		assert_true(range.refs < all.refs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_misss_references_match_the_closed_form),
		cmocka_unit_test(large_leaves_save_faults_and_walks),
		cmocka_unit_test(vmids_save_the_misses_after_a_switch),
		cmocka_unit_test(range_flushes_keep_unchanged_pages),
	};

	return cmocka_run_group_tests_name("TLB model", tests, NULL, NULL);
}
