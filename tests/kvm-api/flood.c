// SPDX-License-Identifier: MIT
/*
 * flood.c - flood the host's log: crash repeatedly and make unknown system calls.
 */
#include <sys/syscall.h>
#include <sys/wait.h>
#include "vm.h"

int main(void)
{
	volatile int *volatile nowhere = (volatile int *)8;
	int crashed = 0, status;
	pid_t pid;

	for (int i = 0; i < 300; i++) {
		pid = fork();
		if (pid == 0) {
			*nowhere = 1;
			_exit(0);
		}
		crashed += waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
	}
	ok(crashed == 300, "300 children have crashed");
	for (long number = 500; number < 1500; number++)
		syscall(number);
	return tap_done();
}
