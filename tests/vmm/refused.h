/* SPDX-License-Identifier: MIT */
/*
 * refused.h - a die() that jumps back into the test and keeps the VMM's message.
 */
#ifndef VMM_TEST_REFUSED_H
#define VMM_TEST_REFUSED_H

#include <setjmp.h>

extern jmp_buf refused; /* where die() jumps to */
extern char why[300];   /* its message */

#endif
