// SPDX-License-Identifier: MIT
/*
 * number.h - convert numbers to and from text, for parameters and names.
 */
#ifndef KVM_NUMBER_H
#define KVM_NUMBER_H

#include "hv/types.h"

#define NUMBER_SIZE 21 /* bytes of the longest number, with its '\0' */

/*
 * Write n in decimal to `to`, followed by '\0': at most NUMBER_SIZE bytes. Returns a pointer to the
 * '\0'.
 */
char *number_append(char *to, u64 n);
/* For a parameter's get(): write n to buf, terminated by NUL. -EINVAL: buf is too small. */
int number_show(char *buf, size_t size, u64 n);
/*
 * Parse a number of at most max that consists only of decimal digits. Returns 0, or -EINVAL with *n
 * unchanged.
 */
int number_parse(const char *text, u64 max, u64 *n);

#endif
