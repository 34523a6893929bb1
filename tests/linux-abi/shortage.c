// SPDX-License-Identifier: MIT
/*
 * shortage.c - make calls on files, sockets, processes and signals while each page that they
 * allocate is missing in turn.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "shortage.h"

/* ---- descriptors ---- */

static int fds[4];

static bool closes(long fd)
{
	return fd >= 0 && close((int)fd) == 0;
}

static bool closes_two(long ret)
{
	return ret == 0 && close(fds[0]) == 0 && close(fds[1]) == 0;
}

static long do_pipe(void)
{
	return pipe2(fds, O_CLOEXEC);
}

static long do_socketpair(void)
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static long do_memfd(void)
{
	return memfd_create("short", 0);
}

static long do_eventfd(void)
{
	return eventfd(0, 0);
}

static long do_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

/* ---- epoll: a failed attempt to add [1] to [0] must not count, so [2] can be added to [1] ---- */

static void prepare_epoll(void)
{
	for (int i = 0; i < 3; i++)
		fds[i] = epoll_create1(0);
}

static long do_epoll_add(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &event);
}

static bool epoll_is_right(long ret)
{
	struct epoll_event event = { .events = EPOLLIN };
	bool good = ret == 0 && epoll_ctl(fds[0], EPOLL_CTL_DEL, fds[1], &event) == 0 &&
		    epoll_ctl(fds[1], EPOLL_CTL_ADD, fds[2], &event) == 0;

	for (int i = 0; i < 3; i++)
		close(fds[i]);
	return good;
}

/* ---- names ---- */

#define DIR_  "/tmp/shortage"
#define NAME  DIR_ "/name"
#define OTHER DIR_ "/other"

static void prepare_name(void)
{
	close(open(NAME, O_CREAT | O_WRONLY, 0600));
	close(open(OTHER, O_CREAT | O_WRONLY, 0600));
}

static long do_create(void)
{
	return open(NAME, O_CREAT | O_EXCL | O_RDWR, 0600);
}

static bool create_is_right(long fd)
{
	bool good = fd >= 0 && write((int)fd, "x", 1) == 1;

	return closes(fd) && unlink(NAME) == 0 && good;
}

static long do_open_made(void)
{
	return open("/proc/self/maps", O_RDONLY);
}

static long do_mkdir(void)
{
	return mkdir(NAME, 0700);
}

static bool mkdir_is_right(long ret)
{
	return ret == 0 && rmdir(NAME) == 0;
}

static long do_symlink(void)
{
	return symlink("target", NAME);
}

static bool unlinks(long ret)
{
	return ret == 0 && unlink(NAME) == 0;
}

static long do_link(void)
{
	return link(OTHER, DIR_ "/link");
}

static bool link_is_right(long ret)
{
	return ret == 0 && unlink(DIR_ "/link") == 0;
}

static long do_rename(void)
{
	return rename(OTHER, NAME);
}

static bool rename_is_right(long ret)
{
	return ret == 0 && access(OTHER, F_OK) != 0 && unlink(NAME) == 0;
}

/* ---- sockets ---- */

static struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = DIR_ "/socket" };

