// SPDX-License-Identifier: MIT
/*
 * vector.c - four vCPUs, their VMM's threads, two more threads, a process and large copies use
 * vectors on the same harts, and are moved and interrupted by signals: no vector register is ever
 * wrong, and nobody finds another's values.
 *
 * Every user has its own pattern in v0 to v31: in register N, each word is the user's tag plus its
 * round plus N. A system call may change a program's vector registers (Linux's RISC-V ABI), but must
 * not leave another's values in them. The vCPUs belong to two VMs. On hyperscope, the two VARIANTs
 * are these VMs' values of the toggle fp. Where programs cannot use vectors, only guests do.
 *
 *   vector [ROUNDS [VARIANT VARIANT]]
 */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "vm.h"

#define VCPUS     4
#define THREADS   2
#define MAX_VLENB 256
#define STEP      0x100UL /* difference between the patterns of two rounds */
#define PARAM     "/sys/module/kvm/parameters/fp"
#define SAVE_AT   0x100000UL /* in the VM's memory: where each guest stores its registers */
#define SAVE_SIZE (32UL * MAX_VLENB)

/* Tags of the users, in the 16 highest bits of each word. */
#define TAG_GUEST   (0x7000UL << 48)
#define TAG_SET     (0x4000UL << 48) /* a guest, after ONE_REG */
#define TAG_RUN     (0x5000UL << 48) /* a VMM's thread */
#define TAG_USER    (0x6000UL << 48)
#define TAG_HANDLER (0x3000UL << 48)
#define TAG_PROCESS (0x2000UL << 48)
#define OWNER(n)    ((uint64_t)(n) << 40)

/*
 * s0: the words of v0; s1: the round; its low 3 bits are vcsr, and its low 2 bits are VS while the
 * registers are not in use; a1: where to store them; s9: vlenb. s4: bits found wrong. Each round
 * spins, and every second one also makes an SBI call with (s4, s0, s9). The answer to the call is
 * the new value of s0, or 0 to keep it.
 */
/* clang-format off */
GUEST(vector,
	".option arch, +d, +v\n.option norvc\n"
	"mv s0, a0\nmv s3, a1\nli s1, 0\nli s4, 0\nlla t0, 9f\ncsrw stvec, t0\n"
	"li t0, 0x600\ncsrs sstatus, t0\ncsrr s9, vlenb\n"
	/* every second vCPU also uses FP */
	"1: srli t1, s0, 40\nandi t1, t1, 1\nbeqz t1, 2f\nli t0, 0x6000\ncsrs sstatus, t0\nfmv.d.x f0, s0\n"
	/* fill the registers; then e32, with vl 1 or 2 */
	"2: li t0, 0x600\ncsrs sstatus, t0\nvsetvli t0, zero, e64, m1, ta, ma\nmv t1, s0\n"
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"vmv.v.x v\\n, t1\naddi t1, t1, 1\n.endr\n"
	".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
	"vmv.v.x v\\n, t1\naddi t1, t1, 1\n.endr\n"
	"andi s7, s1, 7\ncsrw vcsr, s7\nandi s8, s1, 1\naddi s8, s8, 1\n"
	"vsetvli zero, s8, e32, m1, ta, ma\n"
	"li t0, 0x600\ncsrc sstatus, t0\nandi t1, s1, 3\nslli t1, t1, 9\ncsrs sstatus, t1\n"
	"andi t1, s1, 0x1f\nslli t1, t1, 9\naddi t1, t1, 1\n3: addi t1, t1, -1\nbnez t1, 3b\n"
	"andi t1, s1, 1\nbnez t1, 4f\n"
	"mv a0, s4\nmv a1, s0\nmv a2, s9\nli a7, 0x08000000\nli a6, 7\necall\n"
	"beqz a1, 4f\nmv s0, a1\n"
	/* check vl, vcsr and every word of the registers */
	"4: li t0, 0x600\ncsrs sstatus, t0\ncsrr t1, vl\nxor t1, t1, s8\nor s4, s4, t1\n"
	"csrr t1, vcsr\nxor t1, t1, s7\nor s4, s4, t1\n"
	"mv t2, s3\nvsetvli t0, zero, e8, m8, ta, ma\n"
	".irp n, 0, 8, 16, 24\nvse8.v v\\n, (t2)\nadd t2, t2, t0\n.endr\n"
	"mv t2, s3\nli t3, 0\n"
	"5: add t4, s0, t3\nadd t5, t2, s9\n"
	"6: ld t6, (t2)\nxor t6, t6, t4\nor s4, s4, t6\naddi t2, t2, 8\nbltu t2, t5, 6b\n"
	"addi t3, t3, 1\nli t6, 32\nbltu t3, t6, 5b\n"
	"addi s1, s1, 1\naddi s0, s0, 0x100\nj 1b\n"
	/* trap handler: a wrong vtype makes an instruction illegal; report that for ever */
	".balign 4\n9: li a0, -1\nli a7, 0x08000000\nli a6, 7\necall\nj 9b");
