// SPDX-License-Identifier: MIT
/*
 * lazy_put.c - a guest's state may stay in the processor between two KVM_RUNs, but no program can
 * observe that.
 *
 * The counting guest uses registers that a hypervisor switches in different ways: a general
 * register, a CSR and, in one of two variants, FP registers. Whatever happens between two of its
 * calls, the counts have to continue, and the program has to find its own registers. On Linux, FP
 * registers do not stay in the unit.
 *
 *   lazy_put [ROUNDS]     rounds of two threads that run a vCPU alternately (200)
 */
#include <sched.h>
#include <sys/wait.h>
#include "vm.h"

/* s0, sscratch and fs0 count the calls; f7 and f31 have fixed patterns, and fcsr rounds down. */
GUEST(counts, ".option arch, +d\nli t0, 0x6000\ncsrs sstatus, t0\nfscsr zero\nli t0, 2\nfsrm t0\n"
	      "fmv.d.x f0, zero\nli t1, 0x1234\nfmv.d.x f7, t1\nli t1, 0x4567\nfmv.d.x f31, t1\n"
	      "li s0, 0\ncsrw sscratch, zero\nfmv.d.x fs0, zero\n"
	      "1: addi s0, s0, 1\ncsrr t0, sscratch\naddi t0, t0, 1\ncsrw sscratch, t0\n"
	      "fmv.x.d t1, fs0\naddi t1, t1, 1\nfmv.d.x fs0, t1\n"
	      "mv a0, s0\nbne t0, s0, 2f\nbne t1, s0, 2f\n"
	      "frrm t2\nli t3, 2\nbne t2, t3, 2f\n"
	      "fmv.x.d t2, f7\nli t3, 0x1234\nbne t2, t3, 2f\n"
	      "fmv.x.d t2, f31\nli t3, 0x4567\nbne t2, t3, 2f\n"
	      "3:" REPORT "j 1b\n2: li a0, -1\nj 3b");
/* The same without FP. */
GUEST(integers, "li s0, 0\ncsrw sscratch, zero\n"
		"1: addi s0, s0, 1\ncsrr t0, sscratch\naddi t0, t0, 1\ncsrw sscratch, t0\n"
		"mv a0, s0\nbne t0, s0, 2f\n3:" REPORT "j 1b\n2: li a0, -1\nj 3b");
/*
 * Sets its timer to 2 ms from now, once, and then reports again and again how often it has fired.
 */
GUEST(timer, ".option norvc\nlla t0, 2f\ncsrw stvec, t0\nli t0, 0x20\ncsrw sie, t0\n"
	     "csrsi sstatus, 2\nli s0, 0\nrdtime a0\nli t0, 20000\nadd a0, a0, t0\n"
	     "li a7, 0x54494d45\nli a6, 0\necall\n1: mv a0, s0\n" REPORT "j 1b\n"
	     ".balign 4\n2: mv s1, a0\nmv s2, a1\nmv s3, a6\nmv s4, a7\naddi s0, s0, 1\n"
	     "li a0, -1\nli a7, 0x54494d45\nli a6, 0\necall\n"
	     "mv a0, s1\nmv a1, s2\nmv a6, s3\nmv a7, s4\nsret");
/* Denies its own programs the counters and everything that senvcfg enables. */
GUEST(closes, "csrw scounteren, zero\ncsrw senvcfg, zero\nli a0, 5\n" REPORT "1: j 1b");

static void load_counting(struct vm *vm, bool fp)
{
	if (fp)
		vm_load(vm, counts);
	else
		vm_load(vm, integers);
}

static uint64_t f_pattern(unsigned int round)
{
	return 0x3ff0000000000000 + round;
}

static bool counts_on(const struct vcpu *vcpu, uint64_t *calls)
{
	return vcpu_run(vcpu) == 0 && is_report(vcpu, ++*calls);
}

