// SPDX-License-Identifier: MIT
/*
 * nacl.c - SBI NACL: the payload's accesses to H and VS CSRs, its fences and its entries into the
 * guest, by memory that it shares with the hypervisor (SBI §15).
 *
 * What an absent feature would do, the payload does by instructions.
 */
#include "nacl.h"
#include "nested.h"

bool nacl_begin(void)
{
	if (!nacl_probe())
		return false;
	note("SBI NACL has features:%s%s%s%s", has[SYNC_CSR] ? " sync_csr" : "",
	     has[SYNC_HFENCE] ? " sync_hfence" : "", has[SYNC_SRET] ? " sync_sret" : "",
	     has[AUTOSWAP_CSR] ? " autoswap" : "");
	return ok_eq(nacl(SBI_NACL_SET_SHMEM, (unsigned long)shared).error, 0,
		     "the shared memory can be set");
}

bool nacl_clear_vs(void)
{
	if (!has[SYNC_CSR])
		return false;
	put(CSR_vsstatus, 0);
	put(CSR_vsatp, 0);
	put(CSR_hvip, 0);
	put(CSR_hie, 0);
	put(CSR_hideleg, VS_LINES);
	put(CSR_vsie, 0);
	put(CSR_vstvec, 0);
	put(CSR_hedeleg, 0);
	put(CSR_hcounteren, 7);
	nacl(SBI_NACL_SYNC_CSR, ALL);
	return true;
}

static void add_fences(unsigned long at)
{
	shared[FENCES + 4 * at] = PENDING | GVMA_ALL;
	shared[FENCES + 4 * at + 4] = PENDING | VVMA_ALL;
}

void fence(void)
{
	if (!has[SYNC_HFENCE]) {
		do_hfence();
		return;
	}
	add_fences(0);
	nacl(SBI_NACL_SYNC_HFENCE, 0);
	nacl(SBI_NACL_SYNC_HFENCE, 1);
}

void fence_later(void)
{
	if (has[SYNC_HFENCE])
		add_fences(58);
	else
		do_hfence();
}

void fence_page(unsigned long gpa, unsigned long vmid)
{
	unsigned long *entry = &shared[FENCES + 4 * 17];

	if (!has[SYNC_HFENCE]) {
		if (vmid)
			do_hfence_gvma_vmid(gpa >> 2, vmid);
		else
			do_hfence_gvma(gpa >> 2);
		return;
	}
	entry[1] = gpa >> PAGE_SHIFT;
	entry[3] = 1;
	entry[0] = PENDING | (vmid ? GVMA_VMID : GVMA_PAGES) | vmid << 16;
}

