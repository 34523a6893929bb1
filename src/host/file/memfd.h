// SPDX-License-Identifier: MIT
/*
 * memfd.h - the seals of a memfd (F_ADD_SEALS): operations that are no longer allowed on it.
 */
#ifndef HOST_MEMFD_H
#define HOST_MEMFD_H

#include "hv/types.h"

struct file;
struct inode;

long memfd_add_seals(struct file *f, unsigned int seals); /* 0, -EBUSY, -EINVAL, -EINTR or -EPERM */
long memfd_get_seals(const struct file *f);               /* F_SEAL_*; -EINVAL: not a memfd */
/* F_SEAL_EXEC keeps a memfd's permissions to execute as they are. True for all other files. */
bool memfd_may_chmod(const struct inode *inode, unsigned int mode);

#endif
