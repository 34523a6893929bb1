// SPDX-License-Identifier: MIT
/*
 * tags.c - fences of addresses and of address spaces, and translations that ASIDs and VMIDs keep apart.
 *
 * HLV reads one address through vsatp and hgatp. A hart that flushes its whole TLB whenever these are
 * written, or at each fence, passes in any case.
 */
#include "nested.h"

#define ASID 5UL

static unsigned long values[2][512] __attribute__((aligned(4096)));
static pte_t roots[2][2048] __attribute__((aligned(16384)));
static pte_t level1[2][512] __attribute__((aligned(4096)));
static pte_t level0[2][512] __attribute__((aligned(4096)));

static pte_t vs_leaf(int value)
{
	return pte_make((hpa_t)(unsigned long)values[value], PTE_KERNEL);
}

static void fence_address(unsigned long va)
{
	__asm__ volatile(".option push\n.option arch, +h\nhfence.vvma %0\n.option pop" ::"r"(va)
			 : "memory");
}

static void fence_asid(unsigned long va)
{
	(void)va;
	__asm__ volatile(
		".option push\n.option arch, +h\nhfence.vvma zero, %0\n.option pop" ::"r"(ASID)
		: "memory");
}

static void fence_both(unsigned long va)
{
	__asm__ volatile(
		".option push\n.option arch, +h\nhfence.vvma %0, %1\n.option pop" ::"r"(va),
		"r"(ASID)
		: "memory");
}

/* Checks H §3.2, §2.18. */
static void test_vs_fences(void)
{
	static const struct {
		void (*fence)(unsigned long va);
		const char *of;
	} fences[] = { { fence_address, "an address" },
		       { fence_asid, "an ASID" },
		       { fence_both, "an address and an ASID" } };
	pte_t *root = pt_new(), *entry = pt_find(root, TEST_VA);

	csr_write(vsatp, satp_make(root, ASID));
	for (unsigned int i = 0; i < ARRAY_SIZE(fences); i++) {
		*entry = vs_leaf(0);
		fence();
		ok_eq(do_hlv_d(TEST_VA), 100, "hlv.d reads a page of the guest");
		*entry = vs_leaf(1);
		fences[i].fence(TEST_VA);
		ok_eq(do_hlv_d(TEST_VA), 101, "after hfence.vvma of %s, it reads the new page",
		      fences[i].of);
	}
	csr_write(vsatp, 0);
	fence();
}

/* Checks H §2.18, §5. */
static void test_asids(void)
{
	pte_t *root[2] = { pt_new(), pt_new() };
	unsigned long asid, i;

	for (i = 0; i < 2; i++)
		*pt_find(root[i], TEST_VA) = vs_leaf((int)i);
	fence();
	for (i = 0; i < 4; i++) {
		asid = 1 + i % 2;
		csr_write(vsatp, satp_make(root[i % 2], asid));
		if (FIELD_GET(SATP_ASID, csr_read(vsatp)) != asid)
			skip("two ASIDs", "vsatp does not keep this ASID");
		else
			ok_eq(do_hlv_d(TEST_VA), 100 + i % 2,
			      "without a fence, ASID %lu has its own translation", asid);
	}
	csr_write(vsatp, 0);
	fence();
}

static bool enter(int which)
{
	unsigned long vmid = 1 + (unsigned long)which;

	csr_write(vsatp, 0); /* no translation may mix the old and the new space (H §2.10) */
	gstage_on(roots[which], vmid);
	return FIELD_GET(HGATP_VMID, csr_read(hgatp)) == vmid;
}

/* Checks H §2.10, §5. */
static void test_vmids(void)
{
	pte_t *vs[2] = { pt_new(), pt_new() };
	int i;

	for (i = 0; i < 2; i++) {
		gstage_make(roots[i], level1[i], level0[i]);
		level0[i][0] = pte_make((hpa_t)(unsigned long)values[i], L2_LEAF);
		*pt_find(vs[i], TEST_VA) = vs_leaf(i);
	}
	fence();
	for (i = 0; i < 4; i++) {
		if (!enter(i % 2)) {
			skip("two VMIDs", "hgatp does not keep this VMID");
			continue;
		}
		ok_eq(do_hlv_d(L2_BASE), 100 + (unsigned long)(i % 2),
		      "without a fence, VMID %d has its own G-stage", 1 + i % 2);
		csr_write(vsatp, satp_make(vs[i % 2], 1));
		ok_eq(do_hlv_d(TEST_VA), 100 + (unsigned long)(i % 2),
		      "without a fence, ASID 1 of VMID %d has its own translation", 1 + i % 2);
	}
	csr_write(vsatp, 0);
	csr_write(hgatp, 0);
	fence();
}

void test_tags(void)
{
	clear_vs();
	values[0][0] = 100;
	values[1][0] = 101;
	csr_write(hstatus, VXL | HSTATUS_SPVP);
	csr_write(hgatp, FIELD_PREP(HGATP_MODE, L2_SV39X4));
	if (FIELD_GET(HGATP_MODE, csr_read(hgatp)) != L2_SV39X4) {
		skip("fences and tags", "no Sv39x4");
		return;
	}
	csr_write(hgatp, 0);
	test_vs_fences();
	test_asids();
	test_vmids();
	csr_write(hstatus, VXL);
}
