// SPDX-License-Identifier: MIT
/*
 * sys_stat.c - system calls about files: stat and statx, access, readlink, modes, owners, times,
 * truncate, file systems, directory entries, syncfs.
 *
 * Every process is root: modes are stored and reported, but only execute permission is checked.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <string.h>
#include "devfs.h"
#include "mm/page.h"
#include "file/memfd.h"
#include "file/sys_file.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

#define NSEC       1000000000ULL
#define UTIME_NOW  ((1L << 30) - 1L)
#define UTIME_OMIT ((1L << 30) - 2L)

_Static_assert(sizeof(struct stat) == 128, "struct stat of riscv64");

struct file_facts { /* the values that the stat calls report */
	u64 ino, rdev, size, blocks;
	u32 mode, nlink, uid, gid;
	u64 atime, mtime, ctime;
};

static void inode_facts(const struct inode *inode, struct file_facts *facts)
{
	*facts = (struct file_facts){
		.ino = inode->ino,
		.rdev = inode->rdev,
		.size = inode_size(inode),
		.mode = inode->mode,
		.nlink = READ_ONCE(inode->nlink),
		.uid = READ_ONCE(inode->uid),
		.gid = READ_ONCE(inode->gid),
		.atime = READ_ONCE(inode->atime),
		.mtime = READ_ONCE(inode->mtime),
		.ctime = READ_ONCE(inode->ctime),
	};
	if (inode->data)
		facts->blocks = ram_file_pages(inode->data) * (PAGE_SIZE / 512);
}

/* Describe a file without an inode: a pipe, an eventfd, a terminal opened by the kernel. */
static void anonymous_facts(const struct file *f, struct file_facts *facts)
{
	*facts = (struct file_facts){ .ino = 1, .mode = 0600, .nlink = 1 };
	if (f->kind)
		facts->mode = f->kind;
}

static int at_facts(int dirfd, unsigned long path, unsigned int flags, struct file_facts *facts)
{
	struct inode *inode;
	struct file *f;
	char first = 0;
	int err;

	if (flags & AT_EMPTY_PATH) {
		/* With AT_EMPTY_PATH, a NULL path is allowed since Linux 6.11. */
		if (path && copy_from_user(&first, path, 1))
			return -EFAULT;
		if (!first && dirfd != AT_FDCWD) {
			f = fd_get(dirfd);
			if (!f)
				return -EBADF;
			if (f->inode)
				inode_facts(f->inode, facts);
			else
				anonymous_facts(f, facts);
			file_put(f);
			return 0;
		}
	}
	err = at_inode(dirfd, path, flags, &inode);
	if (err)
		return err;
	inode_facts(inode, facts);
	inode_put(inode);
	return 0;
}

static int put_stat(const struct file_facts *facts, unsigned long to)
{
	struct stat st = {
		.st_dev = 1,
		.st_ino = facts->ino,
		.st_mode = facts->mode,
		.st_nlink = facts->nlink,
		.st_uid = facts->uid,
		.st_gid = facts->gid,
		.st_rdev = facts->rdev,
		.st_size = (long)facts->size,
		.st_blksize = PAGE_SIZE,
		.st_blocks = (long)facts->blocks,
		.st_atime = (long)(facts->atime / NSEC),
		.st_atime_nsec = facts->atime % NSEC,
		.st_mtime = (long)(facts->mtime / NSEC),
		.st_mtime_nsec = facts->mtime % NSEC,
		.st_ctime = (long)(facts->ctime / NSEC),
		.st_ctime_nsec = facts->ctime % NSEC,
	};

	return copy_to_user(to, &st, sizeof(st));
}

long sys_newfstatat(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a3;
	struct file_facts facts;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	err = at_facts((int)frame->a0, frame->a1, flags, &facts);
	return err ? err : put_stat(&facts, frame->a2);
}

long sys_fstat(struct trap_frame *frame)
{
	struct file_facts facts;
	int err = at_facts((int)frame->a0, 0, AT_EMPTY_PATH, &facts);

	return err ? err : put_stat(&facts, frame->a1);
}

static struct statx_timestamp statx_time(u64 ns)
{
	return (struct statx_timestamp){ .tv_sec = (s64)(ns / NSEC), .tv_nsec = (u32)(ns % NSEC) };
}

