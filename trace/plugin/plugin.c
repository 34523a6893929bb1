// SPDX-License-Identifier: MIT
/*
 * plugin.c - functions shared by our plugins: interface version, arguments, memory, files, code.
 */
#include "plugin.h"

/* A function that QEMU 9 has and earlier versions lack. */
extern typeof(qemu_plugin_scoreboard_new) qemu_plugin_scoreboard_new __attribute__((weak));

int qemu_plugin_version;

/* This is a constructor, because QEMU reads qemu_plugin_version before it calls any function. */
static void __attribute__((constructor)) choose_version(void)
{
	qemu_plugin_version = qemu_plugin_scoreboard_new ? QEMU_PLUGIN_API : QEMU_PLUGIN_API_OLD;
}

static bool take(const struct plugin_argument *known, const char *text)
{
	size_t len = strlen(known->name);

	if (strncmp(text, known->name, len) != 0)
		return false;
	if (known->number)
		*known->number = strtoull(text + len, NULL, 0);
	else
		*known->text = text + len;
	return true;
}

bool plugin_arguments(const struct plugin_argument *known, size_t n, int argc, char **argv)
{
	size_t k;
	int i;

	for (i = 0; i < argc; i++) {
		for (k = 0; k < n && !take(&known[k], argv[i]); k++)
			;
		if (k == n) {
			fprintf(stderr, "%s: unknown argument %s\n", plugin_name, argv[i]);
			return false;
		}
	}
	for (k = 0; k < n; k++) {
		if (!known[k].optional && (known[k].number ? !*known[k].number : !*known[k].text)) {
			fprintf(stderr, "%s: the argument %s is missing\n", plugin_name,
				known[k].name);
			return false;
		}
	}
	return true;
}

void *plugin_need(void *p)
{
	if (!p) {
		fprintf(stderr, "%s: out of memory\n", plugin_name);
		exit(1);
	}
	return p;
}

FILE *plugin_create(const char *path)
{
	FILE *file = fopen(path, "wb");

	if (!file)
		fprintf(stderr, "%s: %s cannot be written\n", plugin_name, path);
	return file;
}

void plugin_close(FILE *file, const char *path)
{
	bool bad = ferror(file);

	if (!bad)
		fputs("end\n", file);
	if (fclose(file) || bad)
		fprintf(stderr, "%s: %s cannot be written\n", plugin_name, path);
}

uint32_t plugin_word(const struct qemu_plugin_insn *insn)
{
	const void *at = qemu_plugin_insn_haddr(insn);
	size_t size = qemu_plugin_insn_size(insn);
	uint32_t word = 0;

	if (at)
		memcpy(&word, at, size < sizeof(word) ? size : sizeof(word));
	return word;
}
