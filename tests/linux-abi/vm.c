// SPDX-License-Identifier: MIT
/*
 * vm.c - KVM_RUN while its thread gets signals, and while guest memory changes.
 *
 * The guest is a loop that increments a counter in memory, or one that executes WFI. On Linux, this
 * program tests Linux KVM.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define RAM      0x80000000UL
#define RAM_SIZE 0x800000UL
#define CODE     0x1000 /* offsets in guest memory */
#define COUNTER  0x400000
#define WFI_CODE 0x2000

static int sys, vm, vcpu;
static struct kvm_run *run;
static char *ram;

#define CORE_REG(name)                                           \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | \
	 offsetof(struct kvm_riscv_core, name) / sizeof(unsigned long))

static void set_reg(uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uint64_t)&value };

	if (ioctl(vcpu, KVM_SET_ONE_REG, &reg))
		printf("# KVM_SET_ONE_REG %lx: errno %d\n", (long)id, errno);
}

static bool set_memory(char *at)
{
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = RAM,
		.memory_size = at ? RAM_SIZE : 0,
		.userspace_addr = (uint64_t)at,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

static bool make_vm(void)
{
	static const uint32_t count[] = {
		0x0005b283, /* ld   t0, 0(a1) */
		0x00128293, /* addi t0, t0, 1 */
		0x0055b023, /* sd   t0, 0(a1) */
		0xff5ff06f, /* j    -12 */
	};
	static const uint32_t sleep[] = { 0x10500073, 0xffdff06f }; /* wfi; j -4 */
	long size = ioctl(sys, KVM_GET_VCPU_MMAP_SIZE, 0);

	vm = ioctl(sys, KVM_CREATE_VM, 0);
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(ram + CODE, count, sizeof(count));
	memcpy(ram + WFI_CODE, sleep, sizeof(sleep));
	if (vm < 0 || !set_memory(ram))
		return false;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	set_reg(CORE_REG(regs.pc), RAM + CODE);
	set_reg(CORE_REG(regs.a1), RAM + COUNTER);
	return vcpu >= 0 && run != MAP_FAILED;
}

static volatile int hits;

/*
 * A signal ends the KVM_RUN that it interrupts. If the handler runs just before a KVM_RUN,
 * immediate_exit ends that KVM_RUN.
 */
static void on_signal(int signo)
{
	(void)signo;
	hits++;
	run->immediate_exit = 1;
}

static volatile long runs, errors, last_errno;
static volatile bool stop;

static void *runner(void *arg)
{
	(void)arg;
	while (!stop) {
		int ret = ioctl(vcpu, KVM_RUN, 0);

		/*
		 * Clear immediate_exit before `runs` changes: kick() may then send the next signal.
		 */
		run->immediate_exit = 0;
		if (ret == -1 && errno != EINTR) {
			last_errno = errno;
			errors++;
			return NULL;
		}
		__atomic_fetch_add(&runs, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Return true if the guest's counter, as this process sees it, grows by more than 10 in 10 s. */
static bool counts(void)
{
	volatile uint64_t *counter = (uint64_t *)(ram + COUNTER);
	uint64_t before = *counter;

	for (double start = now(); now() - start < 10; usleep(1000))
		if (*counter > before + 10)
			return true;
	return false;
}

static pthread_t start_runner(void)
{
	pthread_t t;

	stop = false;
	errors = 0;
	run->immediate_exit = 0;
	pthread_create(&t, NULL, runner, NULL);
	return t;
}

/* Send a signal. Return true if the current KVM_RUN or the next one ends within 10 s. */
static bool kick(pthread_t t)
{
	long before = runs;

	pthread_kill(t, SIGUSR1);
	for (double start = now(); now() - start < 10;)
		if (runs != before)
			return true;
	return false;
}

static void end_runner(pthread_t t)
{
	stop = true;
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
}

static void test_signals(void)
{
	pthread_t t;
	int ended = 0;

	run->immediate_exit = 1;
	fails_with(ioctl(vcpu, KVM_RUN, 0), EINTR, "immediate_exit ends KVM_RUN with EINTR");
	run->immediate_exit = 0;
	hits = 0;
	t = start_runner();
	ok(counts(), "the guest counts");
	for (int i = 0; i < 100; i++) {
		ended += kick(t);
		if (i % 3 == 0)
			usleep((useconds_t)(i * 7 % 500));
	}
	if (!ok(ended == 100, "each of 100 signals ends KVM_RUN"))
		printf("# %d of them; the handler ran %d times\n", ended, hits);
	end_runner(t);
	ok(errors == 0, "KVM_RUN fails only with EINTR");
	set_reg(CORE_REG(regs.pc), RAM + WFI_CODE);
	ended = hits = 0;
	t = start_runner();
	usleep(20000);
	for (int i = 0; i < 100; i++)
		ended += kick(t);
	if (!ok(ended == 100, "each of 100 signals ends a WFI"))
		printf("# %d of them; the handler ran %d times\n", ended, hits);
	end_runner(t);
	set_reg(CORE_REG(regs.pc), RAM + CODE);
}

static void test_signal_mask(void)
{
	struct {
		struct kvm_signal_mask mask;
		uint64_t set;
	} __attribute__((packed)) in = { .mask = { .len = 8 }, .set = 0 };
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	hits = 0;
	ok(ioctl(vcpu, KVM_SET_SIGNAL_MASK, &in) == 0, "KVM_SET_SIGNAL_MASK succeeds");
	pthread_kill(pthread_self(), SIGUSR1);
	fails_with(ioctl(vcpu, KVM_RUN, 0), EINTR,
		   "a signal that is unblocked only in KVM_RUN makes KVM_RUN fail with EINTR");
	sigpending(&pending);
	ok(sigismember(&pending, SIGUSR1) && hits == 0,
	   "the signal that ended KVM_RUN is pending afterwards");
	ok(ioctl(vcpu, KVM_SET_SIGNAL_MASK, NULL) == 0, "KVM_RUN's signal mask can be removed");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	ok(hits == 1, "the handler runs when the signal is unblocked");
}

static void test_memory(void)
{
	pthread_t t = start_runner();
	volatile uint64_t *counter = (uint64_t *)(ram + COUNTER);
	int good = 0, status;

	counts();
	for (int i = 0; i < 20; i++) {
		madvise(ram + COUNTER, 4096, MADV_DONTNEED);
		good += counts();
	}
	ok(good == 20, "after MADV_DONTNEED, guest and host see the same page");
	good = 0;
	for (int i = 0; i < 10; i++) {
		madvise(ram + 0x200000, 0x400000, MADV_DONTNEED);
		good += counts();
	}
	ok(good == 10, "after MADV_DONTNEED of large blocks, guest and host see the same page");
	good = 0;
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			uint64_t seen = *counter;

			usleep(3000);
			_exit(*counter == seen ? 3 : 4);
		}
		good += counts();
		waitpid(pid, &status, 0);
		good += WEXITSTATUS(status) == 3;
	}
	ok(good == 20, "after fork(), the guest writes only to the parent's memory");
	good = 0;
	for (int i = 0; i < 10; i++) {
		mmap(ram + COUNTER, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		good += counts();
	}
	ok(good == 10, "when mmap() replaces a page of guest memory, the guest sees the new page");
	ok(errors == 0, "KVM_RUN does not fail while guest memory changes");
	mprotect(ram + COUNTER, 4096, PROT_READ);
	pthread_join(t, NULL);
	ok(errors == 1 && last_errno == EFAULT,
	   "KVM_RUN fails with EFAULT when the guest writes to read-only memory");
	*(volatile uint8_t *)ram;
	mprotect(ram + COUNTER, 4096, PROT_READ | PROT_WRITE);
	t = start_runner();
	ok(counts(), "the guest continues when its memory is writable again");
	munmap(ram + COUNTER, 4096);
	pthread_join(t, NULL);
	ok(errors == 1 && last_errno == EFAULT,
	   "KVM_RUN fails with EFAULT when the guest's memory is unmapped");
	mmap(ram + COUNTER, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	     -1, 0);
	t = start_runner();
	ok(counts(), "the guest continues when its memory is mapped again");
	end_runner(t);
}

/* Kill processes while their vCPUs run. */
static void test_kill(void)
{
	int status, good = 0;

	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (!make_vm())
				_exit(1);
			start_runner();
			if (!counts())
				_exit(2);
			pause();
		}
		usleep(100000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		good += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	ok(good == 5, "a process can be killed while its vCPU runs");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sys = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (sys < 0) {
		printf("1..0 # SKIP no /dev/kvm\n");
		return 0;
	}
	sigaction(SIGUSR1, &sa, NULL);
	if (!ok(make_vm(), "a VM with a vCPU can be created"))
		return tap_done();
	test_signals();
	test_signal_mask();
	test_memory();
	test_kill();
	return tap_done();
}
