// SPDX-License-Identifier: MIT
/*
 * values.c - the values of simple arguments: each byte selects one of a few values. For an address,
 * these are pages at the start of the window and around the borders of its 2 MiB blocks, and some
 * addresses that no call may accept.
 */
#include "grammar_impl.h"
#include <string.h>

unsigned long address(unsigned char b)
{
	static const unsigned long odd[] = {
		0, 0x1000, 0x3ffffff000, 0x4000000000, 0x8000000000000000, ~0UL
	};
	unsigned long low = b & 15, block = WINDOW_START + (low & 7) * 0x200000;

	switch (b >> 4) {
	default:
		return WINDOW_START + low * 0x1000;
	case 8:
	case 9:
	case 10:
		return block;
	case 11:
		return block + 0x1000;
	case 12:
		return block - 0x1000;
	case 13:
		return WINDOW_START + 0x200000 + low * 0x1000;
	case 14:
		return WINDOW_START + low * 0x1000 + 0x123 * (low % 5);
	case 15:
		return odd[low % 6];
	}
}

unsigned long length(unsigned char b)
{
	static const unsigned long odd[] = { 0,        1,           0x1001,       0x200000,
					     0x400000, 0x600000,    0x201000,     0x1ff000,
					     0x800000, WINDOW_SIZE, 0x4000000000, ~0UL };

	return b < 192 ? (unsigned long)(b % 16 + 1) * 0x1000 : odd[b % 12];
}

unsigned long data_size(unsigned char b)
{
	static const unsigned long sizes[] = { 0,     1,     4,          8,    24,   64,
					       128,   4095,  4096,       4097, 8192, 9000,
					       20000, 40960, 0x7fffffff, ~0UL };

	return sizes[b % 16 < 14 || b > 240 ? b % 16 : 3];
}

long offset(unsigned char b)
{
	static const long offsets[] = { 0,        0x1000, 1,        0x2000,   0xfff,
					0x3000,   0x5000, 0x200000, 0x201000, 0x400000,
					0x1ff000, -1,     -4096,    1L << 40 };

	return offsets[b % 14];
}

unsigned long path(unsigned int b, const char *fixed)
{
	/* Those from number 16 on are only for calls that do not change directories (ANY_PATH). */
	static const char *const names[] = {
		"/w/a",
		"/w/b",
		"/w/c",
		"/w/d",
		"/w/d/e",
		"/w/d/f",
		"/w/d/g",
		"a",
		"./b",
		".",
		"/w/./a",
		"",
		"/w/s",
		"/w/b/x",
		"/w/a/x",
		"/w/d/h",
		"/proc/self/maps",
		"/proc/self/mem",
		"/proc/self/fd/3",
		"/proc/self/smaps",
		"/proc/meminfo",
		"/proc/self/status",
		"/proc/self/pagemap",
		"/proc/self/stat",
		/* Those of calls.def, which no byte selects. */
		"/w",
		"/dev/zero",
		"/dev/null",
		"/dev/kvm",
		"/program",
	};
	const char *name;
	unsigned long va;

	for (unsigned int i = 0; fixed && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(fixed, names[i]))
			b = i;
	name = names[b];
	/*
	 * Each name has a place of its own: threads that share the memory store the same bytes there.
	 * In one place for all, a call could get a name that another thread stored for another call,
	 * and remove /w.
	 */
	va = env->data + PATHS + b * 64;
	env->put(va, name, strlen(name) + 1);
	return va;
}

unsigned long buffer(unsigned char b)
{
	if (b < 128)
		return env->data + BUFFER + (b & 7) * 8;
	return b < 240 ? address(b) : env->data + BUFFER + 0x8ff8;
}

int signal_number(unsigned char b)
{
	static const int numbers[] = {
		10, 12, 34, 17, 14, 13, 18, 19, 20, 9, 15, 11, 64, 0, 23, 65
	};

	return numbers[b & 15];
}

long map_flags(unsigned char b)
{
	static const long more[] = { 0, 0x4000, 0x8000, 0x40000, 0x20, 0x20, 0x100, 0x2000 };

	return (b & 1 ? 1 : 2) | (b & 0xc0 ? 0x10 : 0) | (b & 0x20 ? 0x20 : 0) | more[b >> 1 & 7] |
	       (b == 0xff ? 0x100000 : 0);
}

long open_flags(unsigned char b)
{
	return (b & 3) | (b & 4 ? 0x40 : 0) | (b & 8 ? 0x200 : 0) | (b & 16 ? 0x400 : 0) |
	       (b & 32 ? 0x80 : 0) | (b & 64 ? 0x800 : 0) | (b & 128 ? 0x80000 : 0);
}
