// SPDX-License-Identifier: MIT
/*
 * target.c - the fuzz target: run a sequence of system calls in a new process of the host, and
 * check all invariants after each call; then end every process that is left, and look for leaks.
 *
 * The first program is the supervisor: it forks a process for each sequence, kills what is left of
 * the sequence after a second of the machine's time, and waits for it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "grammar.h"
#include "invariants.h"
#include "machine.h"
#include "mm/page.h"
#include "proc/process.h"

#define NR_ioctl      29
#define NR_exit_group 94
#define NR_nanosleep  101
#define NR_kill       129
#define NR_execve     221
#define NR_wait4      260
#define NR_prlimit64  261
#define NR_clone      220
#define NR_munmap     215
#define NR_mmap       222
#define NR_setsid     157
#define ENDS_IN_MS    1000 /* of the machine's time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *sequence;
static size_t sequence_size;
static bool is_new;  /* the next process is the first of its sequence */
static bool is_over; /* the sequence's steps have all been taken */

static long call(long number, long a, long b, long c, long d)
{
	return machine_ecall(number, (const long[6]){ a, b, c, d });
}

/* ---- a sequence's view of the machine ---- */

static long env_call(long number, const long args[6])
{
	long ret = machine_ecall(number, args);

	check_invariants(number == NR_ioctl);
	return ret;
}

static long env_clone(bool thread, const long args[6])
{
	(void)thread;
	return env_call(NR_clone, args);
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
	enum machine_access access = how == 3 ? MACHINE_FETCH : how ? MACHINE_STORE : MACHINE_LOAD;
	unsigned long word = va;

	if (!machine_access(va, access, &word, access == MACHINE_FETCH ? 4 : 8))
		check_signal(va, access, machine_signal);
	check_invariants(false);
}

static void env_wait(unsigned long ms)
{
	machine_time_add(ms * (MACHINE_HZ / 1000));
	machine_ecall(124, (const long[6]){ 0 });
	check_invariants(false);
}

static void env_trace(const char *name, const long args[6], long result)
{
	fprintf(stderr, "%d: %s(0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx) = %ld\n", current->tid,
		name, args[0], args[1], args[2], args[3], args[4], args[5], result);
	for (int i = 0; i < 6; i++)
		if ((unsigned long)args[i] - MACHINE_DATA - 0x1000 < 0xf00) {
			char path[64] = "";

			env_get((unsigned long)args[i], path, sizeof(path) - 1);
			fprintf(stderr, "\t%s\n", path);
		}
}

static struct grammar_env env = {
	.call = env_call,
	.clone = env_clone,
	.put = env_put,
	.get = env_get,
	.touch = env_touch,
	.wait = env_wait,
	.handler = MACHINE_HANDLER,
	.data = MACHINE_DATA,
};

/* ---- the programs ---- */

static void sleep_ms(long ms)
{
	const uint64_t time[2] = { (uint64_t)ms / 1000, (uint64_t)ms % 1000 * 1000000 };

	env_put(MACHINE_DATA, time, sizeof(time));
	call(NR_nanosleep, MACHINE_DATA, 0, 0, 0);
}

/* Wait until the sequence's processes have ended, or kill them. */
static void reap(void)
{
	unsigned int ms;

	for (ms = 0; ms < ENDS_IN_MS && call(NR_wait4, -1, 0, 1, 0) == 0; ms += 20)
		sleep_ms(20);
	for (ms = 0; !check_alone(); ms += 20) {
		if (ms >= 10 * ENDS_IN_MS)
			machine_fail("a killed process does not end");
		call(NR_kill, -1, 9, 0, 0);
		sleep_ms(20);
		while (call(NR_wait4, -1, 0, 1, 0) > 0)
			;
	}
}

/*
 * Give this and all later programs the smallest stack, 256 KiB instead of 8 MiB. Otherwise, most
 * pages of a sequence would be those that mlockall() adds to stacks that no program uses.
 */
static void shrink_stack(void)
{
	const uint64_t limit[2] = { 0, ~0UL };

	env_put(MACHINE_DATA, limit, sizeof(limit));
	env_put(MACHINE_DATA + sizeof(limit), "/program", sizeof("/program"));
	if (call(NR_prlimit64, 0, 3, MACHINE_DATA, 0) ||
	    call(NR_execve, MACHINE_DATA + sizeof(limit), 0, 0, 0))
		machine_fail("/program cannot be started with a smaller stack");
}

static __attribute__((noreturn)) void supervise(void)
{
	uint64_t word;
	long va;

	shrink_stack();
	va = machine_ecall(NR_mmap, (const long[6]){ 0, 0x1000, 1, 0x22, -1 });
	/* Let the host allocate the zero page, which it never frees, before the first check for leaks. */
	zero_page_enabled = true;
	machine_access((unsigned long)va, MACHINE_LOAD, &word, sizeof(word));
	call(NR_munmap, va, 0x1000, 0, 0);
	for (;;) {
		machine_leave();
		grammar_begin(&env, sequence, sequence_size);
		core_guest_begin(sequence[sequence_size - 1]);
		zero_page_enabled = sequence[sequence_size - 1] & 1; /* the parameter zero_page */
		is_new = true;
		is_over = false;
		call(NR_clone, 17, 0, 0, 0);
		reap();
		tree_clear();
		check_all_invariants();
		check_leaks();
	}
}

/* A new process or thread does not return from the system call: it starts here. */
static void user(void)
{
	static bool started;

	uint32_t insn;

	machine_access(MACHINE_TEXT, MACHINE_FETCH, &insn, sizeof(insn));
	if (!started) {
		started = true;
		supervise();
	}
	if (is_new) {
		is_new = false;
		call(NR_setsid, 0, 0, 0, 0); /* so that kill(0) does not reach the supervisor */
		grammar_start();
	}
	while (grammar_step())
		;
	if (!is_over) {
		is_over = true;
		check_all_invariants();
	}
	for (;;)
		call(NR_exit_group, 0, 0, 0, 0);
}

/* ---- libFuzzer ---- */

static void boot(void)
{
	static const uint8_t nothing[STEP_BYTES] = { 255 };

	if (getenv("HS_TRACE")) {
		machine_verbose = true;
		env.trace = env_trace;
	}
	machine_user = user;
	machine_enter();
	sequence = nothing;
	sequence_size = sizeof(nothing);
	machine_enter();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!machine_user)
		boot();
	if (size < STEPS_MIN * STEP_BYTES)
		return 0;
	sequence = data;
	sequence_size = size;
	machine_enter();
	return 0;
}
