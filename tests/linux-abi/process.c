// SPDX-License-Identifier: MIT
/* process.c - fork(), execve(), wait() and exit(), and what a process leaves behind. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include "tap.h"

extern char **environ;

static volatile int *volatile bad_pointer = (int *)8;

static int child_status(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static int body_exit_3(void)
{
	return 3;
}

static int body_abort(void)
{
	abort();
}

static int body_null(void)
{
	*bad_pointer = 0;
	return 0;
}

static int body_illegal(void)
{
	__asm__ volatile(".4byte 0");
	return 0;
}

static int body_break(void)
{
	__asm__ volatile("ebreak");
	return 0;
}

static int body_kill_self(void)
{
	kill(getpid(), SIGKILL);
	return 0;
}

static int body_blocked_fault(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return body_null();
}

static void test_status(void)
{
	int status;

	status = child_status(body_exit_3);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 3,
	   "waitpid() returns the child's exit status");
	status = child_status(body_abort);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "abort raises SIGABRT");
	status = child_status(body_null);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	   "a store through a bad pointer raises SIGSEGV");
	status = child_status(body_illegal);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL,
	   "an illegal instruction raises SIGILL");
	status = child_status(body_break);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP, "a breakpoint raises SIGTRAP");
	status = child_status(body_kill_self);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	   "a process can send SIGKILL to itself");
	status = child_status(body_blocked_fault);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	   "SIGSEGV for a fault kills the process even if SIGSEGV is blocked");
	fails_with(waitpid(-1, &status, 0), ECHILD, "waitpid() without children fails with ECHILD");
}

static void test_wait(void)
{
	int status, fds[2];
	siginfo_t info;
	pid_t pid, first, second;
	char byte = 0;

	if (pipe(fds))
		return;
	pid = fork();
	if (pid == 0)
		_exit(read(fds[0], &byte, 1) == 1 ? 9 : 1);
	ok(waitpid(pid, &status, WNOHANG) == 0,
	   "waitpid() with WNOHANG returns 0 while the child runs");
	if (write(fds[1], &byte, 1) != 1)
		return;
	memset(&info, 0, sizeof(info));
	ok(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == pid &&
		   info.si_code == CLD_EXITED && info.si_status == 9,
	   "waitid() reports the child's end");
	ok(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 9,
	   "after waitid() with WNOWAIT, waitpid() still returns the child");
	first = fork();
	if (first == 0)
		_exit(1);
	second = fork();
	if (second == 0)
		_exit(2);
	ok(waitpid(second, &status, 0) == second && WEXITSTATUS(status) == 2,
	   "waitpid() can wait for the second of two children");
	ok(waitpid(first, &status, 0) == first && WEXITSTATUS(status) == 1,
	   "waitpid() can then wait for the first child");
	fails_with(waitpid(first, &status, 0), ECHILD,
		   "a second waitpid() for the same child fails with ECHILD");
	close(fds[0]);
	close(fds[1]);
}

static void test_orphan(void)
{
	int fds[2];
	pid_t parent, seen = 0;

	if (pipe(fds))
		return;
	parent = fork();
	if (parent == 0) {
		pid_t self = getpid();

		if (fork() == 0) {
			while (getppid() == self)
				usleep(1000);
			seen = getppid();
			_exit(write(fds[1], &seen, sizeof(seen)) != sizeof(seen));
		}
		_exit(0);
	}
	waitpid(parent, NULL, 0);
	ok(read(fds[0], &seen, sizeof(seen)) == sizeof(seen) && seen != parent && seen > 0,
	   "an orphan gets a new parent");
	close(fds[0]);
	close(fds[1]);
}

static void test_sigchld_ignored(void)
{
	signal(SIGCHLD, SIG_IGN);
	if (fork() == 0)
		_exit(0);
	fails_with(wait(NULL), ECHILD, "if SIGCHLD is ignored, children leave no zombies");
	signal(SIGCHLD, SIG_DFL);
}

static void test_exec(const char *self)
{
	int status;
	pid_t pid;
	char *args[] = { (char *)self, "child", "two words", "", NULL };
	char *env[] = { "HS=1", NULL };

	pid = fork();
	if (pid == 0) {
		execve(self, args, env);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 42,
	   "execve() runs a program with its arguments and environment");
	fails_with(execve("/nowhere", args, env), ENOENT,
		   "execve() of a missing file fails with ENOENT");
	fails_with(execve("/dev/null", args, env), EACCES,
		   "execve() of a device fails with EACCES");
	fails_with(execve("/", args, env), EACCES, "execve() of a directory fails with EACCES");
	fails_with(execve(self, (char **)bad_pointer, env), EFAULT,
		   "execve() with arguments at a bad address fails with EFAULT");
	ok(posix_spawn(&pid, self, NULL, NULL, args, env) == 0, "posix_spawn succeeds");
	waitpid(pid, &status, 0);
	ok(WEXITSTATUS(status) == 42, "posix_spawn() runs the program with its arguments");
	ok(posix_spawn(&pid, "/nowhere", NULL, NULL, args, env) == ENOENT,
	   "posix_spawn() of a missing file returns ENOENT");
}

static void test_script(const char *self)
{
	char name[] = "/tmp/abi-script", text[512];
	char *args[] = { "ignored", "more", NULL };
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0755), status;
	int size = snprintf(text, sizeof(text), "#!%s script arg\n", self);
	pid_t pid;

	ok(fd >= 0 && write(fd, text, (size_t)size) == size && close(fd) == 0,
	   "a script can be created");
	pid = fork();
	if (pid == 0) {
		execve(name, args, environ);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	ok(WEXITSTATUS(status) == 43,
	   "execve() of a script runs its interpreter with its arguments");
	unlink(name);
	fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	ok(write(fd, "garbage garbage", 15) == 15 && close(fd) == 0,
	   "a file without a program can be created");
	fails_with(execve(name, args, environ), ENOEXEC,
		   "execve() of a file without a program fails with ENOEXEC");
	unlink(name);
}

static int run_child(int argc, char **argv)
{
	const char *hs = getenv("HS");

	if (argc > 1 && strcmp(argv[1], "script arg") == 0)
		return argc == 4 && strcmp(argv[2], "/tmp/abi-script") == 0 &&
				       strcmp(argv[3], "more") == 0
			       ? 43
			       : 1;
	if (argc != 4 || strcmp(argv[2], "two words") || argv[3][0])
		return 1;
	return hs && strcmp(hs, "1") == 0 && !environ[1] ? 42 : 2;
}

static void test_cloexec(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "O_CLOEXEC sets close-on-exec");
	close(fd);
}

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram * info.mem_unit;
}

/* Each process creates the next and ends. Returns true in the last one, false in all others. */
static bool chain_of_processes(void)
{
	int left = 2000;

	while (left-- && fork() == 0)
		;
	return left < 0;
}

