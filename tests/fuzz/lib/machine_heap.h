// SPDX-License-Identifier: MIT
/*
 * machine_heap.h - let code under test allocate from the snapshot's heap, and always see the same
 * process id. The compiler includes this file before everything else (-include).
 */
#ifndef FUZZ_MACHINE_HEAP_H
#define FUZZ_MACHINE_HEAP_H

#include <stdlib.h>
#include "snapshot.h"

#define getpid                snapshot_process_id
#define malloc(size)          snapshot_alloc(size)
#define calloc(count, size)   snapshot_alloc((count) * (size))
#define realloc(object, size) snapshot_realloc(object, size)
#define free(object)          snapshot_free(object)

#endif
