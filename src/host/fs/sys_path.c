// SPDX-License-Identifier: MIT
/*
 * sys_path.c - system calls that change the directory tree: mkdir, mknod, unlink, rename, links;
 * and the current directory.
 *
 * Each call looks up the names that it adds or removes, checks them, and makes the change without
 * releasing tree_lock in between; paths are copied from user memory before that. In a directory
 * with ops (as in /proc), no name can be added or removed. The top of such a tree is treated like
 * Linux's mount points.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <string.h>
#include "mm/page.h"
#include "proc/process.h"
#include "file/sys_file.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

/*
 * Find the directory and the last name of a path to be created. Returns 0, -EEXIST if the path
 * exists, or another error. tree_lock is held.
 */
static int walk_new(struct at_path *ap, struct walk *w)
{
	int err = path_walk(ap->start, ap->path, WALK_PARENT, w);

	if (err)
		return err;
	err = dir_may_add(w->inode, w->last);
	if (err)
		inode_put(w->inode);
	return err;
}

static int make_at(int dirfd, unsigned long path, u32 mode, u64 rdev, char *target)
{
	struct at_path ap;
	struct inode *inode = NULL;
	struct walk w;
	int err = at_path_get(&ap, dirfd, path);

	if (err)
		return err;
	mutex_lock(&tree_lock);
	err = walk_new(&ap, &w);
	if (!err) {
		err = w.must_be_dir && !S_ISDIR(mode) ? -ENOENT : 0;
		inode = err ? NULL : tree_inode_alloc(mode);
		if (inode) {
			inode->rdev = rdev;
			inode->target = target;
			err = dir_add(w.inode, w.last, inode);
			if (err)
				inode->target = NULL; /* the caller frees the string */
		} else if (!err) {
			err = -ENOMEM;
		}
		inode_put(w.inode);
	}
	mutex_unlock(&tree_lock);
	inode_put(inode);
	at_path_put(&ap);
	return err;
}

long sys_mkdirat(struct trap_frame *frame)
{
	u32 mode = (u32)frame->a2 & 01777 & ~READ_ONCE(current_process->umask);

	return make_at((int)frame->a0, frame->a1, S_IFDIR | mode, 0, NULL);
}

long sys_mknodat(struct trap_frame *frame)
{
	u32 mode = (u32)frame->a2, type = mode & S_IFMT;

	if (!type)
		type = S_IFREG;
	if (type == S_IFDIR)
		return -EPERM;
	if (type != S_IFREG && type != S_IFCHR && type != S_IFBLK)
		return -EINVAL; /* named pipes and sockets are not supported */
	mode &= 07777 & ~READ_ONCE(current_process->umask);
	return make_at((int)frame->a0, frame->a1, type | mode, (u32)frame->a3, NULL);
}

long sys_symlinkat(struct trap_frame *frame)
{
	char *target = kmalloc(PATH_LEN_MAX);
	long len, err;

	if (!target)
		return -ENOMEM;
	len = strncpy_from_user(target, frame->a0, PATH_LEN_MAX);
	err = len < 0 ? len : len == 0 ? -ENOENT : 0;
	if (!err)
		err = make_at((int)frame->a1, frame->a2, S_IFLNK | 0777, 0, target);
	if (err)
		kfree(target);
	return err;
}

long sys_linkat(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a4;
	struct inode *inode;
	struct at_path ap;
	struct walk w;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = at_inode((int)frame->a0, frame->a1,
		       (flags & AT_EMPTY_PATH) |
			       (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW),
		       &inode);
	if (err)
		return err;
	err = at_path_get(&ap, (int)frame->a2, frame->a3);
	if (!err) {
		mutex_lock(&tree_lock);
		err = walk_new(&ap, &w);
		if (!err) {
			err = S_ISDIR(inode->mode) ? -EPERM
			      : inode->ops         ? -EXDEV
						   : dir_add(w.inode, w.last, inode);
			inode_put(w.inode);
		}
		mutex_unlock(&tree_lock);
		at_path_put(&ap);
	}
	inode_put(inode);
	return err;
}

/* ---- removing ---------------------------------------------------------------------------- */

static int may_remove(const struct walk *w, const struct inode *inode, bool want_dir)
{
	bool is_dir = S_ISDIR(inode->mode);

	if (want_dir && !is_dir)
		return -ENOTDIR;
	if (w->inode->ops)
		return -EPERM;
	if (!want_dir && is_dir)
		return -EISDIR;
	if (!want_dir && w->must_be_dir)
		return -ENOTDIR;
	if (inode->ops)
		return -EBUSY;
	return is_dir && !dir_is_empty(inode) ? -ENOTEMPTY : 0;
}

static int remove_name(struct walk *w, bool want_dir)
{
	struct inode *inode;
	int err;

	if (!w->last[0])
		return want_dir ? -EBUSY : -EISDIR;
	inode = dir_lookup(w->inode, w->last);
	if (!inode)
		return dir_not_found(w->inode);
	err = may_remove(w, inode, want_dir);
	if (!err)
		dir_remove(dir_find(w->inode, w->last));
	inode_put(inode);
	return err;
}

