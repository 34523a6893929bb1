// SPDX-License-Identifier: MIT
/*
 * asm.h - what the assembly files of the core share: a register's load and store, a static key.
 */
#ifndef KVM_ASM_H
#define KVM_ASM_H

#if __riscv_xlen == 64
#define REG_L ld
#define REG_S sd
#define SZREG 8
#else
#define REG_L lw
#define REG_S sw
#define SZREG 4
#endif

/* Go to label if the key is on. ORDER: STATIC_KEY_GOTO() (hv/static_key.h) */
	.macro	static_key_goto key, label
	.option	push
	.option	norvc
991:	nop
	.option	pop
	.pushsection __jump_table, "a"
#if __riscv_xlen == 64
	.balign	8
	.dword	991b, \label, \key
#else
	.balign	4
	.word	991b, \label, \key
#endif
	.popsection
	.endm

#endif
