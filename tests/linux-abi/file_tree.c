// SPDX-License-Identifier: MIT
/*
 * file_tree.c - names, directories, links and what stat() tells of them.
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

	fails_with(open("none", O_RDONLY), ENOENT, "open of what is not there");
	fails_with(open("none/below", O_RDWR | O_CREAT, 0600), ENOENT, "create in no directory");
	fails_with(open("", O_RDONLY), ENOENT, "an empty path");
	ok(put("f", "hello") == 0 && holds("f", "hello"), "a file keeps what was written");
	fails_with(open("f", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST, "O_EXCL on what is there");
	fails_with(open("f/x", O_RDONLY), ENOTDIR, "a path through a file");
	fails_with(open("f/", O_RDONLY), ENOTDIR, "a file with a slash behind it");
	fails_with(open(".", O_WRONLY), EISDIR, "writing to a directory");
	fails_with(open("f", O_DIRECTORY), ENOTDIR, "O_DIRECTORY on a file");
	fails_with(open((char *)8, O_RDONLY), EFAULT, "a path at a bad address");
	umask(027);
	fd = open("modes", O_CREAT | O_RDWR, 0666);
	ok(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640, "umask takes bits away");
	umask(022);
	ok(fchmod(fd, 0711) == 0 && stat("modes", &st) == 0 && (st.st_mode & 07777) == 0711,
	   "fchmod");
	fails_with(read(open("f", O_WRONLY), base, 1), EBADF, "reading what is open for writing");
	fails_with(write(open("f", O_RDONLY), base, 1), EBADF,
		   "writing to what is open for reading");
	close(fd);
}

static void test_no_descriptor(void)
{
	struct rlimit was;
	struct stat st;

	put("full", "text");
	was = forbid_descriptors();
	fails_with(open("new", O_CREAT | O_WRONLY, 0600), EMFILE, "no free descriptor");
	fails_with(stat("new", &st), ENOENT, "then open creates no file");
	fails_with(open("full", O_TRUNC | O_WRONLY), EMFILE, "no free descriptor for O_TRUNC");
	setrlimit(RLIMIT_NOFILE, &was);
	ok(holds("full", "text"), "then open does not truncate the file");
	unlink("full");
}

static void test_long_names(void)
{
	static char name[PATH_MAX + 10];

	memset(name, 'n', 255);
	ok(put(name, "x") == 0 && unlink(name) == 0, "a name of 255 bytes");
	memset(name, 'n', 256);
	fails_with(open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG, "a name of 256 bytes");
	memset(name, '/', PATH_MAX + 5);
	fails_with(open(name, O_RDONLY), ENAMETOOLONG, "a path of over 4096 bytes");
}

static void test_directories(void)
{
	ok(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0, "mkdir");
	fails_with(mkdir("d", 0755), EEXIST, "mkdir of what is there");
	fails_with(rmdir("d"), ENOTEMPTY, "rmdir of what is not empty");
	fails_with(unlink("d"), EISDIR, "unlink of a directory");
	fails_with(rmdir("f"), ENOTDIR, "rmdir of a file");
	put("d/1", "1");
	put("d/2", "2");
	ok(count_entries("d") == 5, "readdir gives each entry, . and ..");
	ok(rename("d/1", "d/e/one") == 0 && holds("d/e/one", "1"), "rename into a directory");
	fails_with(rename("d", "d/e/d"), EINVAL, "a directory into itself");
	ok(rename("d/2", "d/e/one") == 0 && holds("d/e/one", "2"), "rename over a file");
	ok(unlink("d/e/one") == 0 && rmdir("d/e") == 0 && rmdir("d") == 0, "removing it all");
	fails_with(stat("d", &(struct stat){ 0 }), ENOENT, "it is gone");
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
	ok(count_entries("many") == 302, "300 entries are read in several calls");
	dir = opendir("many");
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && unlinkat(dirfd(dir), e->d_name, 0) == 0)
			removed++;
	closedir(dir);
	ok(removed == 300 && rmdir("many") == 0, "and removed while they are read");
}

static void test_links(void)
{
	struct stat a, b;
	char buf[64];

	put("target", "text");
	ok(symlink("target", "link") == 0 && holds("link", "text"), "a symbolic link");
	ok(readlink("link", buf, sizeof(buf)) == 6 && !memcmp(buf, "target", 6), "readlink");
	ok(readlink("link", buf, 3) == 3, "readlink cuts");
	ok(lstat("link", &a) == 0 && S_ISLNK(a.st_mode) && a.st_size == 6, "lstat sees the link");
	fails_with(open("link", O_RDONLY | O_NOFOLLOW), ELOOP, "O_NOFOLLOW");
	ok(link("target", "hard") == 0 && stat("target", &a) == 0 && stat("hard", &b) == 0 &&
		   a.st_ino == b.st_ino && a.st_nlink == 2,
	   "a hard link is the same file");
	ok(unlink("target") == 0 && holds("hard", "text"), "which lives on under the other name");
	fails_with(open("link", O_RDONLY), ENOENT, "a link that leads nowhere");
	symlink("loop2", "loop1");
	symlink("loop1", "loop2");
	fails_with(open("loop1", O_RDONLY), ELOOP, "links in a circle");
	mkdir("real", 0755);
	symlink("real", "dirlink");
	ok(put("dirlink/in", "side") == 0 && holds("real/in", "side"), "a link to a directory");
	ok(holds("real/../dirlink/./in", "side"), "dots in a path");
	fails_with(symlink("x", "dirlink"), EEXIST, "a link over what is there");
}

static void test_cwd(void)
{
	char buf[PATH_MAX], want[64];

	snprintf(want, sizeof(want), "%s/real", base);
	ok(chdir("dirlink") == 0 && getcwd(buf, sizeof(buf)) && !strcmp(buf, want),
	   "chdir through a link, getcwd");
	fails_with(getcwd(buf, 3) ? 0 : -1, ERANGE, "getcwd into too little");
	fails_with(chdir("in"), ENOTDIR, "chdir to a file");
	ok(chdir("..") == 0, "chdir up");
}

static void test_unlinked(void)
{
	struct stat st;
	char c = 0;
	int fd, dir;

	mkdir("gone", 0755);
	dir = open("gone", O_DIRECTORY);
	rmdir("gone");
	fails_with(openat(dir, "x", O_CREAT | O_RDWR, 0600), ENOENT, "a file in no directory");
	fails_with(mkdirat(dir, "x", 0700), ENOENT, "nor a directory");
	close(dir);
	fd = open("gone", O_CREAT | O_RDWR, 0600);

	ok(write(fd, "z", 1) == 1 && unlink("gone") == 0 && pread(fd, &c, 1, 0) == 1 && c == 'z',
	   "an unlinked file is there while it is open");
	ok(fstat(fd, &st) == 0 && st.st_nlink == 0, "with no name");
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
	   "utimensat sets one and leaves the other");
	ok(access("hard", R_OK | W_OK) == 0, "access");
	fails_with(access("hard", X_OK), EACCES, "a file that is no program");
	ok(statx(AT_FDCWD, "hard", 0, STATX_BASIC_STATS, &sx) == 0 && sx.stx_size == 4, "statx");
	fails_with(fstat(999, &before), EBADF, "fstat of a bad descriptor");
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
	   "a path through /proc can lead out again");
	ok(access("/proc/self/task", F_OK) == 0, "a process has tasks");
	fails_with(access("/proc/thread-self/task", F_OK), ENOENT, "a task has none of its own");
}

int main(void)
{
	if (!ok(mkdtemp(base) && chdir(base) == 0, "a directory to work in"))
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
	return tap_done();
}
