// SPDX-License-Identifier: MIT
/*
 * any_vmm.h - a random VMM and guest, driven by a random number generator (test_fuzz.c) or by a
 * fuzzer (tests/fuzz), on the native machine (any_native.c), or as a program (tests/kvm-api/random).
 */
#ifndef NATIVE_ANY_VMM_H
#define NATIVE_ANY_VMM_H

#include "hv/types.h"

/*
 * Returns the next choice, a number less than `below`. Set this pointer before you call the
 * functions that follow.
 */
extern u64 (*any_choice)(u64 below);

enum any_machine {
	ANY_USUAL, /* each toggle has its usual value */
	ANY_OTHER, /* most have another value; there is a PMU, FP, vectors and a dirty ring per vCPU */
};

/* Reset the native machine, start the core, and make a VM (any_vmm_open()). Makes no choice. */
void any_vmm_start(enum any_machine machine);
void any_vmm_begin(void);
void any_vmm_step(void);
/* Close everything; panic if anything has leaked from the native machine. */
void any_vmm_end(void);

/* Return an SBI extension's number, usually one that exists. */
unsigned long any_sbi_extension(void);
/*
 * Change the arguments of an SBI call whose extension is in a7, and the function's number, to ones
 * that are often valid together. Calls of most extensions are left as they are.
 */
void any_sbi_arguments(unsigned long *gpr);

#endif
