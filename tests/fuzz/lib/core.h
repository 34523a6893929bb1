// SPDX-License-Identifier: MIT
/*
 * core.h - snapshots of the native host (tests/native), for targets that drive src/kvm.
 */
#ifndef FUZZ_CORE_H
#define FUZZ_CORE_H

#include <sanitizer/asan_interface.h>
#include "native.h"
#include "fuzz.h"
#include "snapshot.h"

static size_t core_pages; /* pages of physical memory up to the last that the snapshot uses */

/* Take the snapshot, with the physical memory that is in use now. */
static inline void core_snapshot(void)
{
	core_pages = NATIVE_RAM_SIZE / PAGE_SIZE;
	while (core_pages && !native_page_refs(NATIVE_RAM_BASE + (core_pages - 1) * PAGE_SIZE))
		core_pages--;
	snapshot_add(native_ram(NATIVE_RAM_BASE), core_pages * PAGE_SIZE);
	snapshot_take();
}

/*
 * Restore the snapshot. Returns false if none has been taken. core_end() has freed all pages, which
 * poisons them: unpoison those that are in use in the snapshot.
 */
static inline bool core_restore(void)
{
	size_t i;

	if (!snapshot_restore())
		return false;
	for (i = 0; i < core_pages; i++)
		if (native_page_refs(NATIVE_RAM_BASE + i * PAGE_SIZE))
			ASAN_UNPOISON_MEMORY_REGION(native_ram(NATIVE_RAM_BASE + i * PAGE_SIZE),
						    PAGE_SIZE);
	return true;
}

/* Free user memory, and check that nothing has leaked. Call this after all VMs have been closed. */
static inline void core_end(void)
{
	native_user_exit();
	CLAIM(!native_objects_in_use() && !native_maps_in_use() && !native_pages_in_use());
	CLAIM(!snapshot_objects());
}

#endif
