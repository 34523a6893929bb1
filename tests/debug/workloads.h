// SPDX-License-Identifier: MIT
/*
 * workloads.h - the workloads of fail_alloc.c, in which each allocation is made to fail.
 *
 * A workload runs in a child. A step that fails for lack of memory ends what depends on it; a step
 * that fails with another error ends the child with EXIT_WRONG.
 */
#ifndef DEBUG_WORKLOADS_H
#define DEBUG_WORKLOADS_H

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "aia.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define SLOT_SIZE 0x10000UL

/* Exit statuses of a child. */
#define EXIT_REACHED 0   /* the Nth allocation was made to fail */
#define EXIT_BEYOND  1   /* the workload made fewer than N allocations */
#define EXIT_WRONG   2   /* a step failed with an error that it must not return */
#define EXIT_START   127 /* the C library could not start the program */

/* madvise() fails with EAGAIN for lack of memory. */
static int advise(void *at, size_t size, int advice)
{
	int err = madvise(at, size, advice);

	if (err && errno == EAGAIN)
		errno = ENOMEM;
	return err;
}

/* Has a step succeeded? End the child if it failed with an error that it must not return. */
static bool step(long result, const char *name)
{
	if (result >= 0)
		return true;
	if (errno == ENOMEM || errno == ENOSPC) /* ENOSPC: of a file in memory */
		return false;
	printf("# %s: %s\n", name, strerror(errno));
	fflush(stdout);
	_exit(EXIT_WRONG);
}

#define STEP(call) step((long)(call), #call)

/* Make a call that cleans up, and repeat it if it fails for lack of memory. */
#define REPEAT(call) (void)((call) && errno == ENOMEM && (call))

static void files(void)
{
	int fd, ends[2], pair[2], poll;
	pid_t pid;
	struct epoll_event event = { .events = EPOLLIN };
	static char block[20000];

	fd = open("/tmp/fail-f", O_CREAT | O_RDWR, 0600);
	if (STEP(fd)) {
		STEP(write(fd, block, sizeof(block)));
		STEP(ftruncate(fd, 1 << 20));
		STEP(mkdir("/tmp/fail-d", 0700));
		STEP(rename("/tmp/fail-f", "/tmp/fail-g"));
	}
	REPEAT(unlink("/tmp/fail-f"));
	REPEAT(unlink("/tmp/fail-g"));
	REPEAT(rmdir("/tmp/fail-d"));
	if (STEP(pipe(ends)))
		STEP(write(ends[1], block, 5000));
	if (STEP(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)))
		STEP(write(pair[1], block, 5000));
	poll = epoll_create1(0);
	fd = eventfd(0, 0);
	if (STEP(poll) && STEP(fd))
		STEP(epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event));
	STEP(memfd_create("fail", 0));
	/* The table of descriptors doubles, then grows more, and is copied. */
	STEP(fcntl(0, F_DUPFD, 70));
	if (STEP(fcntl(0, F_DUPFD, 500))) {
		pid = fork();
		if (pid == 0)
			_exit(0);
		if (STEP(pid))
			waitpid(pid, NULL, 0);
	}
}

static void memory(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *q;

	if (!step(p == MAP_FAILED ? -1 : 0, "mmap"))
		return;
	p[0] = p[70000] = 1;
	STEP(madvise(p, 1 << 16, MADV_DONTNEED));
	q = mremap(p, 1 << 20, 2 << 20, MREMAP_MAYMOVE);
	if (step(q == MAP_FAILED ? -1 : 0, "mremap"))
		p = q;
	STEP(mprotect(p + 8192, 4096, PROT_READ));
	STEP(munmap(p + 4096, 4096));
}

static void *thread(void *arg)
{
	return arg;
}

static void processes(void)
{
	char *const argv[] = { "/fail_alloc", "--nothing", NULL };
	pthread_t t;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (STEP(pid))
		waitpid(pid, NULL, 0);
	pid = vfork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(errno == ENOMEM ? 0 : EXIT_WRONG);
	}
	if (STEP(pid)) {
		int status;

		waitpid(pid, &status, 0);
		if (status &&
		    !WIFSIGNALED(status)) /* exec kills a process that it cannot restore */
			_exit(EXIT_WRONG);
	}
	if (!pthread_create(&t, NULL, thread, NULL))
		pthread_join(t, NULL);
}