long sys_unlinkat(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a2;
	struct at_path ap;
	struct walk w;
	int err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	err = at_path_get(&ap, (int)frame->a0, frame->a1);
	if (err)
		return err;
	mutex_lock(&tree_lock);
	err = path_walk(ap.start, ap.path, WALK_PARENT, &w);
	if (!err) {
		err = remove_name(&w, flags & AT_REMOVEDIR);
		inode_put(w.inode);
	}
	mutex_unlock(&tree_lock);
	at_path_put(&ap);
	return err;
}

/* ---- renaming ---------------------------------------------------------------------------- */

static bool is_below(const struct inode *dir, const struct inode *top)
{
	for (; dir; dir = dir->parent) {
		if (dir == top)
			return true;
		if (dir == root_inode)
			break;
	}
	return false;
}

/* May `old` replace `new` (NULL: the new name is free)? Returns 0 or -errno. */
static int may_replace(const struct dentry *old, const struct dentry *new)
{
	bool old_dir = S_ISDIR(old->inode->mode);

	if (!new)
		return 0;
	if (S_ISDIR(new->inode->mode)) {
		if (!old_dir)
			return -EISDIR;
		return dir_is_empty(new->inode) ? 0 : -ENOTEMPTY;
	}
	return old_dir ? -ENOTDIR : 0;
}

static int rename_names(struct walk *from, struct walk *to, unsigned int flags)
{
	struct dentry *old = dir_find(from->inode, from->last);
	struct dentry *new = dir_find(to->inode, to->last);
	int err;

	if (!from->last[0] || !to->last[0])
		return -EBUSY;
	if (from->inode->ops || to->inode->ops)
		return from->inode->ops && to->inode->ops ? -EPERM : -EXDEV;
	if (!old)
		return -ENOENT;
	if (old->inode->ops || (new &&new->inode->ops))
		return -EBUSY;
	if (new && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (S_ISDIR(old->inode->mode) && is_below(to->inode, old->inode))
		return -EINVAL;
	if ((from->must_be_dir || to->must_be_dir) && !S_ISDIR(old->inode->mode))
		return -ENOTDIR;
	if (new &&new->inode == old->inode)
		return 0;
	err = may_replace(old, new);
	return err ? err : dir_move(old, to->inode, to->last);
}

long sys_renameat2(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a4;
	struct at_path from, to;
	struct walk wf, wt;
	int err;

	if (flags & ~RENAME_NOREPLACE)
		return -EINVAL;
	err = at_path_get(&from, (int)frame->a0, frame->a1);
	if (err)
		return err;
	err = at_path_get(&to, (int)frame->a2, frame->a3);
	if (err) {
		at_path_put(&from);
		return err;
	}
	mutex_lock(&tree_lock);
	err = path_walk(from.start, from.path, WALK_PARENT, &wf);
	if (!err) {
		err = path_walk(to.start, to.path, WALK_PARENT, &wt);
		if (!err) {
			err = rename_names(&wf, &wt, flags);
			inode_put(wt.inode);
		}
		inode_put(wf.inode);
	}
	mutex_unlock(&tree_lock);
	at_path_put(&to);
	at_path_put(&from);
	return err;
}

/* ---- the current directory --------------------------------------------------------------- */

static void set_cwd(struct inode *dir)
{
	struct process *p = current_process;
	struct inode *old;

	spin_lock(&p->lock);
	old = p->cwd;
	p->cwd = dir;
	spin_unlock(&p->lock);
	inode_put(old);
}

long sys_chdir(struct trap_frame *frame)
{
	struct inode *dir;
	int err = at_inode(AT_FDCWD, frame->a0, 0, &dir);

	if (err)
		return err;
	if (!S_ISDIR(dir->mode)) {
		inode_put(dir);
		return -ENOTDIR;
	}
	set_cwd(dir);
	return 0;
}

long sys_fchdir(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);
	int err = -ENOTDIR;

	if (!f)
		return -EBADF;
	if (f->inode && S_ISDIR(f->inode->mode)) {
		inode_get(f->inode);
		set_cwd(f->inode);
		err = 0;
	}
	file_put(f);
	return err;
}

long sys_getcwd(struct trap_frame *frame)
{
	struct inode *dir;
	char *path = kmalloc(PATH_LEN_MAX);
	size_t len;
	long ret;

	if (!path)
		return -ENOMEM;
	dir = path_start();
	inode_path(dir, path, PATH_LEN_MAX);
	inode_put(dir);
	len = strlen(path) + 1;
	if (path[0] != '/')
		ret = -ENOENT;
	else if (len > frame->a1)
		ret = -ERANGE;
	else
		ret = copy_to_user(frame->a0, path, len) ? -EFAULT : (long)len;
	kfree(path);
	return ret;
}
