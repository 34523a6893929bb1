/* SPDX-License-Identifier: MIT */
/*
 * harts.h - for plugins: which hart runs, its registers, how many instructions it has begun (QEMU 9).
 *
 * With -icount harts take turns in one thread and share what QEMU has translated. QEMU 10 tells a
 * callback of the hart that was translated for, whichever runs it: of several, a plugin asks here.
 */
#ifndef HARTS_H
#define HARTS_H

#include "plugin.h"

#define MAX_HARTS 32

/* From now on: `names` has `n`, each found in each hart. */
void plugin_watch_harts(qemu_plugin_id_t id, const struct qemu_info *info, const char *const *names,
			unsigned int n);
/* As a block begins, before all else, with the hart that QEMU tells of: the one that runs it. */
unsigned int plugin_hart_begins(unsigned int told);
/* The same one, as long as the block runs. */
unsigned int plugin_hart(void);
/* The register of that place in `names`, of the hart that runs; 0 if it has none of that name. */
uint64_t plugin_reg(unsigned int hart, unsigned int which);
/* While its block is translated: it is counted whenever it begins. */
void plugin_count(struct qemu_plugin_insn *insn);
uint64_t plugin_executed(unsigned int hart);

#endif
