// SPDX-License-Identifier: MIT
/*
 * mksamples.c - make the RAM file of a machine whose processes were sampled, using the host's own
 * trace code.
 *
 * usage: mksamples OUT PC PROCESSES
 *
 * Process 5 runs the program `first`, then `second`, and is sampled once at PC in each. Then it
 * forks PROCESSES processes, each of which is sampled once at PC.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/host.h"
#include "machine.h"
#include "trace_native.h"

#define PARENT 5
#define PERIOD 100

static void sample(u64 pid, u64 pc)
{
	machine.time += PERIOD;
	trace_sample(SAMPLE_U, pc, pid, PERIOD, 0);
}

static void exec(const char *name)
{
	u64 words[3] = { 0 };

	memcpy(words, name, strlen(name));
	machine.time += PERIOD;
	trace_sched_process_exec(PARENT, 0x10000, words[0], words[1], words[2]);
}

int main(int argc, char **argv)
{
	unsigned long processes = argc == 4 ? strtoul(argv[3], NULL, 0) : 0;
	u64 pc = argc == 4 ? strtoull(argv[2], NULL, 0) : 0;
	size_t records = 4096, size; /* a ring's size is a power of two */
	void *memory;

	while (records < 2 * processes + 8)
		records *= 2;
	size = trace_mem_size(1, records * sizeof(struct trace_record));
	memory = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
	if (argc != 4 || !memory) {
		fputs("usage: mksamples OUT PC PROCESSES\n", stderr);
		return 2;
	}
	trace_native_start_in(memory, size, 1, "all");
	exec("first");
	sample(PARENT, pc);
	exec("second");
	sample(PARENT, pc);
	for (unsigned long i = 1; i <= processes; i++) {
		trace_sched_process_fork(PARENT, PARENT + i);
		sample(PARENT + i, pc);
	}
	if (trace_native_save(argv[1])) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
