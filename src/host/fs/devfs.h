// SPDX-License-Identifier: MIT
/* devfs.h - device nodes: a device number leads to who opens it. */
#ifndef HOST_DEVFS_H
#define HOST_DEVFS_H

#include "file/file.h"
#include "inode.h"

/* Linux's numbers: stat() shows them, and mknod() or an archive may name them. */
#define DEV_NUMBER(major, minor) ((u64)((major) << 8 | (minor)))

struct device {
	const char *name; /* below /dev; lives forever */
	u32 mode;         /* S_IFCHR or S_IFBLK, and permissions */
	u64 number;
	int (*open)(struct device *dev, struct file *f); /* sets f->ops, f->priv */
	void *priv;
	struct list_head link;
};

/* The device and its node; `dev` lives forever. */
void devfs_add(struct device *dev);
/* For inode_open(): -ENXIO if no such device is there. */
int devfs_open(struct inode *inode, struct file *f);
void devfs_init(void);

#endif
