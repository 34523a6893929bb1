// SPDX-License-Identifier: MIT
/*
 * nacl.h - the memory that a guest hypervisor shares with its hypervisor for SBI's nested acceleration
 * (NACL, SBI §15), on RV64.
 *
 * This header defines variables, so include it only in one file of a payload. `has` is valid after
 * nacl_probe().
 */
#ifndef GUEST_NACL_H
#define GUEST_NACL_H

#include "rt.h"

/* Positions in the memory, in words. */
#define SWAP_FLAGS (0x200 / 8)
#define SWAP       (SWAP_FLAGS + 1)
#define FENCES     (0x800 / 8)
#define DIRTY      (0xf80 / 8)
#define CSRS       (0x1000 / 8)
#define ALL        (~0UL)

#define PENDING    BIT(63)     /* in the first word of a fence */
#define GVMA_PAGES (0UL << 56) /* types of fences */
#define GVMA_ALL   (1UL << 56)
#define GVMA_VMID  (2UL << 56)
#define VVMA_ALL   (5UL << 56)

#define INDEX(csr) (((csr)&0xc00U) >> 2 | ((csr)&0xffU))

enum {
	SYNC_CSR,
	SYNC_HFENCE,
	SYNC_SRET,
	AUTOSWAP_CSR,
	FEATURES
};

static unsigned long shared[512 + 1024] __attribute__((aligned(4096)));
static bool has[FEATURES];

static struct sbiret nacl(unsigned long fid, unsigned long a0)
{
	return sbi_call(SBI_EXT_NACL, fid, a0, 0, 0);
}

/* Set `has`, and return whether there is any feature. */
static bool nacl_probe(void)
{
	bool any = false;

	for (int i = 0; i < FEATURES; i++)
		any |= has[i] = nacl(SBI_NACL_PROBE_FEATURE, i).value;
	return any;
}

/* Write a CSR's value into the memory, to be applied by the next call. */
static void put(unsigned int csr, unsigned long value)
{
	shared[CSRS + INDEX(csr)] = value;
	shared[DIRTY + INDEX(csr) / 64] |= BIT(INDEX(csr) % 64);
}

#endif
