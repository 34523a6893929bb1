// SPDX-License-Identifier: MIT
/*
 * static_key.c - switch static keys by patching their sites while harts may execute them.
 *
 * A site is `nop` or `j label`, 4 bytes at a 2-byte boundary, so one store cannot change it
 * atomically for all harts. Two stores, one for each half, are safe in this order:
 *
 *   on:   high half, fence.i on all harts, low half, fence.i on all harts
 *   off:  low half, fence.i on all harts, high half, fence.i on all harts
 *
 * Between the stores, a hart may execute the low half of `nop` with the high half of `j`. This
 * instruction does nothing either:
 *
 *     low half of nop + any high half   is addi x0, xN, imm
 *
 * In this order, no hart executes the low half of `j` with the high half of `nop`.
 *
 * The last half is stored twice, because of QEMU: with a thread per hart, it discards its translation
 * of an instruction before it stores the new one. If another hart translates the instruction between
 * these two steps, all harts execute the old one until the next store to its page; fence.i has no
 * effect. The second store discards such a translation.
 *
 * Locks: key_lock. Spec: Zifencei (fence.i), RV32I §4.1 (addi), §4.3 (nop), §5.1 (jal).
 */
#include "hv/static_key.h"
#include "hv/bits.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "platform/platform.h"
#include "platform/sbi.h"
#include "sched/smp.h"

#define INSN_NOP 0x00000013U /* addi x0, x0, 0 */
#define INSN_JAL 0x0000006fU /* jal x0, ... */

extern const struct static_key_site _jump_table_start[], _jump_table_end[];

static struct spinlock key_lock;

/* jal's immediate is scattered: imm[20|10:1|11|19:12] in bits 31 to 12 (RV32I §5.1). */
static u32 jump_insn(const struct static_key_site *s)
{
	long offset = (long)(s->target - s->site);
	unsigned long o = (unsigned long)offset;

	BUG_ON(offset < -0x100000 || offset >= 0x100000);
	return (u32)(FIELD_GET(BIT(20), o) << 31 | FIELD_GET(GENMASK(10, 1), o) << 21 |
		     FIELD_GET(BIT(11), o) << 20 | FIELD_GET(GENMASK(19, 12), o) << 12) |
	       INSN_JAL;
}

/* Text is mapped read-only at its link address; the linear map maps the same page writable. */
static u16 *writable(unsigned long text)
{
	return pa_to_va(kernel_image_pa + (text - KERNEL_BASE));
}

/*
 * Write one half of each site whose key changes. If `first`, write the half that is harmless
 * together with the other half's old value; otherwise, write the other half.
 */
static void write_halves(const struct static_key *keys, unsigned int nr, const bool *enabled,
			 bool first)
{
	unsigned long start = (unsigned long)keys, end = (unsigned long)(keys + nr);

	for (const struct static_key_site *s = _jump_table_start; s < _jump_table_end; s++) {
		unsigned long i = (s->key - start) / sizeof(*keys);
		unsigned int half;
		u32 insn;

		if (s->key < start || s->key >= end || keys[i].enabled == enabled[i])
			continue;
		insn = enabled[i] ? jump_insn(s) : INSN_NOP;
		half = enabled[i] == first; /* 1: the high half, written first when switching on */
		WRITE_ONCE(*writable(s->site + 2 * half), (u16)(insn >> (16 * half)));
	}
}

static void fence_all(void)
{
	__asm__ volatile("fence rw, rw\n\tfence.i" ::: "memory");
	if (nr_harts > 1)
		sbi_remote_fence(SBI_RFENCE_REMOTE_FENCE_I, NULL, 0, ~0UL, 0);
}

void static_keys_set(struct static_key *keys, unsigned int nr, const bool *enabled)
{
	bool any = false;

	spin_lock(&key_lock);
	for (unsigned int i = 0; i < nr; i++)
		any |= keys[i].enabled != enabled[i];
	if (any) {
		write_halves(keys, nr, enabled, true);
		fence_all();
		write_halves(keys, nr, enabled, false);
		write_halves(keys, nr, enabled, false);
		fence_all();
	}
	for (unsigned int i = 0; i < nr; i++)
		keys[i].enabled = enabled[i];
	spin_unlock(&key_lock);
}

void static_key_set(struct static_key *key, bool enabled)
{
	static_keys_set(key, 1, &enabled);
}
