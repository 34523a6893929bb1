// SPDX-License-Identifier: MIT
/*
 * switch_event.c - switch an event on and off while threads on other harts execute its call site
 *
 *   switch_event ROUNDS   print the number of rounds in which the event was on and not recorded
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"
#define CALLERS 2
#define HARTS   3

static unsigned long calls[CALLERS];

static void *caller(void *calls_of)
{
	unsigned long *count = calls_of;

	for (;;) {
		syscall(SYS_getppid);
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void wait_for_calls(unsigned long n)
{
	unsigned long from[CALLERS];

	for (int i = 0; i < CALLERS; i++)
		from[i] = __atomic_load_n(&calls[i], __ATOMIC_RELAXED);
	for (int i = 0; i < CALLERS; i++)
		while (__atomic_load_n(&calls[i], __ATOMIC_RELAXED) - from[i] < n)
			;
}

static void set_event(const char *value)
{
	int fd = open(TRACING "events/hs/sys_enter/enable", O_WRONLY);

	if (fd < 0 || write(fd, value, 1) != 1) {
		perror("sys_enter/enable");
		exit(1);
	}
	close(fd);
}

static unsigned long number(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

static unsigned long recorded(void)
{
	unsigned long sum = 0;

	for (int hart = 0; hart < HARTS; hart++) {
		char path[64], text[512] = "";
		int fd;

		snprintf(path, sizeof(path), TRACING "per_cpu/cpu%d/stats", hart);
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
			perror(path);
			exit(1);
		}
		close(fd);
		sum += number(text, "entries: ") + number(text, "overrun: ");
	}
	return sum;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 100, lost = 0;
	pthread_t thread;

	for (int i = 0; i < CALLERS; i++)
		if (pthread_create(&thread, NULL, caller, &calls[i]))
			return 1;
	for (int i = 0; i < rounds; i++) {
		unsigned long before;

		set_event("1");
		before = recorded();
		wait_for_calls(50);
		lost += recorded() - before < CALLERS * 50;
		set_event("0");
		wait_for_calls(20);
	}
	printf("%d rounds, not recorded: %d\n", rounds, lost);
	return 0;
}
