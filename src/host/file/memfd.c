// SPDX-License-Identifier: MIT
/*
 * memfd.c - memfd_create(): a ramfs file without a name.
 *
 * If memory is available, each aligned 2 MiB within the file's size is one block (ramfs.c), so that
 * mappings can get 2M leaves. With MFD_HUGETLB, the file consists only of huge
 * pages from the pool (hugetlb.c).
 *
 * memfd->lock is held while the file is written or its size changes, and while seals are added, so
 * that a call which began before F_SEAL_WRITE has ended when F_ADD_SEALS returns. It precedes
 * rf->write_lock. mmap() reads the seals under mm->lock instead (check_seals() in sys_mem.c),
 * because a write() may take mm->lock for a page fault.
 */
#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/stat.h>
#include <string.h>
#include "fs/ramfs.h"
#include "memfd.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "proc/syscall.h"
#include "sys_file.h"
#include "mm/uaccess.h"

#define MEMFD_NAME_MAX 249
#define HUGE_SIZE_BITS ((unsigned int)MFD_HUGE_MASK << MFD_HUGE_SHIFT)
#define SEALS_WRITE    (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define SEALS_ALL      (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | SEALS_WRITE | F_SEAL_EXEC)

struct memfd {
	struct mutex lock;
	unsigned int seals; /* changed under the lock */
	bool hugetlb;
	char name[MEMFD_NAME_MAX + 32];
};

static const struct inode_ops memfd_ops;

/* NULL: the inode is not that of a memfd. */
static struct memfd *memfd_of(const struct inode *inode)
{
	return inode && inode->ops == &memfd_ops ? inode->priv : NULL;
}

/* ---- operations that seals limit ----------------------------------------------------------- */

static int may_resize(const struct memfd *m, u64 old, u64 size)
{
	if (((m->seals & F_SEAL_SHRINK) && size < old) || ((m->seals & F_SEAL_GROW) && size > old))
		return -EPERM;
	return 0;
}

static int memfd_truncate(struct inode *inode, u64 size)
{
	struct memfd *m = inode->priv;
	int err = mutex_lock_killable(&m->lock);

	if (err)
		return err;
	err = may_resize(m, ram_file_size(inode->data), size);
	if (!err)
		err = ram_file_truncate(inode->data, size);
	mutex_unlock(&m->lock);
	return err;
}

static int sealed_truncate(struct file *f, u64 size)
{
	int err = memfd_truncate(f->inode, size);

	if (!err)
		inode_touch(f->inode, now_ns());
	return err;
}

static int sealed_allocate(struct file *f, int mode, u64 offset, u64 size)
{
	struct memfd *m = f->inode->priv;
	u64 old;
	int err = mutex_lock_killable(&m->lock);

	if (err)
		return err;
	old = ram_file_size(f->inode->data);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = m->seals & SEALS_WRITE ? -EPERM : 0;
	else /* as on Linux, also with FALLOC_FL_KEEP_SIZE */
		err = may_resize(m, old, MAX(old, offset + size));
	if (!err)
		err = ram_allocate(f, mode, offset, size);
	mutex_unlock(&m->lock);
	return err;
}

/*
 * Return how many of the bytes may be written at pos. As on Linux 6.18, F_SEAL_GROW lets a write
 * that crosses the end of the file write the whole pages below the end; Linux 6.12 may refuse all.
 */
static size_t may_write(const struct memfd *m, u64 end, u64 pos, size_t size)
{
	if (m->seals & SEALS_WRITE)
		return 0;
	if (!(m->seals & F_SEAL_GROW) || pos + size <= end)
		return size;
	end = ALIGN_DOWN(end, PAGE_SIZE);
	return end > pos ? end - pos : 0;
}

static long sealed_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct memfd *m = f->inode->priv;
	u64 end;
	long ret;

	if (!size)
		return 0;
	ret = mutex_lock_killable(&m->lock);
	if (ret)
		return ret;
	end = ram_file_size(f->inode->data);
	size = may_write(m, end, f->flags & O_APPEND ? end : *pos, size);
	ret = size ? ram_write(f, buf, size, pos) : -EPERM;
	mutex_unlock(&m->lock);
	return ret;
}

static bool is_write_sealed(const struct file *f)
{
	const struct memfd *m = f->inode->priv;

	return READ_ONCE(m->seals) & SEALS_WRITE;
}