/* clang-format on */

struct regs {
	uint64_t word[SAVE_SIZE / 8];
};

static bool programs_too; /* programs can use vectors */
static unsigned long vlenb;

/*
 * Fill v0 to v31 with a pattern, make a system call (or spin, if nr < 0), and store them in `out`.
 */
static long with_regs(long nr, long fd, long request, long spin, uint64_t base, struct regs *out)
{
	register long a0 __asm__("a0") = fd;
	register long a1 __asm__("a1") = request;
	register long a2 __asm__("a2") = 0;
	register long a7 __asm__("a7") = nr;
	void *to = out;

	__asm__ volatile(".option push\n.option arch, +v\n"
			 "vsetvli t0, zero, e64, m1, ta, ma\n"
			 ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
			 "vmv.v.x v\\n, %[base]\naddi %[base], %[base], 1\n.endr\n"
			 ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
			 "vmv.v.x v\\n, %[base]\naddi %[base], %[base], 1\n.endr\n"
			 "bltz a7, 1f\necall\nj 2f\n"
			 "1: addi %[spin], %[spin], -1\nbgtz %[spin], 1b\n"
			 "2: vsetvli t0, zero, e8, m8, ta, ma\n"
			 ".irp n, 0, 8, 16, 24\nvse8.v v\\n, (%[to])\nadd %[to], %[to], t0\n.endr\n"
			 ".option pop"
			 : "+r"(a0), [spin] "+r"(spin), [base] "+r"(base), [to] "+r"(to)
			 : "r"(a1), "r"(a2), "r"(a7)
			 : "t0", "memory");
	return a0;
}

/* The number of words that are neither the pattern's nor, after a system call, all ones. */
static unsigned long wrong_words(const struct regs *regs, uint64_t base, bool after_call)
{
	unsigned long i, n = 0;

	for (i = 0; i < 32 * vlenb / 8; i++) {
		uint64_t want = base + i / (vlenb / 8);

		if (regs->word[i] == want || (after_call && regs->word[i] == ~0UL))
			continue;
		if (n++ == 0)
			printf("# %s: word %lu is 0x%lx, not 0x%lx\n",
			       after_call ? "after KVM_RUN" : "in a program", i, regs->word[i],
			       want);
	}
	return n;
}

/* ---- the threads -------------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct vcpu vcpu;
	unsigned long rounds, moves, signals;
	unsigned long guest_bad, read_bad, user_bad, after_bad, child_bad, run_bad;
};

static struct worker workers[VCPUS + THREADS];
static unsigned long rounds = 2000;
static volatile bool stop;
static volatile unsigned int finished; /* vCPUs */
static volatile unsigned long handled;

/* Every fourth round, move the thread to one of the first two harts, maybe the one it is on. */
static void move(struct worker *w, unsigned int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((w->rounds * 0x9e37 + n) / 64 % 2, &set);
	if (w->rounds % 4 == 0 && sched_setaffinity(0, sizeof(set), &set) == 0)
		w->moves++;
}

#define VECTOR_REG(n)                                                         \
	(KVM_REG_RISCV | KVM_REG_RISCV_VECTOR | KVM_REG_RISCV_VECTOR_REG(n) | \
	 ((uint64_t)__builtin_ctzl(vlenb) << KVM_REG_SIZE_SHIFT))

static int one_reg(struct worker *w, unsigned int n, unsigned long request, uint64_t *value)
{
	struct kvm_one_reg reg = { .id = VECTOR_REG(n), .addr = (uintptr_t)value };

	return ioctl(w->vcpu.fd, request, &reg);
}

/* Every fourth round, compare ONE_REG with the guest's report. Every eighth, set a new pattern. */
static void look(struct worker *w, unsigned int n)
{
	struct kvm_run *run = w->vcpu.run;
	uint64_t base = run->riscv_sbi.args[1], value[MAX_VLENB / 8];
	unsigned int i, j;

	run->riscv_sbi.ret[0] = 0;
	run->riscv_sbi.ret[1] = 0;
	if (w->rounds % 4)
		return;
	for (i = 0; i < 32; i++) {
		w->read_bad += one_reg(w, i, KVM_GET_ONE_REG, value) != 0;
		for (j = 0; j < vlenb / 8; j++)
			w->read_bad += value[j] != base + i;
	}
	if (w->rounds % 8)
		return;
	base = TAG_SET + OWNER(n) + w->rounds * STEP;
	for (i = 0; i < 32; i++) {
		for (j = 0; j < vlenb / 8; j++)
			value[j] = base + i;
		w->read_bad += one_reg(w, i, KVM_SET_ONE_REG, value) != 0;
	}
	run->riscv_sbi.ret[1] = base;
}

