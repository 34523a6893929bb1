// SPDX-License-Identifier: MIT
/*
 * suite.c - run the programs named on the command line one after the other, in one boot.
 *
 * It prints "# run NAME" before each, and afterwards a claim that the program ended with status 0.
 */
#include <libgen.h>
#include <sys/wait.h>
#include "tap.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *args[] = { argv[i], NULL };
		int status = -1;
		pid_t pid;

		printf("# run %s\n", basename(argv[i]));
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			execv(argv[i], args);
			_exit(127);
		}
		waitpid(pid, &status, 0);
		printf("%sok 0 - %s ends with status 0\n", status ? "not " : "", basename(argv[i]));
		if (status)
			printf("# its wait status is 0x%x\n", (unsigned int)status);
		tap_failed |= status != 0;
	}
	return tap_failed;
}
