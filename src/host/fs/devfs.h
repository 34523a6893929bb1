// SPDX-License-Identifier: MIT
/* devfs.h - device nodes, and how a device is found by its number. */
#ifndef HOST_DEVFS_H
#define HOST_DEVFS_H

#include "file/file.h"
#include "inode.h"

/* Device numbers are Linux's: stat() shows them, and mknod() or an archive may name them. */
#define DEV_NUMBER(major, minor) ((u64)((major) << 8 | (minor)))

struct device {
	const char *name; /* below /dev; lives forever */
	u32 mode;         /* S_IFCHR or S_IFBLK, and permissions */
	u64 number;
	int (*open)(struct device *dev, struct file *f); /* sets f->ops, f->priv */
	void *priv;
	struct list_head link;
};

/* Add the device and its node. `dev` must live forever. */
void devfs_add(struct device *dev);
/* Open the inode's device, for open.c. Returns -ENXIO if there is no such device. */
int devfs_open(struct inode *inode, struct file *f);
void devfs_init(void);

#endif
