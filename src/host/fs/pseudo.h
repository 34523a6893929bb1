// SPDX-License-Identifier: MIT
/*
 * pseudo.h - files whose text the host generates when they are opened: /proc and /sys.
 */
#ifndef HOST_PSEUDO_H
#define HOST_PSEUDO_H

#include <linux/errno.h>
#include <stdlib.h>
#include "inode.h"

struct text { /* grows as text is added */
	char *buf;
	size_t len, size;
	bool failed; /* no memory, or too much text: -ENOMEM */
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct pseudo_file {
	const char *path; /* the file's path; NULL if a directory makes the file on lookup */
	int (*show)(struct inode *inode, struct text *t);
	/*
	 * Handle a line written to the file, without its newline. NULL: the file cannot be written.
	 */
	int (*store)(struct inode *inode, const char *line);
	void (*cut)(struct inode *inode); /* called on open for writing with O_TRUNC; or NULL */
	void *data;
	unsigned int mode; /* permissions; 0 means 0444, or 0644 if store is set */
};

/* Parse a line that is one number, in C's notation, of at most `max`. Returns 0 or -EINVAL. */
static inline int pseudo_number(const char *line, unsigned long max, unsigned long *number)
{
	char *end;

	*number = strtoul(line, &end, 0);
	return end == line || *end || *number > max ? -EINVAL : 0;
}

/* Make the file in the tree. `pf` must live forever; inode->priv is pf. */
struct inode *pseudo_make(const struct pseudo_file *pf);
/* Make an inode without a name, for a directory's lookup(). inode->id is id. */
struct inode *pseudo_inode(const struct pseudo_file *pf, unsigned long id);

void procfs_init(void);
void sysfs_init(void);
void debugfs_init(void); /* debugfs.c */
void tracefs_init(void); /* tracefs.c */
void frames_init(void);  /* frames.c: /sys/kernel/mm/page_idle */

#endif
