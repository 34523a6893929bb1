// SPDX-License-Identifier: MIT
/* stubs.h - the stubs' variables that tests read or set, and functions to make and free a tree. */
#ifndef TESTS_FILES_STUBS_H
#define TESTS_FILES_STUBS_H

#include "fs/inode.h"

extern char log_line[512]; /* the last logged line, or "" */
extern unsigned int nr_log_lines;
extern long fail_alloc_in; /* this many allocations succeed before one fails; < 0: none fails */
extern unsigned int fail_allocs; /* how many allocations then fail in a row */
extern unsigned int nr_pauses;   /* calls of tree_pause() */
extern int pause_error;          /* what tree_pause() returns */
extern void (*on_pause)(void);   /* what it calls, if not NULL */
extern long tree_bytes;          /* sum of tree_count() */

void tree_begin(void); /* make an empty root */
void tree_end(void);   /* free the whole tree; LeakSanitizer reports what is left */

#endif
