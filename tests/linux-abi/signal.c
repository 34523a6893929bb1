// SPDX-License-Identifier: MIT
/*
 * signal.c - signals: handlers, masks, alternate stacks, queues, restarts, frames and timers.
 */
#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include "tap.h"

static volatile int hits, last_signo, last_code, last_value;
static volatile pid_t last_pid;
static void *volatile last_addr, *volatile stack_in_handler;
static sigset_t mask_in_handler;

static void handler(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	int local;

	(void)uc;
	hits++;
	last_signo = signo;
	last_code = info->si_code;
	last_pid = info->si_pid;
	last_value = info->si_value.sival_int;
	stack_in_handler = &local;
	sigprocmask(SIG_SETMASK, NULL, &mask_in_handler);
}

static void catch (int signo, int flags)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	sigaction(signo, &sa, NULL);
	hits = 0;
}

static void block(int how, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(how, &set, NULL);
}

static void test_basic(void)
{
	struct sigaction old;
	sigset_t pending;

	catch (SIGUSR1, 0);
	ok(raise(SIGUSR1) == 0 && hits == 1 && last_signo == SIGUSR1, "raise() runs the handler");
	ok(last_code == SI_TKILL && last_pid == getpid(), "si_code is SI_TKILL for raise()");
	ok(kill(getpid(), SIGUSR1) == 0 && hits == 2 && last_code == SI_USER,
	   "si_code is SI_USER for kill()");
	ok(sigismember(&mask_in_handler, SIGUSR1), "the signal is blocked in its handler");
	catch (SIGUSR1, SA_NODEFER);
	raise(SIGUSR1);
	ok(!sigismember(&mask_in_handler, SIGUSR1),
	   "with SA_NODEFER, the signal is not blocked in its handler");
	block(SIG_BLOCK, SIGUSR1);
	hits = 0;
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	ok(hits == 0 && sigismember(&pending, SIGUSR1), "a blocked signal is pending");
	block(SIG_UNBLOCK, SIGUSR1);
	ok(hits == 1, "a signal sent twice while blocked is delivered once");
	catch (SIGUSR2, SA_RESETHAND);
	raise(SIGUSR2);
	sigaction(SIGUSR2, NULL, &old);
	ok(hits == 1 && old.sa_handler == SIG_DFL, "SA_RESETHAND resets the action to SIG_DFL");
	signal(SIGUSR1, SIG_IGN);
	ok(raise(SIGUSR1) == 0, "an ignored signal has no effect");
	fails_with(sigaction(SIGKILL, &old, NULL), EINVAL,
		   "sigaction() for SIGKILL fails with EINVAL");
	fails_with(kill(getpid(), 65), EINVAL, "kill() with signal 65 fails with EINVAL");
	fails_with(kill(99999, 0), ESRCH,
		   "kill() of a process that does not exist fails with ESRCH");
	ok(kill(getpid(), 0) == 0, "kill() with signal 0 succeeds for an existing process");
}

static int order[8], order_count;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	order[order_count++ % 8] = info->si_value.sival_int;
}

static void test_realtime(void)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	union sigval value;

	sigaction(SIGRTMIN + 1, &sa, NULL);
	block(SIG_BLOCK, SIGRTMIN + 1);
	for (int i = 1; i <= 4; i++) {
		value.sival_int = i;
		sigqueue(getpid(), SIGRTMIN + 1, value);
	}
	block(SIG_UNBLOCK, SIGRTMIN + 1);
	ok(order_count == 4, "real-time signals are queued");
	ok(order[0] == 1 && order[1] == 2 && order[2] == 3 && order[3] == 4,
	   "queued signals are delivered in order with their values");
}

static void test_altstack(void)
{
	size_t size = 65536;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t st = { .ss_sp = mem, .ss_size = size }, old;
	stack_t tiny = { .ss_sp = mem, .ss_size = 100 };

	fails_with(sigaltstack(&tiny, NULL), ENOMEM,
		   "sigaltstack() with 100 bytes fails with ENOMEM");
	ok(sigaltstack(&st, NULL) == 0, "an alternate stack can be set");
	catch (SIGUSR1, SA_ONSTACK);
	raise(SIGUSR1);
	ok((char *)stack_in_handler > mem && (char *)stack_in_handler < mem + size,
	   "with SA_ONSTACK, the handler runs on the alternate stack");
	catch (SIGUSR1, 0);
	raise(SIGUSR1);
	ok((char *)stack_in_handler < mem || (char *)stack_in_handler >= mem + size,
	   "without SA_ONSTACK, the handler runs on the normal stack");
	ok(sigaltstack(NULL, &old) == 0 && old.ss_sp == mem && old.ss_size == size &&
		   !(old.ss_flags & SS_ONSTACK),
	   "sigaltstack() returns the alternate stack");
}

static sigjmp_buf overflow_jump;

static void on_overflow(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	last_addr = info->si_addr;
	siglongjmp(overflow_jump, 1);
}

