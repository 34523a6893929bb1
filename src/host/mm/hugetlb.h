// SPDX-License-Identifier: MIT
/*
 * hugetlb.h - the pool of huge pages that programs request explicitly: MAP_HUGETLB, MFD_HUGETLB.
 *
 * The 2M leaves of ordinary areas (fault.c) don't come from this pool.
 */
#ifndef HOST_HUGETLB_H
#define HOST_HUGETLB_H

#include "hv/types.h"

void hugetlb_reserve(void);    /* reserve blocks of 1 GiB; call before page_init_finish() */
void hugetlb_init(void);       /* fill the pool (hugepages=N); call after page_init_finish() */
void hugetlb_files_init(void); /* create the pool's files in /proc and /sys */

/*
 * Take a block of 2 MiB from the pool. It is not cleared. Each page has one reference. Return 0 if
 * the pool is empty.
 */
hpa_t huge_page_alloc(void);
size_t huge_page_total(void); /* all blocks of the pool, free or in use */
size_t huge_page_free_count(void);

/* Is 2^log a supported size of huge pages: 2 MiB or 1 GiB? log 0 means the default, 2 MiB. */
bool huge_page_size_ok(unsigned long log);
/*
 * For mmap(): if the mapping consists of huge pages, set VMA_HUGETLB, and round the length and an
 * address hint up to whole huge pages. -EINVAL: misaligned, or MAP_HUGETLB with a file without huge
 * pages; -ENOMEM: out of range, or the pool has too few free pages (not checked with `noreserve`).
 */
struct vma_spec;
int huge_check_mapping(struct vma_spec *spec, bool noreserve);

/*
 * For page.c: `pages` pages, from pa on, have lost their last reference. Their block returns to the
 * pool when all of its pages have lost theirs.
 */
void huge_page_dropped(hpa_t pa, unsigned int pages);

/* ---- hugetlb_1g.c: pages of 1 GiB, for private anonymous areas with VMA_GIANT ---- */

struct mm;
struct vma;
size_t giant_pages_reserve(size_t wanted); /* returns how many were reserved */
size_t giant_page_total(void);
size_t giant_page_free_count(void);
void giant_page_dropped(hpa_t pa, unsigned int pages);
/*
 * Map or copy the page at va, for a fault. mm->lock is held. Return 0, -EIO (empty pool) or
 * -ENOMEM.
 */
int giant_page_map(struct mm *mm, const struct vma *vma, unsigned long va);
int giant_page_copy(struct mm *mm, unsigned long va);

#endif
