// SPDX-License-Identifier: MIT
/*
 * inode.h - the tree of files in memory: inodes, names, and paths.
 *
 * There is one tree, and every file with a name is an inode in it: files from the initramfs or made
 * by programs (ramfs.c), device nodes (devfs.c), and files whose text is generated when they are
 * opened (pseudo.c). tree_lock, a mutex, guards names, parents and link counts; a file's data has
 * its own lock (ramfs.c). Order: mm->lock > tree_lock > ram_file lock (docs/locking.md).
 */
#ifndef HOST_INODE_H
#define HOST_INODE_H

#include "hv/list.h"
#include "hv/types.h"
#include "file/file.h"

#define NAME_LEN_MAX 255
#define PATH_LEN_MAX 4096

struct inode;

struct dentry {                /* one name in one directory */
	struct list_head link; /* in dir->children, sorted by cookie */
	struct inode *dir;
	struct inode *inode; /* holds a reference */
	u64 cookie;          /* position for getdents64(); increases, never reused in a directory */
	struct dentry *next; /* names.c: in its bucket */
	char name[];
};

struct dir_item { /* an entry that readdir() of a generated directory returns */
	u64 cookie;
	u64 ino;
	u32 mode;
	char name[32];
};

/* Where a member is NULL, files of this type are handled as in ramfs. */
struct inode_ops {
	/*
	 * Look up an entry that is generated on demand. Returns it with a reference, or NULL.
	 * Called with tree_lock held.
	 */
	struct inode *(*lookup)(struct inode *dir, const char *name);
	/*
	 * Find the first generated entry with a cookie >= from. Returns false if there is none.
	 * Called with tree_lock held.
	 */
	bool (*readdir)(struct inode *dir, u64 from, struct dir_item *item);
	int (*open)(struct inode *inode, struct file *f); /* sets f->ops, f->priv */
	void (*cut)(struct inode *inode);                 /* open() for writing with O_TRUNC */
	int (*truncate)(struct inode *inode, u64 size);
	/* A link's text. Returns its length. Called with tree_lock held. */
	long (*readlink)(struct inode *inode, char *buf, size_t size);
	/* A link's target, with a reference, or NULL. Called with tree_lock held. */
	struct inode *(*follow)(struct inode *inode);
	void (*destroy)(struct inode *inode);
};

struct ram_file;

struct inode {
	u32 refs;
	volatile u32 mode; /* S_IFMT, which is constant, and permissions, which chmod() changes */
	u32 nlink;
	u32 uid, gid;
	u32 flock_shared;     /* flock.c: open files that hold a shared lock */
	bool flock_exclusive; /* flock.c: one open file holds the exclusive lock */
	u32 nr_names;         /* in a directory, without "." and ".." */
	u64 ino;
	u64 rdev;
	u64 atime, mtime, ctime; /* ns since 1970; no lock: each is one word */
	const struct inode_ops *ops;
	struct inode *parent; /* a directory's parent, referenced; NULL for root and if removed */
	struct dentry *name;  /* one of its names, for getcwd() and /proc; NULL: none known */
	struct list_head children;
	u64 next_cookie;
	struct ram_file *data; /* contents of a regular file in ramfs */
	char *target;          /* a symbolic link's text */
	void *priv;
	unsigned long id; /* set by the owner of ops: a pid, an event's number */
};

extern struct mutex tree_lock;
extern struct inode *root_inode;

struct inode *inode_alloc(u32 mode, const struct inode_ops *ops);
/*
 * Like inode_alloc(), for a program that creates a name in the tree; a regular file is empty. As all
 * memory of the tree, it is not charged to any process, because it outlives the process.
 */
struct inode *tree_inode_alloc(u32 mode);
void inode_get(struct inode *inode);
void inode_put(struct inode *inode); /* may reschedule; never takes a sleeping lock */
/*
 * Write the inode's path from the root, or "(deleted)" if the path does not fit, or if the inode or
 * a directory above it has no known name (inode->name).
 */
void inode_path(struct inode *inode, char *buf, size_t size);
/* Like inode_path(), but with tree_lock held. Returns the length. `size` must be more than 16. */
long inode_path_locked(struct inode *inode, char *buf, size_t size);

