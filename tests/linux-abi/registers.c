// SPDX-License-Identifier: MIT
/* registers.c - the registers of a program across a system call, and in a signal's context. */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include "tap.h"

#define NR_PRESERVED 12 /* s0 to s11 */

/* call_with(values, number, a0, a1): a system call with these values in s0 to s11, stored again. */
long call_with(unsigned long *values, long number, long a0, long a1);

__asm__(".pushsection .text\n"
	"call_with:\n"
	"	addi	sp, sp, -112\n"
	"	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
	"	sd	s\\n, (8 * \\n)(sp)\n"
	"	ld	s\\n, (8 * \\n)(a0)\n"
	"	.endr\n"
	"	sd	a0, 96(sp)\n"
	"	mv	a7, a1\n"
	"	mv	a0, a2\n"
	"	mv	a1, a3\n"
	"	ecall\n"
	"	ld	t0, 96(sp)\n"
	"	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
	"	sd	s\\n, (8 * \\n)(t0)\n"
	"	ld	s\\n, (8 * \\n)(sp)\n"
	"	.endr\n"
	"	addi	sp, sp, 112\n"
	"	ret\n"
	".popsection");

static const unsigned char preserved[NR_PRESERVED] = {
	8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
};
static volatile int in_context;

/* Add 1 to each of the registers that call_with() has set. */
static void change_context(int signo, siginfo_t *info, void *context)
{
	unsigned long *regs = ((ucontext_t *)context)->uc_mcontext.__gregs;

	(void)signo;
	(void)info;
	for (int i = 0; i < NR_PRESERVED; i++)
		in_context += regs[preserved[i]]++ == 0x5eed0000ul + i;
}

static bool call_keeps(long number, long a0, long a1, unsigned long more, long *ret)
{
	unsigned long values[NR_PRESERVED];
	int kept = 0;

	for (int i = 0; i < NR_PRESERVED; i++)
		values[i] = 0x5eed0000ul + i;
	*ret = call_with(values, number, a0, a1);
	for (int i = 0; i < NR_PRESERVED; i++)
		kept += values[i] == 0x5eed0000ul + i + more;
	return kept == NR_PRESERVED;
}

static void skip_ebreak(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.__gregs[REG_PC] += 4;
}

/* Is a0 the same after a signal that interrupts the program while it is a negative number? */
static bool signals_keep_a0(void)
{
	struct sigaction sa = { .sa_sigaction = skip_ebreak, .sa_flags = SA_SIGINFO };
	bool kept = true;

	sigaction(SIGTRAP, &sa, NULL);
	for (long value = -600; value < 0; value++) {
		register long a0 __asm__("a0") = value;

		__asm__ volatile(".option push\n.option norvc\nebreak\n.option pop" : "+r"(a0));
		if (a0 != value) {
			printf("# %ld became %ld\n", value, a0);
			kept = false;
		}
	}
	return kept;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = change_context, .sa_flags = SA_SIGINFO };
	int status = -1;
	bool kept;
	long ret;

	ok(call_keeps(SYS_getpid, 0, 0, 0, &ret) && ret == getpid(),
	   "a system call preserves s0 to s11");
	ok(call_keeps(SYS_execve, 0, 0, 0, &ret) && ret == -EFAULT,
	   "an execve that fails preserves s0 to s11");
	ok(call_keeps(9999, 0, 0, 0, &ret) && ret == -ENOSYS,
	   "a system call that does not exist preserves s0 to s11");
	sigaction(SIGUSR1, &sa, NULL);
	ok(call_keeps(SYS_kill, getpid(), SIGUSR1, 1, &ret) && ret == 0 &&
		   in_context == NR_PRESERVED,
	   "a handler finds s0 to s11 of a system call in its context, and can change them");
	signal(SIGUSR1, SIG_DFL);
	kept = call_keeps(SYS_clone, SIGCHLD, 0, 0, &ret);
	if (ret == 0)
		_exit(kept ? 11 : 12);
	ok(kept && waitpid(ret, &status, 0) == ret && WIFEXITED(status) &&
		   WEXITSTATUS(status) == 11,
	   "clone preserves s0 to s11 in the parent and in the child");
	ok(signals_keep_a0(), "the return from a handler restores an a0 that looks like an error");
	return tap_done();
}