static void *run_vcpu(void *arg)
{
	struct worker *w = arg;
	unsigned int n = (unsigned int)(w - workers);
	struct kvm_run *run = w->vcpu.run;
	struct regs found;
	uint64_t base;
	long err;

	for (w->rounds = 0; w->rounds < rounds; w->rounds++) {
		/* Two of the threads do not use vectors. */
		do {
			if (n % 2 && programs_too) {
				base = TAG_RUN + OWNER(n) + w->rounds * STEP;
				err = with_regs(29 /* ioctl */, w->vcpu.fd, KVM_RUN, 0, base,
						&found);
				w->after_bad += wrong_words(&found, base, true) != 0;
			} else {
				err = vcpu_run(&w->vcpu) ? -errno : 0;
			}
			w->signals += err == -EINTR;
		} while (err == -EINTR);
		if (err || run->exit_reason != KVM_EXIT_RISCV_SBI) {
			w->run_bad++;
			break;
		}
		if (run->riscv_sbi.args[0] && !w->guest_bad++)
			printf("# vCPU %u: bits 0x%llx are wrong\n", n,
			       (unsigned long long)run->riscv_sbi.args[0]);
		look(w, n);
		move(w, n);
	}
	__atomic_fetch_add(&finished, 1, __ATOMIC_RELAXED);
	while (!stop) /* a signal may still be sent */
		usleep(1000);
	return NULL;
}