long sys_statx(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a2, mask = (unsigned int)frame->a3;
	struct file_facts facts;
	struct statx sx;
	int err;

	if ((flags &
	     ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE)) ||
	    (mask & STATX__RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = at_facts((int)frame->a0, frame->a1, flags, &facts);
	if (err)
		return err;
	sx = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = PAGE_SIZE,
		.stx_nlink = facts.nlink,
		.stx_uid = facts.uid,
		.stx_gid = facts.gid,
		.stx_mode = (u16)facts.mode,
		.stx_ino = facts.ino,
		.stx_size = facts.size,
		.stx_blocks = facts.blocks,
		.stx_atime = statx_time(facts.atime),
		.stx_mtime = statx_time(facts.mtime),
		.stx_ctime = statx_time(facts.ctime),
		.stx_rdev_major = (u32)(facts.rdev >> 8),
		.stx_rdev_minor = facts.rdev & 0xff,
		.stx_dev_minor = 1,
	};
	return copy_to_user(frame->a4, &sx, sizeof(sx));
}

/* ---- access, links, modes, times --------------------------------------------------------- */

static long access_at(int dirfd, unsigned long path, unsigned int mode, unsigned int flags)
{
	struct inode *inode;
	int err;

	if (mode & ~7u)
		return -EINVAL;
	err = at_inode(dirfd, path, flags, &inode);
	if (err)
		return err;
	if ((mode & 1) && S_ISREG(inode->mode) && !(inode->mode & 0111))
		err = -EACCES;
	inode_put(inode);
	return err;
}

long sys_faccessat(struct trap_frame *frame)
{
	return access_at((int)frame->a0, frame->a1, (unsigned int)frame->a2, 0);
}

long sys_faccessat2(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a3;

	if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return access_at((int)frame->a0, frame->a1, (unsigned int)frame->a2, flags);
}

static long link_text(struct inode *inode, char *buf, size_t size)
{
	long len;

	if (!S_ISLNK(inode->mode))
		return -EINVAL;
	if (inode->ops && inode->ops->readlink) {
		mutex_lock(&tree_lock);
		len = inode->ops->readlink(inode, buf, size);
		mutex_unlock(&tree_lock);
		return len;
	}
	strlcpy(buf, inode->target, size);
	return (long)strlen(buf);
}

long sys_readlinkat(struct trap_frame *frame)
{
	struct inode *inode;
	char *buf;
	long ret;

	if ((int)frame->a3 <= 0)
		return -EINVAL;
	ret = at_inode((int)frame->a0, frame->a1, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &inode);
	if (ret)
		return ret;
	buf = kmalloc(PATH_LEN_MAX);
	ret = buf ? link_text(inode, buf, PATH_LEN_MAX) : -ENOMEM;
	if (ret > 0) {
		ret = MIN(ret, (long)(int)frame->a3);
		if (copy_to_user(frame->a2, buf, (size_t)ret))
			ret = -EFAULT;
	}
	kfree(buf);
	inode_put(inode);
	return ret;
}

/* Get the inode of an open file, for fchmod(), fchown() and futimens(). */
static int fd_inode(int fd, struct inode **inode)
{
	struct file *f = fd_get(fd);

	if (!f)
		return -EBADF;
	*inode = f->inode;
	if (*inode)
		inode_get(*inode);
	file_put(f);
	return *inode ? 0 : -EINVAL;
}

static long change_mode(int err, struct inode *inode, unsigned int mode)
{
	if (err)
		return err;
	if (memfd_may_chmod(inode, mode)) {
		inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
		WRITE_ONCE(inode->ctime, now_ns());
	} else {
		err = -EPERM;
	}
	inode_put(inode);
	return err;
}

long sys_fchmod(struct trap_frame *frame)
{
	struct inode *inode = NULL;
	int err = fd_inode((int)frame->a0, &inode);

	return change_mode(err, inode, (unsigned int)frame->a1);
}

long sys_fchmodat(struct trap_frame *frame)
{
	struct inode *inode = NULL;
	int err = at_inode((int)frame->a0, frame->a1, 0, &inode);

	return change_mode(err, inode, (unsigned int)frame->a2);
}

static long change_owner(int err, struct inode *inode, u32 uid, u32 gid)
{
	if (err)
		return err;
	if (uid != ~0u)
		WRITE_ONCE(inode->uid, uid);
	if (gid != ~0u)
		WRITE_ONCE(inode->gid, gid);
	WRITE_ONCE(inode->ctime, now_ns());
	inode_put(inode);
	return 0;
}

