// SPDX-License-Identifier: MIT
/*
 * file_jobs.c - control jobs in the foreground and in the background, as a shell does.
 *
 * on-terminal.py types ^Z after "ready stop" and a line after "ready line". Without a terminal,
 * this program makes only one claim.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include "tap.h"

/*
 * The job: read one line from the terminal. The read is stopped twice, by SIGTTIN and by Ctrl-Z.
 * Exit with 3 if the line is the one that on-terminal.py types.
 */
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
		ok(tcgetpgrp(0) == -1 && errno == ENOTTY,
		   "tcgetpgrp() of a file that is not a terminal fails with ENOTTY");
		return tap_done();
	}
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	ok(tcsetpgrp(0, getpgrp()) == 0 && tcgetpgrp(0) == getpgrp(),
	   "a process can make its group the terminal's foreground group");
	fails_with(tcsetpgrp(0, 30000), ESRCH,
		   "tcsetpgrp() to a group that does not exist fails with ESRCH");
	pid = fork();
	if (pid == 0)
		job();
	setpgid(pid, pid);
	ok(stopped_by(pid, SIGTTIN), "a background job that reads from the terminal stops");
	tcsetpgrp(0, pid);
	kill(-pid, SIGCONT);
	printf("ready stop\n");
	fflush(stdout);
	stopped = stopped_by(pid, SIGTSTP);
	printf("\n"); /* ends the line that the echo of ^Z began */
	ok(stopped, "Ctrl-Z stops the foreground job");
	ok(read(0, &t, 1) == -1 && errno == EIO,
	   "read() fails with EIO in a background job that ignores SIGTTIN");
	ok(tcsetpgrp(0, getpgrp()) == 0,
	   "a background job that ignores SIGTTOU can take the terminal back");
	tcgetattr(0, &t);
	t.c_lflag |= TOSTOP;
	tcsetattr(0, TCSANOW, &t);
	tcsetpgrp(0, pid);
	kill(-pid, SIGCONT);
	printf("ready line\n");
	fflush(stdout);
	ok(wait_for(pid, 0) == 3 << 8,
	   "a stopped job that is continued in the foreground reads its line");
	tcsetpgrp(0, getpgrp());
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		_exit(write(1, "# from the background\n", 22) == 22 ? 7 : 8);
	}
	setpgid(pid, pid);
	ok(stopped_by(pid, SIGTTOU),
	   "with TOSTOP, a background job that writes to the terminal stops");
	t.c_lflag &= ~(tcflag_t)TOSTOP;
	tcsetattr(0, TCSANOW, &t);
	kill(-pid, SIGCONT);
	ok(wait_for(pid, 0) == 7 << 8,
	   "without TOSTOP, the stopped background job continues and writes");
	return tap_done();
}