/* The program's own FP registers are set before the guest runs, and compared afterwards. */
static void both_use_fp(const struct vcpu *vcpu, uint64_t *calls)
{
	unsigned int round, wrong = 0;

	for (round = 0; round < 1000; round++) {
		uint64_t fs0 = 0, f7 = 0, rm = 0;

		if (round % 3)
			__asm__ volatile(
				"fmv.d.x fs0, %0\nfmv.d.x f7, %0\nfsrmi 3" ::"r"(f_pattern(round))
				: "fs0", "f7");
		wrong += !counts_on(vcpu, calls);
		if (round % 3)
			__asm__ volatile("fmv.x.d %0, fs0\nfrrm %1\nfsrmi 0" : "=r"(fs0), "=r"(rm));
		wrong += round % 3 && (fs0 != f_pattern(round) || rm != 3);
		if (round % 5 == 1)
			__asm__ volatile("fmv.d.x f7, %1\nfmv.x.d %0, f7"
					 : "=r"(f7)
					 : "r"(f_pattern(round))
					 : "f7");
		wrong += round % 5 == 1 && f7 != f_pattern(round);
	}
	ok(wrong == 0, "guest and program use FP alternately, and each finds its own registers");
}

struct shared {
	struct vcpu *vcpu;
	uint64_t calls;
	unsigned int wrong;
	volatile unsigned int rounds;
	volatile unsigned int turn;
	volatile bool stop;
};

/* Run the vCPU, then stay on the processor without a system call until told to stop. */
static void *runs_and_spins(void *arg)
{
	struct shared *s = arg;

	s->wrong += !counts_on(s->vcpu, &s->calls);
	s->turn = 1;
	while (!s->stop)
		;
	return NULL;
}

static void read_from_elsewhere(struct vcpu *vcpu, uint64_t *calls)
{
	struct shared s = { .vcpu = vcpu, .calls = *calls };
	pthread_t thread;
	uint64_t seen;

	pthread_create(&thread, NULL, runs_and_spins, &s);
	while (!s.turn)
		sched_yield();
	seen = get_reg(vcpu, CSRREG(sscratch));
	ok(s.wrong == 0 && seen == s.calls,
	   "another thread reads the current value of the guest's CSR");
	ok(counts_on(vcpu, &s.calls), "a thread can continue a guest that another thread ran");
	s.stop = true;
	pthread_join(thread, NULL);
	*calls = s.calls;
}

static void *takes_turns(void *arg)
{
	struct shared *s = arg;

	while (s->rounds) {
		while (s->turn != 1)
			if (!s->rounds)
				return NULL;
		s->wrong += !counts_on(s->vcpu, &s->calls);
		s->turn = 0;
	}
	return NULL;
}

static void two_threads_run_it(struct vcpu *vcpu, uint64_t *calls, unsigned int rounds)
{
	struct shared s = { .vcpu = vcpu, .calls = *calls, .rounds = rounds };
	pthread_t thread;

	pthread_create(&thread, NULL, takes_turns, &s);
	while (s.rounds) {
		s.wrong += !counts_on(vcpu, &s.calls);
		s.turn = 1;
		while (s.turn)
			;
		s.rounds--;
	}
	pthread_join(thread, NULL);
	ok(s.wrong == 0, "two threads can run a vCPU alternately on two processors");
	*calls = s.calls;
}

static void one_thread_runs_two(struct vcpu *vcpu, uint64_t *calls)
{
	struct vm other = vm_new();
	struct vcpu second = vcpu_new(&other, 0);
	unsigned int round, wrong = 0;
	uint64_t others = 0;

	vm_load(&other, integers);
	for (round = 0; round < 200; round++) {
		wrong += !counts_on(vcpu, calls);
		wrong += !counts_on(&second, &others);
		if (round % 4 == 0)
			wrong += get_reg(vcpu, CSRREG(sscratch)) != *calls;
	}
	ok(wrong == 0, "one thread can run vCPUs of two VMs alternately");
	vcpu_free(&second);
	vm_free(&other);
}

static void counting(bool fp, unsigned int rounds)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	uint64_t calls = 0;
	int status = -1;
	pid_t child;

	printf("# the guest %s FP\n", fp ? "uses" : "does not use");
	load_counting(&vm, fp);
	if (fp)
		both_use_fp(&vcpu, &calls);
	else
		must(counts_on(&vcpu, &calls), "the first call");
	ok(get_reg(&vcpu, CSRREG(sscratch)) == calls,
	   "user space reads a CSR as the guest has left it");
	ok(set_reg(&vcpu, CSRREG(sscratch), calls) == 0 && counts_on(&vcpu, &calls),
	   "the guest finds the CSR value that user space wrote");
	read_from_elsewhere(&vcpu, &calls);
	two_threads_run_it(&vcpu, &calls, rounds);
	one_thread_runs_two(&vcpu, &calls);
	must(counts_on(&vcpu, &calls), "another call");
	child = fork();
	if (child == 0)
		_exit(vcpu_run(&vcpu) == -1 && errno == EIO ? 3 : 4);
	must(waitpid(child, &status, 0) == child, "waitpid");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 3 && counts_on(&vcpu, &calls),
	   "a fork between two KVM_RUNs does not affect the guest");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/* Run the vCPU, then leave the processor, at about the time when another thread frees the VM. */
