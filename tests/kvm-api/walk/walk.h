// SPDX-License-Identifier: MIT
/*
 * walk.h - what the chapters of the walk share. The walk is a program that makes every call to
 * /dev/kvm, with valid and invalid arguments.
 *
 * The program prints one row per call: a name, which must not change because it identifies the row,
 * and the result, which is "= VALUE", "fd" or the name of an errno. If a failed call has changed
 * its argument or other state, the row says so. The program makes no claims. Its rows are compared
 * with those that it printed on Linux KVM (walk.linux.txt).
 */
#ifndef WALK_H
#define WALK_H

#include "../vm.h"

#define FIELD(type, member) offsetof(type, member), 8 * sizeof(((type *)0)->member)

/* A VM with two vCPUs, on which a chapter makes its calls, and what the rows check. */
struct walk {
	struct vm vm;
	struct vcpu vcpu;  /* id 0: run only by the chapters */
	struct vcpu probe; /* id 1: runs the probe (engine.c), if `probing` is set */
	bool registers;    /* check that a failed call changes no register of `vcpu` */
	bool probing;      /* check that a failed call does not change what the probe finds */
	uint64_t state;    /* walk_state() after the last call if it failed; otherwise 0: unknown */
};

/* A call, with a valid argument, and how to undo the call if it succeeds. */
struct call {
	const char *name;
	int fd;
	unsigned long cmd;
	const void *good; /* a valid structure, or NULL if the argument is a number */
	size_t size;
	bool gives_fd;
	void (*undo)(struct walk *w, const void *arg); /* or NULL */
};

struct walk walk_new(void);
void walk_free(struct walk *w);

/* Print a row. fmt and its arguments, as for printf(), give the row's name. */
void row(const char *result, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void row_result(long ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Make one call with the number or the address `arg`, and print its row. */
void call_number(struct walk *w, const struct call *c, unsigned long arg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/*
 * Make one call with the address of a copy of `arg` (c->size bytes), and print its row. If the call
 * succeeds, undo it.
 */
void call_with(struct walk *w, const struct call *c, const void *arg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Make one row per bit of a field: a call with the valid structure and that bit flipped. */
void walk_bits(struct walk *w, const struct call *c, const char *field, size_t offset,
	       size_t nbits);
/* Make one row per bit: a call with a number that has only that bit set. */
void walk_number_bits(struct walk *w, const struct call *c);
/* Make rows with the argument at addresses that are bad, odd, read-only or only partly readable. */
void walk_pointers(struct walk *w, const struct call *c);
/* Make one row per bit of the size and direction in the ioctl command, with that bit flipped. */
void walk_command_bits(struct walk *w, const struct call *c);

/* Return a hash of the state that a failed call must not change. */
uint64_t walk_state(struct walk *w);

void chapter_system(void);
void chapter_numbers(void);
void chapter_vm(void);
void chapter_memory(void);
void chapter_dirty_log(void);
void chapter_irqchip(void);
void chapter_events(void);
void chapter_vcpu(void);
void chapter_registers(void);
void chapter_files(void);

#endif
