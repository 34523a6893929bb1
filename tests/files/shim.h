// SPDX-License-Identifier: MIT
/* shim.h - included first in each file that is compiled here (-include): strlcpy(), which glibc
 * 2.36 lacks, and S_IF*, which <linux/stat.h> leaves to glibc. */
#ifndef TESTS_FILES_SHIM_H
#define TESTS_FILES_SHIM_H

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#define strlcpy shim_strlcpy
size_t shim_strlcpy(char *dst, const char *src, size_t size);

#endif
