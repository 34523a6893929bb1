// SPDX-License-Identifier: MIT
/*
 * env.c - the machine of the random VMM: system calls, copies of user memory, and vCPUs. Errors are
 * expected everywhere, because other threads close, unmap and change what a thread uses.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "random.h"
#include "hv/kvm_compat.h"

#define ARGS_SIZE 0x10000UL

__thread unsigned long env_args;
static __thread int copying[2]; /* the pipe that copy() uses */
static __thread int fail_nth;   /* descriptor of the file that makes the nth call fail; -1: none */

/*
 * On a Linux with fault injection, let the allocations of half of the threads fail at random. What
 * needs many allocations, such as fork(), succeeds only in the other half.
 */
static void inject_faults(void)
{
	int fd = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);

	fail_nth = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (rnd(2))
		dprintf(fd, "1");
	close(fd);
}

void env_thread(unsigned int nth)
{
	env_args = ANY_HVA + 0x1000000 + nth * ARGS_SIZE;
	env_map(env_args, ARGS_SIZE, ENV_USUAL);
	if (pipe2(copying, O_CLOEXEC | O_NONBLOCK) < 0)
		env_fail("pipe: %s", strerror(errno));
	if (nth < ENV_FIRST)
		inject_faults();
}

/* Nobody waits for a child of the VMM's process, so count the failure, too. */
void env_fail(const char *format, ...)
{
	va_list args;

	COUNT(failures);
	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_exit(1);
}

/* ---- system calls ---- */

static long result_of(long ret)
{
	return ret < 0 ? -errno : ret;
}

/*
 * Return the address of a copy of a signal mask, which may block any signal in KVM_RUN but the one that
 * ends it: otherwise, a guest could run for ever. Other threads do not change the copy.
 */
static unsigned long copy_mask(unsigned long arg)
{
	static __thread struct {
		struct kvm_signal_mask mask;
		u64 set;
	} __attribute__((packed)) copy;

	if (!arg)
		return 0; /* block no signals */
	if (!env_get(&copy, arg, sizeof(copy)))
		return ~0UL;
	copy.set &= ~(1ULL << (SIGUSR1 - 1));
	return (unsigned long)&copy;
}

long env_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	long ret = result_of(ioctl(fd, cmd, cmd == KVM_SET_SIGNAL_MASK ? copy_mask(arg) : arg));

	if (ret == -ENOMEM)
		COUNT(no_memory);
	return ret;
}

long env_read(int fd, unsigned long va, size_t size, u64 pos)
{
	return result_of(pread(fd, (void *)va, size, (off_t)pos));
}

void env_close(int fd)
{
	close(fd);
}

int env_event(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void env_signal(int event)
{
	eventfd_write(event, 1);
}

/* ---- copies ---- */

/*
 * Copy through a pipe: the kernel reads and writes the memory, so if another thread has unmapped it,
 * the copy fails, and there is no signal. Return false if it fails.
 */
static bool copy(void *to, const void *from, size_t size)
{
	char rest[PIPE_BUF];
	bool good;

	good = write(copying[1], from, size) == (ssize_t)size &&
	       read(copying[0], to, size) == (ssize_t)size;
	while (!good && read(copying[0], rest, sizeof(rest)) > 0)
		;
	return good;
}

bool env_put(unsigned long va, const void *from, size_t size)
{
	return copy((void *)va, from, size);
}

bool env_get(void *to, unsigned long va, size_t size)
{
	return copy(to, (const void *)va, size);
}

/* ---- the thread's FP registers ---- */

#define EACH_FP_REG                                                                          \
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, " \
	"21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"

/* Make a system call with these values in the FP registers, and return it and what is in them then. */
static long fp_syscall(long nr, long x0, long x1, long x2, const u64 *before, u64 *after)
{
	register long a0 asm("a0") = x0;
	register long a1 asm("a1") = x1;
	register long a2 asm("a2") = x2;
	register long a7 asm("a7") = nr;

	asm volatile(EACH_FP_REG "fld f\\n, \\n * 8(%[before])\n.endr\n"
				 "ecall\n" EACH_FP_REG "fsd f\\n, \\n * 8(%[after])\n.endr\n"
		     : "+r"(a0)
		     : "r"(a1), "r"(a2), "r"(a7), [before] "r"(before), [after] "r"(after)
		     : "memory", "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0",
		       "fs1", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3",
		       "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9",
		       "ft10", "ft11");
	return a0;
}

static long keep_fp(const char *name, long nr, long x0, long x1, long x2)
{
	u64 before[32], after[32], value = rnd(~0ULL);
	long ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(before); i++)
		before[i] = value * (2 * i + 1);
	ret = fp_syscall(nr, x0, x1, x2, before, after);
	for (unsigned int i = 0; i < ARRAY_SIZE(before); i++)
		if (after[i] != before[i])
			env_fail("after %s, f%u is %#llx instead of %#llx", name, i, after[i],
				 before[i]);
	return ret;
}

