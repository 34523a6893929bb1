// SPDX-License-Identifier: MIT
/*
 * pseudo.c - text files made by functions. The text is made once, when the file is
 * opened for reading (and again when it is read from the start after that), so a reader
 * sees one state; a write is one line and one call.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <string.h>
#include "mm/page.h"
#include "lib/printk.h"
#include "pseudo.h"
#include "mm/uaccess.h"

#define LINE_MAX  256
#define TEXT_MAX  (1UL << 20)
#define TEXT_STEP 1024

struct open_text {
	struct mutex lock; /* two readers of one file */
	struct text text;
	bool made;
};

static bool text_grow(struct text *t, size_t need)
{
	size_t size = MAX(t->size * 2, ALIGN_UP(t->len + need + 1, (size_t)TEXT_STEP));
	char *buf;

	if (t->failed || size > TEXT_MAX)
		return false;
	buf = kmalloc(size);
	if (!buf)
		return false;
	memcpy(buf, t->buf, t->len);
	kfree(t->buf);
	t->buf = buf;
	t->size = size;
	return true;
}

void text_add(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? t->buf + t->len : NULL, room, fmt, ap);
	va_end(ap);
	if ((size_t)n >= room) {
		if (!text_grow(t, (size_t)n)) {
			t->failed = true;
			return;
		}
		va_start(ap, fmt);
		n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
		va_end(ap);
	}
	t->len += (size_t)n;
}

static int text_make(struct file *f)
{
	const struct pseudo_file *pf = f->inode->priv;
	struct open_text *ot = f->priv;
	int err;

	ot->text.len = 0;
	ot->text.failed = false;
	err = pf->show ? pf->show(f->inode, &ot->text) : -EIO;
	if (!err && ot->text.failed)
		err = -ENOMEM;
	ot->made = !err;
	return err;
}

static long pseudo_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct open_text *ot = f->priv;
	int err = 0;
	size_t n;

	mutex_lock(&ot->lock);
	if (!ot->made || *pos == 0)
		err = text_make(f);
	if (!err && *pos < ot->text.len) {
		n = MIN(size, (size_t)(ot->text.len - *pos));
		err = copy_to_user(buf, ot->text.buf + *pos, n);
		if (!err) {
			*pos += n;
			err = (int)n;
		}
	}
	mutex_unlock(&ot->lock);
	return err;
}

static long pseudo_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	const struct pseudo_file *pf = f->inode->priv;
	char line[LINE_MAX];
	int err;

	if (!pf->store)
		return -EACCES;
	if (!size)
		return 0;
	if (size >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, size))
		return -EFAULT;
	line[size] = '\0';
	if (size && line[size - 1] == '\n')
		line[size - 1] = '\0';
	err = pf->store(f->inode, line);
	if (err)
		return err;
	*pos += size;
	return (long)size;
}

static int pseudo_truncate(struct file *f, u64 size)
{
	(void)f;
	(void)size;
	return 0; /* what "echo 1 >file" asks; there is nothing to cut */
}

static void pseudo_release(struct file *f)
{
	struct open_text *ot = f->priv;

	kfree(ot->text.buf);
	kfree(ot);
}

static const struct file_ops pseudo_ops = {
	.read = pseudo_read,
	.write = pseudo_write,
	.seek = file_seek_no_end,
	.truncate = pseudo_truncate,
	.release = pseudo_release,
};

static int pseudo_open(struct inode *inode, struct file *f)
{
	const struct pseudo_file *pf = inode->priv;
	bool writes = (f->flags & O_ACCMODE) != O_RDONLY;
	struct open_text *ot;
	int err;

	if (writes && !pf->store)
		return -EACCES;
	ot = f->priv = kmalloc(sizeof(*ot));
	if (!ot)
		return -ENOMEM;
	mutex_init(&ot->lock);
	f->ops = &pseudo_ops;
	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return 0;
	err = text_make(f); /* so that a file that cannot be made cannot be opened */
	if (err)
		pseudo_release(f);
	return err;
}

static void pseudo_cut(struct inode *inode)
{
	const struct pseudo_file *pf = inode->priv;

	if (pf->cut)
		pf->cut(inode);
}

static const struct inode_ops pseudo_inode_ops = {
	.open = pseudo_open,
	.cut = pseudo_cut,
};

static u32 pseudo_mode(const struct pseudo_file *pf)
{
	return S_IFREG | (pf->mode ? pf->mode : pf->store ? 0644 : 0444);
}

struct inode *pseudo_make(const struct pseudo_file *pf)
{
	struct inode *inode = tree_make(pf->path, pseudo_mode(pf), &pseudo_inode_ops);

	if (inode)
		inode->priv = (void *)(uintptr_t)pf;
	return inode;
}

struct inode *pseudo_inode(const struct pseudo_file *pf, unsigned long id)
{
	struct inode *inode = inode_alloc(pseudo_mode(pf), &pseudo_inode_ops);

	if (inode) {
		inode->priv = (void *)(uintptr_t)pf;
		inode->id = id;
		inode->nlink = 1;
	}
	return inode;
}
