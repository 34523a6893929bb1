// SPDX-License-Identifier: MIT
/*
 * interrupts.c - /init of a machine with two disks and a UART: timers, interrupts between harts,
 * and interrupts of devices work, and /proc/interrupts shows on which hart. Prints TAP on the
 * UART.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_HARTS 8
#define ROUNDS    50
#define SLEEP_NS  2000000
#define BYTES     65536

static int claims, harts;

static void ok(bool holds, const char *what, int number)
{
	printf("%s %d - %s %d\n", holds ? "ok" : "not ok", ++claims, what, number);
}

/*
 * Read the row of /proc/interrupts that ends with `name`, or contains it. Returns its label's
 * number (0 for IPI0), or -1.
 */
static int row(const char *name, unsigned long counts[MAX_HARTS])
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[256], *at;
	int label = -1, n;

	memset(counts, 0, MAX_HARTS * sizeof(*counts));
	while (f && label < 0 && fgets(line, sizeof(line), f)) {
		at = strchr(line, ':');
		if (!at || !strstr(line, name))
			continue;
		label = atoi(line);
		for (n = 0, at++; n < harts; n++)
			counts[n] = strtoul(at, &at, 10);
	}
	if (f)
		fclose(f);
	return label;
}

static void pin(int hart)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(hart, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		printf("# sched_setaffinity to %d failed\n", hart);
}

static void timers(void)
{
	const struct timespec nap = { .tv_nsec = SLEEP_NS };
	unsigned long before[MAX_HARTS], after[MAX_HARTS];
	struct timespec from, to;
	long took;
	int i, tries;

	for (i = 0; i < harts; i++) {
		pin(i);
		row("riscv-timer", before);
		tries = 0;
		do { /* on a slow machine, the time may have come before the thread sleeps */
			clock_gettime(CLOCK_MONOTONIC, &from);
			nanosleep(&nap, NULL);
			clock_gettime(CLOCK_MONOTONIC, &to);
			row("riscv-timer", after);
			took = (to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec;
		} while (took >= SLEEP_NS && after[i] == before[i] && ++tries < ROUNDS);
		ok(took >= SLEEP_NS && after[i] > before[i], "a timer ends a sleep on hart", i);
	}
}

static int there[2], back[2];
static const struct timespec moment = { .tv_nsec = 1000000 };

/*
 * The two threads wait for a moment before each write, so that the other hart is asleep by then. On
 * a busy machine, it may be late: a thread that was awake finds the byte without an interrupt.
 */
static void *answer(void *hart)
{
	char c;
	int i;

	pin((int)(long)hart);
	for (i = 0; i < ROUNDS; i++)
		if (read(there[0], &c, 1) != 1 || nanosleep(&moment, NULL) ||
		    write(back[1], &c, 1) != 1)
			break;
	return NULL;
}

static void ipis(int hart)
{
	unsigned long before[MAX_HARTS], after[MAX_HARTS];
	pthread_t thread;
	int i, n = 0;
	char c = 'x';

	if (pipe(there) || pipe(back) || pthread_create(&thread, NULL, answer, (void *)(long)hart))
		exit(2);
	pin(0);
	row("IPI0", before);
	for (i = 0; i < ROUNDS; i++)
		n += !nanosleep(&moment, NULL) && write(there[1], &c, 1) == 1 &&
		     read(back[0], &c, 1) == 1;
	row("IPI0", after);
	pthread_join(thread, NULL);
	ok(n == ROUNDS && after[0] > before[0] && after[hart] > before[hart],
	   "hart 0 and another wake each other up by interrupts: hart", hart);
}

/* One hart serves the device. Before the others were online, that was hart 0. */
static void served(const char *name, const char *what, int number)
{
	unsigned long counts[MAX_HARTS], all = 0;
	int label = row(name, counts), others = 0, i;

	for (i = 0; i < harts; i++) {
		all += counts[i];
		others += i && counts[i];
	}
	ok(label >= 2 && all && others <= 1, what, number);
}

static void disk(const char *path, const char *name, int number)
{
	static unsigned char data[BYTES], got[BYTES];
	int fd = open(path, O_RDWR), i;

	for (i = 0; i < BYTES; i++)
		data[i] = (unsigned char)(i * 7 + i / 256 + number);
	ok(fd >= 0 && write(fd, data, BYTES) == BYTES && !fsync(fd) &&
		   lseek(fd, 0, SEEK_SET) == 0 && read(fd, got, BYTES) == BYTES &&
		   !memcmp(data, got, BYTES),
	   "what was written to a disk is read from it: disk", number);
	close(fd);
	served(name, "one hart takes the interrupts of disk", number);
}

int main(void)
{
	char line[256] = "";
	FILE *f;
	int c, i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	f = fopen("/proc/interrupts", "r");
	while (f && (c = getc(f)) != EOF && c != '\n')
		harts += c == 'C';
	if (f)
		fclose(f);
	printf("# %d harts\n", harts);
	if (harts < 1 || harts > MAX_HARTS)
		return 2;
	timers();
	for (i = 1; i < harts; i++)
		ipis(i);
	disk("/dev/vda", "virtio0", 0);
	disk("/dev/vdb", "virtio1", 1);
	while (strcmp(line, "hello\n") && fgets(line, sizeof(line), stdin))
		;
	ok(!strcmp(line, "hello\n"), "the UART's input is read: console", 0);
	served("ttyS0", "one hart takes the interrupts of console", 0);
	f = fopen("/proc/interrupts", "r");
	while (f && fgets(line, sizeof(line), f))
		printf("%s%s", line[0] == ' ' || line[0] == 'I' ? "# " : "", line);
	printf("1..%d\n", claims);
	return 0;
}
