// SPDX-License-Identifier: MIT
/*
 * hugetlb.h - the pool of huge pages that programs ask for by name: MAP_HUGETLB, MFD_HUGETLB.
 *
 * (A 2M leaf that an ordinary area gets because memory has it is no business of the pool.)
 */
#ifndef HOST_HUGETLB_H
#define HOST_HUGETLB_H

#include "hv/types.h"

void hugetlb_reserve(void);    /* blocks of 1 GiB; before page_init_finish() */
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

/* ---- hugetlb_1g.c: pages of 1 GiB, of private anonymous areas with VMA_GIANT ---- */

struct mm;
struct vma;
size_t giant_pages_reserve(size_t wanted); /* how many it got */
size_t giant_page_total(void);
size_t giant_page_free_count(void);
void giant_page_dropped(hpa_t pa, unsigned int pages);
/* For a fault at va, with mm->lock held: 0, -EIO (the pool is empty), -ENOMEM. */
int giant_page_map(struct mm *mm, const struct vma *vma, unsigned long va);
int giant_page_copy(struct mm *mm, unsigned long va);

#endif
