// SPDX-License-Identifier: MIT
/* hogs.h - ways to use up all memory, for hogs.c. */
#ifndef ABI_HOGS_H
#define ABI_HOGS_H

#include <fcntl.h>
#include <limits.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define PAGE 4096UL
#define MB   0x100000UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static struct shared { /* shared by all processes */
	volatile unsigned int rounds;
	volatile bool stop, held;
	char complaint[80];
} * shared;

/* ---- guests, only with /dev/kvm ---- */

static int vm_new(void)
{
	static int kvm = -1;

	if (kvm < 0)
		kvm = open("/dev/kvm", O_RDWR);
	return ioctl(kvm, KVM_CREATE_VM, 0);
}

#define CORE_REG(r)                                              \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | \
	 (offsetof(struct kvm_riscv_core, r) / sizeof(long)))

static void set_reg(int vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	ioctl(vcpu, KVM_SET_ONE_REG, &reg);
}

#define GUEST_BASE 0x80000000UL

/* Stores a1 at a0, adds a2 to a0, and repeats. */
static const uint32_t guest_code[] = { 0x00b53023, 0x00c50533, 0xff9ff06f }; /* sd, add, j */

/*
 * Keep memory full until the bystander has made two more rounds or shared->stop is set, but for at
 * most 20 s, in case the bystander has ended.
 */
static void wait_for_rounds(void)
{
	for (unsigned int ms = 0, from = shared->rounds;
	     ms < 20000 && shared->rounds < from + 2 && !shared->stop; ms++)
		usleep(1000);
}

/* ---- hogs: each returns when a call is refused ---- */

static void hog_populate(void)
{
	while (mmap(NULL, 4 * MB, RW, ANON | MAP_POPULATE, -1, 0) != MAP_FAILED)
		;
}

static void hog_touch(void)
{
	char *p;

	while ((p = mmap(NULL, MB, RW, ANON, -1, 0)) != MAP_FAILED)
		for (size_t i = 0; i < MB; i += PAGE)
			p[i] = 1;
}

static void hog_madvise(void)
{
	char *p;

	do
		p = mmap(NULL, 4 * MB, RW, ANON, -1, 0);
	while (p != MAP_FAILED && madvise(p, 4 * MB, MADV_POPULATE_WRITE) == 0);
}

static void hog_read(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *p;

	do
		p = mmap(NULL, MB, RW, ANON, -1, 0);
	while (p != MAP_FAILED && read(fd, p, MB) > 0);
}

/* Children write to their copies of the parent's memory, which together exceed all memory. */
static void hog_forks(void)
{
	char *p = mmap(NULL, 16 * MB, RW, ANON | MAP_POPULATE, -1, 0);
	pid_t pid;

	if (p == MAP_FAILED)
		return;
	for (;;) {
		pid = fork();
		if (pid < 0)
			break;
		if (pid == 0) {
			memset(p, 2, 16 * MB);
			pause();
		}
		usleep(1000);
		if (waitpid(-1, NULL, WNOHANG) > 0) /* stop once a child has been killed */
			break;
	}
	kill(0, SIGKILL);
}

/* Every process forks until fork() fails. */
static void hog_fork_bomb(void)
{
	pid_t pid, top = getpid();

	do
		pid = fork();
	while (pid >= 0);
	while (getpid() != top)
		pause();
}

/* Fork processes smaller than the bystander, half of them orphans, until three have ended. */
static void hog_family(void)
{
	int ended = 0;

	for (unsigned int i = 0; ended < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return;
		if (pid == 0) {
			if (i % 2 && fork())
				_exit(0);
			mmap(NULL, MB, RW, ANON | MAP_POPULATE, -1, 0);
			for (;;)
				pause();
		}
		if (i % 2)
			waitpid(pid, NULL, 0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			ended++;
	}
}

static void *sleeping_thread(void *arg)
{
	pause();
	return arg;
}

static void hog_threads(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN);
	while (pthread_create(&thread, &attr, sleeping_thread, NULL) == 0)
		;
}

