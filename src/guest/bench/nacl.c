// SPDX-License-Identifier: MIT
/*
 * nacl.c - rows of a guest hypervisor that uses SBI's nested acceleration (NACL, SBI §15).
 */
#include "bench.h"
#include "nacl.h"

#define UNUSED   SZ_1G /* an address in a GiB that L2 does not use */
#define VS_CAUSE 10

/* Return whether there is any feature. */
static bool nacl_begin(void)
{
	bool any = nacl_probe();

	if (any)
		sbi_call(SBI_EXT_NACL, SBI_NACL_SET_SHMEM, (unsigned long)shared, 0, 0);
	if (has[AUTOSWAP_CSR]) {
		shared[SWAP_FLAGS] = 1;
		shared[SWAP] = csr_read(hstatus) | HSTATUS_SPV;
	}
	return any;
}

static void nacl_end(void)
{
	sbi_call(SBI_EXT_NACL, SBI_NACL_SET_SHMEM, ~0UL, ~0UL, 0);
}

/* Not measured without feature 3. */
void bench_nacl_call(void)
{
	if (nacl_begin() && has[AUTOSWAP_CSR])
		bench("l2_call_nacl", op_l2_call_nacl, (unsigned long)shared);
	nacl_end();
}

#define WRITE(csr, value)                      \
	do {                                   \
		if (has[SYNC_CSR])             \
			put(CSR_##csr, value); \
		else                           \
			csr_write(csr, value); \
	} while (0)

static void fence(void)
{
	if (!has[SYNC_HFENCE]) {
		asm volatile(".option push\n .option arch, +h\n hfence.gvma %0\n .option pop"
			     :
			     : "r"(UNUSED >> 2)
			     : "memory");
		return;
	}
	shared[FENCES + 1] = UNUSED >> PAGE_SHIFT;
	shared[FENCES + 3] = 1;
	shared[FENCES] = PENDING | GVMA_PAGES;
}

/*
 * What a hypervisor does for an exit of its guest into which it injects a trap: it reads htval, writes
 * four CSRs, executes a fence for one address and enters the guest, which makes the next call. What an
 * absent feature would do, an instruction does.
 */
static __attribute__((noinline)) void enter_after_exit(bool any)
{
	if (any)
		(void)*(volatile unsigned long *)&shared[CSRS + INDEX(CSR_htval)];
	else
		csr_read(htval);
	WRITE(vsstatus, 0);
	WRITE(vsepc, UNUSED);
	WRITE(vscause, VS_CAUSE);
	WRITE(vstval, 0);
	fence();
	if (!has[SYNC_SRET]) {
		if (has[SYNC_CSR])
			nacl(SBI_NACL_SYNC_CSR, ALL);
		if (has[SYNC_HFENCE])
			nacl(SBI_NACL_SYNC_HFENCE, ALL);
		op_l2_call(1, 0);
		return;
	}
	if (!has[AUTOSWAP_CSR])
		csr_set(hstatus, HSTATUS_SPV);
	op_l2_call_nacl(1, (unsigned long)shared);
	if (!has[AUTOSWAP_CSR])
		csr_clear(hstatus, HSTATUS_SPV);
}

void op_l2_exit(unsigned long n, unsigned long any)
{
	do
		enter_after_exit(any);
	while (--n);
}

void bench_nacl_exit(void)
{
	bool any = nacl_begin();

	bench("l2_exit", op_l2_exit, any);
	nacl_end();
}
