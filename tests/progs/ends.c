// SPDX-License-Identifier: MIT
/*
 * ends.c - exit with status N, raise signal N, or, if the last argument is "never", never end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "signal")) {
		raise(atoi(argv[2]));
		return 0;
	}
	if (argc >= 2 && !strcmp(argv[argc - 1], "never")) {
		puts("waiting");
		fflush(stdout);
		for (;;)
			pause();
	}
	fprintf(stderr, "usage: ends exit N | signal N | never\n");
	return 2;
}