/* Touch single pages so far apart that each needs its own page table. */
static void hog_page_tables(void)
{
	char *p;

	for (;;) {
		p = mmap(NULL, 1024 * MB, RW, ANON | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return;
		madvise(p, 1024 * MB, MADV_NOHUGEPAGE);
		for (size_t i = 0; i < 1024 * MB; i += 2 * MB)
			p[i] = 1;
	}
}

static void hog_shared(void)
{
	char *p;

	while ((p = mmap(NULL, 4 * MB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED)
		memset(p, 3, 4 * MB);
}

static void fill_file(int fd)
{
	static char bytes[65536];
	long n = fd < 0 ? -1 : 1;

	memset(bytes, 4, sizeof(bytes));
	while (n > 0)
		n = write(fd, bytes, sizeof(bytes));
}

static void hog_memfd(void)
{
	fill_file(memfd_create("hog", 0));
}

/* A child fills a file that the hog has created, and outlives the hog. */
static void hog_heir(void)
{
	int fd = memfd_create("hog", 0);

	if (fork() == 0) {
		usleep(1000);
		fill_file(fd);
		for (unsigned int from = shared->rounds; shared->rounds < from + 3;)
			usleep(1000);
		_exit(0);
	}
}

static void hog_file(void)
{
	int fd = open("/hog", O_RDWR | O_CREAT, 0600);

	unlink("/hog");
	fill_file(fd);
}

/* ---- a directory tree outlives its creator, so its creator's calls must be refused ---- */

#define DIR_NAMES 500 /* per directory: lookup time is proportional to their number */

static char *tree_name(unsigned int i)
{
	static char name[32];

	snprintf(name, sizeof(name), i % DIR_NAMES ? "/hog.%u/%u" : "/hog.%u", i / DIR_NAMES,
		 i % DIR_NAMES);
	return name;
}

static int make_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600);

	if (fd >= 0)
		close(fd);
	return fd;
}

static int make_link(const char *name)
{
	return symlink("target", name);
}

/* The file's only byte is far away, so that its table of chunks is as large as the kernel permits. */
static int make_sparse_file(const char *name)
{
	static off_t at = 511L << 30;
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	bool good;

	while (!(good = pwrite(fd, "x", 1, at) == 1) && at > (off_t)MB)
		at /= 2;
	if (fd >= 0)
		close(fd);
	if (!good)
		unlink(name);
	return good ? 0 : -1;
}

static void fill_tree(int (*make)(const char *name))
{
	unsigned int n = 0;

	while ((n % DIR_NAMES ? make(tree_name(n)) : mkdir(tree_name(n), 0700)) >= 0)
		n++;
	wait_for_rounds();
	while (n--)
		n % DIR_NAMES ? unlink(tree_name(n)) : rmdir(tree_name(n));
}

static void hog_names(void)
{
	fill_tree(make_file);
}

static void hog_links(void)
{
	fill_tree(make_link);
}

static void hog_sparse_files(void)
{
	fill_tree(make_sparse_file);
}

/* Write one byte in every 2 MiB: the file's tables take as much memory as its data. */
static void hog_sparse_file(void)
{
	int fd = open("/hog", O_RDWR | O_CREAT, 0600);

	for (off_t at = 0; pwrite(fd, "x", 1, at) == 1; at += 2 * MB)
		;
	wait_for_rounds();
	unlink("/hog");
}

static void hog_pipes(void)
{
	static char bytes[4096];
	int fds[2];

	while (pipe2(fds, O_NONBLOCK) == 0)
		while (write(fds[1], bytes, sizeof(bytes)) > 0)
			;
}

static void hog_sockets(void)
{
	static char bytes[4096];
	int fds[2];

	while (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0)
		while (write(fds[0], bytes, sizeof(bytes)) > 0 &&
		       write(fds[1], bytes, sizeof(bytes)) > 0)
			;
}

static void hog_descriptors(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep, fd;

	do {
		ep = epoll_create1(0);
		fd = eventfd(0, 0);
	} while (ep >= 0 && fd >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0);
}

/* ---- virtual machines, only with /dev/kvm ---- */

static void hog_vcpus(void)
{
	int vm, i;

	for (;;) {
		vm = vm_new();
		for (i = 0; i < 64; i++)
			if (ioctl(vm, KVM_CREATE_VCPU, i) < 0)
				return;
	}
}

/* Add memory slots without memory behind them, each with a dirty log. */
static void hog_logs(void)
{
	struct kvm_userspace_memory_region slot = { .flags = KVM_MEM_LOG_DIRTY_PAGES,
						    .memory_size = 1UL << 36,
						    .userspace_addr = 1UL << 20 };
	int vm;

	for (;;) {
		vm = vm_new();
		for (slot.slot = 0; slot.slot < 20; slot.slot++) {
			slot.guest_phys_addr = (unsigned long)slot.slot << 36;
			if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
				return;
		}
	}
}

static void hog_slots(void)
{
	struct kvm_userspace_memory_region slot = { .memory_size = PAGE,
						    .userspace_addr = 1UL << 20 };
	int vm;

	for (;;) {
		vm = vm_new();
		for (slot.slot = 0; slot.slot < 32000; slot.slot += 500) {
			slot.guest_phys_addr = slot.slot * 2 * PAGE;
			if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot))
				return;
		}
	}
}

