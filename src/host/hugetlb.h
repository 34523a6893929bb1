// SPDX-License-Identifier: MIT
/*
 * hugetlb.h - the pool of huge pages that programs ask for by name: MAP_HUGETLB, MFD_HUGETLB.
 *
 * (A 2M leaf that an ordinary area gets because memory has it is no business of the pool.)
 */
#ifndef HOST_HUGETLB_H
#define HOST_HUGETLB_H

#include "hv/types.h"

void hugetlb_init(void);       /* boot argument hugepages=N; after page_init_finish() */
void hugetlb_files_init(void); /* what /proc and /sys say of it */

/* A cleared block of 2 MiB, a reference on each page; 0: the pool is empty. */
hpa_t huge_page_alloc(void);
size_t huge_page_total(void); /* blocks that the pool has, in use or not */
size_t huge_page_free_count(void);

/* May a huge page have 2^log bytes (0: the default)? 2 MiB it is. */
bool huge_page_size_ok(unsigned long log);
/*
 * For mmap(): what is of huge pages gets VMA_HUGETLB and whole pages. -EINVAL: alignment, or
 * MAP_HUGETLB for another file; -ENOMEM: the pool has too few now (not with `noreserve`).
 */
struct vma_spec;
int huge_check_mapping(struct vma_spec *spec, bool noreserve);

/* page.c: pages of one block have lost their last reference; when all have, it is the pool's. */
void huge_page_dropped(hpa_t pa, unsigned int pages);

#endif
