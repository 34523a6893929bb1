// SPDX-License-Identifier: MIT
/*
 * walk.h - the walk over every call to /dev/kvm: what its chapters share.
 *
 * A row is one call: its name, which never changes, and what it gave: "= value", "fd", or
 * an errno and, behind it, what a failed call changed although it must change nothing.
 * Nothing here claims anything: the rows are held against those that the same program
 * printed on Linux (walk.linux.txt).
 */
#ifndef WALK_H
#define WALK_H

#include "../vm.h"

#define FIELD(type, member) offsetof(type, member), 8 * sizeof(((type *)0)->member)

/* What calls are made on. */
struct walk {
	struct vm vm;
	struct vcpu vcpu;  /* id 0: never runs unless a row says so */
	struct vcpu probe; /* id 1: runs the probe, where a chapter asks for it */
	bool registers;    /* each row also looks at the registers of the first vCPU */
	bool probing;      /* ... and whether guest memory is as it was */
	uint64_t state;    /* after the last row; 0: that has changed it */
};

/* A call with a structure, and how a successful one is taken back. */
struct call {
	const char *name;
	int fd;
	unsigned long cmd;
	const void *good; /* the structure as it may be, or NULL: the argument is a number */
	size_t size;
	bool gives_fd;
	void (*undo)(struct walk *w, const void *arg); /* or NULL */
};

struct walk walk_new(void);
void walk_free(struct walk *w);

/* The row's name is printf's. */
void row(const char *result, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void row_result(long ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One call with a number for argument. */
void call_number(struct walk *w, const struct call *c, unsigned long arg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* One call with a structure: a copy of `arg`, c->size bytes. */
void call_with(struct walk *w, const struct call *c, const void *arg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Rows, one a bit: the good structure with that bit of a field flipped. */
void walk_bits(struct walk *w, const struct call *c, const char *field, size_t offset,
	       size_t nbits);
/* Rows: a number with one bit. */
void walk_number_bits(struct walk *w, const struct call *c);
/* Rows: the good structure at places where it cannot be read, or not be written. */
void walk_pointers(struct walk *w, const struct call *c);
/* Rows: the call with another size or direction in its number. */
void walk_command_bits(struct walk *w, const struct call *c);

/* What a call can be recognised by afterwards. */
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
