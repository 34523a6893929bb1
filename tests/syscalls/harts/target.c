// SPDX-License-Identifier: MIT
/*
 * target.c - random sequences of system calls on several harts, under TSan.
 *
 * usage: harts SEED COUNT     run COUNT rounds
 *
 * In each round, one process has a thread on each hart, and each thread executes a sequence of its
 * own (grammar.c); in every second round, the sequences use the same few objects. In every fourth
 * round, one more thread moves all of them from hart to hart. The threads share the address space,
 * descriptors, signal handlers and files. TSan reports races in the host and the core; a report
 * ends the program, as does a thread that cannot be killed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "command.h"
#include "grammar.h"
#include "random.h"
#include "invariants.h"
#include "machine.h"
#include "mm/page.h"
#include "proc/process.h"
#include "sched/smp.h"

#define NR_eventfd2          19
#define NR_read              63
#define NR_write             64
#define NR_exit              93
#define NR_nanosleep         101
#define NR_sched_setaffinity 122
#define NR_kill              129
#define NR_setsid            157
#define NR_clone             220
#define NR_wait4             260
#define THREAD               0x10f00
#define ENDS_IN_MS           1000 /* of the machine's time */
#define MOVES                1000
#define WAKES                1000
#define ALL_HARTS            ((1UL << MACHINE_HARTS) - 1)
#define WAIT                 255 /* a step that lets time pass (grammar.c) */
#define SIZE_MAX_BYTES       (STEPS_MAX * STEP_BYTES)

static uint8_t sequences[MACHINE_HARTS][SIZE_MAX_BYTES];
static size_t sizes[MACHINE_HARTS];
static unsigned int roles,
	ready; /* threads of this round that have started and are on their hart */
static int tids[MACHINE_HARTS + 1];
static long eventfd;
static bool moves; /* this round has a thread that moves the others */

static long call(long number, long a, long b, long c, long d)
{
	return machine_ecall(number, (const long[6]){ a, b, c, d });
}

static long env_clone(bool thread, const long args[6])
{
	(void)thread;
	return machine_ecall(NR_clone, args);
}

static void env_put(unsigned long va, const void *data, size_t size)
{
	machine_access(va, MACHINE_STORE, (void *)data, size);
}

static void env_get(unsigned long va, void *data, size_t size)
{
	memset(data, 0xff, size);
	machine_access(va, MACHINE_LOAD, data, size);
}

static void env_touch(unsigned long va, unsigned int how)
{
	unsigned long word = va;

	machine_access(va, how ? MACHINE_STORE : MACHINE_LOAD, &word, 8);
}

static void env_wait(unsigned long ms)
{
	(void)ms;
	call(124, 0, 0, 0, 0);
}

static void env_trace(const char *name, const long args[6], long result)
{
	fprintf(stderr, "%u: %d: %s(0x%lx, 0x%lx, 0x%lx) = %ld\n", this_hart(), current->tid, name,
		args[0], args[1], args[2], result);
}

static struct grammar_env env = {
	.call = machine_ecall,
	.clone = env_clone,
	.put = env_put,
	.get = env_get,
	.touch = env_touch,
	.wait = env_wait,
	.handler = MACHINE_HANDLER,
	.data = MACHINE_DATA,
};

static void sleep_ms(long ms)
{
	const uint64_t time[2] = { 0, (uint64_t)ms * 1000000 };

	env_put(MACHINE_DATA, time, sizeof(time));
	call(NR_nanosleep, MACHINE_DATA, 0, 0, 0);
}

/* Wait until the round's processes have ended, or kill them. */
static void reap(void)
{
	for (unsigned int ms = 0; ms < ENDS_IN_MS && call(NR_wait4, -1, 0, 1, 0) == 0; ms += 20)
		sleep_ms(20);
	for (unsigned int tries = 0; call(NR_kill, -1, 9, 0, 0) == 0; tries++) {
		if (tries == 2000)
			machine_fail("a killed process does not end");
		sleep_ms(20);
		while (call(NR_wait4, -1, 0, 1, 0) > 0)
			;
	}
	while (call(NR_wait4, -1, 0, 1, 0) > 0)
		;
}

static __attribute__((noreturn)) void supervise(void)
{
	for (;;) {
		machine_leave();
		__atomic_store_n(&roles, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&ready, 0, __ATOMIC_SEQ_CST);
		call(NR_clone, 17, 0, 0, 0);
		reap();
		tree_clear();
	}
}

static void go_to_hart(unsigned int hart)
{
	const uint64_t mask = 1UL << hart;

	env_put(MACHINE_DATA + 64 * hart, &mask, sizeof(mask));
	call(NR_sched_setaffinity, 0, 8, (long)(MACHINE_DATA + 64 * hart), 0);
	if (this_hart() != hart)
		machine_fail("a thread is on hart %u instead of hart %u", this_hart(), hart);
}

/*
 * Let the first thread of the round wait for an eventfd that the others write to, so that it is
 * often woken by several of them while it is being moved.
 */
static void wait_and_wake(unsigned int role)
{
	const unsigned long word = MACHINE_DATA + 64 * role;
	const uint64_t one = 1;

	env_put(word, &one, sizeof(one));
	for (unsigned int n = 0; n < WAKES; n++)
		call(role ? NR_write : NR_read, eventfd, (long)word, 8, 0);
}

