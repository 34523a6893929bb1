// SPDX-License-Identifier: MIT
/*
 * fuzz_hst.c - damaged traces with a right checksum, read by hstrace's own code.
 *
 * usage: fuzz_hst GOOD SECONDS [SEED]
 *
 * Built with ASan and UBSan: whatever the file says, reading it must end with an
 * error or with output, never with an access out of bounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "hst.h"

static u64 seed = 1;

static u64 random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void mutate(unsigned char *data, size_t size)
{
	static const u64 special[] = { 0, 1, 0x7f, 0x80, 0xffff, 0x7fffffff, ~0ULL, 1ULL << 63 };
	size_t at = random_u64() % size;
	u64 value;

	if (random_u64() % 2)
		at %= size < 2048 ? size : 2048; /* headers and texts are at the front */
	if (random_u64() % 2) {
		data[at] = (unsigned char)random_u64();
		return;
	}
	at &= ~7UL;
	value = special[random_u64() % (sizeof(special) / sizeof(special[0]))];
	memcpy(data + at, &value, size - at < 8 ? size - at : 8);
}

/* END's sum, wherever the sections now lead. */
static void fix_sum(unsigned char *data, size_t size)
{
	struct hst_section section;
	u64 at = sizeof(struct hst_header), sum;

	while (at + sizeof(section) + 8 <= size) {
		memcpy(&section, data + at, sizeof(section));
		if (section.type == HST_END) {
			sum = hst_sum(HST_SUM_START, data, at);
			memcpy(data + at + sizeof(section), &sum, sizeof(sum));
			return;
		}
		if (section.size > size - at)
			return;
		at += sizeof(section) + ((section.size + 7) & ~7ULL);
	}
}

static void try_file(const char *path, const unsigned char *data, size_t size, FILE *null)
{
	static struct hst_file file;
	FILE *out = fopen(path, "wb");

	if (!out || fwrite(data, 1, size, out) != size || fclose(out)) {
		perror(path);
		exit(1);
	}
	if (hst_open(&file, path))
		return;
	hst_report(&file, random_u64() % 2 ? NULL : "kvm_*", random_u64() % 9, null);
	hst_stat(&file, null);
	hst_close(&file);
}

int main(int argc, char **argv)
{
	unsigned char *good = malloc(1 << 20), *bad = malloc(1 << 20);
	FILE *in = argc > 2 ? fopen(argv[1], "rb") : NULL, *null = fopen("/dev/null", "w");
	char path[4096];
	size_t size;
	time_t end;
	int runs = 0;

	if (!in || !good || !bad || !null || !freopen("/dev/null", "w", stderr))
		return 2;
	size = fread(good, 1, 1 << 20, in);
	end = time(NULL) + atoi(argv[2]);
	if (argc > 3)
		seed = strtoull(argv[3], NULL, 0) | 1;
	snprintf(path, sizeof(path), "%s.fuzz", argv[1]);
	for (; time(NULL) < end; runs++) {
		memcpy(bad, good, size);
		for (u64 n = 1 + random_u64() % 4; n; n--)
			mutate(bad, size);
		fix_sum(bad, size);
		try_file(path, bad, size, null);
	}
	unlink(path);
	free(good);
	free(bad);
	fclose(in);
	fclose(null);
	printf("%d files\n", runs);
	return 0;
}
