// SPDX-License-Identifier: MIT
/*
 * opensbi.c - the device tree of a workload whose firmware is OpenSBI. A hart may begin to execute
 * opensbi.S when the host already runs, so the memory below the host is reserved in the tree.
 *
 * Spec: Devicetree §5 (flattened format): header and memory reservation block
 */
#include "shim.h"

#define TREE_COPY      0x82200000UL /* behind the initramfs, whose size build.py limits */
#define MAGIC          0xd00dfeedU
#define MAGIC_AT       0
#define TOTALSIZE      4
#define OFF_STRUCT     8
#define OFF_STRINGS    12
#define OFF_MEM_RSVMAP 16
#define ENTRY          16 /* size of an entry: an address and a size */

static unsigned long be32(const u8 *p)
{
	return (unsigned long)p[0] << 24 | (unsigned long)p[1] << 16 | (unsigned long)p[2] << 8 |
	       p[3];
}

static void put_be32(u8 *p, unsigned long value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (u8)(value >> (24 - 8 * i));
}

static void put_be64(u8 *p, u64 value)
{
	put_be32(p, value >> 32);
	put_be32(p + 4, value);
}

/*
 * Copy the machine's tree to RAM, where OpenSBI can change it, and insert an entry at the start of its
 * memory reservation block, which the other two blocks follow. Return the copy; if there is no tree at
 * the address, return the address.
 */
const u8 *opensbi_tree(const u8 *tree)
{
	u8 *copy = (u8 *)TREE_COPY;
	unsigned long size = be32(tree + TOTALSIZE), at = be32(tree + OFF_MEM_RSVMAP);

	if (be32(tree + MAGIC_AT) != MAGIC)
		return tree;
	for (unsigned long i = 0; i < size; i++)
		copy[i < at ? i : i + ENTRY] = tree[i];
	put_be64(copy + at, RAM_START);
	put_be64(copy + at + 8, HOST_START - RAM_START);
	put_be32(copy + TOTALSIZE, size + ENTRY);
	put_be32(copy + OFF_STRUCT, be32(tree + OFF_STRUCT) + ENTRY);
	put_be32(copy + OFF_STRINGS, be32(tree + OFF_STRINGS) + ENTRY);
	return copy;
}
