// SPDX-License-Identifier: MIT
/*
 * replay.c - run a fuzz target without libFuzzer, on the files of a corpus and on damaged copies.
 *
 * usage: NAME COUNT FILE...
 *        NAME --order FILE...
 *
 * The target gets each FILE once unchanged, and COUNT times with one to four random bytes changed.
 * The changes are the same in each run. With --order, the target gets each FILE alone in a process
 * of its own, and then all of them in one process, forwards and backwards. The program fails if the
 * result of an input (snapshot_digest()) depends on the inputs before it.
 */
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fuzz.h"
#include "snapshot.h"

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
 * copy ends where its array does, so that ASan detects reads beyond it. It ends at the same address
 * each time, because the target stores its address in memory that the digest covers.
 */
static void try(const uint8_t *data, size_t size, unsigned int damage)
{
	static uint8_t room[MAX_SIZE];
	uint8_t *copy = room + MAX_SIZE - size;

	memcpy(copy, data, size);
	while (size && damage--)
		copy[random_u64() % size] = (uint8_t)random_u64();
	LLVMFuzzerTestOneInput(copy, size);
}

struct input {
	const char *name;
	uint8_t *data;
	size_t size;
	uint64_t alone;
};

static struct input read_input(const char *name)
{
	struct input input = { .name = name, .data = malloc(MAX_SIZE) };
	FILE *in = fopen(name, "rb");

	if (in)
		input.size = fread(input.data, 1, MAX_SIZE, in);
	if (!in || ferror(in)) { /* a folder can be opened, but not read */
		perror(name);
		exit(2);
	}
	fclose(in);
	input.data = realloc(input.data, input.size + 1);
	return input;
}

static uint64_t result_of(const struct input *input)
{
	try(input->data, input->size, 0);
	return snapshot_digest();
}

static uint64_t result_alone(const struct input *input)
{
	uint64_t result = 0;
	int end[2], status;
	pid_t child;

	if (pipe(end) || (child = fork()) < 0) {
		perror("replay");
		exit(2);
	}
	if (!child) {
		result = result_of(input);
		_exit(write(end[1], &result, sizeof(result)) != sizeof(result));
	}
	close(end[1]);
	if (read(end[0], &result, sizeof(result)) != sizeof(result) ||
	    waitpid(child, &status, 0) != child || status) {
		fprintf(stderr, "%s: the target failed on this input alone\n", input->name);
		exit(1);
	}
	close(end[0]);
	return result;
}

/* Returns 1 if the result of an input depends on the inputs before it. */
static int check_order(struct input *inputs, int count)
{
	int i, failed = 0;

	for (i = 0; i < count; i++)
		inputs[i].alone = result_alone(&inputs[i]);
	for (i = 0; i < 2 * count; i++) {
		struct input *input = &inputs[i < count ? i : 2 * count - 1 - i];

		if (result_of(input) == input->alone)
			continue;
		fprintf(stderr, "%s: its result after other inputs (%s) differs from that alone\n",
			input->name, i < count ? "forwards" : "backwards");
		failed = 1;
	}
	return failed;
}

static int usage(FILE *out, const char *program, int status)
{
	fprintf(out,
		"usage: %s COUNT FILE...\n"
		"       %s --order FILE...\n"
		"\n"
		"Run the fuzz target on each FILE, and on COUNT copies of it (0: none) in which\n"
		"one to four random bytes are changed. With --order, check that the result of\n"
		"each FILE does not depend on the files before it. Prints nothing if no input\n"
		"fails.\n",
		program, program);
	return status;
}

static bool read_count(const char *text, unsigned long *count)
{
	char *end;

	*count = strtoul(text, &end, 0);
	return *text >= '0' && *text <= '9' && !*end;
}

int main(int argc, char **argv)
{
	struct input *inputs;
	unsigned long i, n = 0;
	int k, count = argc - 2, failed = 0;
	bool order = argc > 1 && !strcmp(argv[1], "--order");

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(stdout, argv[0], 0);
	if (argc > 1 && !order && !read_count(argv[1], &n)) {
		fprintf(stderr,
			"%s: '%s' is not a number: expected COUNT, of damaged copies, or --order\n",
			argv[0], argv[1]);
		return 2;
	}
	if (count < 1)
		return usage(stderr, argv[0], 2);
	inputs = calloc((size_t)count, sizeof(*inputs));
	for (k = 0; k < count; k++)
		inputs[k] = read_input(argv[k + 2]);
	if (order)
		failed = check_order(inputs, count);
	else
		for (k = 0; k < count; k++)
			for (i = 0; i <= n; i++)
				try(inputs[k].data, inputs[k].size, i ? 1 + i % 4 : 0);
	for (k = 0; k < count; k++)
		free(inputs[k].data);
	free(inputs);
	return failed;
}
