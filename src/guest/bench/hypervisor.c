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
#define HSTATUS_SPV  BIT(7)
#define VS_SOFT      (1UL << 2) /* of hvip and hideleg; in vsie, the bit is one lower */

static pte_t root[2048] __attribute__((aligned(16384)));

static void table_on(void)
{
	for (unsigned long i = 0; i < 4; i++)
		root[i] = pte_make(i * SZ_1G, LEAF);
	csr_write(hgatp, HGATP_SV39X4 | (unsigned long)root >> PAGE_SHIFT);
	op_h_fence(1, 0);
}

/*
 * L1 changes the entry of a page that L2 then uses, in the first GiB, which has no memory. The payload
 * itself is mapped by leaves of 2 MiB: if L1 has larger ones, a fence for an address drops everything.
 */
static void bench_l2_changed(void)
{
	static pte_t large[512] __attribute__((aligned(SZ_4K)));
	static pte_t middle[512] __attribute__((aligned(SZ_4K)));
	static pte_t low[512] __attribute__((aligned(SZ_4K)));
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
	middle[0] = pte_make((unsigned long)low, PTE_V);
	root[0] = pte_make((unsigned long)middle, PTE_V);
	for (unsigned long i = 0; i < 512; i++)
		large[i] = pte_make(2 * SZ_1G + i * SZ_2M, LEAF);
	root[2] = pte_make((unsigned long)large, PTE_V);
	op_h_fence(1, 0);
	bench("l2_changed", op_l2_changed, (unsigned long)&changed);
	table_on();
}

/* Not measured without SBI NACL, or without its feature 3. */
static void bench_nacl(void)
{
	static unsigned long shared[512 + 1024] __attribute__((aligned(4096)));
	unsigned long *swap = &shared[0x200 / sizeof(shared[0])];

	if (!sbi_call(SBI_EXT_NACL, SBI_NACL_PROBE_FEATURE, 3, 0, 0).value)
		return;
	sbi_call(SBI_EXT_NACL, SBI_NACL_SET_SHMEM, (unsigned long)shared, 0, 0);
	swap[0] = 1;
	swap[1] = csr_read(hstatus) | HSTATUS_SPV;
	bench("l2_call_nacl", op_l2_call_nacl, (unsigned long)shared);
	sbi_call(SBI_EXT_NACL, SBI_NACL_SET_SHMEM, ~0UL, ~0UL, 0);
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
	bench_nacl();
	bench("l2_fault", op_l2_fault, (unsigned long)&word);
	bench_l2_changed();
	bench_l2_logged();
	csr_write(hideleg, VS_SOFT);
	csr_write(hvip, VS_SOFT);
	csr_write(vsie, VS_SOFT >> 1); /* pending and enabled, but vsstatus.SIE is 0 */
	bench("h_wfi", op_h_wfi, 0);
	bench("l2_wfi", op_l2_wfi, 0);
	csr_write(hvip, 0);
	csr_write(hgatp, 0);
}
