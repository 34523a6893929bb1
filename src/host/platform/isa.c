// SPDX-License-Identifier: MIT
/*
 * isa.c - extensions that all harts have, and the harts' smallest cache-block sizes.
 *
 * Both are read from the device tree. Sstc also counts as missing if stimecmp cannot be read, and
 * Zicbom, Zicbop and Zicboz without the size of the blocks that they work on.
 * riscv,isa-extensions is a list of names; riscv,isa is the older string, with single letters first
 * ("rv64imafdch_zicbom_sstc"). Source: the RISC-V ISA extensions binding of the Devicetree schemas.
 * Lock: memo_lock, which also protects the static variables of a search.
 */
#include <string.h>
#include "fdt.h"
#include "hv/bits.h"
#include "hv/hartmask.h"
#include "hv/host.h"
#include "lib/printk.h"

static const char *wanted;
static size_t wanted_len;

static bool in_isa_string(const char *isa)
{
	if (strncmp(isa, "rv64", 4) && strncmp(isa, "rv32", 4))
		return false;
	isa += 4;
	for (; *isa && *isa != '_' && *isa != 'z' && *isa != 's' && *isa != 'x'; isa++)
		if (wanted_len == 1 && *isa == *wanted)
			return true;
	while (*isa) {
		const char *end;

		if (*isa == '_')
			isa++;
		end = strchr(isa, '_');
		if (!end)
			end = isa + strlen(isa);
		if ((size_t)(end - isa) == wanted_len && !strncmp(isa, wanted, wanted_len))
			return true;
		isa = end;
	}
	return false;
}

/* What the device tree says of each hart: a list of names, or a string. */
static struct {
	const char *list, *string;
	int list_len;
} isas[HV_MAX_HARTS];
static unsigned int nr_isas;

static void add_cpu(int node, unsigned long hartid)
{
	(void)hartid;
	isas[nr_isas].list =
		fdt_getprop(host_fdt, node, "riscv,isa-extensions", &isas[nr_isas].list_len);
	isas[nr_isas++].string = fdt_getprop(host_fdt, node, "riscv,isa", NULL);
}

/* Do the device tree's descriptions of all harts contain `wanted`? */
static bool on_all_harts(void)
{
	if (!nr_isas)
		fdt_each_cpu(add_cpu);
	for (unsigned int i = 0; i < nr_isas; i++) {
		if (isas[i].list ? !fdt_stringlist_contains(isas[i].list, isas[i].list_len, wanted)
				 : !isas[i].string || !in_isa_string(isas[i].string))
			return false;
	}
	return true;
}

/*
 * Return whether this hart has stimecmp. The device tree of QEMU's machine "spike" names Sstc,
 * although its harts lack the CSR time and treat an access to stimecmp as an illegal instruction.
 */
static bool has_stimecmp(void)
{
	unsigned long has;

	__asm__ volatile("	li	%0, 0\n"
			 "1:	csrr	zero, stimecmp\n"
			 "	li	%0, 1\n"
			 "2:\n"
			 "	.pushsection __ex_table, \"a\"\n"
			 "	.balign	8\n"
			 "	.quad	1b, 2b\n"
			 "	.popsection"
			 : "=&r"(has));
	if (!has)
		printk("host: stimecmp cannot be read, although the device tree names Sstc\n");
	return has;
}

/* ---- sizes of cache blocks ---- */

static struct block {
	const char *ext, *property;
	unsigned int
		size; /* the smallest of all harts, in bytes, once the extension is searched for */
} blocks[] = {
	{ "zicbom", "riscv,cbom-block-size", 0 },
	{ "zicbop", "riscv,cbop-block-size", 0 },
	{ "zicboz", "riscv,cboz-block-size", 0 },
};

static const char *block_property;
static unsigned int smallest_block;

static void check_block(int node, unsigned long hartid)
{
	unsigned int size = fdt_u32(node, block_property, 0);

	(void)hartid;
	if (size < smallest_block)
		smallest_block = size;
}

static struct block *block_of(const char *ext)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (!strcmp(blocks[i].ext, ext))
			return &blocks[i];
	}
	return NULL;
}

/* Without a size that is a power of 2, Linux does not use the extension either. */
static bool has_block_size(struct block *block)
{
	block_property = block->property;
	smallest_block = ~0U;
	fdt_each_cpu(check_block);
	if (smallest_block == 0 || (smallest_block & (smallest_block - 1)))
		return false;
	block->size = smallest_block;
	return true;
}

/* ---- results ---- */

/* Is there, besides the name in the device tree, what the extension needs? */
static bool is_complete(const char *name)
{
	struct block *block = block_of(name);

	if (block)
		return has_block_size(block);
	return strcmp(name, "sstc") || has_stimecmp();
}

/*
 * The tree does not change, so results are cached.
 * Names are string constants of the image, so their addresses can serve as keys.
 */
#define MEMO_SIZE 128

static struct {
	const char *name;
	bool has;
} memo[MEMO_SIZE];
static unsigned int nr_memo;
static struct spinlock memo_lock;

bool hv_isa_has(const char *name)
{
	bool has;

	spin_lock(&memo_lock);
	for (unsigned int i = 0; i < nr_memo; i++) {
		if (memo[i].name != name)
			continue;
		has = memo[i].has;
		spin_unlock(&memo_lock);
		return has;
	}
	wanted = name;
	wanted_len = strlen(name);
	has = on_all_harts() && is_complete(name);
	if (nr_memo < MEMO_SIZE) {
		memo[nr_memo].name = name;
		memo[nr_memo++].has = has;
	}
	spin_unlock(&memo_lock);
	return has;
}

unsigned int hv_cbo_block_size(const char *which)
{
	struct block *block = block_of(which);

	return block && hv_isa_has(which) ? block->size : 0;
}
