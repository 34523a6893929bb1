// SPDX-License-Identifier: MIT
/*
 * fail_alloc.c - make each allocation of some workloads fail, one after the other.
 *
 * For N = 1, 2, 3, ..., a child asks the debug kernel to fail its Nth allocation
 * (src/debug/fail.c), runs the workload, and exits. Each step of a workload either succeeds or fails
 * with ENOMEM, or with an error that the step permits. After the child has ended, as much memory is
 * free as before. The test stops at the first N that the workload does not reach.
 *
 * usage: fail_alloc [WORKLOAD]
 */
#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "aia.h"

#define CONTROL   "/sys/kernel/debug/fail_alloc"
#define N_MAX     5000
#define SLOT_SIZE 0x10000UL

/* Exit statuses of a child. */
#define EXIT_REACHED 0   /* the Nth allocation was made to fail */
#define EXIT_BEYOND  1   /* the workload made fewer than N allocations */
#define EXIT_WRONG   2   /* a step failed with an error that it must not return */
#define EXIT_START   127 /* the C library could not start the program */

static int control;

/* The contents of the control file: see src/debug/fail.c. */
struct state {
	long left;    /* allocations until one fails */
	long objects; /* bytes of the kernel's small objects */
	long pages;   /* in use, without those of small objects */
};

static struct state state(void)
{
	struct state s = { -1, 0, 0 };
	char text[96] = "";

	if (pread(control, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%ld %ld %ld", &s.left, &s.objects, &s.pages);
	return s;
}

static void arm(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (write(control, text, (size_t)length) != length)
		_exit(EXIT_WRONG);
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

static void exec(void)
{
	execl("/fail_alloc", "/fail_alloc", "--left", NULL);
	STEP(-1);
}

static void vm(void)
{
	static const uint32_t guest[] = { 0x10000537, 0x00a52023, 0x6f }; /* sw a0 to 0x10000000 */
	struct kvm_userspace_memory_region slot = { .memory_size = SLOT_SIZE };
	int kvm = open("/dev/kvm", O_RDWR), fd, vcpu, event;
	struct kvm_irqfd irqfd = { 0 };
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

static const struct workload {
	const char *name;
	void (*run)(void);
} workloads[] = { { "files", files },    { "memory", memory }, { "processes", processes },
		  { "exec", exec },      { "calls", calls },   { "vm", vm },
		  { "devices", devices } };

/* Run the workload in a child whose Nth allocation fails; 0: none does. Return its wait status. */
static int attempt(const struct workload *w, unsigned int n)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		arm(n);
		w->run();
		_exit(state().left ? EXIT_BEYOND : EXIT_REACHED);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* Is less memory free than before? Wait up to 100 ms for the memory of the child's last thread. */
static bool leaks(const struct state *before, unsigned int n)
{
	struct state now = state();

	for (int i = 0; i < 100 && (now.objects > before->objects || now.pages > before->pages);
	     i++) {
		usleep(1000);
		now = state();
	}
	if (now.objects <= before->objects && now.pages <= before->pages)
		return false;
	printf("# allocation %u: %ld bytes of objects, %ld pages are missing\n", n,
	       now.objects - before->objects, now.pages - before->pages);
	return true;
}

/*
 * Make the Nth allocation fail. If memory is missing afterwards, do so again: the kernel may keep
 * memory that it has used for the first time, but a leak loses memory each time.
 */
static int attempt_without_leak(const struct workload *w, unsigned int n, int *leaky)
{
	struct state before = state();
	int status = attempt(w, n);

	if (leaks(&before, n)) {
		before = state();
		attempt(w, n);
		*leaky += leaks(&before, n);
	}
	return status;
}

static void fail_each(const struct workload *w)
{
	int status = 0, bad = 0, leaky = 0;
	unsigned int n;
	char name[128];

	attempt_without_leak(w, 0, &(int){ 0 });
	for (n = 1; n < N_MAX && bad < 5 && status != EXIT_BEYOND << 8; n++) {
		status = attempt_without_leak(w, n, &leaky);
		if (status == EXIT_REACHED << 8 || status == EXIT_BEYOND << 8 ||
		    status == EXIT_START << 8)
			continue;
		bad++;
		printf("# allocation %u: wait status 0x%x\n", n, status);
	}
	printf("# %s: %u allocations failed\n", w->name, n - 2);
	snprintf(name, sizeof(name), "%s: without memory, a step fails with ENOMEM", w->name);
	ok(!bad && n > 2, name);
	snprintf(name, sizeof(name), "%s: a failed allocation leaks no memory", w->name);
	ok(!leaky, name);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--nothing"))
		return 0;
	control = open(CONTROL, O_RDWR);
	if (argc == 2 && !strcmp(argv[1], "--left"))
		return state().left ? EXIT_BEYOND : EXIT_REACHED;
	if (control < 0) {
		printf("1..0 # SKIP this is not the debug kernel\n");
		return 0;
	}
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		if (argc == 1 || !strcmp(argv[1], workloads[i].name))
			fail_each(&workloads[i]);
	return tap_done();
}
