// SPDX-License-Identifier: MIT
/*
 * save_file.c - the file to which a VM is saved (--save).
 *
 * A regular file is written as FILE.part. In the sandbox, the VMM cannot open, rename or remove
 * files. So FILE.part is opened and locked before the guest starts, and a second process waits: it
 * renames FILE.part to FILE if the VMM requests that, and removes FILE.part if the VMM ends in any
 * way without this request. A block device needs no second process, because the header, which is
 * written last, makes the contents valid.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "state.h"

enum verdict {
	REMOVE,
	KEEP
}; /* one byte, from the VMM to the second process */

static int channel = -1; /* to the second process */
static bool is_block;

static int decide(const char *part, const char *path, char verdict, int folder)
{
	int result = verdict == KEEP ? rename(part, path) : unlink(part);

	if (result < 0)
		return errno;
	/* Make the name durable. Not every file system can do this for a folder: ignore errors. */
	if (verdict == KEEP)
		fsync(folder);
	return 0;
}

/* Open the folder of the file, or return -1. */
static int open_folder(const char *path)
{
	char folder[4096];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[1] = '\0';
	return open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * The second process. It must not end before the VMM does, so it ignores the signals that a terminal
 * sends to both. It has no file open except the channel, FILE.part and their folder, so that a program
 * that reads the VMM's output to its end does not have to wait for this process. Until it closes
 * FILE.part, no other VMM can lock it.
 */
static void __attribute__((noreturn))
wait_for_verdict(const char *part, const char *path, int from, int locked)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR2 };
	int folder = open_folder(path);
	char verdict;
	bool again;
	ssize_t n;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	dup2(from, 0);
	dup2(locked, 1);
	dup2(folder, 2); /* if it could not be opened, 2 is closed and fsync() fails */
	syscall(__NR_close_range, folder < 0 ? 2 : 3, ~0u, 0);
	do {
		n = read(0, &verdict, 1);
		if (n <= 0)
			verdict = REMOVE;
		err = decide(part, path, verdict, 2);
		again = verdict == KEEP && err; /* a save that fails may be tried again */
		if (!again)
			close(1); /* before the VMM can end: another one may start then */
		n = write(0, &err, sizeof(err));
	} while (again && n > 0);
	_exit(0);
}

static int start_process(const char *part, const char *path, int locked)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		wait_for_verdict(part, path, ends[1], locked);
	close(ends[1]);
	channel = ends[0];
	return 0;
}

bool is_same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

static bool has_name(int fd, const char *name)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && stat(name, &named) == 0 && is_same_file(&opened, &named);
}

/*
 * Is this FILE.part new, or left over from a save that was not completed? Such a save begins with
 * SAVE_PARTIAL, or has just got its header. Any other file belongs to the user.
 */
static bool may_be_overwritten(int fd)
{
	char start[sizeof(((struct save_header *)0)->magic)];
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	len = pread(fd, start, sizeof(start), 0);
	return len == 0 || (len == sizeof(start) && (!memcmp(start, SAVE_MAGIC, sizeof(start)) ||
						     !memcmp(start, SAVE_PARTIAL, sizeof(start))));
}

/*
 * Open FILE.part or the block device, and lock it. Returns a descriptor or -errno, which is
 * -EWOULDBLOCK if another VMM has locked it, and -EEXIST if FILE.part is not from a save. If another
 * VMM has renamed or removed the file before it was locked here, try again with a new one.
 */
static int open_locked(const char *name)
{
	int fd;

	for (;;) {
		fd = open(name, O_RDWR | O_CLOEXEC | (is_block ? 0 : O_CREAT | O_NOFOLLOW), 0600);
		if (fd < 0)
			return -errno;
		/* After any other error, such as that of a file system without locks, do without. */
		if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
			close(fd);
			return -EWOULDBLOCK;
		}
		if (has_name(fd, name))
			break;
		close(fd);
	}
	if (!is_block && !may_be_overwritten(fd)) {
		close(fd);
		return -EEXIST;
	}
	return fd;
}

int save_file_open(const char *path)
{
	char part[4096];
	struct stat st;
	bool exists = stat(path, &st) == 0;
	int fd, err;

	is_block = exists && S_ISBLK(st.st_mode);
	if (exists && !is_block && !S_ISREG(st.st_mode)) /* it would be replaced by the file */
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (snprintf(part, sizeof(part), "%s%s", path, is_block ? "" : ".part") >= sizeof(part))
		return -ENAMETOOLONG;
	fd = open_locked(part);
	if (fd < 0)
		return fd;
	err = is_block ? 0 : start_process(part, path, fd);
	if (err) {
		unlink(part);
		close(fd);
	}
	return err ? err : fd;
}

int save_file_empty(int fd)
{
	return !is_block && ftruncate(fd, 0) < 0 ? -errno : 0;
}

/* A signal must not separate the verdict from its result. */
static int exchange(char verdict, int *result)
{
	ssize_t n;

	do
		n = write(channel, &verdict, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		return -1;
	do
		n = read(channel, result, sizeof(*result));
	while (n < 0 && errno == EINTR);
	return n == sizeof(*result) ? 0 : -1;
}

int save_file_end(bool keep)
{
	char verdict = keep ? KEEP : REMOVE;
	int err;

	if (is_block || channel < 0)
		return 0;
	if (exchange(verdict, &err) < 0)
		return -EPIPE;
	if (keep && err)
		return -err; /* the second process waits for the next attempt */
	close(channel);
	channel = -1;
	return -err;
}
