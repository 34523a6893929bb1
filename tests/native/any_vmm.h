// SPDX-License-Identifier: MIT
/*
 * any_vmm.h - a VMM and a guest that do anything, as somebody chooses: a generator of random
 * numbers (test_fuzz.c), or a fuzzer (tests/fuzz).
 */
#ifndef NATIVE_ANY_VMM_H
#define NATIVE_ANY_VMM_H

#include "native.h"

/* The next choice: a number below `below`. Set before any of these. */
extern u64 (*any_choice)(u64 below);

void any_vmm_begin(void);
void any_vmm_step(void);
/* Closes everything; ends the process if something is left. */
void any_vmm_end(void);

/* An extension's number that means something, mostly. */
unsigned long any_sbi_extension(void);

#endif
