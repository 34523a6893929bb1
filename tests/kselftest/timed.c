// SPDX-License-Identifier: MIT
/*
 * timed.c - run a program, and print its exit status, time and instructions on standard error:
 *
 *   timed: status 0 ns 123456789 instret 987654321
 *
 * Nanoseconds are measured with CLOCK_MONOTONIC. instret is the hart's count, for all privilege
 * modes and all programs on the hart. It is meaningful only if QEMU counts instructions (--icount).
 * It is 0 if user mode may not read the counter (Linux).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf no_counter;

static void on_sigill(int sig)
{
	(void)sig;
	siglongjmp(no_counter, 1);
}

static unsigned long read_instret(void)
{
	unsigned long count = 0;

	if (sigsetjmp(no_counter, 1) == 0)
		__asm__ volatile("rdinstret %0" : "=r"(count));
	return count;
}

static unsigned long read_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000000000UL + (unsigned long)now.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned long ns, instret;
	int status;
	pid_t child;

	if (argc < 2) {
		fprintf(stderr, "usage: timed PROGRAM ARGS...\n");
		return 125;
	}
	signal(SIGILL, on_sigill);
	ns = read_ns();
	instret = read_instret();
	child = fork();
	if (child == 0) {
		signal(SIGILL, SIG_DFL);
		execv(argv[1], argv + 1);
		perror(argv[1]);
		_exit(125);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("timed");
		return 125;
	}
	instret = read_instret() - instret;
	ns = read_ns() - ns;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	fprintf(stderr, "timed: status %d ns %lu instret %lu\n", status, ns, instret);
	return status;
}
