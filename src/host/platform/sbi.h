// SPDX-License-Identifier: MIT
/* sbi.h - calls to the firmware. */
#ifndef HOST_SBI_H
#define HOST_SBI_H

#include "hv/hartmask.h"
#include "hv/sbi.h"
#include "hv/types.h"

struct sbiret sbi_call(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
		       unsigned long a2, unsigned long a3, unsigned long a4);
bool firmware_has_sbi(unsigned long ext);
/*
 * Call a function whose first two arguments are a hart mask and its base (SBI §3.1) for the harts
 * in `to`: once for each aligned group of XLEN hart ids in which there is such a hart.
 */
void sbi_call_harts(unsigned long ext, unsigned long fid, const struct hv_hartmask *to,
		    unsigned long a2, unsigned long a3, unsigned long a4);
/* Call the RFENCE function fid; see hv_remote_fence(). */
void sbi_remote_fence(unsigned long fid, const struct hv_hartmask *harts, unsigned long start,
		      unsigned long size, unsigned long id);

#endif