/* With an argument that does not fit in the first page of arguments. */
static void exec(void)
{
	static char text[6000];

	memset(text, 'a', sizeof(text) - 1);
	execl("/fail_alloc", "/fail_alloc", "--left", text, NULL);
	STEP(-1);
}

#define SCRIPT "/tmp/fail-x"

static void script(void)
{
	execl(SCRIPT, SCRIPT, NULL);
	STEP(-1);
}

static void make_script(void)
{
	static const char line[] = "#!/fail_alloc --left\n";
	int fd = open(SCRIPT, O_CREAT | O_WRONLY, 0700);

	STEP(fd);
	STEP(write(fd, line, strlen(line)));
	close(fd);
}

static void vm(void)
{
	static const uint32_t guest[] = { 0x10000537, 0x00a52023, 0x6f }; /* sw a0 to 0x10000000 */
	struct kvm_userspace_memory_region slot = { .memory_size = SLOT_SIZE };
	int kvm = open("/dev/kvm", O_RDWR), fd, vcpu, event;
	struct kvm_irqfd irqfd = { 0 };
	uint64_t on = 1;
	struct kvm_one_reg h = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
				       KVM_RISCV_ISA_EXT_H,
				 .addr = (uintptr_t)&on };
	struct kvm_run *run;
	void *mem =
		mmap(NULL, SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!STEP(kvm) || !step(mem == MAP_FAILED ? -1 : 0, "mmap"))
		return;
	memcpy(mem, guest, sizeof(guest));
	slot.userspace_addr = (uintptr_t)mem;
	fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (!STEP(fd) || !STEP(ioctl(fd, KVM_SET_USER_MEMORY_REGION, &slot)))
		return;
	vcpu = ioctl(fd, KVM_CREATE_VCPU, 0);
	event = eventfd(0, 0);
	if (!STEP(vcpu) || !STEP(event))
		return;
	STEP(ioctl(fd, KVM_IOEVENTFD,
		   &(struct kvm_ioeventfd){ .addr = 0x20000000, .len = 4, .fd = event }));
	irqfd.fd = (uint32_t)event;
	if (ioctl(fd, KVM_IRQFD, &irqfd) && errno != EINVAL && errno != ENODEV) /* no irqchip */
		STEP(-1);
	run = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (!step(run == MAP_FAILED ? -1 : 0, "mmap vcpu") || !STEP(ioctl(vcpu, KVM_RUN, 0)))
		return;
	if (run->exit_reason != KVM_EXIT_MMIO)
		_exit(EXIT_WRONG);
	slot.flags = KVM_MEM_LOG_DIRTY_PAGES;
	STEP(ioctl(fd, KVM_SET_USER_MEMORY_REGION, &slot));
	STEP(munmap(mem, SLOT_SIZE));
	vcpu = ioctl(fd, KVM_CREATE_VCPU, 1);
	if (STEP(vcpu))
		STEP(ioctl(vcpu, KVM_SET_ONE_REG, &h));
}

/*
 * A name in /proc that cannot be looked up is ENOENT here: the host returns ENOMEM only if a page was
 * missing (src/host/fs/path.c).
 */
static int open_proc(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 && errno == ENOENT)
		errno = ENOMEM;
	return fd;
}

