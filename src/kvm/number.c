// SPDX-License-Identifier: MIT
/*
 * number.c - numbers as text, for parameters and names.
 */
#include <linux/errno.h>
#include <string.h>
#include "number.h"

char *number_append(char *to, u64 n)
{
	if (n >= 10)
		to = number_append(to, n / 10);
	*to = (char)('0' + n % 10);
	to[1] = '\0';
	return to + 1;
}

int number_show(char *buf, size_t size, u64 n)
{
	char text[NUMBER_SIZE];
	size_t len = (size_t)(number_append(text, n) - text);

	if (len >= size)
		return -EINVAL;
	memcpy(buf, text, len + 1);
	return 0;
}

int number_parse(const char *text, u64 max, u64 *n)
{
	u64 value = 0, digit;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		digit = (u64)*text - '0'; /* far above 9 for characters below '0' */
		if (digit > 9 || digit > max || value > (max - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	*n = value;
	return 0;
}
