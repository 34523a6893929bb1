// SPDX-License-Identifier: MIT
/*
 * vmm_shim.h - replace the system calls of src/vmm by the models of vmm_host.c. The compiler
 * includes this file before everything else (-include).
 */
#ifndef FUZZ_VMM_SHIM_H
#define FUZZ_VMM_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "machine_heap.h"

int host_open(const char *path, int flags, ...);
int host_close(int fd);
off_t host_lseek(int fd, off_t offset, int whence);
ssize_t host_read(int fd, void *to, size_t len);
ssize_t host_write(int fd, const void *from, size_t len);
ssize_t host_pread(int fd, void *to, size_t len, off_t offset);
ssize_t host_pwrite(int fd, const void *from, size_t len, off_t offset);
int host_poll(struct pollfd *fds, nfds_t count, int timeout);
int host_eventfd(unsigned int count, int flags);
int host_ioctl(int fd, unsigned long request, ...);
int host_madvise(void *start, size_t len, int advice);

/* These do not depend on the descriptor or the thread. */
static inline int host_ok(int a, ...)
{
	(void)a;
	return 0;
}

static inline int host_two_processors(int pid, size_t size, cpu_set_t *set)
{
	(void)pid, (void)size;
	CPU_ZERO(set);
	CPU_SET(0, set);
	CPU_SET(1, set);
	return 0;
}

/* read and write also rename the fields of struct region, in all files. */
#define open              host_open
#define close             host_close
#define lseek             host_lseek
#define read              host_read
#define write             host_write
#define pread             host_pread
#define pwrite            host_pwrite
#define poll              host_poll
#define eventfd           host_eventfd
#define ioctl             host_ioctl
#define madvise           host_madvise
#define sched_getaffinity host_two_processors
#define sched_setaffinity host_ok
#define flock             host_ok
#define fdatasync         host_ok

#define nanosleep(t, left)   ((void)(t), 0)
#define fstat(fd, st)        ((void)(st), -1)
#define tcgetattr(fd, saved) ((void)(saved), -1)
#define signal(number, fn)   ((void)(fn))
#define atexit(fn)           ((void)(fn))

#endif
