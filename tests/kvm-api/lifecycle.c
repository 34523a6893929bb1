// SPDX-License-Identifier: MIT
/*
 * lifecycle.c - VMs are destroyed correctly: with descriptors closed in any order, a process
 * stopped in the guest, a thread that waits for a running vCPU, and 64 VMs at once.
 *
 *   lifecycle [ORDERS]     how many of the 5040 orders of closing a VM's parts to try (100)
 */
#include "bytes.h"

static volatile unsigned long *shared; /* a page shared with children */

/* ---- guests ---- */

#define COUNTER 0x1000 /* offset in the guest's memory */

GUEST(report, "1: li a0, 0x77\n" REPORT "j 1b\n");
GUEST(count, "li t0, 0x80001000\n1: ld t1, 0(t0)\naddi t1, t1, 1\nsd t1, 0(t0)\nj 1b\n");
GUEST(count_some, "li t0, 0x80001000\nli t2, 20000\n1: ld t1, 0(t0)\naddi t1, t1, 1\n"
		  "sd t1, 0(t0)\nbltu t1, t2, 1b\n2: wfi\nj 2b\n");
GUEST(count_shared, "li t0, 0x80400000\n1: ld t1, 0(t0)\naddi t1, t1, 1\nsd t1, 0(t0)\nj 1b\n");

/* ---- every order of close() and munmap() ---- */

#define NR_ORDERS 5040 /* 7! */

enum handle {
	H_KVM,
	H_VM,
	H_VCPU,
	H_VCPU_STATS,
	H_VM_STATS,
	H_RUN,
	H_MEMORY,
	NR_HANDLES
};

struct handles {
	struct vm vm;
	struct vcpu vcpu;
	int vcpu_stats, vm_stats;
};

static void handles_open(struct handles *h)
{
	h->vm = vm_new();
	vm_load(&h->vm, report);
	h->vcpu = vcpu_new(&h->vm, 0);
	h->vcpu_stats = ioctl(h->vcpu.fd, KVM_GET_STATS_FD, 0);
	h->vm_stats = ioctl(h->vm.fd, KVM_GET_STATS_FD, 0);
	must(h->vcpu_stats >= 0 && h->vm_stats >= 0, "KVM_GET_STATS_FD");
}

static void handle_drop(struct handles *h, enum handle which)
{
	switch (which) {
	case H_KVM:
		close(h->vm.kvm);
		break;
	case H_VM:
		close(h->vm.fd);
		break;
	case H_VCPU:
		close(h->vcpu.fd);
		break;
	case H_VCPU_STATS:
		close(h->vcpu_stats);
		break;
	case H_VM_STATS:
		close(h->vm_stats);
		break;
	case H_RUN:
		munmap(h->vcpu.run, 8192);
		break;
	default:
		munmap(h->vm.mem, MEM_SIZE);
	}
}

/* Return whether the parts that are still open work. `gone`: a mask of the closed ones. */
static bool handles_work(struct handles *h, unsigned int gone)
{
	struct kvm_stats_header header;
	bool good = true;

	if (!(gone & (1 << H_VCPU | 1 << H_RUN | 1 << H_MEMORY))) {
		good &= vcpu_run(&h->vcpu) == 0 && is_report(&h->vcpu, 0x77);
	}
	if (!(gone & 1 << H_VCPU_STATS))
		good &= pread(h->vcpu_stats, &header, sizeof(header), 0) == sizeof(header);
	if (!(gone & 1 << H_VM_STATS))
		good &= pread(h->vm_stats, &header, sizeof(header), 0) == sizeof(header);
	return good;
}

/* Close everything in the n-th of all possible orders. Returns whether open parts always worked. */
static bool drop_in_order(unsigned int n)
{
	unsigned int gone = 0, i, left, which;
	struct handles h;
	bool good = true;

	handles_open(&h);
	for (left = NR_HANDLES; left; left--) {
		i = n % left;
		n /= left;
		for (which = 0; gone & 1 << which || i; which++)
			i -= !(gone & 1 << which);
		handle_drop(&h, which);
		gone |= 1 << which;
		good &= handles_work(&h, gone);
	}
	return good;
}

static unsigned int orders_step = 1;

/*
 * Try every orders_step-th order, from a random one on. The parent reads the number of orders that
 * were correct in shared[0], and of those that were tried in shared[1].
 */
static void orders_body(void)
{
	for (unsigned int n = random_below(orders_step); n < NR_ORDERS; n += orders_step) {
		shared[0] += drop_in_order(n);
		shared[1]++;
	}
	_exit(0);
}

static void test_orders(unsigned int most)
{
	unsigned long before;

	orders_step = NR_ORDERS / 10;
	status_of(orders_body);
	claim_equal(free_bytes(), NULL);
	before = settled_bytes(0);
	orders_step = most < NR_ORDERS ? NR_ORDERS / most : 1;
	shared[0] = shared[1] = 0;
	ok(status_of(orders_body) == 0 && shared[0] == shared[1] && shared[1],
	   "whatever the order of closing, the parts that are still open work");
	printf("# %lu orders of %d\n", shared[1], NR_ORDERS);
	claim_equal(before, "no byte is missing once all parts are closed");
}

