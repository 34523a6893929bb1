// SPDX-License-Identifier: MIT
/* page_idle.h - idle marks of page frames. */
#ifndef HOST_PAGE_IDLE_H
#define HOST_PAGE_IDLE_H

#include "hv/types.h"

/*
 * The frames of a call are those of `words` * 64 pages from start on, one bit each; frames that are
 * not RAM are ignored. scratch: `words` words that the functions use. Both take the mm->lock of
 * address spaces, and may sleep.
 */

/* Set bits to the frames that are mapped, marked idle, and have not been used since. */
void page_idle_test(hpa_t start, u64 *bits, unsigned int words, u64 *scratch);
/* Mark those frames idle that are mapped and whose bit is set. Overwrites bits. */
void page_idle_mark(hpa_t start, u64 *bits, unsigned int words, u64 *scratch);
void page_idle_init(void);

#endif
