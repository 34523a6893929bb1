// SPDX-License-Identifier: MIT
/* sbi.h - calls to the firmware. */
#ifndef HOST_SBI_H
#define HOST_SBI_H

#include "hv/sbi.h"
#include "hv/types.h"

struct sbiret sbi_call(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
		       unsigned long a2, unsigned long a3, unsigned long a4);
bool firmware_has_sbi(unsigned long ext);
/* Call the RFENCE function fid for the harts in a mask of indices; see hv_remote_fence(). */
void sbi_remote_fence(unsigned long fid, unsigned long mask, unsigned long start,
		      unsigned long size, unsigned long id);

#endif