/* Wait until the parent has ended, close the grandparent's file, and create one for the child. */
static int leave_file(int inherited[2], pid_t parent)
{
	while (getppid() == parent)
		usleep(100);
	close(inherited[0]);
	inherited[0] = inherited[1];
	inherited[1] = memfd_create("left", 0);
	return write(inherited[1], "x", 1) == 1 ? 0 : -1;
}

/*
 * Like chain_of_processes(), but each process creates a file with one page, which is freed only
 * after its child has ended, too.
 */
static bool chain_of_files(void)
{
	int files[2] = { -1, -1 }, left = 300;
	pid_t parent;

	do
		parent = getpid();
	while (left-- && fork() == 0 && leave_file(files, parent) == 0);
	return left < 0;
}

/*
 * Check that a chain ends. With HS_EXACT, also check that at most `slack` bytes less memory is free
 * in its last process than before the chain.
 */
static void test_chain(bool (*chain)(void), unsigned long slack, const char *name,
		       const char *leaves_nothing)
{
	unsigned long before = free_bytes(), after = 0;
	int fds[2];

	if (pipe(fds))
		return;
	if (fork() == 0) {
		if (!chain())
			_exit(0);
		/* The processes before this one may still be freeing their memory. */
		for (int i = 0; i < 200 && after + slack < before; i++) {
			usleep(10000);
			after = free_bytes();
		}
		write(fds[1], &after, sizeof(after));
		_exit(0);
	}
	close(fds[1]);
	ok(read(fds[0], &after, sizeof(after)) == sizeof(after), name);
	close(fds[0]);
	while (wait(NULL) > 0)
		;
	if (getenv("HS_EXACT"))
		ok(after + slack >= before, leaves_nothing);
	printf("# %ld KiB less memory free at the chain's end\n",
	       ((long)before - (long)after) / 1024);
}

/*
 * Execute this program many times. HS_EXACT means that nothing else runs on the host: any memory
 * that is missing afterwards was leaked by the host.
 */
static void test_leak(const char *self)
{
	char *args[] = { (char *)self, "quick", NULL };
	unsigned long before, after;
	int status, good = 0,
		    rounds = getenv("HS_LEAK_ROUNDS") ? atoi(getenv("HS_LEAK_ROUNDS")) : 50;

	for (int i = 0; i < 5; i++)
		child_status(body_exit_3);
	before = free_bytes();
	for (int i = 0; i < rounds; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execve(self, args, environ);
			_exit(99);
		}
		waitpid(pid, &status, 0);
		good += WEXITSTATUS(status) == 7;
	}
	after = free_bytes();
	printf("# %d fork+exec: %ld KiB less memory free\n", rounds,
	       ((long)before - (long)after) / 1024);
	ok(good == rounds, "fork() and execve() succeed many times");
	if (getenv("HS_EXACT"))
		ok(after + 64 * 1024 >= before, "fork() and execve() leak no memory");
}

