/* SPDX-License-Identifier: MIT */
/*
 * image.S - the parts of a workload's ELF file besides the firmware. scripts/hs/workload/build.py
 * defines the files' names and WORKLOAD_CLOCK; workload.lds places the sections.
 */
#ifdef FDT_FILE
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
