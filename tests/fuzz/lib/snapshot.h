// SPDX-License-Identifier: MIT
/*
 * snapshot.h - restore the memory of the code under test, instead of building its state again.
 *
 * The memory is the static data of the objects that rules.mk moved into the sections machine_data
 * and machine_bss, a heap, and ranges that the target adds. After snapshot_take(), all of it is
 * read-only. The first store to a page traps. The handler then saves the page and makes it
 * writable, and from then on each restore copies it back. So nothing that an input stores can be
 * missed, and a restore costs only as much as the pages that inputs really change.
 *
 * Not covered are thread-local variables (rules.mk makes them static), memory of libc, and files.
 * The target runs on one thread.
 */
#ifndef FUZZ_SNAPSHOT_H
#define FUZZ_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Restore the snapshot. Returns false if none has been taken. */
bool snapshot_restore(void);
/* Take the snapshot. Called once, after snapshot_add() and snapshot_add_shadow(). */
void snapshot_take(void);
/* Restore the bytes of this range, too. */
void snapshot_add(void *start, size_t size);
/* Restore what ASan knows of this range, which is aligned to a page. */
void snapshot_add_shadow(const void *start, size_t size);
/*
 * A hash of what differs from the snapshot, by address and contents: the result of an execution.
 * 0 if the target takes no snapshot.
 */
uint64_t snapshot_digest(void);

/*
 * The heap: zeroed objects with poisoned bytes around them. A freed object is poisoned, and its
 * memory is not used again before the next restore. NULL: the heap is full. Freeing anything but
 * an object aborts.
 */
void *snapshot_alloc(size_t size);
void snapshot_free(void *object);
void *snapshot_realloc(void *object, size_t size);
/* Number of objects not yet freed. */
unsigned long snapshot_objects(void);

/* What getpid() returns to code under test: the same in each process, as the result has to be. */
int snapshot_process_id(void);

#endif
