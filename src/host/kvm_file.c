// SPDX-License-Identifier: MIT
/*
 * kvm_file.c - the core's files: /dev/kvm, and the descriptors that hv_file_create() makes for VMs,
 * vCPUs and statistics. The core implements each with a struct hv_file_ops (hv/host.h).
 *
 * Each open file of the core has one struct core_file. The core's release() runs when the last
 * reference to the open file is dropped.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include "fs/devfs.h"
#include "hv/core.h"
#include "hv/host.h"
#include "kvm_file.h"
#include "mm/page.h"
#include "lib/printk.h"

struct core_file {
	const struct hv_file_ops *ops;
	void *priv;
	char name[40];
};

static long core_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct core_file *cf = f->priv;

	return cf->ops->ioctl ? cf->ops->ioctl(cf->priv, cmd, arg) : -ENOTTY;
}

static int core_mmap_check(struct file *f, u64 first, u64 pages, bool shared, bool exec)
{
	struct core_file *cf = f->priv;

	return cf->ops->mmap_check ? cf->ops->mmap_check(cf->priv, first, pages, shared, exec) : 0;
}

static int core_mmap_page(struct file *f, u64 index, bool write, hpa_t *pa)
{
	struct core_file *cf = f->priv;
	int err;

	(void)write;
	err = cf->ops->mmap_page(cf->priv, index, pa);
	if (!err)
		page_get(*pa);
	return err;
}

static long core_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct core_file *cf = f->priv;

	return cf->ops->read(cf->priv, buf, size, pos);
}

/* As on Linux, seeking does nothing and is not an error: statistics are read by pread(). */
static long core_seek(struct file *f, s64 offset, int whence)
{
	(void)offset;
	return whence < 0 || whence > SEEK_HOLE ? -EINVAL : (long)f->pos;
}

static void core_release(struct file *f)
{
	struct core_file *cf = f->priv;

	if (cf->ops->release)
		cf->ops->release(cf->priv);
	kfree(cf);
}

/* For /dev/kvm. As on Linux, pread() on it returns -EINVAL, not -ESPIPE. */
static const struct file_ops core_device_ops = {
	.ioctl = core_ioctl,
	.seek = core_seek,
	.release = core_release,
};

/*
 * A file's operations depend on what the core offers for it: only ioctl(); ioctl() and pages to
 * map; or only data to read.
 */
static const struct file_ops core_file_ops = {
	.ioctl = core_ioctl,
	.seek = core_seek,
	.no_pread = true,
	.no_pwrite = true,
	.release = core_release,
};

static const struct file_ops core_map_ops = {
	.ioctl = core_ioctl,
	.mmap_check = core_mmap_check,
	.mmap_page = core_mmap_page,
	.seek = core_seek,
	.no_pread = true,
	.no_pwrite = true,
	.release = core_release,
};

static const struct file_ops core_read_ops = {
	.read = core_read,
	.seek = core_seek,
	.no_pwrite = true,
	.release = core_release,
};

static const struct file_ops *ops_for(const struct hv_file_ops *ops)
{
	if (ops->open)
		return &core_device_ops;
	if (ops->read)
		return &core_read_ops;
	return ops->mmap_page ? &core_map_ops : &core_file_ops;
}

static struct core_file *core_file_new(const char *name, const struct hv_file_ops *ops)
{
	struct core_file *cf = kmalloc(sizeof(*cf));

	if (!cf)
		return NULL;
	snprintf(cf->name, sizeof(cf->name), "anon_inode:%s", name);
	cf->ops = ops;
	return cf;
}

static void core_file_attach(struct core_file *cf, struct file *f, void *priv)
{
	cf->priv = priv;
	f->ops = ops_for(cf->ops);
	f->priv = cf;
	f->anon_name = cf->name;
}

int hv_file_create(const char *name, const struct hv_file_ops *ops, void *priv)
{
	static const struct file_ops nothing;
	struct core_file *cf = core_file_new(name, ops);
	struct file *f = cf ? file_alloc(&nothing, NULL, ops->read ? O_RDONLY : O_RDWR) : NULL;
	int fd;

	if (!f) {
		kfree(cf);
		return -ENOMEM;
	}
	core_file_attach(cf, f, priv);
	/*
	 * Another thread can close the descriptor immediately. Keep no reference: the caller may hold
	 * locks under which the file must not be freed.
	 */
	fd = fd_install(f, true);
	if (fd < 0) {
		/* The caller keeps priv, so priv must not be released with the file. */
		f->ops = &nothing;
		file_put(f);
		kfree(cf);
	}
	return fd;
}

/* ---- /dev/kvm -------------------------------------------------------------------------------- */

static int kvm_open(struct device *dev, struct file *f)
{
	struct core_file *cf = core_file_new("kvm", &kvm_dev_ops);
	void *priv = NULL;
	int err = 0;

	(void)dev;
	if (!cf)
		return -ENOMEM;
	if (kvm_dev_ops.open)
		err = kvm_dev_ops.open(&priv);
	if (err) {
		kfree(cf);
		return err;
	}
	core_file_attach(cf, f, priv);
	f->anon_name = NULL; /* it has a path */
	return 0;
}

static struct device kvm_device = {
	.name = "kvm",
	.mode = S_IFCHR | 0666,
	.number = DEV_NUMBER(10, 232),
	.open = kvm_open,
};

void kvm_file_init(void)
{
	devfs_add(&kvm_device);
}
