// SPDX-License-Identifier: MIT
/*
 * counted.c - functions with a known number of instructions, for tests/scripts/profile.t.
 *
 *   count_down(n)  2n + 1
 *   tree(n)        14 for each of its 2^n - 1 inner calls, 2 for each of its 2^n leaves
 *   timed(n)       2n + 4; returns the difference between its two reads of instret
 *   echo(n)        2n + 1
 *
 *   counted [beside]   with `beside`: call sleeps() while another thread counts down
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

unsigned long count_down(unsigned long n), echo(unsigned long n), timed(unsigned long n);
void tree(unsigned long n);

__asm__(".globl count_down, echo, timed, tree\n"
	".type count_down, @function\n"
	"count_down:\n"
	"	addi	a0, a0, -1\n"
	"	bnez	a0, count_down\n"
	"	ret\n"
	".type echo, @function\n"
	"echo:	addi	a0, a0, -1\n"
	"	bnez	a0, echo\n"
	"	ret\n"
	".type timed, @function\n"
	"timed:	csrr	a1, instret\n"
	"1:	addi	a0, a0, -1\n"
	"	bnez	a0, 1b\n"
	"	csrr	a2, instret\n"
	"	sub	a0, a2, a1\n"
	"	ret\n"
	".type tree, @function\n"
	"tree:	beqz	a0, 1f\n"
	"	addi	sp, sp, -16\n"
	"	sd	ra, 0(sp)\n"
	"	sd	s0, 8(sp)\n"
	"	addi	s0, a0, -1\n"
	"	mv	a0, s0\n"
	"	jal	tree\n"
	"	mv	a0, s0\n"
	"	jal	tree\n"
	"	ld	s0, 8(sp)\n"
	"	ld	ra, 0(sp)\n"
	"	addi	sp, sp, 16\n"
	"	nop\n"
	"1:	ret\n");

static jmp_buf back;
static void (*volatile jump)(struct __jmp_buf_tag *, int) = longjmp;

static __attribute__((noinline)) void jumps(unsigned long deep)
{
	count_down(10);
	if (deep)
		jumps(deep - 1);
	else
		jump(back, 1);
	__asm__ volatile("" ::: "memory"); /* no tail call */
}

static __attribute__((noinline)) void behind_jump(void)
{
	count_down(100);
	__asm__ volatile("" ::: "memory");
}

static void on_signal(int number)
{
	(void)number;
	count_down(1000);
	__asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void behind_signal(void)
{
	count_down(5000);
	__asm__ volatile("" ::: "memory");
}

static volatile bool counting, done;

static void *counts(void *unused)
{
	while (!done) {
		count_down(100);
		counting = true;
	}
	return unused;
}

static __attribute__((noinline)) void sleeps(void)
{
	usleep(1000);
	__asm__ volatile("" ::: "memory");
}

static int beside(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, counts, NULL))
		return 1;
	while (!counting)
		sched_yield();
	sleeps();
	done = true;
	return pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return beside();
	count_down(10000);
	tree(8);
	if (!setjmp(back))
		jumps(3);
	behind_jump();
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	behind_signal();
	echo(timed(3000));
	return 0;
}
