/* SPDX-License-Identifier: MIT */
/*
 * image.S - the parts of a workload's ELF file besides the shim. scripts/hs/workload/build.py defines
 * the files' names and WORKLOAD_CLOCK; workload.lds places the sections.
 */
#ifdef FIRMWARE_FILE
	.section .text.reset, "ax"
	.globl	shim_reset
shim_reset:
	.incbin	FIRMWARE_FILE
	/* The words that Spike watches are in the run descriptor (hv/run_desc.h). */
	.globl	tohost, fromhost
	.equ	tohost, 0x80200000 + 0x40 + 56
	.equ	fromhost, tohost + 8
#else
	.section .rodata, "a"
	.balign	8
	.globl	workload_clock
workload_clock:
	.dword	WORKLOAD_CLOCK
	.balign	8
	.globl	workload_fdt
workload_fdt:
	.incbin	FDT_FILE
#endif

	.section .host, "a"
	.incbin	HOST_FILE

	.section .initramfs, "a"
	.incbin	INITRAMFS_FILE