/* ---- 64 VMs at once ---- */

#define MANY 64

static void *run_for_ever(void *arg)
{
	const struct vcpu *vcpu = arg;

	while (vcpu_run(vcpu) == 0 || errno == EINTR || errno == EAGAIN)
		;
	return NULL;
}

static unsigned long counter_of(const struct vm *vm)
{
	return *(volatile unsigned long *)(vm->mem + COUNTER);
}

static void many_body(void)
{
	static struct vcpu vcpus[MANY];
	static struct vm vms[MANY];
	int i, done = 0;
	pthread_t t;

	for (i = 0; i < MANY; i++) {
		vms[i] = vm_new();
		vm_load(&vms[i], count_some);
		vcpus[i] = vcpu_new(&vms[i], 0);
		must(!pthread_create(&t, NULL, run_for_ever, &vcpus[i]), "pthread_create");
	}
	for (int tries = 0; tries < 2000 && done < MANY; tries++) {
		sleep_ms(20);
		for (done = i = 0; i < MANY; i++)
			done += counter_of(&vms[i]) == 20000;
	}
	_exit(done == MANY ? 7 : 8);
}

static void test_many(void)
{
	unsigned long before;

	status_of(many_body);
	before = settled_bytes(0);
	ok(status_of(many_body) == 7 << 8, "64 VMs run at the same time");
	claim_equal(before, "no byte is missing after 64 VMs have ended together");
}

/* ---- stopped in the guest ---- */

static void stopped_body(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);

	setpgid(0, 0);
	must(vm_set_slot(&vm, 1, MEM_GPA + MEM_SIZE, 4096, (void *)shared, 0) == 0, "slot");
	vm_load(&vm, count_shared);
	for (;;) {
		vcpu_run(&vcpu);
		shared[1] += errno == EINTR && vcpu.run->exit_reason == KVM_EXIT_INTR;
	}
}

static bool moves(volatile unsigned long *counter)
{
	unsigned long before = *counter;

	for (int tries = 0; tries < 500 && *counter == before; tries++)
		sleep_ms(10);
	return *counter != before;
}

static void test_stop(void)
{
	unsigned long count, ended;
	bool stood = true, went = true;
	pid_t pid;

	shared[0] = shared[1] = 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		stopped_body();
	setpgid(pid, pid);
	ok(moves(&shared[0]), "a guest counts while its process runs");
	ended = shared[1];
	for (int i = 0; i < 5; i++) {
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		count = shared[0];
		sleep_ms(30);
		stood &= shared[0] == count;
		kill(pid, SIGCONT);
		went &= moves(&shared[0]);
	}
	ok(stood, "the guest does not count while its process is stopped");
	ok(went && shared[1] == ended + 5,
	   "when a VMM's process continues, KVM_RUN fails with EINTR and the guest counts again");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- waiting for a vCPU that runs ---- */

static struct vcpu busy;

static void *wait_for_it(void *arg)
{
	struct kvm_mp_state state;

	(void)arg;
	shared[0] = 1;
	ioctl(busy.fd, KVM_GET_MP_STATE, &state); /* waits until the vCPU's KVM_RUN has ended */
	shared[1] = 1;
	return NULL;
}

static void nothing(int signo)
{
	(void)signo;
}

static void *run_until_signal(void *arg)
{
	(void)arg;
	while (vcpu_run(&busy) == 0)
		;
	return NULL;
}

/* One thread's ioctl waits while the vCPU runs in another thread. */
static void waiting_body(void)
{
	struct vm vm = vm_new();
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t runner, waiter;

	sigaction(SIGUSR1, &sa, NULL);
	vm_load(&vm, count);
	busy = vcpu_new(&vm, 0);
	pthread_create(&runner, NULL, run_until_signal, NULL);
	while (!counter_of(&vm))
		sleep_ms(1);
	pthread_create(&waiter, NULL, wait_for_it, NULL);
	while (!shared[0])
		sleep_ms(1);
	sleep_ms(20);
	pthread_kill(waiter, SIGUSR1);
	sleep_ms(20);
	shared[2] = shared[1]; /* 0: still waiting */
	if (shared[3])
		pause();
	pthread_kill(runner, SIGUSR1);
	pthread_join(waiter, NULL);
	_exit(0);
}

static void test_waiting(void)
{
	int status;
	pid_t pid;

	memset((void *)shared, 0, 64);
	status = status_of(waiting_body);
	ok(status == 0 && shared[2] == 0 && shared[1] == 1,
	   "an ioctl waits for a running vCPU, even if its caller handles a signal");
	memset((void *)shared, 0, 64);
	shared[3] = 1;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		waiting_body();
	while (!shared[0])
		sleep_ms(1);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	ok(status == SIGTERM, "a signal that ends the process ends the ioctl's wait");
}

int main(int argc, char **argv)
{
	setsid();
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	test_stop();
	test_waiting();
	test_orders(argc > 1 ? (unsigned int)atoi(argv[1]) : 100);
	test_many();
	return tap_done();
}