static void *runs_and_sleeps(void *arg)
{
	struct shared *s = arg;

	s->wrong += !counts_on(s->vcpu, &s->calls);
	s->turn = 1;
	usleep(1);
	return NULL;
}

static void closed_from_elsewhere(void *(*runs)(void *arg), bool fp, const char *claim)
{
	unsigned int round, wrong = 0;

	for (round = 0; round < 20; round++) {
		struct vm vm = vm_new();
		struct vcpu vcpu = vcpu_new(&vm, 0);
		struct shared s = { .vcpu = &vcpu };
		pthread_t thread;

		load_counting(&vm, fp);
		pthread_create(&thread, NULL, runs, &s);
		while (!s.turn)
			sched_yield();
		vcpu_free(&vcpu);
		vm_free(&vm);
		s.stop = true;
		pthread_join(thread, NULL);
		wrong += s.wrong;
	}
	ok(wrong == 0, claim);
}

static uint64_t rdtime(void)
{
	uint64_t now;

	__asm__ volatile("rdtime %0" : "=r"(now));
	return now;
}

static void timer_goes_off_outside(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	uint64_t begin, start;
	bool fired = false;

	vm_load(&vm, timer);
	must(vcpu_run(&vcpu) == 0, "the first report");
	/*
	 * The guest does not set the timer again, so a lost timer would never fire. Wait up to
	 * 10 s, because a busy machine may delay the interrupt. The interrupt may be taken twice,
	 * because VSTIP need not fall at once when the handler clears the timer (Sstc).
	 */
	for (begin = rdtime(); !fired && rdtime() - begin < 10 * 10000000;) {
		for (start = rdtime(); rdtime() - start < 40000;)
			;
		must(vcpu_run(&vcpu) == 0, "another report");
		fired = is_report(&vcpu, 1) || is_report(&vcpu, 2);
	}
	ok(fired, "the guest's timer fires while the vCPU's thread is in user space");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static void shared_csrs(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	uint64_t before = rdtime();

	vm_load(&vm, closes);
	must(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 5), "the report");
	ok(rdtime() >= before,
	   "a guest disables counters for its own programs, not for the host's");
	ok(get_reg(&vcpu, CSRREG(scounteren)) == 0, "the counters stay disabled in the guest");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/* After exec, the thread and a descriptor of the vCPU belong to another program. */
static void becomes_another_program(const char *path)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		struct vm vm = vm_new();
		struct vcpu vcpu = vcpu_new(&vm, 0);
		uint64_t calls = 0;

		vm_load(&vm, counts);
		fcntl(vcpu.fd, F_SETFD, 0);
		if (counts_on(&vcpu, &calls))
			execl(path, path, "again", (char *)NULL);
		_exit(9);
	}
	must(waitpid(child, &status, 0) == child, "waitpid");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "after exec, the new program does not find the guest's FP registers");
}

static int again(void)
{
	uint64_t f7, f31, fcsr;

	__asm__ volatile("fmv.x.d %0, f7\nfmv.x.d %1, f31\nfrcsr %2"
			 : "=r"(f7), "=r"(f31), "=r"(fcsr));
	return f7 == 0x1234 || f31 == 0x4567 || fcsr;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 200;

	if (argc > 1 && strcmp(argv[1], "again") == 0)
		return again();
	counting(true, rounds);
	counting(false, rounds);
	closed_from_elsewhere(runs_and_spins, true,
			      "a VM can be freed while the thread that ran it is in user space");
	closed_from_elsewhere(runs_and_spins, false, "the same if the guest has not used FP");
	closed_from_elsewhere(runs_and_sleeps, false,
			      "a VM can be freed while the thread that ran it begins to sleep");
	timer_goes_off_outside();
	shared_csrs();
	becomes_another_program("/proc/self/exe");
	return tap_done();
}
