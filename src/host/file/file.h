// SPDX-License-Identifier: MIT
/*
 * file.h - open files, what stands behind them, and descriptor tables.
 */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include "hv/list.h"
#include "hv/types.h"
#include "sched/wait.h"

struct file;
struct inode;
struct poll_table; /* poll.h: where a poller enters itself */

/* buf is a user address. A NULL member: -EINVAL (read, write), -ENOTTY (ioctl), -ENODEV (mmap_page), -ESPIPE (seek). */
struct file_ops {
	long (*read)(struct file *f, unsigned long buf, size_t size, u64 *pos);
	long (*write)(struct file *f, unsigned long buf, size_t size, u64 *pos);
	/* As read, into kernel memory: for exec, private file mappings, page-ins. */
	long (*kread)(struct file *f, void *buf, size_t size, u64 pos);
	long (*ioctl)(struct file *f, unsigned int cmd, unsigned long arg);
	/* The page behind a shared mapping, with a reference taken; beyond the end -EINVAL. */
	int (*mmap_page)(struct file *f, u64 page_index, bool write, hpa_t *pa);
	/* Likewise the whole aligned block of 512 pages, a reference on each; -EINVAL: no such block. */
	int (*mmap_block)(struct file *f, u64 page_index, hpa_t *pa);
	/*
	 * For userfaultfd, where memory is a file's: is there a page yet? And: this page becomes the
	 * file's, with its reference; -EEXIST, -EFAULT (beyond the end), -ENOMEM. Both or neither.
	 */
	unsigned long page_size; /* of what is mapped: 0 or SZ_2M (all of it, hugetlb) */
	bool (*has_page)(struct file *f, u64 page_index);
	int (*insert_page)(struct file *f, u64 page_index, hpa_t pa);
	unsigned int (*poll)(struct file *f, struct poll_table *table); /* EPOLL* mask */
	long (*seek)(struct file *f, s64 offset, int whence);
	bool no_pread, no_pwrite; /* with a seek(), and yet -ESPIPE at a position */
	int (*fsync)(struct file *f);
	int (*truncate)(struct file *f, u64 size);
	long (*getdents)(struct file *f, unsigned long buf, size_t size);
	int (*allocate)(struct file *f, int mode, u64 offset, u64 size); /* fallocate() */
	void (*release)(struct file *f); /* the last reference is gone */
};

struct file {
	u32 refs;
	unsigned int flags; /* O_ACCMODE, O_NONBLOCK, O_APPEND, … */
	const struct file_ops *ops;
	struct inode *inode; /* NULL for pipes, eventfds, … */
	u64 pos;
	struct mutex pos_lock;
	void *priv;
	const char *anon_name; /* "anon_inode:kvm-vcpu", for /proc/self/fd; or NULL */
	unsigned int kind; /* without inode: S_IFIFO, S_IFCHR, … and permissions, for fstat() */
	struct list_head watches; /* epoll.c: those who watch this file */
	unsigned int flock;       /* flock.c: what it holds on its inode; 0: nothing */
};

struct file *file_alloc(const struct file_ops *ops, void *priv, unsigned int flags);
static inline void file_get(struct file *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}
void flock_init(void);              /* flock.c */
void flock_release(struct file *f); /* f is going away */
void file_put(struct file *f);      /* may sleep (release) */

#define FD_MAX (1 << 19) /* what /proc/sys/fs/nr_open says: one allocation holds their table */

struct fd_table;

struct fd_table *fd_table_create(void);
struct fd_table *fd_table_copy(struct fd_table *from); /* fork */
void fd_table_get(struct fd_table *t);                 /* clone(CLONE_FILES) */
void fd_table_put(struct fd_table *t);
bool fd_table_is_shared(struct fd_table *t);
void fd_table_exec(struct fd_table *t); /* closes what is close-on-exec */
/*
 * The lowest free descriptor from `from` on, or the very one if `exact`, below `limit` (at most
 * FD_MAX); takes over the reference on success. -ENOMEM; -EMFILE, or if `exact` -EBADF or -EBUSY (reserved).
 */
int fd_table_install(struct fd_table *t, struct file *f, int from, int limit, bool exact,
		     bool cloexec);
int fd_table_next(struct fd_table *t, int from); /* the first open one from `from` on; or -1 */
int fd_limit(void);                              /* of the current process: RLIMIT_NOFILE */
struct file *fd_get(int fd); /* of the current process, referenced; NULL: -EBADF */
/*
 * For /proc: the inode of the current process's descriptor, referenced, or NULL; its name if it has no
 * path, or "". Takes no reference on the file, because the last one must not be dropped under
 * tree_lock. 0 or -EBADF.
 */
int fd_look(int fd, struct inode **inode, char *name, size_t size);
int fd_install(struct file *f, bool cloexec);     /* takes over the reference on success; -EMFILE */
int fd_install_new(struct file *f, bool cloexec); /* the same; takes it over in any case */
/*
 * Reserve a descriptor before a call's first effect, after which the call must not fail for lack of a
 * descriptor or of memory. Until fd_fill() it is not open, but no other call gets it, as on Linux.
 */
int fd_reserve(void); /* -EMFILE, -ENOMEM */
/* Open the reserved descriptor. Takes over the reference; returns fd. */
int fd_fill(int fd, struct file *f, bool cloexec);
void fd_unreserve(int fd);
int fd_close(int fd);
int fd_flags_get(int fd); /* FD_CLOEXEC or 0; -EBADF */
int fd_flags_set(int fd, bool cloexec);

/* Path lookup and opening, by the kernel itself (exec, boot). */
struct file *file_open(const char *path, unsigned int flags, unsigned int mode, int *err);
long file_kread(struct file *f, void *buf, size_t size, u64 pos);
u64 file_size(struct file *f);
/* An ops->seek for what has no known end: SEEK_SET and SEEK_CUR. */
long file_seek_no_end(struct file *f, s64 offset, int whence);

#endif
