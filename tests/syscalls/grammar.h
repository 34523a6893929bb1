// SPDX-License-Identifier: MIT
/*
 * grammar.h - random sequences of system calls from a string of bytes. Used by the fuzz target,
 * which calls the host in its own process, and by a program that runs on the host.
 */
#ifndef TESTS_SYSCALLS_GRAMMAR_H
#define TESTS_SYSCALLS_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of a step of a sequence: the call, six arguments, and three for parts of structures. */
#define STEP_BYTES 10
#define STEPS_MIN  20
#define STEPS_MAX  64

/* The window: the addresses that sequences use, besides a few invalid ones (values.c). */
#define WINDOW_START 0x100000000UL
#define WINDOW_SIZE  0x1000000UL

/* Where the window lies in guest physical memory. */
#define GUEST_START 0x80000000UL

enum fd_kind {
	NOTHING,
	REGULAR,
	DIRECTORY,
	MEMORY, /* files that can be mapped: also REGULAR */
	PIPE,
	EVENT,
	TIMER,
	EPOLL,
	SOCKET,
	UFFD,
	KVM,
	VM,
	VCPU,
	NR_KINDS,
	ANY,       /* as an argument: of any kind */
	SAME,      /* as a result: of the argument's kind */
	PIPE_PAIR, /* two descriptors, which the call stores */
	SOCKET_PAIR,
	FORK,
	THREAD,
};

/* What the fuzz target and the program on the host implement differently. */
struct grammar_env {
	long (*call)(long number, const long args[6]);
	/* Like a call that returns twice: returns 0 in the new process or thread. */
	long (*clone)(bool thread, const long args[6]);
	void (*put)(unsigned long va, const void *data, size_t size); /* user memory */
	void (*get)(unsigned long va, void *data, size_t size);
	/* Access memory of the window, which may end in a signal. */
	void (*touch)(unsigned long va, unsigned int how);
	void (*wait)(unsigned long ms); /* let time pass */
	const void *guest;              /* the guest's code, copied to the start of the window */
	size_t guest_size;
	unsigned long handler; /* user address of a signal handler that only returns */
	unsigned long data;    /* 64 KiB of user memory for the arguments that are structures */
	void (*trace)(const char *name, const long args[6], long result); /* or NULL */
};

/* Begin a sequence of `size` bytes. */
void grammar_begin(const struct grammar_env *env, const unsigned char *bytes, size_t size);
/* In the new process: prepare its memory and its signals. */
void grammar_start(void);
/* Take the next step. Returns false if none is left. */
bool grammar_step(void);
unsigned int grammar_nr_calls(void);
const char *grammar_name(unsigned int call);

#endif
