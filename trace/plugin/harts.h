/* SPDX-License-Identifier: MIT */
/*
 * harts.h - for plugins: registers of each hart, and how many instructions it has begun (QEMU 9).
 */
#ifndef HARTS_H
#define HARTS_H

#include "plugin.h"

#define MAX_HARTS 32

/* From now on: `names` has `n`, each found in each hart. */
void plugin_watch_harts(qemu_plugin_id_t id, const char *const *names, unsigned int n);
/* The one of that place in `names`, of the hart that calls; 0 if it has none of that name. */
uint64_t plugin_reg(unsigned int hart, unsigned int which);
/* While its block is translated: it is counted whenever it begins. */
void plugin_count(struct qemu_plugin_insn *insn);
uint64_t plugin_executed(unsigned int hart);

#endif
