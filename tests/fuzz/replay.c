// SPDX-License-Identifier: MIT
/*
 * replay.c - run a fuzz target without libFuzzer, on the files of a corpus and on damaged copies.
 *
 * usage: NAME COUNT FILE...
 *
 * The target gets each FILE once unchanged, and COUNT times with one to four random bytes changed.
 * The changes are the same in each run.
 */
#include "fuzz.h"

#define MAX_SIZE (1 << 20)

static uint64_t state = 1;

static uint64_t random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/*
 * Run the target on a copy of the input in which up to `damage` bytes are changed at random. The
 * copy's buffer has exactly this size, so that ASan detects reads beyond it.
 */
static void try(const uint8_t *data, size_t size, unsigned int damage)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	while (size && damage--)
		copy[random_u64() % size] = (uint8_t)random_u64();
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

int main(int argc, char **argv)
{
	static uint8_t data[MAX_SIZE];
	unsigned long i, n;
	int arg;

	if (argc < 3) {
		fprintf(stderr, "usage: %s COUNT FILE...\n", argv[0]);
		return 2;
	}
	n = strtoul(argv[1], NULL, 0);
	for (arg = 2; arg < argc; arg++) {
		FILE *in = fopen(argv[arg], "rb");
		size_t size;

		if (!in) {
			perror(argv[arg]);
			return 2;
		}
		size = fread(data, 1, sizeof(data), in);
		fclose(in);
		for (i = 0; i <= n; i++)
			try(data, size, i ? 1 + i % 4 : 0);
	}
	return 0;
}
