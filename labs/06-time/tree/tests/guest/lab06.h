/* SPDX-License-Identifier: MIT */
/*
 * lab06.h - shared by lab 6's guests: calls to the course's SBI extension (src/kvm/sbi/sbi_poll.c),
 * and a vCPU that computes
 */
#ifndef GUEST_LAB06_H
#define GUEST_LAB06_H

#include "rt.h"

#define EXT_POLL 0x0a0006abUL
#define MS       1000UL

static inline long ask(unsigned long fid, unsigned long a0, unsigned long a1, unsigned long a2,
		       unsigned long a3)
{
	struct sbiret ret = sbi_call6(EXT_POLL, fid, a0, a1, a2, a3, 0, 0);

	if (ret.error)
		bail("SBI extension 0x%lx, function %lu: error %ld", EXT_POLL, fid, ret.error);
	return ret.value;
}

static bool stop;

/*
 * Compute, without an exit, until `stop` is set. Only the host can give the hart to another vCPU.
 */
static inline void compute(unsigned long arg)
{
	(void)arg;
	while (!READ_ONCE(stop))
		;
}

#endif
