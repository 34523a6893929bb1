// SPDX-License-Identifier: MIT
/*
 * file_jobs.c - job control as by a shell: jobs in the foreground and in the background.
 * tests/linux-abi/files.t types ^Z when it prints "ready stop", and a line for "ready line".
 * Without a terminal it makes only one claim.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include "tap.h"

/* The job reads a line from the terminal twice; its status says what it got. */
static void job(void)
{
	char line[64] = "";
	ssize_t n;

	setpgid(0, 0);
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	n = read(0, line, sizeof(line));
	_exit(n == 5 && strncmp(line, "hello", 4) == 0 ? 3 : 4);
}

static int wait_for(pid_t pid, int options)
{
	int status = -1;

	return waitpid(pid, &status, options) == pid ? status : -1;
}

static bool stopped_by(pid_t pid, int signo)
{
	int status = wait_for(pid, WUNTRACED);

	return WIFSTOPPED(status) && WSTOPSIG(status) == signo;
}

int main(void)
{
	struct termios t;
	bool stopped;
	pid_t pid;

	if (!isatty(0)) {
		ok(tcgetpgrp(0) == -1 && errno == ENOTTY, "a file that is no terminal has no jobs");
		return tap_done();
	}
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	ok(tcsetpgrp(0, getpgrp()) == 0 && tcgetpgrp(0) == getpgrp(), "the terminal is ours");
	fails_with(tcsetpgrp(0, 30000), ESRCH, "it is nobody's who is not there");
	pid = fork();
	if (pid == 0)
		job();
	setpgid(pid, pid);
	ok(stopped_by(pid, SIGTTIN), "a job in the background that reads stops");
	tcsetpgrp(0, pid);
	kill(-pid, SIGCONT);
	printf("ready stop\n");
	fflush(stdout);
	stopped = stopped_by(pid, SIGTSTP);
	printf("\n"); /* after the echo */
	ok(stopped, "Ctrl-Z stops the job in the foreground");
	ok(read(0, &t, 1) == -1 && errno == EIO,
	   "a background job that ignores SIGTTIN reads nothing");
	ok(tcsetpgrp(0, getpgrp()) == 0, "a job that ignores SIGTTOU takes the terminal back");
	tcgetattr(0, &t);
	t.c_lflag |= TOSTOP;
	tcsetattr(0, TCSANOW, &t);
	tcsetpgrp(0, pid);
	kill(-pid, SIGCONT);
	printf("ready line\n");
	fflush(stdout);
	ok(wait_for(pid, 0) == 3 << 8, "brought back it gets its line");
	tcsetpgrp(0, getpgrp());
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		_exit(write(1, "# from the background\n", 22) == 22 ? 7 : 8);
	}
	setpgid(pid, pid);
	ok(stopped_by(pid, SIGTTOU), "with TOSTOP a job in the background that writes stops");
	t.c_lflag &= ~(tcflag_t)TOSTOP;
	tcsetattr(0, TCSANOW, &t);
	kill(-pid, SIGCONT);
	ok(wait_for(pid, 0) == 7 << 8, "it continues in the foreground");
	return tap_done();
}
