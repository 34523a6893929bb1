// SPDX-License-Identifier: MIT
/* sys_file.h - what the file system calls share. */
#ifndef HOST_SYS_FILE_H
#define HOST_SYS_FILE_H

#include "file.h"
#include "fs/inode.h"

#define RW_MAX 0x7ffff000UL /* the most that one call moves, as on Linux */

struct at_path { /* a path argument and the directory that it starts from */
	struct inode *start;
	char *path;
};

/* -EBADF, -ENOTDIR, -EFAULT, -ENAMETOOLONG, -ENOMEM. */
int at_path_get(struct at_path *ap, int dirfd, unsigned long user_path);
void at_path_put(struct at_path *ap);
/* The inode of (dirfd, path, AT_* flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW); referenced. */
int at_inode(int dirfd, unsigned long user_path, unsigned int flags, struct inode **inode);

/* Open for reading or writing? -EBADF if not. */
struct file *fd_get_readable(int fd);
struct file *fd_get_writable(int fd);
bool file_is_readable(const struct file *f);
bool file_is_writable(const struct file *f);
long file_pread(struct file *f, unsigned long buf, size_t size, u64 pos);
/* A pipe whose readers are gone: SIGPIPE for the caller, then EPIPE. */
long write_broken_pipe(void);

#endif
