// SPDX-License-Identifier: MIT
/*
 * static_key.h - a condition that costs one no-op while it is false.
 *
 * Each site of a key contains a `nop`, which src/host/sched/static_key.c overwrites with `j label`
 * when the key is switched on. Every site has a row in the section __jump_table. On the native test
 * host the key is an ordinary variable.
 */
#ifndef HV_STATIC_KEY_H
#define HV_STATIC_KEY_H

#ifdef __ASSEMBLER__

/* Go to label if the key is on. ORDER: STATIC_KEY_GOTO() */
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

#else

#include "hv/types.h"

struct static_key {
	u32 enabled;
};

struct static_key_site {      /* ORDER: STATIC_KEY_GOTO() */
	unsigned long site;   /* address of the 4-byte no-op; 2-byte aligned */
	unsigned long target; /* where to jump when the key is on */
	unsigned long key;    /* address of the struct static_key */
};

#ifdef __riscv

/* Switch a key on or off: change all of its sites while the harts run. Does not sleep. */
void static_key_set(struct static_key *key, bool enabled);
/*
 * Like static_key_set() for nr consecutive keys, each with its own value, but with no more fences
 * than for one key.
 */
void static_keys_set(struct static_key *keys, unsigned int nr, const bool *enabled);

#if __SIZEOF_POINTER__ == 8
#define STATIC_KEY_WORD  ".dword "
#define STATIC_KEY_BYTES "8"
#else
#define STATIC_KEY_WORD  ".word "
#define STATIC_KEY_BYTES "4"
#endif

/*
 * Go to label if the key is on. `key` is a constant address expression (&keys[3]). The no-op needs
 * no alignment or padding, because static_key.c patches it one half at a time.
 */
#define STATIC_KEY_GOTO(key, label)                                                              \
	__asm__ goto(".option push\n"                                                            \
		     ".option norvc\n"                                                           \
		     "1:	nop\n"                                                                  \
		     ".option pop\n"                                                             \
		     ".pushsection __jump_table, \"a\"\n"                                        \
		     ".balign " STATIC_KEY_BYTES "\n" STATIC_KEY_WORD "1b, %l[" #label "], %0\n" \
		     ".popsection"                                                               \
		     :                                                                           \
		     : "i"(key)                                                                  \
		     :                                                                           \
		     : label)

#else /* the native test host */

static inline void static_key_set(struct static_key *key, bool enabled)
{
	__atomic_store_n(&key->enabled, enabled, __ATOMIC_RELAXED);
}

static inline void static_keys_set(struct static_key *keys, unsigned int nr, const bool *enabled)
{
	for (unsigned int i = 0; i < nr; i++)
		static_key_set(&keys[i], enabled[i]);
}

#define STATIC_KEY_GOTO(key, label)                                     \
	do {                                                            \
		if (__atomic_load_n(&(key)->enabled, __ATOMIC_RELAXED)) \
			goto label;                                     \
	} while (0)

#endif
#endif /* __ASSEMBLER__ */
#endif