static void calls(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/tmp/fail-s" };
	struct pollfd polled[200] = { 0 };
	struct iovec parts[2] = { { "a", 1 }, { "b", 1 } };
	struct itimerval soon = { .it_value = { .tv_sec = 100 } };
	int fd, other;
	DIR *dir;

	fd = timerfd_create(CLOCK_MONOTONIC, 0);
	STEP(fd);
	STEP(setitimer(ITIMER_REAL, &soon, NULL));
	STEP(poll(polled, 200, 0));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	if (STEP(fd) && STEP(other) && STEP(bind(fd, (void *)&name, sizeof(name))) &&
	    STEP(listen(fd, 2)) && STEP(connect(other, (void *)&name, sizeof(name)))) {
		STEP(accept(fd, NULL, NULL));
		STEP(writev(other, parts, 2));
	}
	REPEAT(unlink("/tmp/fail-s"));
	dir = opendir(STEP(symlink("/tmp", "/tmp/fail-l")) ? "/tmp/fail-l" : "/tmp");
	if (step(dir ? 0 : -1, "opendir"))
		STEP(readdir(dir) || !errno ? 0 : -1);
	REPEAT(unlink("/tmp/fail-l"));
	fd = open_proc("/proc/self/maps");
	if (STEP(fd))
		STEP(read(fd, polled, sizeof(polled)));
	fd = open_proc("/proc/self/status");
	if (STEP(fd)) {
		STEP(read(fd, polled, sizeof(polled)));
		STEP(flock(fd, LOCK_SH));
		for (int i = 0; i < 100 && STEP(dup(fd)); i++)
			;
	}
	STEP(syscall(SYS_userfaultfd, O_CLOEXEC));
	STEP(chdir("/proc"));
	STEP(syscall(SYS_prlimit64, 0, 7, NULL, polled));
}

static void read_at_0(const char *path)
{
	char text[8];
	int fd = open_proc(path);

	if (STEP(fd))
		STEP(read(fd, text, sizeof(text)));
}

static void waits(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct pollfd polled = { .events = POLLIN };
	struct timeval soon = { 0, 1000 };
	sigset_t queued;
	fd_set set;
	int ends[2], poll_fd = epoll_create1(0);

	if (!STEP(poll_fd) || !STEP(pipe(ends)))
		return;
	if (STEP(epoll_ctl(poll_fd, EPOLL_CTL_ADD, ends[0], &event)))
		STEP(epoll_wait(poll_fd, &event, 1, 0));
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	STEP(select(ends[0] + 1, &set, NULL, NULL, &soon));
	polled.fd = ends[0];
	STEP(poll(&polled, 1, 1));
	sigaction(SIGUSR1, &ignore, NULL);
	sigemptyset(&queued);
	sigaddset(&queued, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &queued, NULL);
	if (sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) && errno != EAGAIN)
		STEP(-1);
}

