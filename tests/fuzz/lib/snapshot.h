// SPDX-License-Identifier: MIT
/*
 * snapshot.h - restore the memory of the code under test instead of setting it up for each input.
 *
 * The memory is the static data of the objects that rules.mk moved into the sections machine_data
 * and machine_bss, a heap, and ranges that the target adds. After snapshot_take(), all of it is
 * read-only. The first store to a page traps. The handler then saves the page and makes it
 * writable, and from then on each restore copies it back. So every store of an input is undone, and
 * the cost of a restore depends only on the number of pages that inputs change.
 *
 * Thread-local variables (rules.mk makes them static), libc's memory and files are not restored.
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
/* Let the snapshot include this range. */
void snapshot_add(void *start, size_t size);
/* Let the snapshot include ASan's shadow of this range, which must be aligned to a page. */
void snapshot_add_shadow(const void *start, size_t size);
/*
 * Return the result of an execution: a hash of the addresses and contents of all words that differ
 * from the snapshot, or 0 if the target takes no snapshot.
 */
uint64_t snapshot_digest(void);

/*
 * The heap: zeroed objects with poisoned bytes around them. A freed object is poisoned, and its
 * memory is not used again before the next restore. If the heap is full, snapshot_alloc() returns
 * NULL. Freeing anything but an object aborts.
 */
void *snapshot_alloc(size_t size);
void snapshot_free(void *object);
void *snapshot_realloc(void *object, size_t size);
/* Number of objects not yet freed. */
unsigned long snapshot_objects(void);

/* Replaces getpid() in code under test: results must not differ between processes. */
int snapshot_process_id(void);

#endif
