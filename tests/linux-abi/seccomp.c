// SPDX-License-Identifier: MIT
/*
 * seccomp.c - filters of system calls: invalid programs, actions, and the data that a filter sees.
 */
#include "seccomp.h"

/* ---- programs and arguments that are refused ---- */

static void test_invalid(void)
{
	struct sock_filter allow[] = { ALLOW };
	unsigned int action = SECCOMP_RET_ERRNO;

	fails_with(seccomp(99, 0, NULL), EINVAL, "an unknown operation fails with EINVAL");
	fails_with(add_with(1u << 20, allow, 1), EINVAL, "an unknown flag fails with EINVAL");
	fails_with(add_with(0, allow, 0), EINVAL, "a program without instructions is refused");
	fails_with(add_with(0, allow, BPF_MAXINSNS + 1), EINVAL, "a program too long is refused");
	fails_with(add_with(0, (void *)8, 1), EFAULT, "a program that cannot be read: EFAULT");
	fails_with(seccomp(SECCOMP_SET_MODE_FILTER, 0, NULL), EFAULT,
		   "a program's address that cannot be read fails with EFAULT");
	fails_with(add(0, { LOAD(nr) }), EINVAL, "a program that does not end with RET is refused");
	fails_with(add(0, { IF_EQUAL(0, 1, 0), ALLOW }), EINVAL,
		   "a jump beyond the end is refused");
	fails_with(add(0, { BPF_STMT(BPF_JMP | BPF_JA, -1), ALLOW }), EINVAL,
		   "a backward jump is refused");
	fails_with(add(0, { LOAD_AT(2), ALLOW }), EINVAL, "a load that is not aligned is refused");
	fails_with(add(0, { LOAD_AT(sizeof(struct seccomp_data)), ALLOW }), EINVAL,
		   "a load beyond the data is refused");
	fails_with(add(0, { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ALLOW }), EINVAL,
		   "a load of a byte is refused");
	fails_with(add(0, { BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ALLOW }), EINVAL,
		   "an indexed load is refused");
	fails_with(add(0, { BPF_STMT(BPF_ST, BPF_MEMWORDS), ALLOW }), EINVAL,
		   "a store beyond the memory is refused");
	fails_with(add(0, { BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ALLOW }), EINVAL,
		   "a division by the constant 0 is refused");
	fails_with(add(0, { BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ALLOW }), EINVAL,
		   "a shift by the constant 32 is refused");
	fails_with(add(0, { BPF_STMT(BPF_RET | BPF_X, 0) }), EINVAL, "RET X is refused");
	fails_with(add(0, { BPF_STMT(0x1000 | BPF_RET | BPF_K, 0) }), EINVAL,
		   "an operation code above 255 is refused");
	ok(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0, "the action ERRNO is available");
	action = 0x12340000;
	fails_with(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), EOPNOTSUPP,
		   "an unknown action is not available");
	ok(prctl(PR_GET_SECCOMP) == 0, "refused programs have no effect");
}

/* ---- actions ---- */

static int errno_action(void)
{
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 77));
	if (prctl(PR_GET_SECCOMP) != SECCOMP_MODE_FILTER)
		return 1;
	errno = 0;
	return !(syscall(__NR_getppid) == -1 && errno == 77 && getpid() > 0);
}

static int errno_maximum(void)
{
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 0xffff));
	return !(syscall(__NR_getppid) == -1 && errno == 4095);
}

static int unknown_action(void)
{
	add(0, FILTER_OF(__NR_getppid, 0x12340000));
	syscall(__NR_getppid);
	return 0;
}

static int missing_call(void)
{
	add(0, FILTER_OF(5000, SECCOMP_RET_ERRNO | 5));
	return !(syscall(5000) == -1 && errno == 5 && syscall(5001) == -1 && errno == ENOSYS);
}

static int kill_process(void)
{
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_KILL_PROCESS));
	syscall(__NR_getppid);
	return 0;
}

static void *call_getppid(void *arg)
{
	syscall(__NR_getppid);
	*(volatile int *)arg = 1;
	return NULL;
}

static int kill_process_of_thread(void)
{
	pthread_t thread;
	int returned = 0;

	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_KILL_PROCESS));
	pthread_create(&thread, NULL, call_getppid, &returned);
	pthread_join(thread, NULL);
	return 0;
}

static int kill_thread(void)
{
	volatile int returned = 0;
	pthread_t thread;

	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_KILL_THREAD));
	pthread_create(&thread, NULL, call_getppid, (void *)&returned);
	pthread_join(thread, NULL);
	return returned;
}