static void names(void)
{
	static struct sock_filter allow = { .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW };
	struct sock_fprog filter = { 1, &allow };
	char text[256];
	int fd;

	STEP(getcwd(text, sizeof(text)) ? 0 : -1);
	fd = open("/tmp/fail-n", O_CREAT | O_RDWR, 0600);
	if (STEP(fd))
		STEP(link("/tmp/fail-n", "/tmp/fail-m"));
	REPEAT(unlink("/tmp/fail-n"));
	REPEAT(unlink("/tmp/fail-m"));
	read_at_0("/proc/self/pagemap");
	read_at_0("/sys/kernel/mm/page_idle/bitmap");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	STEP(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

static void large(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *aligned, *at;
	static char page[4096];

	if (!step(p == MAP_FAILED ? -1 : 0, "mmap"))
		return;
	aligned = (char *)(((uintptr_t)p + (2 << 20) - 1) & ~((2UL << 20) - 1));
	STEP(advise(aligned, 2 << 20, MADV_NOHUGEPAGE));
	aligned[0] = aligned[4096] = 1;
	STEP(advise(aligned, 2 << 20, MADV_HUGEPAGE));
	STEP(advise(aligned, 2 << 20, MADV_COLLAPSE));
	STEP(munmap(aligned + 4096, 4096));
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (STEP(fd) && step(at == MAP_FAILED ? -1 : 0, "mmap") &&
	    STEP(ioctl(fd, UFFDIO_API, &api)) &&
	    STEP(ioctl(fd, UFFDIO_REGISTER,
		       &(struct uffdio_register){ .range = { (uintptr_t)at, 4096 },
						  .mode = UFFDIO_REGISTER_MODE_MISSING })))
		STEP(ioctl(fd, UFFDIO_COPY,
			   &(struct uffdio_copy){
				   .dst = (uintptr_t)at, .src = (uintptr_t)page, .len = 4096 }));
}

/* Slots in several pieces of the memory map, and a dirty log that is read and cleared. */
static void slots(void)
{
	struct kvm_userspace_memory_region slot = { .memory_size = SLOT_SIZE };
	struct kvm_enable_cap manual = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 } };
	struct kvm_ioeventfd io = { .addr = 0x20000000, .len = 4 };
	static uint64_t bits[SLOT_SIZE / 4096 / 64 + 1];
	int kvm = open("/dev/kvm", O_RDWR), fd;
	void *mem =
		mmap(NULL, SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!STEP(kvm) || !step(mem == MAP_FAILED ? -1 : 0, "mmap"))
		return;
	fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (!STEP(fd) || !STEP(ioctl(fd, KVM_ENABLE_CAP, &manual)))
		return;
	slot.userspace_addr = (uintptr_t)mem;
	slot.flags = KVM_MEM_LOG_DIRTY_PAGES;
	for (slot.slot = 0; slot.slot < 150; slot.slot++) {
		slot.guest_phys_addr = (slot.slot * 7 % 150) * 0x100000UL;
		if (!STEP(ioctl(fd, KVM_SET_USER_MEMORY_REGION, &slot)))
			return;
	}
	STEP(ioctl(fd, KVM_GET_DIRTY_LOG,
		   &(struct kvm_dirty_log){ .slot = 3, .dirty_bitmap = bits }));
	STEP(ioctl(fd, KVM_CLEAR_DIRTY_LOG,
		   &(struct kvm_clear_dirty_log){
			   .slot = 3, .num_pages = SLOT_SIZE / 4096, .dirty_bitmap = bits }));
	io.fd = eventfd(0, 0);
	if (!STEP(io.fd))
		return;
	for (int i = 0; i < 20 && STEP(ioctl(fd, KVM_IOEVENTFD, &io)); i++)
		io.addr += 16;
}

static void devices(void)
{
	struct kvm_enable_cap ring = { .cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { 65536 } };
	struct kvm_irq_routing *routing =
		calloc(1, sizeof(*routing) + 2 * sizeof(routing->entries[0]));
	struct vm vm = { .kvm = open("/dev/kvm", O_RDWR) };
	int vcpu, aia, event, stats;

	if (!STEP(vm.kvm))
		return;
	vm.fd = ioctl(vm.kvm, KVM_CREATE_VM, 0);
	if (!STEP(vm.fd) || !STEP(ioctl(vm.fd, KVM_ENABLE_CAP, &ring)))
		return;
	vcpu = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
	if (!STEP(vcpu))
		return;
	aia = aia_new(&vm);
	if (aia < 0 && errno == ENFILE) /* the VM keeps the device: create_device() */
		return;
	if (!STEP(aia) || !step(aia_start(aia, 1, 31, 63) ? 0 : -1, "aia_start"))
		return;
	event = eventfd(0, 0);
	if (STEP(event))
		STEP(ioctl(vm.fd, KVM_IRQFD,
			   &(struct kvm_irqfd){ .fd = (uint32_t)event, .gsi = 5 }));
	routing->nr = 1;
	routing->entries[0] = (struct kvm_irq_routing_entry){ .gsi = 5,
							      .type = KVM_IRQ_ROUTING_IRQCHIP,
							      .u.irqchip.pin = 5 };
	STEP(ioctl(vm.fd, KVM_SET_GSI_ROUTING, routing));
	STEP(ioctl(vm.fd, KVM_REGISTER_COALESCED_MMIO,
		   &(struct kvm_coalesced_mmio_zone){ .addr = 0x30000000, .size = 8 }));
	stats = ioctl(vcpu, KVM_GET_STATS_FD, NULL);
	if (STEP(stats))
		STEP(read(stats, routing, 24));
	step(mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu,
		  KVM_DIRTY_LOG_PAGE_OFFSET * 4096) == MAP_FAILED
		     ? -1
		     : 0,
	     "mmap of the ring");
}

#endif