/* names.c: the table behind dir_find(). inode.c adds and removes names. tree_lock is held. */
void names_init(u64 secret); /* before the first name */
void names_add(struct dentry *d);
void names_remove(struct dentry *d);

/*
 * The ops of a directory, such as those below /proc and /sys, whose names are made at boot. As in
 * every directory with ops, programs can neither add names nor remove them.
 */
extern const struct inode_ops fixed_dir_ops;

/* Names; tree_lock is held. */
struct dentry *dir_find(struct inode *dir, const char *name);
int dir_add(struct inode *dir, const char *name, struct inode *inode);
void dir_remove(struct dentry *d);
/*
 * Move `old` to the directory `to` as `name`, replacing any file with this name. After an error,
 * nothing has changed.
 */
int dir_move(struct dentry *old, struct inode *to, const char *name);
bool dir_is_empty(const struct inode *dir);
/* Look up an entry, real or generated. Returns its inode with a reference, or NULL. */
struct inode *dir_lookup(struct inode *dir, const char *name);
/* Return the error if dir_lookup() or follow() returned NULL: -ENOENT, or -ENOMEM. */
int dir_not_found(const struct inode *maker);
/*
 * May a program add this name? Returns 0, -EEXIST (also if the name is empty), or the error of
 * dir_not_found() or -EPERM if dir has ops.
 */
int dir_may_add(struct inode *dir, const char *name);

/*
 * Paths (path.c). Called with tree_lock held. A long walk releases it for a moment from time to
 * time, so what the caller found before it may have changed; the result holds until the caller
 * releases the lock. Returns -EINTR if the thread is being killed.
 */
#define WALK_NOFOLLOW  1 /* do not follow the last component if it is a symbolic link */
#define WALK_PARENT    2 /* find the parent directory, and put the last component into `last` */
#define WALK_DIRECTORY 4 /* the result must be a directory */

struct walk {
	struct inode *inode;         /* found; referenced */
	char last[NAME_LEN_MAX + 1]; /* WALK_PARENT: the last component; "" if none, "." or ".." */
	bool must_be_dir;            /* WALK_PARENT: a slash followed `last` */
};

int path_walk(struct inode *start, const char *path, unsigned int flags, struct walk *w);
/*
 * Between two steps of long work under tree_lock: let other threads take the lock, and take
 * interrupts. Returns 0, or -EINTR if the thread is being killed; with the lock held (open.c).
 */
int tree_pause(void);

/* Make a file at boot, together with its missing parents. Returns NULL on failure. */
struct inode *tree_make(const char *path, u32 mode, const struct inode_ops *ops);
struct inode *tree_make_link(const char *path, const char *target);

/* Opening a file by inode or by path (open.c). */
struct inode *path_start(void); /* the process's current directory, or the root; referenced */
int inode_truncate(struct inode *inode, u64 size); /* -EINVAL: not a regular file with data */
struct file *inode_open(struct inode *inode, unsigned int flags, int *err);
struct file *path_open(struct inode *start, const char *path, unsigned int flags, unsigned int mode,
		       int *err);

/* ramfs.c: data of regular files. */
bool tree_has_room(void);    /* does the directory tree use less than its share of memory? */
void tree_count(long bytes); /* add to the memory that the tree uses; negative: memory was freed */
struct ram_file *ram_file_create(const void *base, u64 size);
void ram_file_destroy(struct ram_file *rf);
u64 ram_file_size(const struct ram_file *rf);
u64 ram_file_pages(const struct ram_file *rf);
/* Use 2M blocks where the size allows. If `hugetlb`, use only pages from the pool of huge pages. */
void ram_file_set_huge(struct ram_file *rf, bool hugetlb);
int ram_file_truncate(struct ram_file *rf, u64 size);
extern const struct file_ops ram_file_ops;
extern const struct file_ops ram_huge_file_ops; /* for hugetlb files */
extern const struct file_ops dir_file_ops;

u64 inode_size(const struct inode *inode);
u64 now_ns(void);

/* The inode's data, or a directory's names, have changed now. */
static inline void inode_touch(struct inode *inode, u64 now)
{
	WRITE_ONCE(inode->mtime, now);
	WRITE_ONCE(inode->ctime, now);
}

#endif
