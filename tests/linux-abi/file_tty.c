// SPDX-License-Identifier: MIT
/*
 * file_tty.c - print what a program reads from a terminal in its various modes.
 *
 * on-terminal.py types the keys for NAME after "ready NAME"; this program then prints what it read,
 * in hexadecimal, or only the length and the last byte if it is long. Without a terminal, it makes
 * only one claim.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include "tap.h"

static volatile sig_atomic_t interrupts;

static void count(int signo)
{
	(void)signo;
	interrupts++;
}

static void show(const char *name, const char *buf, ssize_t n)
{
	printf("%s:", name);
	for (ssize_t i = 0; i < n; i++)
		printf(" %02x", (unsigned char)buf[i]);
	printf(n < 0 ? " errno %d\n" : "\n", errno);
	fflush(stdout);
}

static void read_and_show(const char *name)
{
	char buf[5000];
	ssize_t n;

	printf("ready %s\n", name);
	fflush(stdout);
	n = read(0, buf, sizeof(buf));
	if (n > 64)
		printf("%s: %zd bytes, last %02x\n", name, n, (unsigned char)buf[n - 1]);
	else
		show(name, buf, n);
	fflush(stdout);
}

static void set_mode(tcflag_t clear, int min, int time)
{
	struct termios t;

	tcgetattr(0, &t);
	t.c_lflag |= ICANON | ECHO | ISIG;
	t.c_lflag &= ~clear;
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)time;
	tcsetattr(0, TCSANOW, &t);
}

/* Let more be typed than the terminal's buffer holds. */
static void fill(const char *name)
{
	int n = 0;

	printf("ready %s\n", name);
	fflush(stdout);
	for (int ms = 0; ms < 5000 && n < 2000; ms++) {
		usleep(1000);
		ioctl(0, FIONREAD, &n);
	}
	usleep(200000); /* for the bytes that do not fit */
}

static int is_readable(int ms)
{
	struct pollfd p = { 0, POLLIN, 0 };

	return poll(&p, 1, ms);
}

static void read_the_rest(void)
{
	char buf[5000];

	while (is_readable(100) > 0)
		(void)!read(0, buf, sizeof(buf));
}

static void flush_and_show(const char *name, bool with_mode)
{
	struct termios t;
	int n;

	fill(name);
	tcgetattr(0, &t);
	n = with_mode ? tcsetattr(0, TCSAFLUSH, &t) : tcflush(0, TCIFLUSH);
	printf("%s: %d, poll: %d\n", name, n, is_readable(2000));
	fflush(stdout);
	read_the_rest();
}

/* A read takes all characters of the buffer, but cannot copy the last of them. */
static void fault_and_show(const char *name)
{
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n;

	munmap(map + 4096, 4096);
	fill(name);
	n = read(0, map + 4096 - 1024, 2048);
	printf("%s: %d, poll: %d\n", name, n > 0 || errno == EFAULT, is_readable(2000));
	fflush(stdout);
	read_the_rest();
}

int main(void)
{
	struct sigaction sa = { .sa_handler = count };
	struct pollfd p = { 0, POLLIN, 0 };
	struct termios t;
	int n = -1;

	if (!isatty(0)) {
		fails_with(tcgetattr(0, &t), ENOTTY,
			   "tcgetattr() of a file that is not a terminal fails with ENOTTY");
		return tap_done();
	}
	printf("name: %s\n", ttyname(0) ? ttyname(0) : "none");
	read_and_show("line");
	read_and_show("edited");
	read_and_show("eof");
	read_and_show("long");
	sigaction(SIGINT, &sa, NULL);
	read_and_show("interrupt");
	printf("interrupts: %d\n", (int)interrupts);
	set_mode(ICANON | ECHO, 1, 0);
	read_and_show("raw");
	set_mode(ICANON | ECHO, 3, 0);
	read_and_show("three");
	set_mode(ICANON | ECHO, 0, 2);
	read_and_show("timed");
	set_mode(ICANON | ECHO, 0, 0);
	read_and_show("polled");
	set_mode(ICANON | ECHO | ISIG, 1, 0);
	printf("ready poll\n");
	fflush(stdout);
	poll(&p, 1, -1);
	ioctl(0, FIONREAD, &n);
	printf("poll: %d, %d bytes\n", p.revents == POLLIN, n);
	read_and_show("signal character");
	set_mode(ICANON | ECHO, 1, 0);
	flush_and_show("flushed", false);
	flush_and_show("flushed with a mode", true);
	fault_and_show("faulted");
	set_mode(0, 1, 0);
	tcgetattr(0, &t);
	t.c_oflag &= ~OPOST;
	tcsetattr(0, TCSANOW, &t);
	printf("no CR here\n");
	fflush(stdout);
	return 0;
}