long sys_fchown(struct trap_frame *frame)
{
	struct inode *inode = NULL;
	int err = fd_inode((int)frame->a0, &inode);

	return change_owner(err, inode, (u32)frame->a1, (u32)frame->a2);
}

long sys_fchownat(struct trap_frame *frame)
{
	struct inode *inode = NULL;
	int err = at_inode((int)frame->a0, frame->a1, (unsigned int)frame->a4, &inode);

	return change_owner(err, inode, (u32)frame->a2, (u32)frame->a3);
}

/*
 * Convert one of utimensat()'s times to ns since 1970. Returns false if this time must not be set.
 */
static bool time_of(const struct __kernel_timespec *ts, u64 now, u64 *ns)
{
	if (ts->tv_nsec == UTIME_OMIT)
		return false;
	*ns = ts->tv_nsec == UTIME_NOW ? now : (u64)ts->tv_sec * NSEC + (u64)ts->tv_nsec;
	return true;
}

static bool time_is_valid(const struct __kernel_timespec *ts)
{
	return ts->tv_nsec == UTIME_NOW || ts->tv_nsec == UTIME_OMIT ||
	       (ts->tv_nsec >= 0 && (u64)ts->tv_nsec < NSEC);
}

long sys_utimensat(struct trap_frame *frame)
{
	struct __kernel_timespec ts[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	struct inode *inode = NULL;
	u64 now = now_ns(), ns;
	int err;

	if (frame->a2 && copy_from_user(ts, frame->a2, sizeof(ts)))
		return -EFAULT;
	if (!time_is_valid(&ts[0]) || !time_is_valid(&ts[1]))
		return -EINVAL;
	if (!frame->a1)
		err = fd_inode((int)frame->a0, &inode);
	else
		err = at_inode((int)frame->a0, frame->a1, (unsigned int)frame->a3, &inode);
	if (err)
		return err;
	if (time_of(&ts[0], now, &ns))
		WRITE_ONCE(inode->atime, ns);
	if (time_of(&ts[1], now, &ns))
		WRITE_ONCE(inode->mtime, ns);
	WRITE_ONCE(inode->ctime, now);
	inode_put(inode);
	return 0;
}

long sys_truncate(struct trap_frame *frame)
{
	struct inode *inode;
	int err;

	if ((s64)frame->a1 < 0)
		return -EINVAL;
	err = at_inode(AT_FDCWD, frame->a0, 0, &inode);
	if (err)
		return err;
	if (S_ISDIR(inode->mode))
		err = -EISDIR;
	else
		err = inode_truncate(inode, frame->a1);
	inode_put(inode);
	return err;
}

/* ---- file systems ------------------------------------------------------------------------ */

static int put_statfs(unsigned long to)
{
	struct statfs st = {
		.f_type = TMPFS_MAGIC,
		.f_bsize = PAGE_SIZE,
		.f_blocks = page_total_count(),
		.f_bfree = page_free_count(),
		.f_bavail = page_free_count(),
		.f_namelen = NAME_LEN_MAX,
		.f_frsize = PAGE_SIZE,
	};

	return copy_to_user(to, &st, sizeof(st));
}

long sys_statfs(struct trap_frame *frame)
{
	struct inode *inode;
	int err = at_inode(AT_FDCWD, frame->a0, 0, &inode);

	if (err)
		return err;
	inode_put(inode);
	return put_statfs(frame->a1);
}

long sys_fstatfs(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);

	if (!f)
		return -EBADF;
	file_put(f);
	return put_statfs(frame->a1);
}

long sys_getdents64(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);
	long ret;

	if (!f)
		return -EBADF;
	if (f->ops->getdents) {
		ret = mutex_lock_killable(&f->pos_lock); /* as in pos_lock() of sys_file.c */
		if (!ret) {
			ret = f->ops->getdents(f, frame->a1, frame->a2);
			mutex_unlock(&f->pos_lock);
		}
	} else {
		ret = f->flags & O_PATH ? -EBADF : -ENOTDIR;
	}
	file_put(f);
	return ret;
}

long sys_syncfs(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);

	if (!f)
		return -EBADF;
	file_put(f);
	return sys_sync(frame);
}
