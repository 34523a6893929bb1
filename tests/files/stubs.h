// SPDX-License-Identifier: MIT
/* stubs.h - the little host under the tree of files: what a test sees and sets of it. */
#ifndef TESTS_FILES_STUBS_H
#define TESTS_FILES_STUBS_H

#include "fs/inode.h"

extern char log_line[512]; /* the last line that was logged, "" for none */
extern unsigned int nr_log_lines;
extern long fail_alloc_in; /* that many allocations succeed, then one fails; < 0: none fails */
extern unsigned int fail_allocs; /* ... or this many in a row */

void tree_begin(void); /* an empty root */
void tree_end(void);   /* all of it is freed: what is left then is a leak */

#endif
