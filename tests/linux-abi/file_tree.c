// SPDX-License-Identifier: MIT
/*
 * file_tree.c - file names, directories, links and stat().
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include "descriptors.h"
#include "tap.h"

static char base[] = "/tmp/file_tree.XXXXXX";

static int put(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	ssize_t n = write(fd, text, strlen(text));

	return close(fd) | (n != (ssize_t)strlen(text));
}

static bool holds(const char *name, const char *text)
{
	char buf[256] = "";
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	return n == (ssize_t)strlen(text) && !strcmp(buf, text);
}

static int count_entries(const char *name)
{
	DIR *dir = opendir(name);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void test_open(void)
{
	struct stat st;
	int fd;

	fails_with(open("none", O_RDONLY), ENOENT, "open() of a missing file fails with ENOENT");
	fails_with(open("none/below", O_RDWR | O_CREAT, 0600), ENOENT,
		   "creating a file in a missing directory fails with ENOENT");
	fails_with(open("", O_RDONLY), ENOENT, "open() of an empty path fails with ENOENT");
	ok(put("f", "hello") == 0 && holds("f", "hello"), "a file keeps what was written");
	fails_with(open("f", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST,
		   "O_EXCL for an existing file fails with EEXIST");
	fails_with(open("f/x", O_RDONLY), ENOTDIR, "a path through a file fails with ENOTDIR");
	fails_with(open("f/", O_RDONLY), ENOTDIR,
		   "a file's name with a trailing slash fails with ENOTDIR");
	fails_with(open(".", O_WRONLY), EISDIR,
		   "open() of a directory for writing fails with EISDIR");
	fails_with(open("f", O_DIRECTORY), ENOTDIR, "O_DIRECTORY for a file fails with ENOTDIR");
	fails_with(open((char *)8, O_RDONLY), EFAULT, "a path at a bad address fails with EFAULT");
	umask(027);
	fd = open("modes", O_CREAT | O_RDWR, 0666);
	ok(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640,
	   "umask() clears permission bits of a new file");
	umask(022);
	ok(fchmod(fd, 0711) == 0 && stat("modes", &st) == 0 && (st.st_mode & 07777) == 0711,
	   "fchmod() sets the permission bits");
	fails_with(read(open("f", O_WRONLY), base, 1), EBADF,
		   "read() of a file that is open only for writing fails with EBADF");
	fails_with(write(open("f", O_RDONLY), base, 1), EBADF,
		   "write() to a file that is open only for reading fails with EBADF");
	close(fd);
}

static void test_no_descriptor(void)
{
	struct rlimit was;
	struct stat st;

	put("full", "text");
	was = forbid_descriptors();
	fails_with(open("new", O_CREAT | O_WRONLY, 0600), EMFILE,
		   "open() without a free descriptor fails with EMFILE");
	fails_with(stat("new", &st), ENOENT,
		   "an open() that fails with EMFILE does not create a file");
	fails_with(open("full", O_TRUNC | O_WRONLY), EMFILE,
		   "open() with O_TRUNC but without a free descriptor fails with EMFILE");
	setrlimit(RLIMIT_NOFILE, &was);
	ok(holds("full", "text"), "an open that fails with EMFILE does not truncate the file");
	unlink("full");
}

static void test_long_names(void)
{
	static char name[PATH_MAX + 10];

	memset(name, 'n', 255);
	ok(put(name, "x") == 0 && unlink(name) == 0, "a file name can have 255 bytes");
	memset(name, 'n', 256);
	fails_with(open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG,
		   "a file name of 256 bytes fails with ENAMETOOLONG");
	memset(name, '/', PATH_MAX + 5);
	fails_with(open(name, O_RDONLY), ENAMETOOLONG,
		   "a path of over 4096 bytes fails with ENAMETOOLONG");
}

static void test_directories(void)
{
	ok(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0,
	   "mkdir() creates a directory and another one in it");
	fails_with(mkdir("d", 0755), EEXIST, "mkdir() of an existing name fails with EEXIST");
	fails_with(rmdir("d"), ENOTEMPTY,
		   "rmdir() of a directory with entries fails with ENOTEMPTY");
	fails_with(unlink("d"), EISDIR, "unlink() of a directory fails with EISDIR");
	fails_with(rmdir("f"), ENOTDIR, "rmdir() of a file fails with ENOTDIR");
	put("d/1", "1");
	put("d/2", "2");
	ok(count_entries("d") == 5, "readdir() returns all entries, including . and ..");
	ok(rename("d/1", "d/e/one") == 0 && holds("d/e/one", "1"),
	   "rename() moves a file into another directory");
	fails_with(rename("d", "d/e/d"), EINVAL,
		   "rename() of a directory into itself fails with EINVAL");
	ok(rename("d/2", "d/e/one") == 0 && holds("d/e/one", "2"),
	   "rename() replaces an existing file");
	ok(unlink("d/e/one") == 0 && rmdir("d/e") == 0 && rmdir("d") == 0,
	   "unlink() and rmdir() remove the files and directories");
	fails_with(stat("d", &(struct stat){ 0 }), ENOENT,
		   "stat() of a removed directory fails with ENOENT");
}

static void test_many_entries(void)
{
	char name[32];
	DIR *dir;
	struct dirent *e;
	int i, removed = 0;

	mkdir("many", 0755);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "many/a-file-with-number-%d", i);
		put(name, "");
	}
	ok(count_entries("many") == 302, "readdir() returns all 300 entries of a directory");
	dir = opendir("many");
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && unlinkat(dirfd(dir), e->d_name, 0) == 0)
			removed++;
	closedir(dir);
	ok(removed == 300 && rmdir("many") == 0,
	   "files can be removed while their directory is read");
}

static void test_links(void)
{
	struct stat a, b;
	char buf[64];

	put("target", "text");
	ok(symlink("target", "link") == 0 && holds("link", "text"),
	   "a symbolic link leads to its target");
	ok(readlink("link", buf, sizeof(buf)) == 6 && !memcmp(buf, "target", 6),
	   "readlink() returns the target's name");
	ok(readlink("link", buf, 3) == 3, "readlink() truncates the name to the buffer's size");
	ok(lstat("link", &a) == 0 && S_ISLNK(a.st_mode) && a.st_size == 6,
	   "lstat() describes the link itself");
	fails_with(open("link", O_RDONLY | O_NOFOLLOW), ELOOP,
		   "O_NOFOLLOW for a symbolic link fails with ELOOP");
	ok(link("target", "hard") == 0 && stat("target", &a) == 0 && stat("hard", &b) == 0 &&
		   a.st_ino == b.st_ino && a.st_nlink == 2,
	   "a hard link names the same file");
	ok(unlink("target") == 0 && holds("hard", "text"),
	   "a file remains under its other name when one is unlinked");
	fails_with(open("link", O_RDONLY), ENOENT,
		   "open() of a link to a missing file fails with ENOENT");
	symlink("loop2", "loop1");
	symlink("loop1", "loop2");
	fails_with(open("loop1", O_RDONLY), ELOOP,
		   "open() of a symbolic link that is part of a loop fails with ELOOP");
	mkdir("real", 0755);
	symlink("real", "dirlink");
	ok(put("dirlink/in", "side") == 0 && holds("real/in", "side"),
	   "a path can lead through a link to a directory");
	ok(holds("real/../dirlink/./in", "side"), "a path can contain . and ..");
	fails_with(symlink("x", "dirlink"), EEXIST,
		   "symlink() over an existing name fails with EEXIST");
}

static void test_cwd(void)
{
	char buf[PATH_MAX], want[64];

	snprintf(want, sizeof(want), "%s/real", base);
	ok(chdir("dirlink") == 0 && getcwd(buf, sizeof(buf)) && !strcmp(buf, want),
	   "after chdir() through a link, getcwd() returns the directory's real name");
	fails_with(getcwd(buf, 3) ? 0 : -1, ERANGE,
		   "getcwd() with too small a buffer fails with ERANGE");
	fails_with(chdir("in"), ENOTDIR, "chdir() to a file fails with ENOTDIR");
	ok(chdir("..") == 0, "chdir() to .. succeeds");
}

static void test_unlinked(void)
{
	struct stat st;
	char c = 0;
	int fd, dir;

	mkdir("gone", 0755);
	dir = open("gone", O_DIRECTORY);
	rmdir("gone");
	fails_with(openat(dir, "x", O_CREAT | O_RDWR, 0600), ENOENT,
		   "creating a file in a removed directory fails with ENOENT");
	fails_with(mkdirat(dir, "x", 0700), ENOENT,
		   "mkdir() in a removed directory fails with ENOENT");
	close(dir);
	fd = open("gone", O_CREAT | O_RDWR, 0600);

	ok(write(fd, "z", 1) == 1 && unlink("gone") == 0 && pread(fd, &c, 1, 0) == 1 && c == 'z',
	   "an unlinked file can be read while it is open");
	ok(fstat(fd, &st) == 0 && st.st_nlink == 0, "an unlinked file has a link count of 0");
	close(fd);
}

static void test_times_and_access(void)
{
	struct timespec ts[2] = { { .tv_sec = 1000, .tv_nsec = 5 }, { .tv_nsec = UTIME_OMIT } };
	struct stat before, after;
	struct statx sx;

	stat("hard", &before);
	ok(utimensat(AT_FDCWD, "hard", ts, 0) == 0 && stat("hard", &after) == 0 &&
		   after.st_atim.tv_sec == 1000 && after.st_atim.tv_nsec == 5 &&
		   after.st_mtim.tv_sec == before.st_mtim.tv_sec,
	   "utimensat() with UTIME_OMIT sets only the access time");
	ok(access("hard", R_OK | W_OK) == 0,
	   "access() succeeds for a file that may be read and written");
	fails_with(access("hard", X_OK), EACCES,
		   "access() of a non-executable file with X_OK fails with EACCES");
	ok(statx(AT_FDCWD, "hard", 0, STATX_BASIC_STATS, &sx) == 0 && sx.stx_size == 4,
	   "statx() returns the file's size");
	fails_with(fstat(999, &before), EBADF, "fstat() of a bad descriptor fails with EBADF");
}

static int deepest;

static int look(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)st;
	(void)type;
	deepest = at->level > deepest ? at->level : deepest;
	return deepest > 20;
}

static void test_walk(void)
{
	ok(nftw("/proc/self/task", look, 20, FTW_PHYS) == 0 && deepest < 8,
	   "a walk of /proc/self/task ends and is less than 8 levels deep");
	ok(access("/proc/self/task", F_OK) == 0, "a process has a task directory in /proc");
	fails_with(access("/proc/thread-self/task", F_OK), ENOENT,
		   "a thread has no task directory in /proc");
}

/* A program can neither change the names in /proc and /sys nor add any. */
static void test_generated(void)
{
	char self[32];
	struct stat st;

	snprintf(self, sizeof(self), "/proc/%d", getpid());
	fails_with(unlink("/proc/self"), EPERM, "unlink() of /proc/self fails with EPERM");
	fails_with(unlink("/proc/version"), EPERM, "unlink() of a file in /proc fails with EPERM");
	fails_with(unlink("/sys/kernel/mm/transparent_hugepage/enabled"), EPERM,
		   "unlink() of a file in /sys fails with EPERM");
	fails_with(unlink("/proc/none"), ENOENT, "unlink() of a missing name in /proc: ENOENT");
	fails_with(rmdir(self), EPERM, "rmdir() of a process's directory fails with EPERM");
	fails_with(rmdir("/proc/self"), ENOTDIR, "rmdir() of /proc/self fails with ENOTDIR");
	fails_with(rmdir("/proc"), EBUSY, "rmdir() of /proc fails with EBUSY");
	fails_with(rename("/proc/version", "v"), EXDEV, "rename() out of /proc fails with EXDEV");
	close(creat("v", 0600));
	fails_with(rename("v", "/proc/version"), EXDEV, "rename() into /proc fails with EXDEV");
	fails_with(rename("v", "/sys/kernel/mm/transparent_hugepage/enabled"), EXDEV,
		   "rename() into /sys fails with EXDEV");
	unlink("v");
	fails_with(rename("/proc/version", "/proc/uptime"), EPERM,
		   "rename() within /proc fails with EPERM");
	fails_with(mkdir("/proc/new", 0700), ENOENT, "mkdir() in /proc fails with ENOENT");
	fails_with(mkdir(self, 0700), EEXIST, "mkdir() of a process's directory: EEXIST");
	fails_with(mkdir("/sys/kernel/new", 0700), EPERM, "mkdir() in /sys fails with EPERM");
	fails_with(symlink("x", "/proc/new"), ENOENT, "symlink() in /proc fails with ENOENT");
	fails_with(link("/proc/version", "v"), EXDEV, "link() to a file in /proc: EXDEV");
	fails_with(open("/proc/new", O_CREAT | O_WRONLY, 0600), ENOENT,
		   "open() with O_CREAT in /proc fails with ENOENT");
	ok(stat("/proc/self/stat", &st) == 0 && stat("/proc/version", &st) == 0,
	   "none of these calls has changed /proc");
}

int main(void)
{
	if (!ok(mkdtemp(base) && chdir(base) == 0, "the test's directory is created"))
		return tap_done();
	test_open();
	test_no_descriptor();
	test_long_names();
	test_directories();
	test_many_entries();
	test_links();
	test_cwd();
	test_unlinked();
	test_times_and_access();
	test_walk();
	test_generated();
	return tap_done();
}
