/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - what our plugins share: arguments, memory, instructions, registers, their count.
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

#define MAX_HARTS 32

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

/* An instruction's encoding; 0 if it does not lie in RAM. */
uint32_t plugin_word(const struct qemu_plugin_insn *insn);

/* ---- registers, and how many instructions each hart has begun ---- */

/* From now on: `names` has `n`, each found in each hart. */
void plugin_watch_harts(qemu_plugin_id_t id, const char *const *names, unsigned int n);
/* The one of that place in `names`, of the hart that calls; 0 if it has none of that name. */
uint64_t plugin_reg(unsigned int hart, unsigned int which);
/* While its block is translated: it is counted whenever it begins. */
void plugin_count(struct qemu_plugin_insn *insn);
uint64_t plugin_executed(unsigned int hart);

#endif