static int kill_only_thread(void)
{
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_KILL_THREAD));
	syscall(__NR_getppid);
	return 0;
}

/* ---- SIGSYS ---- */

static siginfo_t sys_info;
static unsigned long sys_pc, sys_a0;

static void on_sys(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	sys_info = *info;
	sys_pc = uc->uc_mcontext.__gregs[REG_PC];
	sys_a0 = uc->uc_mcontext.__gregs[REG_A0];
	uc->uc_mcontext.__gregs[REG_A0] = 1234;
}

static int trap_action(void)
{
	struct sigaction action = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
	register long a0 __asm__("a0") = 55;
	register long a7 __asm__("a7") = __NR_getppid;

	sigaction(SIGSYS, &action, NULL);
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_TRAP | 9));
	a0 = 55;
	a7 = __NR_getppid;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
	if (a0 != 1234 || sys_a0 != 55)
		return 1;
	if (sys_info.si_code != 1 /* SYS_SECCOMP */ || sys_info.si_errno != 9)
		return 2;
	if (sys_info.si_syscall != __NR_getppid || sys_info.si_arch != AUDIT_ARCH_RISCV64)
		return 3;
	return (unsigned long)sys_info.si_call_addr == sys_pc ? 0 : 4;
}

static int trap_without_handler(void)
{
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_TRAP));
	syscall(__NR_getppid);
	return 0;
}

static int trap_blocked(void)
{
	struct sigaction action = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
	sigset_t set;

	sigaction(SIGSYS, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return trap_without_handler();
}

static void test_actions(void)
{
	exits_0(errno_action, "ERRNO: the call fails with the data as errno, others succeed");
	exits_0(errno_maximum, "ERRNO: an errno above 4095 becomes 4095");
	exits_0(missing_call, "a call that does not exist is filtered, too");
	ends_sys(unknown_action, "an unknown action ends the process by SIGSYS");
	ends_sys(kill_process, "KILL_PROCESS ends the process by SIGSYS");
	ends_sys(kill_process_of_thread, "KILL_PROCESS ends all threads");
	exits_0(kill_thread, "KILL_THREAD ends only the thread");
	ends_sys(kill_only_thread, "KILL_THREAD of the only thread ends the process by SIGSYS");
	exits_0(trap_action, "TRAP: SIGSYS names the call, and the handler sets its result");
	ends_sys(trap_without_handler, "TRAP ends a process without a handler");
	ends_sys(trap_blocked, "TRAP ends a process that blocks SIGSYS");
}

/* ---- the data that a filter sees ---- */

static int by_argument(void)
{
	add(0, { LOAD(nr), IF_EQUAL(__NR_dup, 0, 5), LOAD(args[0]), IF_EQUAL(7, 0, 3),
		 LOAD_AT(offsetof(struct seccomp_data, args[0]) + 4), IF_EQUAL(1, 0, 1),
		 RETURN(SECCOMP_RET_ERRNO | EPERM), ALLOW });
	if (syscall(__NR_dup, 0x100000007ul) != -1 || errno != EPERM)
		return 1;
	if (syscall(__NR_dup, 7ul) != -1 || errno != EBADF)
		return 2;
	return syscall(__NR_dup, 0x100000001ul) < 0;
}

static int by_arch(void)
{
	add(0, { LOAD(arch), IF_EQUAL(AUDIT_ARCH_RISCV64, 1, 0), RETURN(SECCOMP_RET_KILL_PROCESS),
		 LOAD(nr), IF_EQUAL(__NR_getppid, 0, 1), RETURN(SECCOMP_RET_ERRNO | 3), ALLOW });
	return !(syscall(__NR_getppid) == -1 && errno == 3);
}

/* The address after the ecall, whose low half is compared. */
static int by_address(void)
{
	unsigned long after = 0;

	__asm__("la %0, seccomp_after" : "=r"(after));
	add(0, { LOAD(instruction_pointer), IF_EQUAL((unsigned int)after, 0, 3), LOAD(nr),
		 IF_EQUAL(__NR_getppid, 0, 1), RETURN(SECCOMP_RET_ERRNO | 11), ALLOW });
	register long a0 __asm__("a0");
	register long a7 __asm__("a7") = __NR_getppid;

	__asm__ volatile("ecall\nseccomp_after:" : "=r"(a0) : "r"(a7) : "memory");
	return a0 != -11;
}

/* dup(arg) fails with the value that `code k` computes from A = arg and X = 5. */
static int compute(unsigned short code, unsigned int k, unsigned int arg, unsigned int expected)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		add(0, { LOAD(nr), IF_EQUAL(__NR_dup, 1, 0), ALLOW,
			 BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 5), LOAD(args[0]), BPF_STMT(code, k),
			 BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
			 BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
			 BPF_STMT(BPF_RET | BPF_A, 0) });
		_exit(!(syscall(__NR_dup, arg) == -1 && (unsigned int)errno == expected));
	}
	waitpid(pid, &status, 0);
	return status;
}

