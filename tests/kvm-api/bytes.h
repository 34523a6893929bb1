// SPDX-License-Identifier: MIT
/*
 * bytes.h - exact counts of free memory, and random numbers, for tests that check that processes
 * and VMs leak no memory.
 *
 * HS_EXACT is set where nothing else runs and free memory can be read to the byte. Then these tests
 * claim that as much memory is free afterwards as before; otherwise they only print both numbers.
 */
#ifndef KVM_API_BYTES_H
#define KVM_API_BYTES_H

#include <sys/sysinfo.h>
#include <sys/wait.h>
#include "vm.h"

static uint64_t seed = 88172645463325252;

static inline unsigned int random_below(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 33) % n;
}

/* Return the free memory: free pages, and free objects in the slabs' pages. */
static inline unsigned long free_bytes(void)
{
	unsigned long active, all, size, sum;
	struct sysinfo info;
	char line[256];
	FILE *f;

	sysinfo(&info);
	sum = info.freeram * info.mem_unit;
	f = fopen("/proc/slabinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "kmalloc-%*u %lu %lu %lu", &active, &all, &size) == 3)
			sum += (all - active) * size;
	if (f)
		fclose(f);
	return sum;
}

/*
 * Wait until `want` bytes are free, up to 2 s: memory may be freed after its process has ended.
 * Returns the bytes that are free.
 */
static inline unsigned long settled_bytes(unsigned long want)
{
	unsigned long now = free_bytes();

	for (int tries = 0; tries < 100 && now != want; tries++) {
		sleep_ms(20);
		now = free_bytes();
	}
	return now;
}

/* Return the bytes that are free when their number has not changed for a while (100 ms). */
static inline unsigned long stable_bytes(void)
{
	unsigned long now = free_bytes(), last = 0;

	for (int same = 0, tries = 0; same < 5 && tries < 100; tries++) {
		last = now;
		sleep_ms(20);
		now = free_bytes();
		same = now == last ? same + 1 : 0;
	}
	return now;
}

/*
 * Print `before` and the number of bytes that are free now; with HS_EXACT, claim that the two are
 * equal. With name NULL, claim nothing: use this after a first round, which allocates what the
 * program itself needs.
 */
static inline void claim_equal(unsigned long before, const char *name)
{
	unsigned long after = settled_bytes(before);

	printf("# %s%lu bytes free before, %lu after\n", name ? "" : "first round: ", before,
	       after);
	if (name && getenv("HS_EXACT"))
		ok(after == before, name);
}

/* Run body() in a child, and return its wait status. */
static inline int status_of(void (*body)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		body();
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return status;
}

#endif
