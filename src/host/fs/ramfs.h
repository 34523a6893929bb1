// SPDX-License-Identifier: MIT
/*
 * ramfs.h - interface between ramfs.c (pages, reading, writing) and ramfs_size.c (size, holes,
 * mappings), and of both with memfd.c (files whose seals limit these operations).
 */
#ifndef HOST_RAMFS_H
#define HOST_RAMFS_H

#include "inode.h"
#include "mm/page.h"

#define CHUNK_PAGES 512
#define CHUNKS_MAX  (SZ_2M * 2 / sizeof(struct ram_chunk)) /* as many as one kmalloc() can hold */
#define FILE_MAX    ((u64)CHUNKS_MAX * SZ_2M)

struct ram_chunk {
	hpa_t *pages; /* CHUNK_PAGES addresses, 0 for a missing page; NULL: no page at all */
	bool block;   /* the pages are one aligned 2M block */
};

struct ram_file {
	struct mutex lock;
	struct mutex write_lock; /* before `lock`: one write, truncate or fallocate at a time */
	const u8 *base;          /* bytes [0, base_size) where there is no page; NULL: zeros */
	u64 base_size;
	u64 size;
	struct ram_chunk *chunks;
	size_t nr_chunks;
	u64 nr_pages;
	struct account *account; /* if huge: the creator's, referenced; pages are charged to it */
	bool huge;
	bool hugetlb; /* all chunks are blocks from the pool (hugetlb.c) */
	bool mapped;  /* has been mapped shared: removed pages may be in page tables */
};

/*
 * Return how many 4K pages are kept free for programs, so that a full file system does not get a
 * program killed for lack of memory.
 */
static inline size_t ram_reserve(void)
{
	return page_total_count() / 64;
}

/* Call these functions with rf->lock held; only ram_tree_has_room() does not need it. */
hpa_t *ram_page_slot(const struct ram_file *rf, u64 index); /* NULL: the chunk has no table */
/* Get the file's own page, with a reference for the caller. Creates the page if it is missing. */
int ram_page_own(struct ram_file *rf, u64 index, hpa_t *pa);
void ram_count_pages(struct ram_file *rf, long pages);
bool ram_tree_has_room(const struct ram_file *rf);          /* may this file get one more page? */
void ram_drop_pages(struct ram_file *rf, u64 from, u64 to); /* page indices [from, to) */
int ram_chunk_make(struct ram_file *rf, u64 chunk);
/* Like ram_chunk_make(), but without allocating a block: a new chunk has no pages. */
int ram_chunk_make_empty(struct ram_file *rf, u64 chunk);

/* unmap.c: unmap pages [from, to) of the file from every address space. Call with no lock held. */
void file_unmap_pages(const struct ram_file *rf, u64 from, u64 to);
/* unmap.c: can a program write to the file through a mapping? Takes every mm->lock in turn. */
bool file_is_mapped_writable(const struct ram_file *rf);

long ram_read(struct file *f, unsigned long buf, size_t size, u64 *pos);
long ram_write(struct file *f, unsigned long buf, size_t size, u64 *pos);
long ram_kread(struct file *f, void *buf, size_t size, u64 pos);
int ram_fsync(struct file *f);
int ram_truncate(struct file *f, u64 size);
int ram_allocate(struct file *f, int mode, u64 offset, u64 size);
int ram_mmap_page(struct file *f, u64 index, bool write, hpa_t *pa);
int ram_mmap_block(struct file *f, u64 index, hpa_t *pa);
bool ram_has_page(struct file *f, u64 index);
int ram_insert_page(struct file *f, u64 index, hpa_t pa);
long ram_seek(struct file *f, s64 offset, int whence);

/* In a struct file_ops: what all files in RAM have in common, whatever seals they have. */
#define RAM_FILE_OPS                                                                            \
	.read = ram_read, .kread = ram_kread, .mmap_page = ram_mmap_page,                       \
	.mmap_block = ram_mmap_block, .has_page = ram_has_page, .insert_page = ram_insert_page, \
	.seek = ram_seek, .fsync = ram_fsync

#endif