/* Move random threads of this round, this one included, to random harts. */
static void move_threads(void)
{
	for (unsigned int n = 0; n < MOVES; n++) {
		const uint64_t one = 1UL << random_u64() % MACHINE_HARTS;
		const uint64_t mask = random_u64() % 4 ? one : ALL_HARTS;

		env_put(MACHINE_DATA + 64 * MACHINE_HARTS, &mask, sizeof(mask));
		call(NR_sched_setaffinity, tids[random_u64() % (MACHINE_HARTS + 1)], 8,
		     MACHINE_DATA + 64 * MACHINE_HARTS, 0);
	}
}

/* A new process or thread does not return from the system call: it starts here. */
static void user(void)
{
	static bool started;
	unsigned int role;
	uint32_t insn;

	machine_access(MACHINE_TEXT, MACHINE_FETCH, &insn, sizeof(insn));
	if (!started) {
		started = true;
		supervise();
	}
	role = __atomic_fetch_add(&roles, 1, __ATOMIC_SEQ_CST);
	if (role < MACHINE_HARTS) {
		if (!role)
			call(NR_setsid, 0, 0, 0, 0);
		go_to_hart(role);
		grammar_begin(&env, sequences[role], sizes[role]);
		if (!role) {
			grammar_start();
			eventfd = call(NR_eventfd2, 0, 0, 0, 0);
		}
		for (unsigned int i = 1; !role && i < MACHINE_HARTS + moves; i++)
			call(NR_clone, THREAD, MACHINE_DATA + 0xf000, 0, 0);
	}
	if (role < MACHINE_HARTS + moves) {
		/* Begin together: a thread that began early could disturb those still on their way. */
		tids[role] = current->tid;
		__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < MACHINE_HARTS + moves)
			call(124, 0, 0, 0, 0);
	}
	if (role < MACHINE_HARTS && moves)
		wait_and_wake(role);
	else if (role == MACHINE_HARTS && moves)
		move_threads();
	while (grammar_step())
		;
	for (;;)
		call(NR_exit, 0, 0, 0, 0);
}

/*
 * Calls on one kind of object; NULL waits. If `kind` is not NOTHING, the first call makes an object
 * that does not block, and the first argument of the others is such a descriptor: of a pipe, the end
 * to read from for calls with an even index, and the end to write to for the others.
 */
static const struct focus {
	const char *calls[6];
	enum fd_kind kind;
} focuses[] = {
	{ { "futex_wait", "futex_wake", "futex_requeue", "futex_wait_bitset", "futex_wait" },
	  NOTHING },
	{ { "pipe2", "write", "read", "writev", "read", "write" }, PIPE },
	{ { "eventfd2", "write", "read", "epoll_add", "epoll_pwait", "ppoll" }, EVENT },
};

static uint8_t call_number(const char *name)
{
	for (unsigned int i = 0; i < grammar_nr_calls(); i++)
		if (!strcmp(grammar_name(i), name))
			return (uint8_t)i;
	machine_fail("the grammar has no call %s", name);
}

/*
 * Let all harts use the same few objects with the same few arguments: random sequences rarely do so
 * at the same time.
 */
static void focus_round(void)
{
	const struct focus *f = &focuses[random_u64() % (sizeof(focuses) / sizeof(focuses[0]))];
	uint8_t common[STEP_BYTES];

	for (unsigned int i = 0; i < STEP_BYTES; i++)
		common[i] = (uint8_t)random_u64() & 127;
	for (unsigned int hart = 0; hart < MACHINE_HARTS; hart++)
		for (size_t at = 0; at < sizes[hart]; at += STEP_BYTES) {
			uint8_t *step = sequences[hart] + at;
			unsigned int n =
				f->kind ? (at ? 1 + random_u64() % 5 : 0) : random_u64() % 6;

			step[0] = f->calls[n] ? call_number(f->calls[n]) : WAIT;
			for (unsigned int i = 1; i < STEP_BYTES; i++)
				step[i] = random_u64() % 4 ? common[i] : step[i] & 127;
			if (f->kind && n)
				step[1] = (uint8_t)((f->kind - 1) << 2 | (step[1] & 2) | (n & 1));
			else if (f->kind)
				step[2] = 1;
			step[7] &= 7; /* short times */
		}
}

int main(int argc, char **argv)
{
	unsigned long seed, count, left;

	if (argc != 3) {
		printf("usage: harts SEED COUNT\n\n"
		       "Run COUNT rounds, each with a random sequence on each of %d harts.\n"
		       "With HS_TRACE=1 in the environment, each call is printed.\n",
		       MACHINE_HARTS);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	if (!read_seed_and_count("harts", argv + 1, &seed, &count))
		return 2;
	if (getenv("HS_TRACE")) {
		machine_verbose = true;
		env.trace = env_trace;
	}
	random_seed(seed);
	machine_user = user;
	machine_enter();
	for (left = count; left--;) {
		progress("harts", count - left - 1, count, "rounds");
		for (unsigned int i = 0; i < MACHINE_HARTS; i++)
			sizes[i] = random_sequence(sequences[i]);
		if (left % 2 == 0)
			focus_round();
		moves = left % 4 == 0;
		core_guest_begin((unsigned int)random_u64());
		machine_enter();
	}
	printf("%lu round%s of seed %lu, run to the end\n", count, count == 1 ? "" : "s", seed);
	return 0;
}
