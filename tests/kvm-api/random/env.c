// SPDX-License-Identifier: MIT
/*
 * env.c - the machine of the random VMM: system calls, and this process's memory. Errors are expected
 * everywhere, because other threads close, unmap and change what a thread uses.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "random.h"
#include "hv/kvm_compat.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define ARGS_SIZE 0x10000UL
#define RUN_SIZE  0x1000UL /* of kvm_run */

__thread unsigned long env_args;
static __thread int copying[2]; /* the pipe that copy() uses */
static __thread int fail_nth;   /* descriptor of the file that makes the nth call fail; -1: none */

/* On a Linux with fault injection, let this thread's allocations fail at random. */
static void inject_faults(void)
{
	int fd = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		dprintf(fd, "1");
		close(fd);
	}
	fail_nth = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
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

void env_fail(const char *format, ...)
{
	va_list args;

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

long env_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	long ret = result_of(ioctl(fd, cmd, arg));

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

/* ---- memory ---- */

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

void env_map(unsigned long va, size_t size, enum env_memory kind)
{
	int flags = MAP_ANONYMOUS | MAP_FIXED | (rnd(4) ? MAP_PRIVATE : MAP_SHARED), fd = -1;
	void *at = (void *)va;

	if (kind == ENV_COW) {
		fd = memfd_create("random", MFD_CLOEXEC);
		if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
			flags = MAP_PRIVATE | MAP_FIXED;
	}
	mmap(at, size, PROT_READ | (kind == ENV_READ_ONLY ? 0 : PROT_WRITE) | PROT_EXEC, flags, fd,
	     0);
	if (fd >= 0)
		close(fd);
	if (kind == ENV_HUGE)
		madvise(at, size, MADV_HUGEPAGE);
	else if (!rnd(4))
		madvise(at, size, MADV_MERGEABLE);
}

void env_unmap(unsigned long va, size_t size)
{
	void *at = (void *)va;

	switch (rnd(6)) {
	case 0:
		munmap(at, size);
		break;
	case 1:
		mprotect(at, size, PROT_NONE);
		break;
	case 2:
		mprotect(at, size, PROT_READ);
		break;
	case 3:
		mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, ANY_HVA + ANY_SIZE - size);
		break;
	default:
		madvise(at, size,
			(int)PICK(MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT, MADV_COLD,
				  MADV_COLLAPSE, MADV_REMOVE));
		break;
	}
}

/* ---- vCPUs ---- */

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
	struct kvm_run *run = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	unsigned int i, runs = 1 + (unsigned int)rnd(6);
	long ret;

	if (run == MAP_FAILED)
		return;
	if (rnd(2))
		guest_write(vcpu);
	while (runs--) {
		for (i = 0; i < 16 && !rnd(3); i++)
			((u8 *)run)[rnd(rnd(2) ? 256 : RUN_SIZE)] = (u8)rnd(256);
		run->immediate_exit = rnd(16) == 15;
		ret = any_answer(env_ioctl(vcpu, KVM_RUN, 0));
		count_exit(ret, run->exit_reason);
		if (ret < 0)
			break;
	}
	munmap(run, RUN_SIZE);
}

void env_ring_write(int vcpu)
{
	struct kvm_dirty_gfn *entries = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
					     vcpu, KVM_DIRTY_LOG_PAGE_OFFSET * 4096);

	if (entries == MAP_FAILED)
		return;
	entries[rnd(rnd(4) ? 8 : 256)] = (struct kvm_dirty_gfn){
		.flags = (u32)PICK(KVM_DIRTY_GFN_F_RESET, KVM_DIRTY_GFN_F_RESET, rnd(8)),
		.slot = (u32)PICK(0, 1, rnd(1ULL << 32)),
		.offset = PICK(rnd(1024), rnd(~0ULL)),
	};
	munmap(entries, PAGE_SIZE);
}

/* A child of fork() copies the memory and holds the descriptors until it ends. */
void env_pass_time(unsigned long ticks)
{
	cpu_set_t cpus;

	switch (ticks % 16) {
	case 0:
		if (fork() == 0)
			_exit(0);
		break;
	case 1:
	case 2:
		CPU_ZERO(&cpus);
		CPU_SET(rnd(2), &cpus);
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
