// SPDX-License-Identifier: MIT
/*
 * file.h - open files, their operations, and descriptor tables.
 */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include "hv/list.h"
#include "hv/types.h"
#include "sched/wait.h"

struct file;
struct inode;
struct poll_table; /* poll.h: adds the poller to wait queues */

/*
 * buf is a user address. A NULL member means -EINVAL (read, write), -ENOTTY (ioctl), -ESPIPE (seek)
 * or, for a shared mapping, -ENODEV (mmap_page).
 */
struct file_ops {
	long (*read)(struct file *f, unsigned long buf, size_t size, u64 *pos);
	long (*write)(struct file *f, unsigned long buf, size_t size, u64 *pos);
	/* Like read, but into kernel memory: for exec, and for pages of private file mappings. */
	long (*kread)(struct file *f, void *buf, size_t size, u64 pos);
	long (*ioctl)(struct file *f, unsigned int cmd, unsigned long arg);
	/* Optional: return 0 if f allows a new mapping of these pages, or -errno. */
	int (*mmap_check)(struct file *f, u64 first, u64 pages, bool shared, bool exec);
	/* Optional: may f not be mapped shared and writable any more? Called with mm->lock held. */
	bool (*is_write_sealed)(const struct file *f);
	/* Get a page of f for a mapping, with a reference. Returns -EINVAL beyond the end of f. */
	int (*mmap_page)(struct file *f, u64 page_index, bool write, hpa_t *pa);
	/*
	 * Get an aligned block of 512 pages for a mapping, with a reference on each page. Returns
	 * -EINVAL if there is no such block.
	 */
	int (*mmap_block)(struct file *f, u64 page_index, hpa_t *pa);
	/*
	 * For userfaultfd on a file's memory: a file has both has_page and insert_page, or neither.
	 * has_page returns false for a page within the file that does not exist yet. insert_page
	 * adds the page at pa to the file, and takes over the caller's reference. It fails with
	 * -EEXIST, -EFAULT (beyond the end), -EINVAL (not aligned for huge pages) or -ENOMEM.
	 */
	unsigned long page_size; /* of the pages in a mapping: SZ_2M for hugetlb, else 0 */
	bool (*has_page)(struct file *f, u64 page_index);
	int (*insert_page)(struct file *f, u64 page_index, hpa_t pa);
	unsigned int (*poll)(struct file *f, struct poll_table *table); /* EPOLL* mask */
	long (*seek)(struct file *f, s64 offset, int whence);
	bool no_pread, no_pwrite; /* has a seek(), but pread() or pwrite() returns -ESPIPE */
	int (*fsync)(struct file *f);
	int (*truncate)(struct file *f, u64 size);
	long (*getdents)(struct file *f, unsigned long buf, size_t size);
	int (*allocate)(struct file *f, int mode, u64 offset, u64 size); /* fallocate() */
	void (*release)(struct file *f); /* the last reference was dropped */
};

struct file {
	u64 refs; /* of descriptors, mostly: a program can have more than 2^32 of one file */
	const struct file_ops *ops;
	struct inode *inode; /* NULL for pipes, eventfds, … */
	u64 pos;             /* one word, which FIONREAD reads without pos_lock */
	struct mutex pos_lock;
	void *priv;
	const char *anon_name;       /* "anon_inode:kvm-vcpu", for /proc/self/fd; or NULL */
	volatile unsigned int flags; /* O_ACCMODE, O_APPEND, …; fcntl() changes some at any time */
	unsigned int kind; /* if inode is NULL: S_IFIFO, S_IFCHR, … and permissions, for fstat() */
	struct list_head watches; /* epoll.c: items that watch this file */
	bool watched;             /* epoll.c: an item watches this file, or has watched it */
	unsigned int flock;       /* flock.c: the lock that this file holds on the inode; 0: none */
	u64 path_check;           /* epoll_paths.c: the last check that has seen this file */
};

struct file *file_alloc(const struct file_ops *ops, void *priv, unsigned int flags);
static inline void file_get(struct file *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}
void flock_init(void);              /* flock.c */
void flock_release(struct file *f); /* f is being freed */
void file_put(struct file *f);      /* may sleep (release) */

#define FD_MAX (1 << 18) /* also in /proc/sys/fs/nr_open; kmalloc() can still allocate the table */

struct fd_table;

struct fd_table *fd_table_create(void);
struct fd_table *fd_table_copy(struct fd_table *from); /* fork */
void fd_table_get(struct fd_table *t);                 /* clone(CLONE_FILES) */
void fd_table_put(struct fd_table *t);
bool fd_table_is_shared(struct fd_table *t);
void fd_table_exec(struct fd_table *t); /* close close-on-exec descriptors */
/*
 * Install f as the lowest free descriptor >= `from` or, if `exact`, as `from` itself, closing the
 * file that is open there. The descriptor must be below `limit` (at most FD_MAX). On success,
 * returns the descriptor and takes over the reference. On failure, returns -ENOMEM, -EMFILE or, if
 * `exact`, -EBADF (not below `limit`) or -EBUSY (reserved).
 */
int fd_table_install(struct fd_table *t, struct file *f, int from, int limit, bool exact,
		     bool cloexec);
int fd_table_next(struct fd_table *t, int from); /* the first open descriptor >= from; or -1 */
int fd_limit(void);                              /* the current process's RLIMIT_NOFILE */
struct file *fd_get(int fd); /* the current process's file, with a reference; NULL: -EBADF */
/*
 * For /proc: look at the file behind the current process's descriptor fd. Sets *inode to the file's
 * inode, with a reference, or to NULL, and `name` to the file's name if it has no path, else to "".
 * Does not take a reference on the file, because dropping it under tree_lock could release the
 * file. Returns 0 or -EBADF.
 */
int fd_look(int fd, struct inode **inode, char *name, size_t size);
int fd_install(struct file *f, bool cloexec);     /* takes over f on success; -EMFILE, -ENOMEM */
int fd_install_new(struct file *f, bool cloexec); /* takes over f even on failure */
/*
 * Reserve a descriptor before a system call has its first effect, because from then on the call
 * must not fail for lack of a descriptor or memory. Until fd_fill(), the descriptor is not open,
 * but no other call gets it, as on Linux.
 */
int fd_reserve(void); /* -EMFILE, -ENOMEM */
/* Make f the file of the reserved descriptor. Takes over the reference; returns fd. */
int fd_fill(int fd, struct file *f, bool cloexec);
void fd_unreserve(int fd);
int fd_close(int fd);
int fd_flags_get(int fd); /* FD_CLOEXEC or 0; -EBADF */
int fd_flags_set(int fd, bool cloexec);

/* Opening and reading by the kernel itself (exec, boot). */
struct file *file_open(const char *path, unsigned int flags, unsigned int mode, int *err);
long file_kread(struct file *f, void *buf, size_t size, u64 pos);
u64 file_size(struct file *f);
/* An ops->seek for files without a known end: supports only SEEK_SET and SEEK_CUR. */
long file_seek_no_end(struct file *f, s64 offset, int whence);

#endif
