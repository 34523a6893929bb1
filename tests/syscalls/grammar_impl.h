// SPDX-License-Identifier: MIT
/* grammar_impl.h - interface between grammar.c, values.c and structures.c. */
#ifndef TESTS_SYSCALLS_GRAMMAR_IMPL_H
#define TESTS_SYSCALLS_GRAMMAR_IMPL_H

#include <stdint.h>
#include "grammar.h"

#ifndef HART_LOCAL /* layout.h: several harts use the grammar */
#define HART_LOCAL
#endif

enum struct_id {
	S_TIMES,
	S_IOVEC,
	S_POLLFDS,
	S_EPOLL_EVENT,
	S_SOCKADDR,
	S_MSGHDR,
	S_SIGSET,
	S_SIGACTION,
	S_STACK_T,
	S_RLIMIT,
	S_POINTED_SIZE,
	S_ARGV,
	S_UFFD_API,
	S_UFFD_REGISTER,
	S_UFFD_COPY,
	S_RANGE,
	S_SLOT,
	S_DIRTY_LOG,
	S_CLEAR_DIRTY,
	S_IOEVENTFD,
	S_SET_PC,
};

extern const struct grammar_env *env;
extern HART_LOCAL const unsigned char *extra; /* the step's last three bytes, for structures */

/* Offsets in env->data: structures, one for each argument; paths; and a buffer for data. */
#define STRUCTS 0x0
#define PATHS   0x1000
#define PAIRS   0x1f00
#define BUFFER  0x2000
#define STACKS  0xc000

/* ---- values.c: the value that the byte b selects ---- */
unsigned long address(unsigned char b);
unsigned long length(unsigned char b);
unsigned long data_size(unsigned char b);
unsigned long buffer(unsigned char b); /* user memory, for data */
long offset(unsigned char b);
/* Store name b, or `fixed`, which is one of the names, in user memory. Returns its address. */
unsigned long path(unsigned int b, const char *fixed);
int signal_number(unsigned char b);
long map_flags(unsigned char b);
long open_flags(unsigned char b);

/* ---- grammar.c ---- */
int descriptor(unsigned char b, unsigned int kind);
/* If the sequence has no descriptor of this kind yet, make the first call that returns one. */
void need_descriptor(unsigned int kind);

/* ---- structures.c ---- */
/* Store a structure in slot `slot` of user memory. Returns its address. */
unsigned long structure(enum struct_id id, unsigned char b, unsigned int slot);

#endif
