/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - functions shared by our plugins: interface version, arguments, memory, files, code.
 *
 * plugin.c is linked into each plugin. A plugin defines plugin_name for error messages.
 */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

#define SSTATUS_SPP (1u << 8)
#define HSTATUS_SPV (1u << 7)
#define INSN_SRET   0x10200073u
#define INSN_WFI    0x10500073u

extern const char plugin_name[];

/*
 * An argument NAME=VALUE: a number (if `number` is not NULL), or a string. Unless it is optional,
 * the number must not be 0.
 */
struct plugin_argument {
	const char *name; /* including the = */
	uint64_t *number;
	const char **text;
	bool optional;
};

/* Parse QEMU's arguments. If one is unknown or missing, prints an error and returns false. */
bool plugin_arguments(const struct plugin_argument *known, size_t n, int argc, char **argv);

/* Return p, the result of malloc() or a similar function, or exit if it is NULL. */
void *plugin_need(void *p);

/* Create a file. If it cannot be created, prints an error and returns NULL. */
FILE *plugin_create(const char *path);

/*
 * Close a text file with a last line "end", which shows that the file is complete. If a write has
 * failed, leave the line out and print an error. A full disk may cut a file short anywhere, even
 * within a number.
 */
void plugin_close(FILE *file, const char *path);

/* Return an instruction's encoding, or 0 if the instruction is not in RAM. */
uint32_t plugin_word(const struct qemu_plugin_insn *insn);

#endif
