// SPDX-License-Identifier: MIT
/*
 * bootargs.c - the host's command line: words NAME=VALUE or NAME, separated by spaces.
 */
#include "bootargs.h"
#include <stdlib.h>
#include <string.h>
#include "hv/bits.h"
#include "lib/printk.h"

#define MAX_ARGS 48

static char text[2048];
static const char *args[MAX_ARGS];
static unsigned int nr_args;

void bootargs_init(const char *cmdline)
{
	char *p = text;

	if (strlcpy(text, cmdline, sizeof(text)) >= sizeof(text))
		printk("host: boot arguments truncated to %zu bytes\n", sizeof(text) - 1);
	while (*p) {
		while (*p == ' ')
			*p++ = '\0';
		if (!*p)
			break;
		if (nr_args == MAX_ARGS) {
			printk("host: boot arguments from '%s' on are ignored: more than %d\n", p,
			       MAX_ARGS);
			break;
		}
		args[nr_args++] = p;
		while (*p && *p != ' ')
			p++;
	}
}

const char *bootarg_get(const char *name)
{
	size_t len = strlen(name);

	for (unsigned int i = 0; i < nr_args; i++) {
		if (strncmp(args[i], name, len))
			continue;
		if (args[i][len] == '=')
			return args[i] + len + 1;
		if (!args[i][len])
			return "";
	}
	return NULL;
}

const char *bootarg_next(unsigned int *iterator)
{
	return *iterator < nr_args ? args[(*iterator)++] : NULL;
}

unsigned long bootarg_size(const char *name, unsigned long fallback)
{
	const char *value = bootarg_get(name);
	unsigned long n;
	char *end;

	if (!value)
		return fallback;
	n = strtoul(value, &end, 0);
	if (end == value)
		goto malformed;
	switch (*end | 0x20) {
	case 'k':
		n <<= 10;
		end++;
		break;
	case 'm':
		n <<= 20;
		end++;
		break;
	case 'g':
		n <<= 30;
		end++;
		break;
	}
	if (!*end)
		return n;
malformed:
	printk("host: boot argument %s=%s is not a number; using %lu\n", name, value, fallback);
	return fallback;
}
