/* SPDX-License-Identifier: MIT */
/*
 * static_key.h - static keys of Linux, for the core's sources.
 *
 * Takes the place of src/include/hv/static_key.h in the module. The sites are in Linux's format
 * (arch/riscv/include/asm/jump_label.h), so Linux patches them. A site is aligned to 4 bytes,
 * because Linux writes it with one store.
 */
#ifndef HV_STATIC_KEY_H
#define HV_STATIC_KEY_H

#ifdef __ASSEMBLER__

/* clang-format off */
/* Go to label if the key is on. ORDER: STATIC_KEY_GOTO() */
.macro	static_key_goto key, label
	.balign	4
	.option	push
	.option	norvc
991:	nop
	.option	pop
	.pushsection __jump_table, "aw"
	.balign	8
	.long	991b - ., \label - .
	.dword	\key - .
	.popsection
	.endm
/* clang-format on */

#else

#include "hv/types.h"

/* As large as Linux's, which has the same first field. */
struct static_key {
	u32 enabled;
	unsigned long opaque;
};

/* Switch keys on or off, as with the core's own static_key.h. They sleep (src/linux/trace.c). */
void static_key_set(struct static_key *key, bool enabled);
void static_keys_set(struct static_key *keys, unsigned int nr, const bool *enabled);

#define STATIC_KEY_GOTO(key, label)                        \
	__asm__ goto(".balign 4\n"                         \
		     ".option push\n"                      \
		     ".option norvc\n"                     \
		     "1:	nop\n"                            \
		     ".option pop\n"                       \
		     ".pushsection __jump_table, \"aw\"\n" \
		     ".balign 8\n"                         \
		     ".long 1b - ., %l[" #label "] - .\n"  \
		     ".dword %0 - .\n"                     \
		     ".popsection"                         \
		     :                                     \
		     : "i"(key)                            \
		     :                                     \
		     : label)

#endif /* __ASSEMBLER__ */
#endif
