// SPDX-License-Identifier: MIT
/*
 * program.c - random sequences of system calls (grammar.c) as a program on the host: every process
 * of a sequence has to end when it is killed, and no memory may be lost.
 *
 * usage: program SEQUENCES SEED    (as root, in a machine of its own: it kills every other process)
 *
 * The program must also be /program, which sequences execute; without numbers it prints its usage.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../linux-abi/tap.h"
#include "grammar.h"

#define ENDS_IN_MS   100  /* a sequence is killed after this time */
#define KILLED_IN_MS 5000 /* the processes of a killed sequence have to end within this time */
#define WARM_UP      50   /* sequences before memory is measured */
#define LOST_PAGES   64 /* pages of free objects that the kernel may keep: one per size and list */

static char data[0x10000] __attribute__((aligned(4096)));
static char stacks[8][0x8000] __attribute__((aligned(16)));
static unsigned int next_stack;
static sigjmp_buf back;
static volatile bool touching;
static unsigned char sequence[STEPS_MAX * STEP_BYTES];

extern const char guest_start[], guest_end[];

/* The guest: access three pages of its memory and then a device, in an endless loop. */
__asm__(".section .rodata\n"
	"guest_start:\n"
	"	li	s0, 1\n"
	"	slli	s0, s0, 31\n"
	"1:	ld	s1, 0x700(s0)\n"
	"	addi	s1, s1, 1\n"
	"	sd	s1, 0x700(s0)\n"
	"	lui	t0, 1\n"
	"	add	t1, s0, t0\n"
	"	sd	s1, 0(t1)\n"
	"	lui	t0, 0x200\n"
	"	add	t1, s0, t0\n"
	"	ld	s2, 0(t1)\n"
	"	lui	t0, 0x10000\n"
	"	sw	s1, 0(t0)\n"
	"	j	1b\n"
	"guest_end:\n"
	"	.previous\n");

static void handler(int signo)
{
	if (signo != SIGSEGV && signo != SIGBUS)
		return;
	if (touching)
		siglongjmp(back, 1);
	_exit(1); /* the sequence has unmapped the program itself */
}

static long env_call(long number, const long a[6])
{
	long ret = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);

	return ret < 0 ? -errno : ret;
}

static int run_thread(void *arg)
{
	(void)arg;
	while (grammar_step())
		;
	return 0;
}

static long env_clone(bool thread, const long a[6])
{
	unsigned int stack = next_stack++;

	if (!thread)
		return env_call(SYS_clone, a);
	if (stack >= 8)
		return -EAGAIN;
	return clone(run_thread, stacks[stack + 1], (int)a[0], NULL, (void *)a[2], NULL,
		     (void *)a[4]);
}

static void env_put(unsigned long va, const void *bytes, size_t size)
{
	touching = true;
	if (!sigsetjmp(back, 1))
		memcpy((void *)va, bytes, size);
	touching = false;
}

static void env_get(unsigned long va, void *bytes, size_t size)
{
	memcpy(bytes, (void *)va, size);
}

static void env_touch(unsigned long va, unsigned int how)
{
	touching = true;
	if (!sigsetjmp(back, 1)) {
		if (how & 1)
			*(volatile unsigned char *)va = 1;
		else
			(void)*(volatile unsigned char *)va;
	}
	touching = false;
}

static void env_wait(unsigned long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)(ms % 10) * 1000000 }, NULL);
}

static const struct grammar_env env_functions = {
	.call = env_call,
	.clone = env_clone,
	.put = env_put,
	.get = env_get,
	.touch = env_touch,
	.wait = env_wait,
	.handler = (unsigned long)handler,
	.data = (unsigned long)data,
	.guest = guest_start,
};

static uint64_t state;

static unsigned char random_byte(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned char)(state * 0x2545f4914f6cdd1d >> 56);
}

static void remove_below(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[600];

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (unlink(path) < 0) {
			remove_below(path);
			rmdir(path);
		}
	}
	if (d)
		closedir(d);
}

/* Returns the pages of free memory. */
static long free_pages(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "MemFree: %ld", &kib);
	if (f)
		fclose(f);
	return kib / 4;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* Kill every other process, and reap children. Returns true if there was no other process. */
static bool alone(void)
{
	bool none = kill(-1, SIGKILL) < 0 && errno == ESRCH;

	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	return none && waitpid(-1, NULL, WNOHANG | __WALL) < 0;
}

/* The host copies each page of the program's file at its first use: let it copy all of them now. */
static void read_own_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	char *file = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);

	for (off_t at = 0; file != MAP_FAILED && at < size; at += 4096)
		(void)*(volatile char *)(file + at);
	munmap(file, (size_t)size);
	close(fd);
}

static bool run(void)
{
	static int null = -1;

	size_t size = (STEPS_MIN + random_byte() % (STEPS_MAX - STEPS_MIN + 1)) * STEP_BYTES;
	struct grammar_env env = env_functions;
	long ms;
	pid_t pid;

	if (null < 0)
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	env.guest_size = (size_t)(guest_end - guest_start);
	for (size_t i = 0; i < size; i++)
		sequence[i] = random_byte();
	grammar_begin(&env, sequence, size);
	pid = fork();
	if (pid == 0) {
		setsid();
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd); /* a sequence may write to them */
		grammar_start();
		while (grammar_step())
			;
		_exit(0);
	}
	for (ms = 0; ms < ENDS_IN_MS && waitpid(pid, NULL, WNOHANG) == 0; ms++)
		sleep_ms(1);
	for (ms = 0; !alone(); ms++) {
		if (ms > KILLED_IN_MS)
			return false;
		sleep_ms(1);
	}
	remove_below("/w");
	return true;
}

static bool number(const char *text, unsigned long *value)
{
	char *end;

	*value = strtoul(text, &end, 0);
	return *text >= '0' && *text <= '9' && !*end;
}

int main(int argc, char **argv)
{
	unsigned long n, sequences;
	long before = 0, after;
	bool end = true;

	if (argc != 3 || !number(argv[1], &sequences) || !sequences || !number(argv[2], &state)) {
		fputs("usage: program SEQUENCES SEED\n", stderr);
		return 2;
	}
	state = state * 0x9e3779b97f4a7c15 + 1;
	mkdir("/w", 0777);
	read_own_file();
	for (n = 0; n < sequences + WARM_UP && end; n++) {
		if (n == WARM_UP)
			before = free_pages();
		end = run();
	}
	after = free_pages();
	printf("# %lu sequences after %d of warm-up, seed %s: %ld pages free before, %ld after\n",
	       n > WARM_UP ? n - WARM_UP : 0, WARM_UP, argv[2], before, after);
	ok(end, "every process of a sequence ends when it is killed");
	ok(before > 0 && after >= before - LOST_PAGES, "sequences of system calls lose no memory");
	return tap_done();
}
