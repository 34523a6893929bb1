/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - what our plugins share: the interface's version, arguments, memory, files, instructions.
 *
 * A plugin says its name, for what it reports; plugin.c is linked to each.
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

/* An argument NAME=VALUE: a number, or a text. */
struct plugin_argument {
	const char *name; /* with its = */
	uint64_t *number;
	const char **text;
};

/* As QEMU hands them over; false, and says so, if one is none of the `n` that are known. */
bool plugin_arguments(const struct plugin_argument *known, size_t n, int argc, char **argv);

/* What malloc() and its kind returned; there is no going on without. */
void *plugin_need(void *p);

/*
 * Close a text file with a last line "end", which shows that the file is complete; leave it out and report an
 * error if a write has failed. A full disk may cut a file short anywhere, also within a number.
 */
void plugin_close(FILE *file, const char *path);

/* An instruction's encoding; 0 if it does not lie in RAM. */
uint32_t plugin_word(const struct qemu_plugin_insn *insn);

#endif