/* Claim that the memory shows what the CSRs hold. */
static unsigned int differences(void)
{
	unsigned int wrong = 0;

#define DIFFERS(csr)                                                              \
	do {                                                                      \
		if (csr_read(csr) != shared[CSRS + INDEX(CSR_##csr)] && !wrong++) \
			note(#csr " is %lx, and %lx in memory", csr_read(csr),    \
			     shared[CSRS + INDEX(CSR_##csr)]);                    \
	} while (0)
	DIFFERS(vsstatus);
	DIFFERS(vsie);
	DIFFERS(vstvec);
	DIFFERS(vsscratch);
	DIFFERS(vsepc);
	DIFFERS(vscause);
	DIFFERS(vstval);
	DIFFERS(vsip);
	DIFFERS(vsatp);
	DIFFERS(hstatus);
	DIFFERS(hedeleg);
	DIFFERS(hideleg);
	DIFFERS(hie);
	DIFFERS(hip);
	DIFFERS(hvip);
	DIFFERS(htval);
	DIFFERS(htinst);
	DIFFERS(htimedelta);
	DIFFERS(henvcfg);
	DIFFERS(hcounteren);
	DIFFERS(hgatp);
	if (has_sstc())
		DIFFERS(vstimecmp);
	if (isa_has("_ssaia")) {
		DIFFERS(vsiselect);
		DIFFERS(hvien);
		DIFFERS(hvictl);
		DIFFERS(hviprio1);
		DIFFERS(hviprio2);
	}
	return wrong;
}

static unsigned int wrong_csrs, wrong_flags, wrong_hstatus, wrong_swaps;

/* Enter the guest by sync_sret, which also applies CSRs and fences, and swaps hstatus. */
static void enter_by_call(struct l2 *guest)
{
	unsigned long own = csr_read(hstatus), swap = has[AUTOSWAP_CSR] ? guest->hstatus : ALL;

	for (int i = 1; i < 32; i++)
		shared[i] = guest->regs[i];
	shared[SWAP_FLAGS] = 1;
	shared[SWAP] = swap;
	if (has[SYNC_CSR] && !has[AUTOSWAP_CSR])
		put(CSR_hstatus, guest->hstatus);
	else if (!has[AUTOSWAP_CSR])
		csr_write(hstatus, guest->hstatus);
	l2_switch(guest);
	if (has[AUTOSWAP_CSR]) {
		guest->hstatus = shared[SWAP];
	} else {
		guest->hstatus = csr_read(hstatus);
		csr_write(hstatus, own);
		wrong_swaps += shared[SWAP] != swap;
	}
}

/* Enter the guest by sret, which applies nothing. */
static void enter_by_sret(struct l2 *guest)
{
	shared[SWAP_FLAGS] = 0;
	if (has[SYNC_CSR])
		nacl(SBI_NACL_SYNC_CSR, ALL);
	if (has[SYNC_HFENCE])
		nacl(SBI_NACL_SYNC_HFENCE, ALL);
	guest->nacl = 0;
	l2_switch(guest);
	guest->nacl = 1;
}

void nacl_run(struct l2 *guest)
{
	unsigned long own = csr_read(hstatus);
	unsigned int i;

	if (has[SYNC_SRET])
		enter_by_call(guest);
	else
		enter_by_sret(guest);
	wrong_hstatus += csr_read(hstatus) != own;
	wrong_csrs += differences();
	for (i = 0; i < 60; i++)
		wrong_flags += shared[FENCES + 4 * i] >> 63;
	for (i = 0; i < 16; i++)
		wrong_flags += shared[DIRTY + i] != 0;
}

static void ok_error(struct sbiret ret, long error, const char *what)
{
	if (!ok(ret.error == error, "%s", what))
		note("the error is %ld", ret.error);
}

/* Claim that the feature's function fails without the shared memory. */
static void ok_no_memory(int feature, const char *what)
{
	ok_error(nacl(SBI_NACL_SYNC_CSR + feature, ALL),
		 has[feature] ? SBI_ERR_NO_SHMEM : SBI_ERR_NOT_SUPPORTED, what);
}

static void test_errors(void)
{
	unsigned long at = (unsigned long)shared;
	int i;

	for (i = SYNC_CSR; i <= SYNC_SRET; i++)
		if (!has[i])
			ok_error(nacl(SBI_NACL_SYNC_CSR + i, ALL), SBI_ERR_NOT_SUPPORTED,
				 "the function of an absent feature is refused");
	ok_eq(nacl(SBI_NACL_PROBE_FEATURE, FEATURES).value, 0, "there is no fifth feature");
	ok_error(nacl(SBI_NACL_SET_SHMEM, at + 8), SBI_ERR_INVALID_PARAM,
		 "an address that is not page-aligned is refused");
	ok_error(sbi_call(SBI_EXT_NACL, SBI_NACL_SET_SHMEM, at, 0, 1), SBI_ERR_INVALID_PARAM,
		 "so are flags");
	ok_error(sbi_call(SBI_EXT_NACL, SBI_NACL_SET_SHMEM, at, 1, 0), SBI_ERR_INVALID_ADDRESS,
		 "and an address above 2^64");
	ok_error(nacl(9, 0), SBI_ERR_NOT_SUPPORTED, "there is no function 9");
	if (has[SYNC_HFENCE])
		ok_error(nacl(SBI_NACL_SYNC_HFENCE, 60), SBI_ERR_INVALID_PARAM,
			 "sync_hfence refuses an entry that does not exist");
	if (!has[SYNC_CSR])
		return;
	ok_error(nacl(SBI_NACL_SYNC_CSR, CSR_sstatus), SBI_ERR_INVALID_PARAM,
		 "sync_csr refuses a CSR of S");
	ok_error(nacl(SBI_NACL_SYNC_CSR, 0x6ff), SBI_ERR_INVALID_PARAM,
		 "and one that does not exist");
}

static void test_sync(void)
{
	unsigned long hvip = VS_LINES;

	put(CSR_vsscratch, 0x77);
	put(CSR_vstvec, 0x80300000);
	ok(csr_read(vsscratch) != 0x77, "a write to the memory does not change the CSR at once");
	csr_write(vscause, 3);
	ok_eq(shared[CSRS + INDEX(CSR_vsscratch)], 0x77,
	      "the exit of another write keeps the new value");
	ok_eq(shared[CSRS + INDEX(CSR_vscause)], 3, "and shows the value that was written");
	ok_error(nacl(SBI_NACL_SYNC_CSR, CSR_vsscratch), 0, "sync_csr applies one");
	ok_eq(csr_read(vsscratch), 0x77, "the CSR has the value");
	ok(csr_read(vstvec) != 0x80300000, "and another one does not");
	ok_error(nacl(SBI_NACL_SYNC_CSR, CSR_vsscratch), 0, "without a new value, it does nothing");
	put(CSR_hvip, ~0UL);
	put(CSR_hideleg, BIT(IRQ_VS_TIMER));
	nacl(SBI_NACL_SYNC_CSR, ALL);
	ok_eq(csr_read(vstvec), 0x80300000, "with all, it applies the other one");
	if (isa_has("_ssaia") && isa_has("_sscofpmf"))
		hvip |= BIT(IRQ_PMU_OVF);
	ok_eq(csr_read(hvip), hvip, "reserved bits of hvip are ignored");
	ok_eq(shared[CSRS + INDEX(CSR_hvip)], hvip, "and are 0 in memory, too");
	ok_eq(shared[CSRS + INDEX(CSR_vsip)], BIT(IRQ_S_TIMER), "vsip follows hvip and hideleg");
	ok_eq(differences(), 0, "the memory shows all CSRs");
	if (isa_has("_ssaia")) {
		csr_write(hvien, 0);
		put(CSR_hvien, BIT(IRQ_PMU_OVF));
		put(CSR_vsie, BIT(IRQ_PMU_OVF));
		nacl(SBI_NACL_SYNC_CSR, ALL);
		ok_eq(csr_read(vsie), csr_read(hvien), "vsie is applied after hvien");
		csr_write(vsie, 0);
		csr_write(hvien, 0);
	}
	put(CSR_vsscratch, 0x99);
	shared[DIRTY + 15] = ~0UL;
	nacl(SBI_NACL_SYNC_CSR, ALL);
	ok(csr_read(vsscratch) == 0x99 && !shared[DIRTY + 15], "bits without a CSR are cleared");
	clear_vs();
}

/* Without SYNC_CSR, the CSR space can only be read. */
static void test_without_sync(void)
{
	put(CSR_vsscratch, 0x77);
	csr_write(vsscratch, 0x78);
	ok_eq(shared[CSRS + INDEX(CSR_vsscratch)], 0x78, "a bit in the bitmap keeps no value");
	shared[DIRTY + INDEX(CSR_vsscratch) / 64] = 0;
}

/* The guest is entered by sret, so only its exit swaps hstatus. */
static void test_swap_at_exit(void)
{
	unsigned long swap = csr_read(hstatus);

	swap |= HSTATUS_HU;
	prepare(l2_ecall, false);
	shared[SWAP_FLAGS] = 1;
	shared[SWAP] = swap;
	l2.nacl = 0;
	l2_switch(&l2);
	ok_eq(l2.hstatus, swap, "an exit also swaps hstatus if sret has entered the guest");
	ok_eq(shared[SWAP] & (HSTATUS_SPV | HSTATUS_SPVP), HSTATUS_SPV | HSTATUS_SPVP,
	      "and the trap's is in the memory");
	shared[SWAP_FLAGS] = 0;
}

static void test_without_swap(void)
{
	unsigned long hstatus = csr_read(hstatus);

	prepare(l2_ecall, false);
	shared[SWAP_FLAGS] = 0;
	for (int i = 1; i < 32; i++)
		shared[i] = l2.regs[i];
	put(CSR_hstatus, l2.hstatus);
	l2_switch(&l2);
	ok_eq(l2.scause, EXC_ECALL_VS,
	      "without the swap, the hstatus that is in the bitmap is used");
	ok_eq(shared[CSRS + INDEX(CSR_hstatus)] & (HSTATUS_SPV | HSTATUS_SPVP),
	      HSTATUS_SPV | HSTATUS_SPVP, "and the trap's is in the memory");
	csr_write(hstatus, hstatus);
}

void test_nacl(void)
{
	ok_eq(wrong_csrs, 0, "after each exit of the guest, the memory showed all CSRs");
	ok_eq(wrong_hstatus, 0, "and HS had its own hstatus");
	ok_eq(wrong_flags, 0, "no fence was pending, and no CSR dirty");
	ok_eq(wrong_swaps, 0, "without AUTOSWAP_CSR, the value to be swapped was not changed");
	test_errors();
	if (has[SYNC_CSR])
		test_sync();
	else
		test_without_sync();
	if (has[AUTOSWAP_CSR])
		test_swap_at_exit();
	if (has[SYNC_CSR] && has[SYNC_SRET])
		test_without_swap();
	ok_error(sbi_call(SBI_EXT_NACL, SBI_NACL_SET_SHMEM, ~0UL, ~0UL, 0), 0,
		 "the shared memory can be given up");
	csr_write(vsscratch, 1);
	ok_eq(shared[CSRS + INDEX(CSR_vsscratch)] == 1, 0, "then it does not change any more");
	ok_no_memory(SYNC_CSR, "sync_csr has an error then");
	ok_no_memory(SYNC_HFENCE, "and so has sync_hfence");
	ok_no_memory(SYNC_SRET, "and sync_sret");
	ok_error(nacl(SBI_NACL_SET_SHMEM, 0x1000), SBI_ERR_INVALID_ADDRESS,
		 "memory that does not exist is refused");
	ok_no_memory(has[SYNC_CSR] ? SYNC_CSR : SYNC_SRET, "and there is still none");
	has[SYNC_HFENCE] = false; /* fence() executes instructions again */
}
