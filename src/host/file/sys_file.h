// SPDX-License-Identifier: MIT
/* sys_file.h - declarations that the system calls on files share. */
#ifndef HOST_SYS_FILE_H
#define HOST_SYS_FILE_H

#include "file.h"
#include "fs/inode.h"

#define RW_MAX 0x7ffff000UL /* maximum number of bytes per buffer (on Linux: per call) */

struct at_path { /* a path argument and the directory that it starts from */
	struct inode *start;
	char *path;
};

/* Get a path argument. Returns 0, -EBADF, -ENOTDIR, -EFAULT, -ENAMETOOLONG or -ENOMEM. */
int at_path_get(struct at_path *ap, int dirfd, unsigned long user_path);
void at_path_put(struct at_path *ap);
/*
 * Look up the inode of (dirfd, path), and take a reference on it. Obeys AT_EMPTY_PATH and
 * AT_SYMLINK_NOFOLLOW in `flags`.
 */
int at_inode(int dirfd, unsigned long user_path, unsigned int flags, struct inode **inode);

bool file_is_readable(const struct file *f);
bool file_is_writable(const struct file *f);
/* The other end is closed: send SIGPIPE to the current process, and return -EPIPE. */
long write_broken_pipe(void);

#endif