/* Run a guest that stores to its memory, `step` bytes further each time. */
static void run_guest(size_t step)
{
	struct kvm_userspace_memory_region slot = { .guest_phys_addr = GUEST_BASE,
						    .memory_size = 16UL << 30 };
	int vm = vm_new(), vcpu;
	char *p;

	if (vm < 0)
		kill(getpid(), SIGKILL); /* no guests here */
	p = mmap(NULL, slot.memory_size, RW, ANON | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return;
	madvise(p, slot.memory_size, MADV_NOHUGEPAGE);
	memcpy(p, guest_code, sizeof(guest_code));
	slot.userspace_addr = (uintptr_t)p;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot) || vcpu < 0)
		return;
	set_reg(vcpu, CORE_REG(regs.pc), GUEST_BASE);
	set_reg(vcpu, CORE_REG(regs.a0), GUEST_BASE + PAGE);
	set_reg(vcpu, CORE_REG(regs.a2), step);
	while (ioctl(vcpu, KVM_RUN, 0) == 0 || errno == EINTR)
		;
	perror("# KVM_RUN");
}

static void hog_guest(void)
{
	run_guest(PAGE);
}

static void hog_guest_tables(void)
{
	run_guest(2 * MB);
}

#include "hogs_held.h"

static const struct hog {
	const char *name;
	void (*run)(void);
	bool ended; /* killed by a signal, because its calls are never refused */
} hogs[] = {
	{ "MAP_POPULATE", hog_populate, true },
	{ "touching pages", hog_touch, true },
	{ "MADV_POPULATE_WRITE", hog_madvise, true },
	{ "read() into new pages", hog_read, true },
	{ "copies of pages after fork()", hog_forks, true },
	{ "a fork bomb", hog_fork_bomb, false },
	{ "many small processes", hog_family, false },
	{ "threads", hog_threads, false },
	{ "page tables", hog_page_tables, true },
	{ "shared memory", hog_shared, true },
	{ "a memfd", hog_memfd, false },
	{ "a memfd that a child inherits", hog_heir, false },
	{ "a file", hog_file, false },
	{ "pipes", hog_pipes, false },
	{ "sockets", hog_sockets, false },
	{ "eventfds and epolls", hog_descriptors, false },
	{ "vCPUs", hog_vcpus, false },
	{ "memory slots", hog_slots, false },
	{ "dirty logs", hog_logs, false },
	{ "a guest's memory", hog_guest, true },
	{ "a guest's page tables", hog_guest_tables, true },
	{ "a thread that waits for a file", hog_waiter, true },
	{ "files in shared descriptors", hog_shared_files, false },
	{ "items of shared epolls", hog_items, false },
	{ "names of files", hog_names, false },
	{ "symbolic links", hog_links, false },
	{ "a sparse file", hog_sparse_file, false },
	{ "many sparse files", hog_sparse_files, false },
};

#define NR_TREE_HOGS 4 /* the last ones: their files remain if they are killed */

#endif