/* Fork endlessly in a new group. The populated mapping makes each fork() take longer. */
static void fork_for_ever(void)
{
	setpgid(0, 0);
	mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
	     0);
	for (int i = 0; i < 3; i++)
		fork();
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			pause();
		if (pid > 0 && kill(pid, SIGKILL) == 0)
			waitpid(pid, NULL, 0);
	}
}

/* Wait up to two seconds for the group to have no processes. Return whether it has none. */
static bool group_is_gone(pid_t pgid)
{
	for (int i = 0; i < 20000 && kill(-pgid, 0) == 0; i++)
		usleep(100);
	return kill(-pgid, 0) == -1 && errno == ESRCH;
}

/* A signal to a group also reaches processes that fork() is creating at that moment. */
static void test_kill_forking(void)
{
	bool gone = true;

	for (int i = 0; i < 120 && gone; i++) {
		pid_t pid = fork();

		if (pid == 0)
			fork_for_ever();
		setpgid(pid, pid);
		usleep((useconds_t)(3000 + i % 7 * 1000));
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		gone = group_is_gone(pid);
		if (!gone)
			kill(-pid, SIGKILL);
	}
	ok(gone, "a signal to a group reaches processes that fork() is creating");
}

/* Let the next process or thread have the lowest free number from `number` on. */
static bool set_next_number(int number)
{
	FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");

	return f && fprintf(f, "%d", number - 1) > 0 && fclose(f) == 0;
}

/* Return the number of a new process, which is still in use if `waits`: the child waits for a signal. */
static pid_t new_number(bool waits, bool *finds_itself)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		while (waits)
			pause();
		_exit(access("/proc/self/stat", R_OK) != 0);
	}
	if (!waits)
		waitpid(pid, &status, 0);
	*finds_itself &= status == 0;
	return pid;
}

static void test_numbers(void)
{
	FILE *f = fopen("/proc/sys/kernel/pid_max", "r");
	pid_t pids[4], leader, member;
	bool found = true;
	int max = 0;

	ok(f && fscanf(f, "%d", &max) == 1 && set_next_number(max - 2),
	   "the number of the next process can be set");
	fclose(f);
	for (int i = 0; i < 4; i++)
		pids[i] = new_number(false, &found);
	ok(pids[0] >= max - 2 && pids[3] > 0 && pids[3] < max / 2,
	   "after the highest number, low numbers are used again");
	ok(found, "processes with the highest numbers find themselves in /proc");

	leader = new_number(true, &found);
	member = new_number(true, &found);
	setpgid(leader, leader);
	setpgid(member, leader);
	set_next_number(leader);
	ok(new_number(false, &found) > member, "the numbers of processes are not given out again");
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	set_next_number(leader);
	ok(new_number(false, &found) > member, "nor is the number of a group without its leader");
	kill(member, SIGKILL);
	waitpid(member, NULL, 0);
	/* On hyperscope, the number is in use until the thread has been freed, after the wait. */
	found = false;
	for (int i = 0; i < 1000 && !found; i++) {
		usleep(1000);
		set_next_number(leader);
		found = new_number(false, &found) == leader;
	}
	ok(found, "after the group's end, its number is given out");
}

int main(int argc, char **argv)
{
	struct rlimit lim;

	if (argc > 1 && strcmp(argv[1], "quick") == 0)
		return 7;
	if (argc > 1)
		return run_child(argc, argv);
	ok(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_PHNUM) > 0 && getauxval(AT_RANDOM),
	   "the auxiliary vector has AT_PAGESZ, AT_PHNUM and AT_RANDOM");
	ok(getpid() > 1 && getppid() >= 0 && getpid() != getppid(),
	   "a process and its parent have different PIDs");
	ok(getrlimit(RLIMIT_STACK, &lim) == 0 && lim.rlim_cur >= 65536,
	   "RLIMIT_STACK is at least 64 KiB");
	test_status();
	test_wait();
	test_orphan();
	test_sigchld_ignored();
	test_exec("/proc/self/exe");
	test_script(argv[0]);
	test_cloexec();
	test_kill_forking();
	/* The slack is for the last process's memory; a record per process would take 640 KiB. */
	test_chain(chain_of_processes, 400 * 1024, "a chain of 2000 processes ends",
		   "a chain of 2000 processes leaks no memory");
	test_chain(chain_of_files, 600 * 1024, "a chain of 300 processes that inherit files ends",
		   "a chain of 300 processes that inherit files leaks no pages of the files");
	test_leak("/proc/self/exe");
	test_numbers();
	return tap_done();
}
