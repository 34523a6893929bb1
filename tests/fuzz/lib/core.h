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

/*
 * Call KVM_GET_ONE_REG or KVM_SET_ONE_REG of a vCPU, with *value in the page of user memory at `page`,
 * and the ioctl's argument in the next page.
 */
static inline long core_one_reg(int vcpu, unsigned int cmd, u64 id, hva_t page, u64 *value)
{
	const hva_t arg = page + PAGE_SIZE;
	struct kvm_one_reg reg = { .id = id, .addr = page };
	long ret;

	CLAIM(hv_copy_to_user(arg, &reg, sizeof(reg)) == 0);
	CLAIM(hv_copy_to_user(page, value, sizeof(*value)) == 0);
	ret = native_ioctl(vcpu, cmd, arg);
	CLAIM(hv_copy_from_user(value, page, sizeof(*value)) == 0);
	CLAIM(ret <= 0 && ret > -134);
	return ret;
}

/* Free user memory, and check that nothing has leaked. Call this after all VMs have been closed. */
static inline void core_end(void)
{
	native_user_exit();
	CLAIM(!native_objects_in_use() && !native_maps_in_use() && !native_pages_in_use());
	CLAIM(!snapshot_objects());
}

#endif