/* A child begins without vector state. */
static unsigned long child_finds(void)
{
	struct regs found;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		void *to = &found;
		bool bad = false;

		__asm__ volatile(".option push\n.option arch, +v\n"
				 "vsetvli t0, zero, e8, m8, ta, ma\n"
				 ".irp n, 0, 8, 16, 24\nvse8.v v\\n, (%0)\nadd %0, %0, t0\n.endr\n"
				 ".option pop"
				 : "+r"(to)
				 :
				 : "t0", "memory");
		for (unsigned long i = 0; i < 32 * vlenb / 8; i++)
			bad |= found.word[i] && ~found.word[i];
		_exit(bad);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static void *run_user(void *arg)
{
	struct worker *w = arg;
	unsigned int n = (unsigned int)(w - workers);
	struct regs found;
	uint64_t base;

	while (!stop) {
		base = TAG_USER + OWNER(n) + w->rounds * STEP;
		with_regs(-1, 0, 0, 1 + (long)(w->rounds * 0x9e37 % 20000), base, &found);
		w->user_bad += wrong_words(&found, base, false) != 0;
		if (w->rounds % 256 == n)
			w->child_bad += child_finds();
		sched_yield();
		move(w, n);
		w->rounds++;
	}
	return NULL;
}

/* Each signal's handler uses vectors. */
static void handler(int sig)
{
	struct regs found;

	(void)sig;
	if (programs_too)
		with_regs(-1, 0, 0, 200, TAG_HANDLER, &found);
	handled++;
}

static void *run_signals(void *arg)
{
	unsigned int n = 0;

	(void)arg;
	while (!stop) {
		usleep(700);
		n = (n + 1) % (VCPUS + THREADS);
		if (workers[n].thread)
			pthread_kill(workers[n].thread, SIGUSR1);
	}
	return NULL;
}

/* Large copies between user and kernel memory, for which Linux 6.12 uses vectors. */
static unsigned long copies_bad, copies;

static void *run_copies(void *arg)
{
	static uint64_t in[4096], out[4096];
	struct worker w = { 0 };
	int fds[2];

	(void)arg;
	must(pipe(fds) == 0, "pipe");
	while (!stop) {
		for (unsigned int i = 0; i < 4096; i++)
			in[i] = copies * 0x10001 + i;
		if (write(fds[1], in, sizeof(in)) != sizeof(in) ||
		    read(fds[0], out, sizeof(out)) != sizeof(out) ||
		    memcmp(in, out, sizeof(in)) != 0)
			copies_bad++;
		copies++;
		w.rounds++;
		move(&w, 0);
	}
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

/* Another process, which does nothing but use vectors. It never ends by itself. */
struct process {
	unsigned long rounds, bad;
};

static void run_process(struct process *shared)
{
	struct regs found;
	struct worker w = { 0 };
	uint64_t base;

	for (;;) {
		base = TAG_PROCESS + shared->rounds * STEP;
		with_regs(-1, 0, 0, 5000, base, &found);
		shared->bad += wrong_words(&found, base, false) != 0;
		w.rounds = shared->rounds++;
		move(&w, 1);
	}
}

/* ---- the VMs -------------------------------------------------------------------------------------- */

static bool choose(const char *variant)
{
	FILE *f = fopen(PARAM, "w");

	if (!f)
		f = fopen("/sys/module/hyperscope/parameters/fp", "w");
	return f && fputs(variant, f) >= 0 && fclose(f) == 0;
}

static struct vm make(const char *variant, unsigned int first)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct vm vm;

	if (variant)
		ok(choose(variant), "a VM's variant can be chosen before the VM is created");
	vm = vm_new();
	vm_load(&vm, vector);
	for (unsigned int i = first; i < first + VCPUS / 2; i++) {
		workers[i].vcpu = vcpu_new(&vm, i);
		must(set_reg(&workers[i].vcpu, R_A0, TAG_GUEST + OWNER(i)) == 0, "a0");
		must(set_reg(&workers[i].vcpu, R_A1, MEM_GPA + SAVE_AT + i * SAVE_SIZE) == 0, "a1");
		must(ioctl(workers[i].vcpu.fd, KVM_SET_MP_STATE, &runnable) == 0, "MP_STATE");
	}
	return vm;
}

#define VLENB_REG                                                  \
	(KVM_REG_RISCV | KVM_REG_RISCV_VECTOR | KVM_REG_SIZE_U64 | \
	 KVM_REG_RISCV_VECTOR_CSR_REG(vlenb))

static void report(struct process *shared)
{
	struct worker sum = { 0 };

	for (unsigned int i = 0; i < VCPUS + THREADS; i++) {
		struct worker *w = &workers[i];

		printf("# %s %u: %lu rounds\n", i < VCPUS ? "vCPU" : "thread", i, w->rounds);
		sum.moves += w->moves;
		sum.signals += w->signals;
		sum.run_bad += w->run_bad;
		sum.guest_bad += w->guest_bad;
		sum.read_bad += w->read_bad;
		sum.user_bad += w->user_bad;
		sum.after_bad += w->after_bad;
		sum.child_bad += w->child_bad;
	}
	printf("# process: %lu rounds; %lu copies; %lu moves; %lu signals, of which %lu ended "
	       "KVM_RUN\n",
	       shared->rounds, copies, sum.moves, handled, sum.signals);
	ok(sum.run_bad == 0, "every vCPU completes its rounds");
	ok(sum.moves > 0, "threads are moved between harts");
	ok(sum.guest_bad == 0, "in guests, v0 to v31, vl and vcsr are never wrong");
	ok(sum.read_bad == 0,
	   "ONE_REG reads the guest's vector registers, and values that it writes reach the guest");
	ok(copies_bad == 0, "no byte of a copy is wrong");
	if (!programs_too)
		return;
	ok(sum.after_bad == 0, "after KVM_RUN, a thread finds nothing but its own values or ones");
	ok(sum.user_bad == 0, "in other threads, v0 to v31 are never wrong");
	ok(shared->bad == 0 && shared->rounds > 0, "nor in another process");
	ok(sum.child_bad == 0, "a child finds nobody's values");
}

int main(int argc, char **argv)
{
	struct process *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	pthread_t signals, copying;
	struct vm vms[2];
	pid_t pid = 0;

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	/* PR_RISCV_V_SET_CONTROL: on. AT_HWCAP may lack V on kernels where vectors are off at first. */
	programs_too = prctl(69, 2) == 0;
	sigaction(SIGUSR1, &action, NULL);
	vms[0] = make(argc > 3 ? argv[2] : NULL, 0);
	vms[1] = make(argc > 3 ? argv[3] : NULL, VCPUS / 2);
	vlenb = get_reg(&workers[0].vcpu, VLENB_REG);
	must(vlenb >= 16 && vlenb <= MAX_VLENB, "vlenb");
	printf("# vlenb %lu; programs %s vectors\n", vlenb, programs_too ? "use" : "do not use");
	if (programs_too)
		pid = fork();
	if (programs_too && pid == 0)
		run_process(shared);
	for (unsigned int i = 0; i < VCPUS + (programs_too ? THREADS : 0); i++)
		must(pthread_create(&workers[i].thread, NULL, i < VCPUS ? run_vcpu : run_user,
				    &workers[i]) == 0,
		     "pthread_create");
	must(pthread_create(&signals, NULL, run_signals, NULL) == 0, "pthread_create");
	must(pthread_create(&copying, NULL, run_copies, NULL) == 0, "pthread_create");
	while (finished < VCPUS)
		usleep(1000);
	stop = true;
	pthread_join(signals, NULL);
	pthread_join(copying, NULL);
	for (unsigned int i = 0; i < VCPUS + (programs_too ? THREADS : 0); i++)
		pthread_join(workers[i].thread, NULL);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	report(shared);
	for (unsigned int i = 0; i < VCPUS; i++)
		vcpu_free(&workers[i].vcpu);
	vm_free(&vms[0]);
	vm_free(&vms[1]);
	return tap_done();
}
