// SPDX-License-Identifier: MIT
/*
 * pseudo.h - files whose text the host makes when they are opened: /proc and /sys.
 */
#ifndef HOST_PSEUDO_H
#define HOST_PSEUDO_H

#include "inode.h"

struct text { /* grows as it is written to */
	char *buf;
	size_t len, size;
	bool failed; /* no memory: the open fails */
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct pseudo_file {
	const char *path; /* where it stands, or NULL if a directory makes it when asked */
	int (*show)(struct inode *inode, struct text *t);
	/* A line written to it, without its newline; NULL: cannot be written. */
	int (*store)(struct inode *inode, const char *line);
	void (*cut)(struct inode *inode); /* opened with O_TRUNC, for writing; NULL: nothing */
	void *data;
	unsigned int mode; /* permissions; 0: 0444, or 0644 with store */
};

/* The file in the tree; `pf` lives forever. inode->priv is pf. */
struct inode *pseudo_make(const struct pseudo_file *pf);
/* An inode without name, for a directory's lookup(). inode->id is id. */
struct inode *pseudo_inode(const struct pseudo_file *pf, unsigned long id);

void procfs_init(void);
void sysfs_init(void);
void debugfs_init(void); /* debugfs.c */
void tracefs_init(void); /* tracefs.c */

#endif
