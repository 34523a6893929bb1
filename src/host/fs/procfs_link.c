// SPDX-License-Identifier: MIT
/*
 * procfs_link.c - the links of /proc/PID: exe, cwd, fd/N; and /proc/self, /proc/thread-self.
 *
 * exe, cwd and fd/N lead to the inode itself, so they work even if the inode has no name left.
 * These functions are called under tree_lock, so they do not take references on open files:
 * dropping the last reference may take mm->lock or sockets_lock, which come before tree_lock
 * (docs/locking.md).
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include <string.h>
#include "lib/printk.h"
#include "proc/process_impl.h"
#include "procfs.h"
#include "mm/mm.h"

static long exe_readlink(struct inode *inode, char *buf, size_t size)
{
	struct process *p;
	long len = -ESRCH;

	if (proc_is_mine(inode) && current_process->mm->exe && current_process->mm->exe->inode)
		return inode_path_locked(current_process->mm->exe->inode, buf, size);
	p = proc_process((int)inode->id);
	if (p) {
		process_path(p, buf, size);
		len = (long)strlen(buf);
		process_put(p);
	}
	return len;
}

static struct inode *exe_follow(struct inode *inode)
{
	struct file *exe = proc_is_mine(inode) ? current_process->mm->exe : NULL;

	if (!exe || !exe->inode)
		return NULL;
	inode_get(exe->inode);
	return exe->inode;
}

const struct inode_ops proc_exe_ops = { .readlink = exe_readlink, .follow = exe_follow };

static long cwd_readlink(struct inode *inode, char *buf, size_t size)
{
	struct inode *dir;
	long len;

	if (!proc_is_mine(inode))
		return -EACCES;
	dir = path_start();
	len = inode_path_locked(dir, buf, size);
	inode_put(dir);
	return len;
}

static struct inode *cwd_follow(struct inode *inode)
{
	return proc_is_mine(inode) ? path_start() : NULL;
}

const struct inode_ops proc_cwd_ops = { .readlink = cwd_readlink, .follow = cwd_follow };

static long self_readlink(struct inode *inode, char *buf, size_t size)
{
	(void)inode;
	return snprintf(buf, size, "%d", current_process->pid);
}

static const struct inode_ops self_ops = { .readlink = self_readlink };

static long thread_self_readlink(struct inode *inode, char *buf, size_t size)
{
	(void)inode;
	return snprintf(buf, size, "%d/task/%d", current_process->pid, current->tid);
}

static const struct inode_ops thread_self_ops = { .readlink = thread_self_readlink };

/* ---- fd/ ------------------------------------------------------------------------------------- */

static long fd_readlink(struct inode *inode, char *buf, size_t size)
{
	struct inode *to;
	long len;

	if (fd_look((int)inode->id, &to, buf, size))
		return -ENOENT;
	len = (long)strlen(buf);
	if (!len)
		len = inode_path_locked(to, buf, size);
	inode_put(to);
	return len;
}

static struct inode *fd_follow(struct inode *inode)
{
	struct inode *to;
	char name[1];

	return fd_look((int)inode->id, &to, name, sizeof(name)) ? NULL : to;
}

static const struct inode_ops fd_ops = { .readlink = fd_readlink, .follow = fd_follow };

static struct inode *fd_lookup(struct inode *dir, const char *name)
{
	int fd = proc_number(name);
	struct inode *inode;

	if (!proc_is_mine(dir) || fd_flags_get(fd) < 0)
		return NULL;
	inode = inode_alloc(S_IFLNK | 0700, &fd_ops);
	if (inode) {
		inode->id = (unsigned long)fd;
		inode->nlink = 1;
	}
	return inode;
}

static bool fd_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	int fd;

	if (!proc_is_mine(dir))
		return false;
	fd = fd_table_next(current_process->fds, (int)MIN(from, (u64)FD_MAX));
	if (fd < 0)
		return false;
	*item = (struct dir_item){ .cookie = (u64)fd, .ino = (u64)fd + 1000, .mode = S_IFLNK };
	snprintf(item->name, sizeof(item->name), "%d", fd);
	return true;
}

const struct inode_ops proc_fd_dir_ops = { .lookup = fd_lookup, .readdir = fd_readdir };

void procfs_link_init(void)
{
	tree_make("/proc/self", S_IFLNK | 0777, &self_ops);
	tree_make("/proc/thread-self", S_IFLNK | 0777, &thread_self_ops);
}
