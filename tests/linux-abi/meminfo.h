// SPDX-License-Identifier: MIT
/* meminfo.h - one line of /proc/meminfo. */
#ifndef MEMINFO_H
#define MEMINFO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number after a name such as "HugePages_Free:"; -1 if there is none. */
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
