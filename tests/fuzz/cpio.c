// SPDX-License-Identifier: MIT
/*
 * cpio.c - fuzz target: unpack any initramfs into the host's directory tree.
 *
 * The input is an archive, or it chooses the members of one: names, types, links, sizes and damage.
 * It also chooses which allocation fails. After the tree has been freed, no memory may be lost.
 */
#include <linux/stat.h>
#include "fs/initramfs.h"
#include "mm/page.h"
#include "fuzz.h"
#include "snapshot.h"
#include "stubs.h"

#define MAX_ARCHIVE 0x4000

static struct choices choices;
static u8 room[MAX_ARCHIVE] __attribute__((aligned(8)));
static size_t used;

static u64 rnd(u64 below)
{
	return choose(&choices, below);
}

static void put(const void *bytes, size_t size)
{
	if (size > MAX_ARCHIVE - used)
		size = MAX_ARCHIVE - used;
	memcpy(room + used, bytes, size);
	used += size;
}

static void pad(void)
{
	put("\0\0\0", -used & 3);
}

static u32 nearly(u32 value)
{
	return rnd(32) == 31 ? (u32)rnd(1ull << 32) : value;
}

/* A path of up to three names from a small set, so that members meet in directories. */
static size_t any_name(char *name)
{
	static const char *const parts[] = { "a", "b", ".", "..", "", "c/", "dir", "TRAILER!!!" };
	unsigned int n = 1 + (unsigned int)rnd(3);
	size_t len = 0;

	while (n--)
		len += (size_t)sprintf(name + len, "%s%s", parts[rnd(8)], n ? "/" : "");
	return len + (rnd(32) != 31);
}

static void put_member(void)
{
	static const u32 types[] = { S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR,
				     S_IFREG, S_IFIFO, 0,       S_IFREG };
	char name[64] = "", header[120];
	size_t len = any_name(name);
	u32 size = (u32)rnd(4) * 3, fields[13] = { (u32)rnd(4),
						   nearly(types[rnd(8)] | 0644),
						   0,
						   0,
						   nearly(1 + (u32)rnd(3)),
						   0,
						   nearly(size),
						   0,
						   0,
						   0,
						   0,
						   nearly((u32)len),
						   0 };
	unsigned int i;

	sprintf(header, "%s", rnd(32) == 31 ? "07070x" : "070701");
	for (i = 0; i < 13; i++)
		sprintf(header + 6 + 8 * i, rnd(2) ? "%08x" : "%08X", fields[i]);
	put(header, 110);
	put(name, len);
	pad();
	put("0123456789", size);
	pad();
	if (rnd(8) == 7)
		put("\0\0\0\0\0\0\0", rnd(8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u8 *archive;

	if (!snapshot_restore())
		snapshot_take();
	choices = (struct choices){ data, size };
	tree_begin();
	fail_alloc_in = rnd(4) == 3 ? (long)rnd(32) : -1;
	if (rnd(4) == 3) {
		put(choices.at, choices.left);
	} else {
		for (unsigned int left = 24; choices.left && left; left--)
			put_member();
		used -= rnd(16) == 15 ? rnd(used) : 0;
	}
	archive = snapshot_alloc(used + !used); /* its end is poisoned */
	CLAIM(archive);
	memcpy(archive, room, used);
	initramfs_unpack(va_to_pa(archive), used);
	fail_alloc_in = -1;
	CLAIM(nr_log_lines == 1);
	tree_end();
	snapshot_free(archive);
	CLAIM(!snapshot_objects());
	return 0;
}
