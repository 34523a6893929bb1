// SPDX-License-Identifier: MIT
/*
 * replay.c - run the target without libFuzzer.
 *
 * usage: syscalls FILE...                 run the sequence in each file
 *        syscalls --random SEED COUNT     run COUNT random sequences
 *
 * A sequence that fails ends the process; --random then leaves it in the file `failed`. If HS_TRACE
 * is set in the environment, each call is printed.
 */
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "command.h"
#include "grammar.h"
#include "random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t sequence[STEPS_MAX * STEP_BYTES];
static size_t sequence_size;
static unsigned long sequence_number; /* from 1 */
static const char *seed;

static void save(void)
{
	int failed = open("failed", O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (write(failed, sequence, sequence_size) != (ssize_t)sequence_size)
		perror("failed");
	close(failed);
	dprintf(2,
		"syscalls: sequence %lu of seed %s is in the file 'failed'; to see its calls, run\n"
		"HS_TRACE=1 syscalls failed\n",
		sequence_number, seed);
}

static void save_and_end(int signal)
{
	save();
	raise(signal); /* SA_RESETHAND */
}

/* A failed sequence aborts or is reported by a sanitizer; one that hangs is ended from outside. */
static void save_on_failure(void)
{
	const struct sigaction action = { .sa_handler = save_and_end,
					  .sa_flags = (int)SA_RESETHAND };

	__sanitizer_set_death_callback(save);
	sigaction(SIGABRT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static int run_random(uint64_t number, unsigned long count)
{
	save_on_failure();
	random_seed(number);
	while (sequence_number < count) {
		progress("syscalls", sequence_number++, count, "sequences");
		sequence_size = random_sequence(sequence);
		LLVMFuzzerTestOneInput(sequence, sequence_size);
	}
	printf("%lu sequence%s, no failure\n", count, count == 1 ? "" : "s");
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long number, count;
	static uint8_t data[1 << 20];

	if (argc < 2 || !strcmp(argv[1], "--help")) {
		puts("usage: syscalls FILE...              run the sequence in each file\n"
		     "       syscalls --random SEED COUNT  run COUNT random sequences\n"
		     "\n"
		     "A sequence that fails ends the program; --random leaves it in the file\n"
		     "'failed'. With HS_TRACE=1 in the environment, each call is printed.");
		return argc < 2 ? 2 : 0;
	}
	if (argc == 4 && !strcmp(argv[1], "--random")) {
		if (!read_seed_and_count("syscalls", argv + 2, &number, &count))
			return 2;
		seed = argv[2];
		return run_random(number, count);
	}
	if (argv[1][0] == '-') {
		fprintf(stderr, "syscalls: expected --random SEED COUNT or --help, not '%s'\n",
			argv[1]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		FILE *in = fopen(argv[i], "rb");

		if (!in) {
			perror(argv[i]);
			return 2;
		}
		LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof(data), in));
		fclose(in);
	}
	return 0;
}
