// SPDX-License-Identifier: MIT
/*
 * fifo.c - fifo PROGRAM ARGS...: run PROGRAM under SCHED_FIFO, so that no ordinary thread preempts
 * it. busybox has no chrt.
 */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sched_param priority = { .sched_priority = 1 };

	if (argc < 2) {
		fprintf(stderr, "usage: fifo PROGRAM ARGS...\n");
		return 2;
	}
	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		perror("fifo: sched_setscheduler");
	else if (execv(argv[1], argv + 1))
		perror(argv[1]);
	return 126;
}
