// SPDX-License-Identifier: MIT
/*
 * number.h - numbers as text: what parameters show and take, and names are made of.
 */
#ifndef KVM_NUMBER_H
#define KVM_NUMBER_H

#include "hv/types.h"

#define NUMBER_SIZE 21 /* bytes of the longest, with the end of the text */

/* Writes n in decimal at `to`, which has room; the end of the text, where its '\0' stands. */
char *number_append(char *to, u64 n);
/* A parameter's get: n as the whole text. -EINVAL: buf is too short. */
int number_show(char *buf, size_t size, u64 n);
/* Decimal digits and nothing else, max at most: 0, or -EINVAL and *n as it was. */
int number_parse(const char *text, u64 max, u64 *n);

#endif