static int recurse(int depth)
{
	volatile char frame[4096];

	frame[0] = (char)depth;
	return depth > 100000 ? 0 : recurse(depth + 1) + frame[0];
}

static void *overflow(void *arg)
{
	static char mem[65536];
	stack_t st = { .ss_sp = mem, .ss_size = sizeof(mem) };
	struct sigaction sa = { .sa_sigaction = on_overflow, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	(void)arg;
	sigaltstack(&st, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	if (sigsetjmp(overflow_jump, 1))
		return (void *)1;
	recurse(0);
	return NULL;
}

static void test_overflow(void)
{
	pthread_attr_t attr;
	pthread_t t;
	void *ret = NULL;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	pthread_create(&t, &attr, overflow, NULL);
	pthread_join(t, &ret);
	ok(ret == (void *)1, "a stack overflow is caught on the alternate stack");
	signal(SIGSEGV, SIG_DFL);
}

/* Handler: move the pc over the faulting instruction and change two registers. */
static void skip_insn(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo;
	last_addr = info->si_addr;
	uc->uc_mcontext.__gregs[REG_PC] += 4;
	uc->uc_mcontext.__gregs[REG_A0] = 77;
	uc->uc_mcontext.__gregs[28] = 1234;
}

static void test_ucontext(void)
{
	struct sigaction sa = { .sa_sigaction = skip_insn, .sa_flags = SA_SIGINFO };
	register long a0 __asm__("a0");
	register long t3 __asm__("t3");

	sigaction(SIGSEGV, &sa, NULL);
	a0 = 16; /* set right before the load, because calls clobber a0 */
	t3 = 0;
	__asm__ volatile(".option push; .option norvc; ld a0, 0(a0); .option pop"
			 : "+r"(a0), "+r"(t3)
			 :
			 : "memory");
	last_value = (int)a0;
	hits = (int)t3;
	ok(last_value == 77 && hits == 1234, "a handler's changes to the context take effect");
	ok(last_addr == (void *)16, "si_addr is the load's address");
	signal(SIGSEGV, SIG_DFL);
}

static void trash_fp(int signo)
{
	double x = 1.0;

	for (int i = 0; i < 32; i++)
		x = x * 3.0 + signo;
	__asm__ volatile("fmv.d.x fs0, zero; fmv.d.x ft0, zero; fmv.d.x fa5, zero"
			 :
			 : "f"(x)
			 : "fs0", "ft0", "fa5");
	fesetround(FE_UPWARD);
}

static void test_fp(void)
{
	register double fs0 __asm__("fs0") = 2.5;
	register double ft0 __asm__("ft0") = 3.5;
	register long a0 __asm__("a0") = getpid();
	register long a1 __asm__("a1") = SIGUSR1;
	register long a7 __asm__("a7") = SYS_kill;
	double x, y;

	fesetround(FE_TONEAREST);
	signal(SIGUSR1, trash_fp);
	a0 = getpid();
	a1 = SIGUSR1;
	a7 = SYS_kill;
	fs0 = 2.5;
	ft0 = 3.5;
	__asm__ volatile("ecall" : "+r"(a0), "+f"(fs0), "+f"(ft0) : "r"(a1), "r"(a7) : "memory");
	x = fs0;
	y = ft0;
	ok(x == 2.5 && y == 3.5, "floating-point registers survive a handler");
	ok(fegetround() == FE_TONEAREST, "the rounding mode survives a handler");
}

/*
 * Return whether the main thread sleeps. Read /proc/self/task/TID/stat, because qemu-riscv64
 * makes up its own /proc/PID/stat.
 */
static bool main_sleeps(void)
{
	char path[64], buf[256] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	fd = open(path, O_RDONLY);
	(void)!read(fd, buf, sizeof(buf) - 1);
	close(fd);
	end = strrchr(buf, ')');
	return end && end[2] == 'S';
}

/*
 * Signal the main thread or, without arg, the process once the main thread sleeps in a system call:
 * an earlier signal would not interrupt the call.
 */
static void *send_later(void *arg)
{
	for (int i = 0; i < 5000 && !main_sleeps(); i++)
		usleep(1000);
	usleep(30000);
	if (arg)
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	else
		kill(getpid(), SIGUSR1);
	return NULL;
}

/* Write the byte that ends the restarted read(), after the handler has run. */
static void *feed_later(void *arg)
{
	for (int i = 0; i < 5000 && !hits; i++)
		usleep(1000);
	usleep(30000);
	if (write(*(int *)arg, "x", 1) != 1)
		return NULL;
	return NULL;
}

static void test_restart(void)
{
	pthread_t self = pthread_self(), t, u;
	int fds[2];
	char byte;
	ssize_t got;

	if (pipe(fds))
		return;
	catch (SIGUSR1, 0);
	pthread_create(&t, NULL, send_later, &self);
	errno = 0;
	got = read(fds[0], &byte, 1);
	ok(got == -1 && errno == EINTR && hits == 1, "a handler interrupts read() with EINTR");
	pthread_join(t, NULL);
	catch (SIGUSR1, SA_RESTART);
	pthread_create(&t, NULL, send_later, &self);
	pthread_create(&u, NULL, feed_later, &fds[1]);
	got = read(fds[0], &byte, 1);
	ok(got == 1 && hits == 1, "with SA_RESTART, read() continues after the handler");
	pthread_join(t, NULL);
	pthread_join(u, NULL);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void test_sleep(void)
{
	struct timespec want = { .tv_nsec = 400000000 }, left = { 0 };
	pthread_t self = pthread_self(), t;

	catch (SIGUSR1, 0);
	pthread_create(&t, NULL, send_later, &self);
	fails_with(nanosleep(&want, &left), EINTR, "a handler interrupts nanosleep() with EINTR");
	ok(left.tv_sec == 0 && left.tv_nsec > 0 && left.tv_nsec < 400000000,
	   "an interrupted nanosleep() returns the remaining time");
	pthread_join(t, NULL);
}

static void test_suspend(void)
{
	sigset_t none, old;
	pthread_t self = pthread_self(), t;

	catch (SIGUSR1, 0);
	block(SIG_BLOCK, SIGUSR1);
	sigemptyset(&none);
	pthread_create(&t, NULL, send_later, &self);
	errno = 0;
	ok(sigsuspend(&none) == -1 && errno == EINTR && hits == 1,
	   "sigsuspend() waits for a handler");
	sigprocmask(SIG_SETMASK, NULL, &old);
	ok(sigismember(&old, SIGUSR1), "sigsuspend() restores the mask");
	pthread_join(t, NULL);
	block(SIG_UNBLOCK, SIGUSR1);
}

static void test_timedwait(void)
{
	struct timespec brief = { .tv_nsec = 20000000 };
	pthread_t self = pthread_self(), t;
	sigset_t set;
	siginfo_t info;
	int signo;

	catch (SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fails_with(sigtimedwait(&set, &info, &brief), EAGAIN,
		   "sigtimedwait() times out with EAGAIN");
	pthread_create(&t, NULL, send_later, &self);
	signo = sigwaitinfo(&set, &info);
	ok(signo == SIGUSR1 && info.si_pid == getpid() && hits == 0,
	   "sigwaitinfo() takes a signal without running its handler");
	pthread_join(t, NULL);
	pthread_create(&t, NULL, send_later, NULL);
	ok(sigwait(&set, &signo) == 0 && signo == SIGUSR1 && hits == 0,
	   "sigwait() takes a signal sent to the process");
	pthread_join(t, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_itimer(void)
{
	struct itimerval it = { .it_interval = { 0, 10000 }, .it_value = { 0, 10000 } }, old;
	double start = now();

	catch (SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &it, NULL);
	while (hits < 3 && now() - start < 5)
		;
	ok(hits >= 3, "an interval timer fires during a busy loop");
	memset(&it, 0, sizeof(it));
	ok(setitimer(ITIMER_REAL, &it, &old) == 0 && old.it_interval.tv_usec == 10000,
	   "an interval timer can be stopped");
	alarm(1);
	ok(alarm(0) == 1, "alarm() returns the remaining time");
}

/* Start more timers than a processor can handle within their interval. */
static void test_many_itimers(void)
{
	const struct itimerval it = { { 0, 1 }, { 0, 1 } }, off = { 0 };
	struct itimerval left = { 0 };
	pid_t child[200];
	int i, n, status, ended = 0;

	signal(SIGALRM, SIG_IGN);
	for (n = 0; n < 200; n++) {
		child[n] = fork();
		if (child[n] == 0) {
			setitimer(ITIMER_REAL, &it, NULL);
			pause();
			_exit(1);
		}
	}
	usleep(10000);
	for (i = 0; i < n; i++) {
		kill(child[i], SIGKILL);
		ended += waitpid(child[i], &status, 0) == child[i] && WTERMSIG(status) == SIGKILL;
	}
	ok(ended == n, "200 processes with interval timers can be killed");
	setitimer(ITIMER_REAL, &it, NULL);
	usleep(10000);
	getitimer(ITIMER_REAL, &left);
	ok(left.it_value.tv_usec == 0 && left.it_value.tv_sec == 0,
	   "an interval timer whose SIGALRM is ignored is not restarted");
	setitimer(ITIMER_REAL, &off, NULL);
}

static void test_child(void)
{
	int status;

	catch (SIGCHLD, SA_RESTART);
	if (fork() == 0)
		_exit(3);
	wait(&status);
	ok(hits == 1 && last_code == CLD_EXITED, "a child's end raises SIGCHLD");
	signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	test_basic();
	test_realtime();
	test_altstack();
	test_overflow();
	test_ucontext();
	test_fp();
	test_restart();
	test_sleep();
	test_suspend();
	test_timedwait();
	test_itimer();
	test_many_itimers();
	test_child();
	return tap_done();
}
