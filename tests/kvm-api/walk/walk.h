// SPDX-License-Identifier: MIT
/*
 * walk.h - the walk over every call to /dev/kvm: what its chapters share.
 *
 * A row is one call: its name, which never changes, and its result: "= value", "fd", or an errno,
 * followed by anything that a failed call changed although it must change nothing. Nothing here
 * makes a claim: the rows are compared with those that the same program printed on Linux
 * (walk.linux.txt).
 */
#ifndef WALK_H
#define WALK_H

#include "../vm.h"

#define FIELD(type, member) offsetof(type, member), 8 * sizeof(((type *)0)->member)

/* The objects on which calls are made. */
struct walk {
	struct vm vm;
	struct vcpu vcpu;  /* id 0: runs only if a row says so */
	struct vcpu probe; /* id 1: runs the probe, if `probing` is set */
	bool registers;    /* rows also compare the registers of the first vCPU */
	bool probing;      /* rows also check that guest memory is unchanged */
	uint64_t state;    /* walk_state() after the last row; 0: the row may have changed it */
};

/* A call with a structure as its argument, and how to undo it if it succeeds. */
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
/* Make one call with a number as its argument. */
void call_number(struct walk *w, const struct call *c, unsigned long arg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Make one call with a structure: a copy of `arg`, c->size bytes. */
void call_with(struct walk *w, const struct call *c, const void *arg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Make one row per bit of a field: a call with the valid structure and that bit flipped. */
void walk_bits(struct walk *w, const struct call *c, const char *field, size_t offset,
	       size_t nbits);
/* Make one row per bit: a call with a number that has only that bit set. */
void walk_number_bits(struct walk *w, const struct call *c);
/* Make rows with the valid structure at addresses that cannot be read, or cannot be written. */
void walk_pointers(struct walk *w, const struct call *c);
/* Make rows with another size or direction in the call's number. */
void walk_command_bits(struct walk *w, const struct call *c);

/* Return a hash of the state that a call could change. */
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
