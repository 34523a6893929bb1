// SPDX-License-Identifier: MIT
/*
 * hypervisor.c - rows of a guest that is a hypervisor (L1): a round trip to its own guest (L2), and the
 * instructions of the H extension. Without a VM, they show what the hart itself takes.
 *
 * L1's table maps the whole memory one to one, so L2 is a part of this payload.
 */
#include "bench.h"
#include "logdev.h"

#define HGATP_SV39X4 (8UL << 60)
#define LEAF         (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)
#define VS_SOFT      (1UL << 2) /* of hvip and hideleg; in vsie, the bit is one lower */

static pte_t root[2048] __attribute__((aligned(16384)));
static pte_t low[512]
	__attribute__((aligned(SZ_4K))); /* of the first 2 MiB, which are not memory */

static void table_on(void)
{
	for (unsigned long i = 0; i < 4; i++)
		root[i] = pte_make(i * SZ_1G, LEAF);
	csr_write(hgatp, HGATP_SV39X4 | (unsigned long)root >> PAGE_SHIFT);
	op_h_fence(1, 0);
}

/* Map the first 2 MiB by `low`, and the GiB with this payload by leaves of 2 MiB. */
static void fine_table_on(void)
{
	static pte_t large[512] __attribute__((aligned(SZ_4K)));
	static pte_t middle[512] __attribute__((aligned(SZ_4K)));

	middle[0] = pte_make((unsigned long)low, PTE_V);
	root[0] = pte_make((unsigned long)middle, PTE_V);
	for (unsigned long i = 0; i < 512; i++)
		large[i] = pte_make(2 * SZ_1G + i * SZ_2M, LEAF);
	root[2] = pte_make((unsigned long)large, PTE_V);
	op_h_fence(1, 0);
}

/*
 * L1 changes the entry of a page that L2 then uses. The payload itself is mapped by leaves of 2 MiB: if
 * L1 has larger ones, a fence for an address drops everything.
 */
static void bench_l2_changed(void)
{
	static unsigned char page[SZ_4K] __attribute__((aligned(SZ_4K)));
	static struct {
		pte_t *entry, value;
		unsigned long fenced; /* the address, shifted right by 2 */
		gpa_t address;
	} changed;

	changed.entry = &low[1];
	changed.value = pte_make((unsigned long)page, LEAF);
	changed.address = SZ_4K;
	changed.fenced = SZ_4K >> 2;
	low[1] = changed.value;
	bench("l2_changed", op_l2_changed, (unsigned long)&changed);
	low[1] = 0;
}

#define MISSES       64 /* of each batch */
#define MISS_BATCHES 8

/*
 * L2 loads from pages for the first time. Each page is new to the shadow table, and also to the VM's own
 * table (fresh), or to L1's table, too (l1). For small pages, which the VMM has to ask for.
 */
static void bench_l2_misses(void)
{
	unsigned long i, at = ALIGN_UP((unsigned long)_end, SZ_2M) + SZ_2M;
	static struct {
		pte_t *entry, value;
		gpa_t address;
	} absent;

	if (!asked_for("l2_miss") && !asked_for("l2_miss_fresh") && !asked_for("l2_miss_l1"))
		return;
	if (at + 3 * SZ_2M > memory_end())
		return;
	bench_steps("l2_miss_fresh", op_l2_load, at, MISSES, MISS_BATCHES, MISSES * SZ_4K);
	at += SZ_2M;
	op_touch_4k(2 * MISSES * MISS_BATCHES, at);
	bench_steps("l2_miss", op_l2_load, at, MISSES, MISS_BATCHES, MISSES * SZ_4K);
	at += SZ_2M;
	if (!wanted("l2_miss_l1"))
		return;
	row_begin();
	for (i = 0; i < MISS_BATCHES; i++) {
		absent.entry = &low[i * MISSES];
		absent.value = pte_make(at + i * MISSES * SZ_4K, LEAF);
		absent.address = i * MISSES * SZ_4K;
		sample_start();
		op_l2_map(MISSES, (unsigned long)&absent);
		sample_stop();
	}
	row_end("l2_miss_l1", MISSES);
}

#define PAGES   64
#define SAMPLES 64

/* L2 uses pages while the VMM reads the dirty log (see logged.c). */
static void bench_l2_logged(void)
{
	static unsigned char pages[PAGES * SZ_4K] __attribute__((aligned(SZ_4K)));

	if (!wanted("l2_logged") || !logdev_find())
		return;
	for (unsigned int i = 0; i < PAGES; i++)
		set((unsigned long)pages + i * SZ_4K, 1);
	logdev_set(LOGDEV_LOG, 1);
	row_begin();
	for (unsigned int i = 0; i < SAMPLES; i++) {
		op_l2_pages(1, (unsigned long)pages);
		set((unsigned long)pages + i * SZ_4K, i);
		sample_start();
		op_mmio_write(1, logdev + LOGDEV_GET);
		op_l2_pages(1, (unsigned long)pages);
		sample_stop();
	}
	row_end("l2_logged", 1);
}

void bench_hypervisor(void)
{
	static unsigned long word;

	if (!isa_has("h"))
		return;
	csr_write(hgatp, 0);
	csr_write(vsatp, 0);
	bench("h_read", op_h_read, 0);
	bench("h_write", op_h_write, 0);
	bench("l2_call_bare", op_l2_call, 0);
	table_on();
	bench("h_fence", op_h_fence, 0);
	bench("h_hlv", op_h_hlv, (unsigned long)&word);
	bench("l2_call", op_l2_call, 0);
	bench_nacl_call();
	bench("l2_fault", op_l2_fault, (unsigned long)&word);
	fine_table_on();
	bench_l2_changed();
	bench_nacl_exit();
	bench_l2_misses();
	table_on();
	bench_l2_logged();
	csr_write(hideleg, VS_SOFT);
	csr_write(hvip, VS_SOFT);
	csr_write(vsie, VS_SOFT >> 1); /* pending and enabled, but vsstatus.SIE is 0 */
	bench("h_wfi", op_h_wfi, 0);
	bench("l2_wfi", op_l2_wfi, 0);
	csr_write(hvip, 0);
	csr_write(hgatp, 0);
}
