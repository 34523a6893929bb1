// SPDX-License-Identifier: MIT
/*
 * storm.c - VMs are created, run and destroyed by processes that are killed or stopped, or call
 * exec, at any moment; nothing is leaked.
 *
 *   storm [VMS [SEED]]     default: 300 VMs
 */
#include "bytes.h"

/* ---- guests ---- */

GUEST(count, "li t0, 0x80001000\n1: ld t1, 0(t0)\naddi t1, t1, 1\nsd t1, 0(t0)\nj 1b\n");
GUEST(mmio, "li t0, 0x10000000\n1: lw t1, 0(t0)\nsw t1, 4(t0)\nj 1b\n");
GUEST(sbi, "1: li a0, 1\n" REPORT "j 1b\n");
GUEST(wait, "1: wfi\nj 1b\n");
GUEST(touch, "1: li t0, 0x80100000\nli t1, 0x80300000\nli t2, 4096\n"
	     "2: sd t0, 0(t0)\nadd t0, t0, t2\nbltu t0, t1, 2b\nj 1b\n");
/* Sends vCPUs 0 and 1 IPIs and fences, and sets a timer that is always in the past. */
GUEST(talk, "1: li a0, 3\nli a1, 0\nli a6, 0\nli a7, 0x735049\necall\n"
	    "li a0, 3\nli a1, 0\nli a2, 0\nli a3, -1\nli a6, 1\nli a7, 0x52464e43\necall\n"
	    "li a0, 1\nli a6, 0\nli a7, 0x54494d45\necall\nj 1b\n");

#define CODE_OF(name)                            \
	{                                        \
		guest_##name, guest_##name##_end \
	}

static const struct {
	const uint8_t *start, *end;
} storm_guests[] = { CODE_OF(count), CODE_OF(mmio),  CODE_OF(sbi),
		     CODE_OF(wait),  CODE_OF(touch), CODE_OF(talk) };

/* ---- processes ---- */

#define AT_ONCE   4 /* processes; even: storm_process() and storm_finish() see the same n % 2 */
#define MAX_VCPUS 2

static struct vm storm_vm;
static struct vcpu storm_vcpus[MAX_VCPUS];
static volatile int rounds; /* KVM_RUNs of this process that have returned */
static int exec_after;      /* rounds until a vCPU's thread calls exec; 0: never */

static void become_another_program(void)
{
	char *args[] = { "storm", "gone", NULL };

	execv("/proc/self/exe", args);
	_exit(98);
}

static void *storm_runner(void *arg)
{
	const struct vcpu *vcpu = arg;

	for (;;) {
		/* An error is expected once the descriptor is closed or the run page unmapped. */
		if (vcpu_run(vcpu) && errno != EINTR && errno != EAGAIN)
			usleep(200);
		if (__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED) == exec_after)
			become_another_program();
	}
	return NULL;
}

static void storm_vm_make(void)
{
	unsigned int n = 1 + random_below(MAX_VCPUS), i;
	unsigned int which = random_below(sizeof(storm_guests) / sizeof(*storm_guests));
	pthread_t t;

	storm_vm = vm_new();
	vm_load_code(&storm_vm, 0, storm_guests[which].start, storm_guests[which].end);
	for (i = 0; i < n; i++) {
		struct kvm_mp_state runs = { KVM_MP_STATE_RUNNABLE };

		storm_vcpus[i] = vcpu_new(&storm_vm, i);
		ioctl(storm_vcpus[i].fd, KVM_SET_MP_STATE, &runs);
	}
	for (i = 0; i < n; i++)
		pthread_create(&t, NULL, storm_runner, &storm_vcpus[i]);
}

enum end {         /* how a process ends, unless its parent kills it first */
	END_CLOSE, /* closes everything while the vCPUs run */
	END_EXIT,
	END_EXEC,
	END_TERM,
	END_FAULT,
	NR_ENDS,
	END_FORGETS = NR_ENDS, /* waits to be killed, and drops its memory meanwhile */
	END_NEVER,
	NR_KILLED_ENDS,
};

static void storm_end(enum end how)
{
	switch (how) {
	case END_CLOSE:
		close(storm_vm.fd);
		close(storm_vcpus[0].fd);
		munmap(storm_vcpus[0].run, 8192);
		munmap(storm_vm.mem, MEM_SIZE);
		_exit(7);
	case END_EXIT:
		_exit(7);
	case END_EXEC:
		become_another_program();
		break;
	case END_TERM:
		raise(SIGTERM);
		break;
	case END_FAULT:
		raise(SIGSEGV);
		break;
	case END_FORGETS:
		for (;;)
			madvise(storm_vm.mem, MEM_SIZE, MADV_DONTNEED);
	default:
		for (;;)
			pause();
	}
}

static void storm_process(bool killed)
{
	enum end how = random_below(killed ? NR_KILLED_ENDS : NR_ENDS);
	unsigned int delay = random_below(2000);

	exec_after = random_below(4) ? 0 : 1 + (int)random_below(50);
	storm_vm_make();
	usleep(delay);
	storm_end(how);
}

/* Wait for a process to end. If n is odd, kill it first; if n % 8 is 1, stop it before that. */
static void storm_finish(pid_t pid, unsigned int n)
{
	bool killed = n % 2;

	if (killed)
		usleep(random_below(1500));
	if (n % 8 == 1) {
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		if (random_below(2))
			kill(pid, SIGCONT);
	}
	if (killed)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void storm(unsigned int vms)
{
	pid_t pids[AT_ONCE] = { 0 };
	unsigned int n;

	fflush(stdout);
	for (n = 0; n < vms + AT_ONCE; n++) {
		pid_t *slot = &pids[n % AT_ONCE];

		if (*slot > 0)
			storm_finish(*slot, n);
		random_below(2);
		*slot = n < vms ? fork() : -1;
		if (*slot == 0)
			storm_process(n % 2);
		must(*slot > 0 || n >= vms, "fork");
	}
}

static void one_more(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);

	vm_load(&vm, sbi);
	_exit(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 1) ? 7 : 8);
}

static void test_storm(unsigned int vms)
{
	unsigned long before;

	storm(40);
	claim_equal(free_bytes(), NULL);
	before = settled_bytes(0);
	storm(vms);
	printf("# %u VMs\n", vms);
	claim_equal(before, "no byte is missing after VMs were created, run and killed or ended");
	ok(status_of(one_more) == 7 << 8, "a VM runs after the storm");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "gone") == 0)
		return 0;
	if (argc > 2)
		seed ^= strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15;
	test_storm(argc > 1 ? (unsigned int)atoi(argv[1]) : 300);
	return tap_done();
}
