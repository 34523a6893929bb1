// SPDX-License-Identifier: MIT
/*
 * any_vmm.h - a VMM and a guest that do anything, driven by a random number generator
 * (test_fuzz.c) or by a fuzzer (tests/fuzz).
 */
#ifndef NATIVE_ANY_VMM_H
#define NATIVE_ANY_VMM_H

#include "native.h"

/* The next choice, a number below `below`. The caller sets it before it calls these functions. */
extern u64 (*any_choice)(u64 below);

void any_vmm_begin(void);
void any_vmm_step(void);
/* Close everything; end the process if anything is left. */
void any_vmm_end(void);

/* An SBI extension's number, usually one that exists. */
unsigned long any_sbi_extension(void);

#endif