/* A memfd that was created without MFD_ALLOW_SEALING does not need these operations. */
static const struct file_ops sealed_file_ops = {
	RAM_FILE_OPS,
	.write = sealed_write,
	.is_write_sealed = is_write_sealed,
	.truncate = sealed_truncate,
	.allocate = sealed_allocate,
};

static const struct file_ops sealed_huge_file_ops = {
	RAM_FILE_OPS,
	.is_write_sealed = is_write_sealed,
	.page_size = SZ_2M,
	.truncate = sealed_truncate,
	.allocate = sealed_allocate,
};

/* ---- seals --------------------------------------------------------------------------------- */

/* m->lock is held. */
static int set_seals(const struct inode *inode, struct memfd *m, unsigned int seals)
{
	unsigned int old = m->seals;

	if (old & F_SEAL_SEAL)
		return -EPERM;
	if ((seals & F_SEAL_EXEC) && (inode->mode & 0111))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | SEALS_WRITE; /* as on Linux */
	/* Set the seals before the search: then no writable mapping can appear behind it. */
	WRITE_ONCE(m->seals, old | seals);
	if (!(seals & ~old & F_SEAL_WRITE) || !file_is_mapped_writable(inode->data))
		return 0;
	WRITE_ONCE(m->seals, old);
	return -EBUSY;
}

long memfd_add_seals(struct file *f, unsigned int seals)
{
	struct memfd *m = memfd_of(f->inode);
	long err;

	if (!file_is_writable(f))
		return -EPERM;
	if (!m || (seals & ~(unsigned int)SEALS_ALL))
		return -EINVAL;
	err = mutex_lock_killable(&m->lock);
	if (err)
		return err;
	err = set_seals(f->inode, m, seals);
	mutex_unlock(&m->lock);
	return err;
}

long memfd_get_seals(const struct file *f)
{
	const struct memfd *m = memfd_of(f->inode);

	return m ? (long)READ_ONCE(m->seals) : -EINVAL;
}

bool memfd_may_chmod(const struct inode *inode, unsigned int mode)
{
	const struct memfd *m = memfd_of(inode);

	return !m || !(READ_ONCE(m->seals) & F_SEAL_EXEC) || !((inode->mode ^ mode) & 0111);
}

/* ---- creation ------------------------------------------------------------------------------ */

static void memfd_destroy(struct inode *inode)
{
	kfree(inode->priv);
}

static int memfd_open(struct inode *inode, struct file *f)
{
	const struct memfd *m = inode->priv;
	bool fixed = READ_ONCE(m->seals) == F_SEAL_SEAL;

	f->anon_name = m->name;
	if (m->hugetlb)
		f->ops = fixed ? &ram_huge_file_ops : &sealed_huge_file_ops;
	else
		f->ops = fixed ? &ram_file_ops : &sealed_file_ops;
	return 0;
}

static const struct inode_ops memfd_ops = {
	.open = memfd_open,
	.truncate = memfd_truncate,
	.destroy = memfd_destroy,
};

static struct inode *memfd_inode(const char *name, unsigned int flags)
{
	u32 mode = flags & MFD_NOEXEC_SEAL ? 0666 : 0777;
	struct inode *inode = inode_alloc(S_IFREG | mode, &memfd_ops);
	struct memfd *m;

	if (!inode)
		return NULL;
	m = inode->priv = kmalloc(sizeof(*m));
	inode->data = ram_file_create(NULL, 0);
	if (!m || !inode->data) {
		inode_put(inode);
		return NULL;
	}
	mutex_init(&m->lock);
	m->hugetlb = flags & MFD_HUGETLB;
	m->seals = flags & MFD_NOEXEC_SEAL     ? F_SEAL_EXEC
		   : flags & MFD_ALLOW_SEALING ? 0
					       : F_SEAL_SEAL;
	snprintf(m->name, sizeof(m->name), "/memfd:%s (deleted)", name);
	ram_file_set_huge(inode->data, m->hugetlb);
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
	if ((flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL))
		return -EINVAL;
	/* 2M is the only supported size of huge pages, and the default. */
	if ((flags & HUGE_SIZE_BITS) && (flags & HUGE_SIZE_BITS) != MFD_HUGE_2MB)
		return flags & MFD_HUGETLB ? -ENODEV : -EINVAL;
	len = strncpy_from_user(name, frame->a0, sizeof(name));
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	inode = memfd_inode(name, flags);
	if (!inode)
		return -ENOMEM;
	f = inode_open(inode, O_RDWR | O_LARGEFILE, &err);
	inode_put(inode);
	if (!f)
		return err;
	return fd_install_new(f, flags & MFD_CLOEXEC);
}
