// SPDX-License-Identifier: MIT
/* meminfo.h - read a value from /proc/meminfo. */
#ifndef MEMINFO_H
#define MEMINFO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Return the number after a name such as "HugePages_Free:", or -1 if the name is not in
 * /proc/meminfo.
 */
static inline long meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long value = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (f)
		fclose(f);
	return value;
}

#endif
