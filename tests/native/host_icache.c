// SPDX-License-Identifier: MIT
/*
 * host_icache.c - a model of instruction caches that do not follow stores.
 *
 * When a page's frame is new, a hart may have old instructions of this frame in its cache. As on
 * Linux, the host executes fence.i for such a page only if the core asks for it, with
 * hv_user_page_fetch(). A guest's fetch from a page for which it has not asked is an error. Without
 * native_icache(), the host executes fence.i by itself, as the bare-metal host does.
 */
#include <string.h>
#include "native.h"
#include "native_host.h"

static bool lazy, shared;
static bool clean[NATIVE_RAM_SIZE / PAGE_SIZE]; /* no hart has old instructions of the frame */

static bool *frame(hpa_t pa)
{
	return &clean[(pa - NATIVE_RAM_BASE) / PAGE_SIZE];
}

void native_icache(void)
{
	lazy = true;
}

void native_icache_shared(void)
{
	lazy = shared = true;
}

void native_icache_reset(void)
{
	lazy = shared = false;
	memset(clean, 0, sizeof(clean));
}

void native_icache_new(hpa_t pa)
{
	__atomic_store_n(frame(pa), false, __ATOMIC_RELAXED);
}

bool native_icache_is_clean(hpa_t pa)
{
	return !lazy || __atomic_load_n(frame(pa), __ATOMIC_RELAXED);
}

bool native_icache_is_known_clean(hpa_t pa)
{
	return !shared && native_icache_is_clean(pa);
}

/* One leaf maps all pages of a block, so clean all of them. */
int hv_user_page_fetch(struct hv_mm *mm, hva_t hva, struct hv_user_page *page)
{
	int err = hv_user_page_look(mm, hva, false, page);
	hpa_t at;

	if (err)
		return err;
	for (at = ALIGN_DOWN(page->pa, page->map_size);
	     at - ALIGN_DOWN(page->pa, page->map_size) < page->map_size; at += PAGE_SIZE)
		__atomic_store_n(frame(at), true, __ATOMIC_RELAXED);
	page->stale = false;
	return 0;
}
