// SPDX-License-Identifier: MIT
/*
 * turns.c - check that no thread is starved when several threads write to tracefs files without a
 * pause, and so compete for one mutex.
 *
 *   turns [MS [THREADS]]     duration in ms (2000), number of threads (6). Runs on hyperscope only.
 */
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include "tap.h"

#define EVENTS      "/sys/kernel/tracing/events/hs/"
#define MAX_THREADS 16

static unsigned long ms = 2000, writes[MAX_THREADS], longest_us[MAX_THREADS];
static volatile bool stop;

static unsigned long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000000UL + (unsigned long)t.tv_nsec / 1000;
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (long)strlen(text);

	close(fd);
	return good;
}

/*
 * Set the filters of two events alternately, until `stop` is set. Every eighth write enables or
 * disables a third event instead.
 */
static void *storm(void *arg)
{
	unsigned long i = (unsigned long)arg, start;

	for (unsigned long n = 0; !stop; n++) {
		bool good;

		start = now_us();
		if (n % 8 == 0)
			good = put(EVENTS "kvm_mmio/enable", n % 16 ? "1" : "0");
		else if (n % 2)
			good = put(EVENTS "kvm_exit/filter", n % 4 == 1 ? "vm == 7" : "0");
		else
			good = put(EVENTS "kvm_entry/filter", n % 4 == 0 ? "vcpu < 3" : "0");
		if (!good)
			break;
		start = now_us() - start;
		longest_us[i] = start > longest_us[i] ? start : longest_us[i];
		writes[i]++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 6;
	pthread_t threads[MAX_THREADS];
	unsigned long least = ~0UL, most = 0, sum = 0;

	ms = argc > 1 ? strtoul(argv[1], NULL, 0) : ms;
	for (long i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, storm, (void *)i);
	usleep(ms * 1000);
	stop = true;
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		printf("# thread %d: %lu writes, the longest %lu us\n", i, writes[i],
		       longest_us[i]);
		least = writes[i] < least ? writes[i] : least;
		most = writes[i] > most ? writes[i] : most;
		sum += writes[i];
	}
	printf("# %lu writes in all\n", sum);
	ok(least && least * 3 >= most,
	   "no thread writes more than three times as often as another");
	return tap_done();
}
