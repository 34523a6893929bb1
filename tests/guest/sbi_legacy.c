// SPDX-License-Identifier: MIT
/*
 * sbi_legacy.c - the legacy calls with a hart mask (SBI §5). The mask is at a virtual address of
 * the caller, and a fault on reading it is delivered to the caller.
 *
 * sbi.c tests these calls with paging off.
 */
#include "rt.h"

#define UNMAPPED (TEST_VA + 8 * PAGE_SIZE)
#define ECALL    0x73

static unsigned long mask_page;

static const struct {
	unsigned long ext;
	const char *name;
} calls[] = {
	{ SBI_LEGACY_SEND_IPI, "send_ipi" },
	{ SBI_LEGACY_REMOTE_FENCE_I, "remote_fence_i" },
	{ SBI_LEGACY_REMOTE_SFENCE_VMA, "remote_sfence_vma" },
	{ SBI_LEGACY_REMOTE_SFENCE_VMA_ASID, "remote_sfence_vma_asid" },
};

struct attempt {
	unsigned long ext, mask;
};

static void call(unsigned long arg)
{
	const struct attempt *a = (const struct attempt *)arg;

	this_hart()->regs[0] =
		(unsigned long)sbi_call6(a->ext, 0, a->mask, 0, 0x1000, 7, 0, 0).error;
}

/*
 * Return how many of the calls with the mask at va trap at their ecall with this cause and stval.
 */
static unsigned long trapped(unsigned long va, unsigned long cause, unsigned long tval)
{
	unsigned long i, n = 0;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct attempt a = { calls[i].ext, va };
		const struct trap *trap = catch_trap(call, (unsigned long)&a);
		bool good = trap->cause == cause && (tval == ANY || trap->tval == tval) &&
			    *(u16 *)trap->epc == ECALL;

		n += good;
		if (!good)
			note("%s: cause %lx stval %lx sepc %lx", calls[i].name, trap->cause,
			     trap->tval, trap->epc);
	}
	return n;
}

/* Return how many of the four calls succeed with the mask at va. */
static unsigned long accepted(unsigned long va)
{
	unsigned long i, n = 0;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct attempt a = { calls[i].ext, va };

		n += catch_trap(call, (unsigned long)&a)->cause == NO_TRAP && !this_hart()->regs[0];
	}
	return n;
}

static void test_pages(pte_t *root)
{
	const unsigned long n = ARRAY_SIZE(calls);
	unsigned long at = TEST_VA + 0x100;

	ok_eq(accepted(at), n, "each legacy call finds its mask in a mapped page");
	ok_eq(accepted(TEST_VA + 0x101), n, "each legacy call finds its mask at an odd address");
	ok_eq(accepted(0), n, "a mask at address 0, where nothing is mapped, means all harts");
	ok_eq(trapped(UNMAPPED, EXC_LOAD_PAGE_FAULT, UNMAPPED), n,
	      "a mask in an unmapped page: each call gets a load page fault at its ecall");
	ok_eq(trapped(1UL << 50, EXC_LOAD_PAGE_FAULT, 1UL << 50), n,
	      "a mask outside the addresses of Sv39: each call gets a load page fault");
	pt_map(root, TEST_VA + PAGE_SIZE, mask_page, PTE_V | PTE_X | PTE_A);
	sfence_vma();
	ok_eq(trapped(TEST_VA + PAGE_SIZE, EXC_LOAD_PAGE_FAULT, TEST_VA + PAGE_SIZE), n,
	      "a page that may only be executed cannot hold a mask");
	pt_map(root, TEST_VA + PAGE_SIZE, mask_page, PTE_KERNEL | PTE_U);
	sfence_vma();
	ok_eq(trapped(TEST_VA + PAGE_SIZE, EXC_LOAD_PAGE_FAULT, TEST_VA + PAGE_SIZE), n,
	      "a U page cannot hold a mask without SUM");
	csr_set(sstatus, SSTATUS_SUM);
	ok_eq(accepted(TEST_VA + PAGE_SIZE), n, "a U page can hold a mask with SUM");
	csr_clear(sstatus, SSTATUS_SUM);
	pt_map(root, TEST_VA + 7 * PAGE_SIZE, mask_page, PTE_KERNEL);
	sfence_vma();
	ok_eq(trapped(UNMAPPED - 4, EXC_LOAD_PAGE_FAULT, ANY), n,
	      "a mask whose second half is not mapped faults");
	ok_eq(trapped(-4UL, EXC_LOAD_PAGE_FAULT, ANY), n,
	      "a mask that crosses the end of the address space faults");
}

static void test_who(void)
{
	struct attempt a = { SBI_LEGACY_SEND_IPI, TEST_VA + 0x200 };

	ipi_clear();
	*(unsigned long *)(mask_page + 0x200) = 0;
	call((unsigned long)&a);
	ok(!(csr_read(sip) & BIT(IRQ_S_SOFT)), "an empty mask in memory interrupts no hart");
	*(unsigned long *)(mask_page + 0x200) = 1UL << this_hart()->id;
	call((unsigned long)&a);
	ok(wait_irq(BIT(IRQ_S_SOFT), 100000), "a mask with this hart's bit interrupts this hart");
	ipi_clear();
	if (on_linux()) {
		skip("a mask with unknown harts",
		     "Linux 6.12 uses a null vCPU for an unknown hart");
		return;
	}
	*(unsigned long *)(mask_page + 0x200) = ~0UL;
	ok_eq(accepted(TEST_VA + 0x200), ARRAY_SIZE(calls), "bits of unknown harts are ignored");
	ipi_clear();
}

void payload_main(void)
{
	unsigned long mask = 1UL << this_hart()->id;
	pte_t *root = pt_new();

	if (!sbi_has(SBI_LEGACY_SEND_IPI)) {
		skip("legacy calls", "no legacy extensions here");
		done();
	}
	mask_page = (unsigned long)page_alloc();
	memcpy((void *)mask_page, &mask, sizeof(mask));
	memcpy((void *)(mask_page + 0x100), &mask, sizeof(mask));
	memcpy((void *)(mask_page + 0x101), &mask, sizeof(mask));
	pt_map(root, TEST_VA, mask_page, PTE_KERNEL);
	csr_write(sie, 0);
	pt_on(root, 1);
	test_pages(root);
	test_who();
	pt_off();
	done();
}
