/* SPDX-License-Identifier: MIT */
/*
 * harts.h - the running hart, its registers, and how many instructions it has begun (from QEMU 9
 * on).
 *
 * With -icount, harts run alternately in one thread and share translated code. QEMU 10 passes to a
 * callback the hart for which the code was translated, not the one that runs it. So with several
 * harts, a plugin must use these functions. Without -icount, each hart has a thread of its own.
 */
#ifndef HARTS_H
#define HARTS_H

#include "plugin.h"

#define MAX_HARTS 64

/* Initialize. The n registers in `names` are looked up in every hart. */
void plugin_watch_harts(qemu_plugin_id_t id, const struct qemu_info *info, const char *const *names,
			unsigned int n);
/*
 * Call this first when a block begins, with the hart from QEMU's callback. Returns the hart that
 * really runs.
 */
unsigned int plugin_hart_begins(unsigned int vcpu_index);
/* Return the hart that runs the current block. */
unsigned int plugin_hart(void);
/*
 * Return register names[which] of `hart`, which must be the running hart, or 0 if the hart has no
 * such register.
 */
uint64_t plugin_reg(unsigned int hart, unsigned int which);
/* Count the instruction each time that it begins. Call this function during translation. */
void plugin_count(struct qemu_plugin_insn *insn);
/* Return the number of counted instructions that a hart has begun. */
uint64_t plugin_executed(unsigned int hart);

#endif
