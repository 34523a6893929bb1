// SPDX-License-Identifier: MIT
/*
 * saved_machine.h - a machine of the VMM's real devices, with a disk, that tests save and restore.
 */
#ifndef SAVED_MACHINE_H
#define SAVED_MACHINE_H

#include "kvm_model.h"

#define RAM_SIZE 0x100000ul

extern int next_fd; /* the descriptor that a refused restore leaves open */

/*
 * For a group of tests: build the machine, with a file for its disk and one for --save and
 * --restore; and remove both files.
 */
int machine_build(void **state);
int machine_remove(void **state);
/* Reset everything to the state of a machine that was just built; the disk is not started. */
void machine_reset(void);
/* Restore as main() does, with missing options from the file. Returns false if refused (`why`). */
bool machine_restores(void);

/* The disk's registers, and a driver's steps from a reset to a queue that is ready. */
u32 disk_reg(u64 offset);
void set_disk_reg(u64 offset, u32 value);
void disk_start(void);

/* Where disk_start() puts the rings: offsets in RAM. */
#define DISK_DESC  0x1000
#define DISK_AVAIL 0x2000
#define DISK_USED  0x3000

#endif
