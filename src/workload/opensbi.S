/* SPDX-License-Identifier: MIT */
/*
 * opensbi.S - the first instructions of a workload whose firmware is OpenSBI.
 *
 * OpenSBI's fw_dynamic finds the boot hart and its next stage in a structure whose address is in a2.
 * If the structure names no boot hart, the first hart that arrives becomes it. In OpenSBI 1.5 and
 * 1.5.1, a hart that arrives much later then overwrites the word for which the others wait, and none of
 * them starts (OpenSBI issue 354, repaired in 1.6 by commit 3e141a69). So hart 0 is named.
 *
 * Source: OpenSBI's docs/firmware/fw_dynamic.md, include/sbi/fw_dynamic.h
 */
#include "shim.h"

#define DYNAMIC_MAGIC   0x4942534f
#define DYNAMIC_VERSION 2
#define MODE_S          1
#define BOOT_HART       0

	.section .text.reset, "ax"
	.globl	shim_reset
shim_reset:
	csrr	s0, mhartid
	bnez	s0, 1f
	la	sp, opensbi_stack_end
	mv	a0, a1
	call	opensbi_tree
	mv	a1, a0
1:	mv	a0, s0
	la	a2, dynamic_info
	la	t0, opensbi
	jr	t0

	.balign	8
dynamic_info:
	.dword	DYNAMIC_MAGIC, DYNAMIC_VERSION, HOST_START, MODE_S, 0, BOOT_HART

	.section .bss, "aw", @nobits
	.balign	16
	.space	512
opensbi_stack_end:

	.section .firmware, "a"
opensbi:
	.incbin	FIRMWARE_FILE

	/* The words that Spike watches are in the run descriptor (hv/run_desc.h). */
	.globl	tohost, fromhost
	.equ	tohost, HOST_START + 0x40 + 56
	.equ	fromhost, tohost + 8