/* dup(count) fails with 6 << count >> (count - 1), which Linux computes with count % 32. */
static int shift_by(unsigned int count)
{
	add(0, { LOAD(nr), IF_EQUAL(__NR_dup, 1, 0), ALLOW, LOAD(args[0]),
		 BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_W | BPF_IMM, 6),
		 BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0), BPF_STMT(BPF_ST, 0),
		 BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1),
		 BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_W | BPF_MEM, 0),
		 BPF_STMT(BPF_ALU | BPF_RSH | BPF_X, 0),
		 BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
		 BPF_STMT(BPF_RET | BPF_A, 0) });
	return !(syscall(__NR_dup, count) == -1 && errno == 12);
}

static int shift_by_more(void)
{
	return shift_by(4) || shift_by(36) || shift_by(0x80000004);
}

static int memory_and_registers(void)
{
	add(0,
	    { LOAD(nr), IF_EQUAL(__NR_dup, 1, 0), ALLOW, LOAD(args[0]), BPF_STMT(BPF_ST, 15),
	      LOAD(args[1]), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_STX, 0),
	      BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	      BPF_STMT(BPF_LDX | BPF_MEM, 15), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	      BPF_STMT(BPF_ST, 1), BPF_STMT(BPF_LDX | BPF_MEM, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0),
	      BPF_STMT(BPF_LDX | BPF_MEM, 1), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	      BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
	      BPF_STMT(BPF_RET | BPF_A, 0) });
	return !(syscall(__NR_dup, 100, 1000) == -1 && errno == 64 + 1000 + 100 + 1000);
}

/* ---- /proc ---- */

static bool status_has(const char *lines)
{
	char text[4096];
	FILE *f = fopen("/proc/thread-self/status", "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return strstr(text, lines) != NULL;
}

static int status_shows_filter(void)
{
	if (!status_has("\nNoNewPrivs:\t0\nSeccomp:\t0\n"))
		return 1;
	add(0, FILTER_OF(__NR_getppid, SECCOMP_RET_ERRNO | 1));
	return !status_has("\nNoNewPrivs:\t0\nSeccomp:\t2\n");
}

static int status_shows_no_new_privs(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return !status_has("\nNoNewPrivs:\t1\nSeccomp:\t0\n");
}

static void test_status(void)
{
	exits_0(status_shows_filter, "Seccomp in /proc/PID/status shows whether there is a filter");
	exits_0(status_shows_no_new_privs, "NoNewPrivs in /proc/PID/status is 1 once it is set");
}

static void test_data(void)
{
	static const struct {
		unsigned short code;
		unsigned int k, arg, expected;
		const char *name;
	} cases[] = {
		{ BPF_ADD | BPF_K, 3, 4, 7, "add" },
		{ BPF_SUB | BPF_X, 0, 12, 7, "subtract X" },
		{ BPF_MUL | BPF_K, 6, 7, 42, "multiply" },
		{ BPF_DIV | BPF_X, 0, 0xfffffff6, 0x331, "divide without sign" },
		{ BPF_AND | BPF_X, 0, 0xff, 5, "and X" },
		{ BPF_OR | BPF_K, 0x30, 0x0f, 0x3f, "or" },
		{ BPF_XOR | BPF_K, 0xff, 0x0f, 0xf0, "xor" },
		{ BPF_LSH | BPF_X, 0, 3, 96, "shift left by X" },
		{ BPF_RSH | BPF_K, 28, 0xf0000000, 15, "shift right without sign" },
		{ BPF_NEG, 0, -9, 9, "negate" },
	};

	exits_0(by_argument, "both halves of an argument can be compared");
	exits_0(by_arch, "arch is AUDIT_ARCH_RISCV64");
	exits_0(by_address, "instruction_pointer is the address after the ecall");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(compute(BPF_ALU | cases[i].code, cases[i].k, cases[i].arg, cases[i].expected) ==
			   0,
		   cases[i].name);
	exits_0(shift_by_more, "shifts by X use the low five bits of X");
	exits_0(memory_and_registers, "memory, X, A and the length of the data");
}

int main(void)
{
	test_invalid();
	test_actions();
	test_data();
	test_status();
	return tap_done();
}