static long do_bind(void)
{
	fds[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	return fds[0] < 0 ? -1 : bind(fds[0], (struct sockaddr *)&addr, sizeof(addr));
}

static bool bind_is_right(long ret)
{
	return ret == 0 && listen(fds[0], 2) == 0 && close(fds[0]) == 0 &&
	       unlink(addr.sun_path) == 0;
}

/* Create a listener and two clients, each of which has sent a byte. */
static void prepare_accept(void)
{
	do_bind();
	listen(fds[0], 3);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	for (int i = 1; i < 3; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		connect(fds[i], (struct sockaddr *)&addr, sizeof(addr));
		write(fds[i], i == 1 ? "a" : "b", 1);
	}
}

static long do_accept(void)
{
	return accept(fds[0], NULL, NULL);
}

static bool reads(int fd, char want)
{
	char byte = 0;
	bool good = fd >= 0 && read(fd, &byte, 1) == 1 && byte == want;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool accept_is_right(long fd)
{
	bool good = reads((int)fd, 'a') && reads(accept(fds[0], NULL, NULL), 'b');

	for (int i = 0; i < 3; i++)
		close(fds[i]);
	return unlink(addr.sun_path) == 0 && good;
}

static void prepare_connect(void)
{
	do_bind();
	listen(fds[0], 3);
	fds[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
}

static long do_connect(void)
{
	return connect(fds[1], (struct sockaddr *)&addr, sizeof(addr));
}

static bool connect_is_right(long ret)
{
	bool good = ret == 0 && write(fds[1], "c", 1) == 1 &&
		    reads(accept(fds[0], NULL, NULL), 'c') && accept(fds[0], NULL, NULL) < 0;

	close(fds[0]);
	close(fds[1]);
	return unlink(addr.sun_path) == 0 && good;
}

/* ---- processes and signals ---- */

static long do_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	return pid;
}

static bool child_is_right(long pid)
{
	int status = 0;

	return pid > 0 && waitpid((pid_t)pid, &status, 0) == pid && WEXITSTATUS(status) == 7 &&
	       waitpid(-1, NULL, WNOHANG) < 0;
}

static long do_exec(void)
{
	char *args[] = { "/proc/self/exe", "7", NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execv(args[0], args);
		_exit(1);
	}
	return pid;
}

static long do_queue(void)
{
	union sigval value = { .sival_int = 5 };

	return sigqueue(getpid(), SIGRTMIN, value);
}

static bool queue_is_right(long ret)
{
	struct timespec none = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	return ret == 0 && sigtimedwait(&set, NULL, &none) == SIGRTMIN &&
	       sigtimedwait(&set, NULL, &none) < 0;
}

/*
 * kill() finds no page for the siginfo and succeeds without it. That missing page must not cause a
 * later call that fails for another reason to be repeated: the repeated call would wait for memory
 * and end the shortage.
 */
static void test_other_failures(void)
{
	struct timespec none = { 0 };
	int s[2], refused = 0, again = 0;
	bool met = true;
	sigset_t set;
	char byte;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (int i = 0; i < 2; i++) { /* first with enough memory */
		if (i)
			shortage_begin(0);
		kill(getpid(), SIGUSR1);
		refused = mlock((void *)4096, 1) ? errno : 0;
		again = read(s[0], &byte, 1) < 0 ? errno : 0;
		met = i && shortage_was_met();
		sigtimedwait(&set, NULL, &none);
	}
	ok(refused == ENOMEM && again == EAGAIN && !met,
	   "a call that fails for another reason is not repeated after an earlier missing page");
	close(s[0]);
	close(s[1]);
}

static const struct attempt attempts[] = {
	{ CLAIM("pipe2"), NULL, do_pipe, closes_two },
	{ CLAIM("socketpair"), NULL, do_socketpair, closes_two },
	{ CLAIM("memfd_create"), NULL, do_memfd, closes },
	{ CLAIM("eventfd"), NULL, do_eventfd, closes },
	{ CLAIM("timerfd_create"), NULL, do_timerfd, closes },
	{ CLAIM("epoll_ctl"), prepare_epoll, do_epoll_add, epoll_is_right },
	{ CLAIM("open with O_CREAT and O_EXCL"), NULL, do_create, create_is_right },
	{ CLAIM("open of a file in /proc"), NULL, do_open_made, closes },
	{ CLAIM("mkdir"), NULL, do_mkdir, mkdir_is_right },
	{ CLAIM("symlink"), NULL, do_symlink, unlinks },
	{ CLAIM("link"), prepare_name, do_link, link_is_right },
	{ CLAIM("rename"), prepare_name, do_rename, rename_is_right },
	{ CLAIM("bind"), NULL, do_bind, bind_is_right },
	{ CLAIM("connect"), prepare_connect, do_connect, connect_is_right },
	{ CLAIM("accept"), prepare_accept, do_accept, accept_is_right },
	{ CLAIM("fork"), NULL, do_fork, child_is_right },
	{ CLAIM("execve"), NULL, do_exec, child_is_right },
	{ CLAIM("sigqueue"), NULL, do_queue, queue_is_right },
};

static long free_kb(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return (long)(info.freeram * info.mem_unit / 1024);
}

/* Leave three pages: enough for the new thread's struct, but not for its kernel stack as well. */
static void test_fork_leaves_nothing(void)
{
	long before = free_kb();
	bool good = true;

	for (int i = 0; i < 200; i++) {
		shortage_begin(3);
		good &= child_is_right(do_fork());
		shortage_was_met();
	}
	if (!ok(good && (control < 0 || free_kb() + 400 >= before),
		"a fork() that is repeated for want of a kernel stack leaks no memory"))
		printf("# %ld kB free, %ld before\n", free_kb(), before);
}

int main(int argc, char **argv)
{
	sigset_t set;

	if (argc > 1)
		return atoi(argv[1]);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	mkdir("/tmp", 0777);
	mkdir(DIR_, 0700);
	try_all(attempts, sizeof(attempts) / sizeof(*attempts));
	test_other_failures();
	test_fork_leaves_nothing();
	unlink(NAME);
	unlink(OTHER);
	rmdir(DIR_);
	return tap_done();
}
