/* SPDX-License-Identifier: MIT */
/*
 * lab.h - stop at a missing piece of a lab, and print what to write there
 *
 * In a lab's tree, the files that students hand in, and the lab's own files, are compiled as if they
 * included this one first. In the kernel, LAB_TODO() panics; in any other program (the VMM, a native
 * test), it ends the program.
 */
#ifndef HV_LAB_H
#define HV_LAB_H

#ifdef __ASSEMBLER__
	/* lab_stop needs neither the registers nor stvec, which may have any values here. */
	.macro	lab_todo text
	.pushsection .rodata
7771:	.asciz	"\text"
	.popsection
	la	a0, 7771b
	tail	lab_stop
	.endm
#else

/* Do not warn about code that only a missing piece uses. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-const-variable"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-macros"

#ifdef MODULE /* the module for Linux */
void lab_stop(const char *text) __attribute__((noreturn));
#define LAB_TODO(text) lab_stop(text)
#elif __STDC_HOSTED__
/* Not printf(): abort() would not flush its buffer. */
int dprintf(int fd, const char *format, ...);
#define LAB_TODO(text) (dprintf(1, "Bail out! %s\n", text), __builtin_abort())
#else
void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
#define LAB_TODO(text) panic("%s", text)
#endif

#endif
#endif
