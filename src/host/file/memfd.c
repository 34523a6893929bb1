// SPDX-License-Identifier: MIT
/*
 * memfd.c - memfd_create(): a ramfs file without a name.
 *
 * If memory is available, each aligned 2 MiB within the file's size is one block (ramfs.c), so that
 * mappings can get 2M leaves. With MFD_HUGETLB (inode->id is 1), the file consists only of huge
 * pages from the pool (hugetlb.c).
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/stat.h>
#include "fs/inode.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

#define MEMFD_NAME_MAX 249
#define HUGE_SIZE_BITS ((unsigned int)MFD_HUGE_MASK << MFD_HUGE_SHIFT)

static void memfd_destroy(struct inode *inode)
{
	kfree(inode->priv);
}

static int memfd_open(struct inode *inode, struct file *f)
{
	f->anon_name = inode->priv;
	f->ops = inode->id ? &ram_huge_file_ops : &ram_file_ops;
	return 0;
}

static const struct inode_ops memfd_ops = {
	.open = memfd_open,
	.destroy = memfd_destroy,
};

static struct inode *memfd_inode(const char *name, bool hugetlb)
{
	struct inode *inode = inode_alloc(S_IFREG | 0777, &memfd_ops);

	if (!inode)
		return NULL;
	inode->priv = kmalloc(MEMFD_NAME_MAX + 32);
	inode->data = ram_file_create(NULL, 0);
	if (!inode->priv || !inode->data) {
		inode_put(inode);
		return NULL;
	}
	snprintf(inode->priv, MEMFD_NAME_MAX + 32, "/memfd:%s (deleted)", name);
	inode->id = hugetlb;
	ram_file_set_huge(inode->data, hugetlb);
	return inode;
}

long sys_memfd_create(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a1;
	char name[MEMFD_NAME_MAX + 1];
	struct inode *inode;
	struct file *f;
	long len;
	int err;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | MFD_EXEC |
		      HUGE_SIZE_BITS))
		return -EINVAL;
	/* 2M is the only supported size of huge pages, and the default. */
	if ((flags & HUGE_SIZE_BITS) && (flags & HUGE_SIZE_BITS) != MFD_HUGE_2MB)
		return flags & MFD_HUGETLB ? -ENODEV : -EINVAL;
	len = strncpy_from_user(name, frame->a0, sizeof(name));
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	inode = memfd_inode(name, flags & MFD_HUGETLB);
	if (!inode)
		return -ENOMEM;
	f = inode_open(inode, O_RDWR | O_LARGEFILE, &err);
	inode_put(inode);
	if (!f)
		return err;
	return fd_install_new(f, flags & MFD_CLOEXEC);
}