/*
 * KVM_RUN. The core may leave a guest's values in the FP unit until the thread uses it or leaves the
 * hart; the thread must find its own values.
 */
static long run_with_fp(int vcpu)
{
	long ret = keep_fp("KVM_RUN", SYS_ioctl, vcpu, KVM_RUN, 0);

	if (ret == -ENOMEM)
		COUNT(no_memory);
	if (!rnd(4))
		keep_fp("sched_yield", SYS_sched_yield, 0, 0, 0);
	return ret;
}

/* ---- vCPUs ---- */

void *env_vcpu_page(int vcpu, unsigned long page)
{
	void *at = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu,
			(off_t)(page * PAGE_SIZE));

	return at == MAP_FAILED ? NULL : at;
}

static void count_exit(long ret, unsigned int reason)
{
	COUNT(runs);
	if (ret == -EINTR)
		COUNT(interrupted);
	else if (ret < 0)
		COUNT(failed_runs);
	else if (reason == KVM_EXIT_MMIO)
		COUNT(mmio);
	else if (reason == KVM_EXIT_RISCV_SBI)
		COUNT(sbi);
	else
		COUNT(other);
}

void env_run(int vcpu)
{
	struct kvm_run *run = env_vcpu_page(vcpu, 0);
	unsigned int i, runs = 1 + (unsigned int)rnd(6);
	long ret;

	if (!run)
		return;
	if (rnd(2))
		guest_write(vcpu);
	while (runs--) {
		for (i = 0; i < 16 && !rnd(3); i++)
			((u8 *)run)[rnd(rnd(2) ? 256 : PAGE_SIZE)] = (u8)rnd(256);
		run->immediate_exit = rnd(16) == 15;
		ret = any_answer(run_with_fp(vcpu));
		count_exit(ret, run->exit_reason);
		if (ret < 0)
			break;
	}
	munmap(run, PAGE_SIZE);
}

void env_ring_write(int vcpu)
{
	struct kvm_dirty_gfn *entries = env_vcpu_page(vcpu, KVM_DIRTY_LOG_PAGE_OFFSET);

	if (!entries)
		return;
	entries[rnd(rnd(4) ? 8 : 256)] = (struct kvm_dirty_gfn){
		.flags = (u32)PICK(KVM_DIRTY_GFN_F_RESET, KVM_DIRTY_GFN_F_RESET, rnd(8)),
		.slot = (u32)PICK(0, 1, rnd(1ULL << 32)),
		.offset = PICK(rnd(1024), rnd(~0ULL)),
	};
	munmap(entries, PAGE_SIZE);
}

/* A child of fork() copies the memory and holds the descriptors until it ends, and may use them. */
void env_pass_time(unsigned long ticks)
{
	cpu_set_t cpus;

	switch (ticks % 16) {
	case 0:
		if (fork() == 0) {
			step_other_process();
			_exit(0);
		}
		break;
	case 1:
	case 2:
		CPU_ZERO(&cpus);
		CPU_SET(rnd(3), &cpus); /* an error if there are two harts */
		sched_setaffinity(0, sizeof(cpus), &cpus);
		break;
	default:
		nanosleep(&(struct timespec){ .tv_nsec = (long)ticks }, NULL);
		break;
	}
}

/* A copy of user memory, too, counts as an allocation. */
void env_fail_alloc(unsigned int nth)
{
	if (fail_nth >= 0)
		dprintf(fail_nth, "%u", nth);
}

void env_set_toggle(const char *name, const char *value)
{
	static const char *const modules[] = { "hyperscope", "kvm" };
	char path[80];

	for (unsigned int i = 0; i < ARRAY_SIZE(modules); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", modules[i], name);
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		if (fd >= 0) {
			dprintf(fd, "%s", value);
			close(fd);
		}
	}
}
