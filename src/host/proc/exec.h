// SPDX-License-Identifier: MIT
/* exec.h - interface between exec.c, exec_stack.c, elf.c and process.c. */
#ifndef HOST_EXEC_H
#define HOST_EXEC_H

#include "hv/types.h"

struct file;
struct trap_frame;
struct mm;

/* The result of elf_load(). */
struct elf_image {
	unsigned long entry;      /* start address: that of the interpreter, if any */
	unsigned long prog_entry; /* AT_ENTRY */
	unsigned long phdr;       /* user address of the program headers; 0: not mapped */
	unsigned int phnum;
	unsigned long interp_base; /* AT_BASE */
	unsigned long end;         /* end of the last segment, where brk starts */
};

/* elf.c: map the program and its interpreter. -ENOEXEC: not a riscv64 program. */
int elf_load(struct mm *mm, struct file *f, struct elf_image *image);

/* Argument and environment strings, one after another, each with its NUL. */
struct exec_args {
	char *strings;
	size_t used, size;
	unsigned int argc, envc;
};

int exec_args_add(struct exec_args *args, const char *s); /* 0, -E2BIG, -ENOMEM */
const char *exec_args_next(const char *s); /* the string after s; takes interrupts on each page */
void exec_args_free(struct exec_args *args);

/*
 * Return the stack size for a new program. It depends on the caller's RLIMIT_STACK; the stack never
 * grows.
 */
unsigned long exec_stack_size(void);
/* exec_stack.c: map and fill the initial stack: argc, argv, envp, auxv. *sp: the stack pointer. */
int exec_build_stack(struct mm *mm, const struct exec_args *args, const struct elf_image *image,
		     const char *execfn, unsigned long *sp);

/* exec.c: replace the current process's program, for execve() and for the first program. */
int exec_program(const char *path, struct exec_args *args, struct trap_frame *frame);

#define EXEC_STACK_SIZE 0x800000UL /* RLIMIT_STACK of the first process */
#define EXEC_STACK_MIN  0x40000UL  /* minimum stack size; arguments may always use half of it */
#define EXEC_STACK_MAX \
	0x40000000UL /* even if RLIMIT_STACK is infinite: the whole stack is mapped at once */
#define EXEC_STACK_TOP (USER_END - 16 * PAGE_SIZE)

#endif
