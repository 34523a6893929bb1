// SPDX-License-Identifier: MIT
/*
 * locked.c - known numbers of acquisitions of locks, for tests/scripts/locks.t.
 *
 *   locked flock N   lock and unlock a file N times: the host takes flock_lock once for each
 *   locked pipe N    N times, one thread fills a pipe and waits for room, while a second thread
 *                    waits for the pipe's write_lock
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PIPE_SIZE 65536

static int ends[2];

static int locks_file(int n)
{
	int fd = open("/tmp/locked", O_CREAT | O_RDWR, 0600);

	while (n--)
		if (flock(fd, LOCK_EX) || flock(fd, LOCK_UN))
			return 1;
	return 0;
}

static void *write_byte(void *arg)
{
	return write(ends[1], "x", 1) == 1 ? NULL : arg;
}

static int waits_for_writer(void)
{
	static char full[PIPE_SIZE];
	pthread_t first, second;
	size_t left = PIPE_SIZE + 2;
	ssize_t n;

	if (pipe(ends) || write(ends[1], full, PIPE_SIZE) != PIPE_SIZE)
		return 1;
	if (pthread_create(&first, NULL, write_byte, NULL) ||
	    pthread_create(&second, NULL, write_byte, NULL))
		return 1;
	usleep(10000); /* both threads wait: one for room, the other for the lock */
	while (left) {
		n = read(ends[0], full, left < PIPE_SIZE ? left : PIPE_SIZE);
		if (n <= 0)
			return 1;
		left -= (size_t)n;
	}
	return pthread_join(first, NULL) || pthread_join(second, NULL) || close(ends[0]) ||
	       close(ends[1]);
}

int main(int argc, char **argv)
{
	int n = argc == 3 ? atoi(argv[2]) : 0;

	if (n < 1) {
		fputs("usage: locked flock|pipe N\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "flock"))
		return locks_file(n);
	while (n--)
		if (waits_for_writer())
			return 1;
	return 0;
}
