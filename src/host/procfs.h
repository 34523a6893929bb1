// SPDX-License-Identifier: MIT
/* procfs.h - between procfs.c (the machine) and procfs_pid.c (processes). */
#ifndef HOST_PROCFS_H
#define HOST_PROCFS_H

#include "inode.h"

extern const struct inode_ops proc_root_ops; /* /proc itself: numbers are processes */
void procfs_pid_init(void);

/* As uname() says it. */
#define OS_RELEASE "6.12.0-hyperscope"

#endif
