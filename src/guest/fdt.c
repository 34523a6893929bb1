// SPDX-License-Identifier: MIT
/*
 * fdt.c - look up properties of the device tree, and boot arguments.
 *
 * This file walks the structure block of the flattened format (Devicetree §5) itself, so that a
 * payload can be built with only a compiler. `reg` must have two cells for the address and two for
 * the size, except in /cpus, where it has one or two cells.
 */
#include "rt.h"

#define FDT_MAGIC      0xd00dfeed
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE   2
#define FDT_PROP       3
#define FDT_NOP        4

#define HEADER_MAGIC   0
#define HEADER_SIZE    1
#define HEADER_STRUCT  2
#define HEADER_STRINGS 3

struct walk {
	const u8 *at;
	char path[256]; /* of the current node, with unit addresses */
};

unsigned long fdt_cell(const void *prop, int index)
{
	const u8 *p = (const u8 *)prop + 4 * index;

	return (unsigned long)p[0] << 24 | (unsigned long)p[1] << 16 | (unsigned long)p[2] << 8 |
	       p[3];
}

static void path_push(struct walk *w, const char *name)
{
	size_t len = strlen(w->path), i;

	if ((len > 1 || !len) && len + 1 < sizeof(w->path))
		w->path[len++] = '/';
	for (i = 0; name[i] && len + i + 1 < sizeof(w->path); i++)
		w->path[len + i] = name[i];
	w->path[len + i] = 0;
}

static void path_pop(struct walk *w)
{
	size_t len = strlen(w->path);

	while (len > 1 && w->path[len] != '/')
		len--;
	w->path[len] = 0;
}

/*
 * Get the next property; its node's path is in w->path. Returns false at the end, and at a property that
 * is not in the tree. A valid tree's last byte is 0, so each name ends in the tree.
 */
static bool fdt_next(struct walk *w, const char **name, const void **value, int *len)
{
	const char *strings = (const char *)dtb + fdt_cell(dtb, HEADER_STRINGS);
	const u8 *end = (const u8 *)dtb + fdt_cell(dtb, HEADER_SIZE);

	if (!w->at)
		w->at = (const u8 *)dtb + fdt_cell(dtb, HEADER_STRUCT);
	while (w->at + 12 <= end) { /* the words of a property */
		unsigned long token = fdt_cell(w->at, 0);

		w->at += 4;
		if (token == FDT_BEGIN_NODE) {
			path_push(w, (const char *)w->at);
			w->at += ALIGN_UP(strlen((const char *)w->at) + 1, 4UL);
		} else if (token == FDT_END_NODE) {
			path_pop(w);
		} else if (token == FDT_PROP) {
			*len = (int)fdt_cell(w->at, 0);
			*name = strings + fdt_cell(w->at, 1);
			*value = w->at + 8;
			w->at += 8 + ALIGN_UP((long)*len, 4L);
			return *len >= 0 && w->at <= end && (const u8 *)*name < end;
		} else if (token != FDT_NOP) {
			return false;
		}
	}
	return false;
}

static bool fdt_start(struct walk *w)
{
	w->at = NULL;
	w->path[0] = 0;
	return dtb && fdt_cell(dtb, HEADER_MAGIC) == FDT_MAGIC;
}

/* Paths match with or without the unit address of the last part: /memory finds /memory@80000000. */
static bool path_is(const char *path, const char *want)
{
	size_t n = strlen(want);

	return !strncmp(path, want, n) && (!path[n] || (path[n] == '@' && !strstr(path + n, "/")));
}

const void *fdt_prop(const char *path, const char *name, int *len)
{
	struct walk w;
	const char *pname;
	const void *value;
	int n;

	if (!fdt_start(&w))
		return NULL;
	while (fdt_next(&w, &pname, &value, &n)) {
		if (!strcmp(pname, name) && path_is(w.path, path)) {
			if (len)
				*len = n;
			return value;
		}
	}
	return NULL;
}

const char *fdt_string(const char *path, const char *name)
{
	const char *s = fdt_prop(path, name, NULL);

	return s ? s : "";
}

static void read_reg(const void *prop, struct fdt_reg *reg)
{
	reg->base = fdt_cell(prop, 0) << 32 | fdt_cell(prop, 1);
	reg->size = fdt_cell(prop, 2) << 32 | fdt_cell(prop, 3);
}

static bool list_has(const char *list, int len, const char *word)
{
	int at = 0;

	while (at < len) {
		if (!strcmp(list + at, word))
			return true;
		at += (int)strlen(list + at) + 1;
	}
	return false;
}

bool fdt_find(const char *compatible, int n, struct fdt_reg *reg)
{
	char path[sizeof(((struct walk *)0)->path)];
	struct walk w;
	const char *name;
	const void *value;
	int len;

	if (!fdt_start(&w))
		return false;
	while (fdt_next(&w, &name, &value, &len)) {
		if (strcmp(name, "compatible") || !list_has(value, len, compatible) || n--)
			continue;
		memcpy(path, w.path, sizeof(path));
		value = fdt_prop(path, "reg", &len);
		if (!value || len < 16)
			return false;
		read_reg(value, reg);
		return true;
	}
	return false;
}

bool fdt_memory(struct fdt_reg *reg)
{
	const void *prop = fdt_prop("/memory", "reg", NULL);

	if (prop)
		read_reg(prop, reg);
	return prop != NULL;
}

int fdt_cpus(unsigned long *ids, int max)
{
	struct walk w;
	const char *name;
	const void *value;
	int len, n = 0;

	if (!fdt_start(&w))
		return 0;
	while (fdt_next(&w, &name, &value, &len) && n < max)
		if (!strcmp(name, "reg") && path_is(w.path, "/cpus/cpu"))
			ids[n++] = len == 8 ? fdt_cell(value, 1) : fdt_cell(value, 0);
	return n;
}

bool boot_arg(const char *name, char *value, size_t size)
{
	const char *args = fdt_string("/chosen", "bootargs");
	size_t n = strlen(name), i;

	while (*args) {
		while (*args == ' ')
			args++;
		if (!strncmp(args, name, n) && (!args[n] || args[n] == ' ' || args[n] == '=')) {
			args += n + (args[n] == '=');
			for (i = 0; size && i + 1 < size && *args && *args != ' '; i++)
				value[i] = *args++;
			if (size)
				value[i] = 0;
			return true;
		}
		while (*args && *args != ' ')
			args++;
	}
	return false;
}

unsigned long boot_number(const char *name, unsigned long fallback)
{
	unsigned long number = 0;
	bool fits = true;
	char digits[24]; /* more than a number has */
	int i;

	if (!boot_arg(name, digits, sizeof(digits)))
		return fallback;
	for (i = 0; digits[i] >= '0' && digits[i] <= '9'; i++)
		fits = fits && !__builtin_mul_overflow(number, 10, &number) &&
		       !__builtin_add_overflow(number, digits[i] - '0', &number);
	if (!i || !fits || digits[i])
		bail("boot argument %s=%s: must be a decimal number of at most %d bits", name,
		     digits, __riscv_xlen);
	return number;
}

unsigned long boot_need(const char *name)
{
	unsigned long value = boot_number(name, ~0UL);

	if (value == ~0UL)
		bail("the command line lacks %s=", name);
	return value;
}
