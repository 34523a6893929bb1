// SPDX-License-Identifier: MIT
/*
 * tally.c - guests that make a known number of each kind of exit, which KVM_GET_STATS_FD has to
 * count.
 *
 *   tally [FIRST]     FIRST: the number of the first VM, for the lines below (1)
 *
 * The first VM is only queried. The second has one vCPU (and a stopped one), and the third has four
 * that run concurrently. The fourth has two; its process is killed while they work, and their
 * counters are read through descriptors that outlive it. With HS_TALLY set, the program prints a
 * line for each counter that is not 0, "stat VM.VCPU NAME VALUE" (or "stat VM NAME VALUE"), which
 * tests/kvm-api/counts.t compares with the trace.
 */
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "vm.h"

#define TO_USER   0x10000000UL /* no device in the kernel: exits to the VMM */
#define COALESCED 0x10001000UL
#define EVENTFD   0x10002000UL

/*
 * Executes s1 rounds. In each round, the guest makes one base call and one call to user space; a
 * store and a load that exit to user space; one store each to the coalesced zone, to the ioeventfd
 * and to the page at s0, which then advances by s3 bytes; an IPI and a remote fence to the vCPUs in
 * mask s4; a WFI with the timer pending, and a WFI until a timer of s2 ticks fires. Bits of s5 add
 * wrs.nto (1), an access to the seed CSR (2) and one to hpmcounter3 (4).
 */
GUEST(rounds, ".option norvc\nli t0, 0x20\ncsrw sie, t0\n"
	      "1: li a7, 0x10\nli a6, 0\necall\n"
	      "li a7, 0x08000000\nli a6, 1\necall\n"
	      "li t0, 0x10000000\nsw s1, 0(t0)\nlw t1, 4(t0)\n"
	      "li t0, 0x10001000\nsw s1, 0(t0)\nli t0, 0x10002000\nsd s1, 0(t0)\n"
	      "sd s1, 0(s0)\nadd s0, s0, s3\n"
	      "mv a0, s4\nli a1, 0\nli a7, 0x735049\nli a6, 0\necall\ncsrci sip, 2\n"
	      "mv a0, s4\nli a1, 0\nli a2, 0\nli a3, 0x1000\nli a7, 0x52464e43\nli a6, 1\necall\n"
	      "li a0, 0\nli a7, 0x54494d45\nli a6, 0\necall\nwfi\n"
	      "rdtime a0\nadd a0, a0, s2\nli a7, 0x54494d45\nli a6, 0\necall\nwfi\n"
	      "andi t0, s5, 1\nbeqz t0, 2f\nmv t1, sp\nlr.w t0, (t1)\n.word 0x00d00073\n"
	      "2: andi t0, s5, 2\nbeqz t0, 3f\ncsrrw t1, 0x015, zero\n"
	      "3: andi t0, s5, 4\nbeqz t0, 4f\ncsrr t1, 0xc03\n"
	      "4: addi s1, s1, -1\nbnez s1, 1b\nli a0, 1\n" REPORT "1: j 1b\n");

enum {
	DOES_WRS = 1,
	DOES_SEED = 2,
	DOES_HPM = 4,
};

static unsigned int first = 1, does;

/* ---- counters ------------------------------------------------------------------------------- */

struct counters {
	struct kvm_stats_header head;
	struct {
		struct kvm_stats_desc desc;
		char name[48];
	} rows[64];
	uint64_t data[256];
};

static struct counters counters_of(int fd)
{
	struct counters c = { 0 };
	size_t rows;

	must(pread(fd, &c.head, sizeof(c.head), 0) == sizeof(c.head), "the header");
	rows = c.head.num_desc * sizeof(c.rows[0]);
	must(c.head.name_size == 48 && rows <= sizeof(c.rows), "names of 48 bytes");
	must(pread(fd, c.rows, rows, c.head.desc_offset) == (long)rows, "the descriptors");
	must(pread(fd, c.data, sizeof(c.data), c.head.data_offset) > 0, "the data");
	return c;
}

static uint64_t value_of(const struct counters *c, const char *name)
{
	for (unsigned int i = 0; i < c->head.num_desc; i++)
		if (!strcmp(c->rows[i].name, name))
			return c->data[c->rows[i].desc.offset / 8];
	return 0;
}

/*
 * If HS_TALLY is set, print each counter that is not 0. A histogram has more than one word and is
 * printed as their sum.
 */
static void show(const char *who, int fd)
{
	struct counters c = counters_of(fd);

	if (!getenv("HS_TALLY"))
		return;
	for (unsigned int i = 0; i < c.head.num_desc; i++) {
		uint64_t sum = 0;

		for (unsigned int k = 0; k < c.rows[i].desc.size; k++)
			sum += c.data[c.rows[i].desc.offset / 8 + k];
		if (sum)
			printf("stat %s %s %lu\n", who, c.rows[i].name, sum);
	}
}

/* ---- VMs that make exits ----------------------------------------------------------------------- */

struct worker {
	struct vcpu vcpu;
	pthread_t thread;
	unsigned int calls, stores, loads, seeds; /* exits to user space */
	int stats;
	bool good;
};

struct crew {
	struct vm vm;
	struct worker workers[4];
	unsigned int count;
	int stats, event;
};

static bool has_isa(const struct vcpu *vcpu, unsigned long ext)
{
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
					 ext };
	uint64_t value = 0;

	reg.addr = (uintptr_t)&value;
	return ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg) == 0 && value;
}

static void ring_and_eventfd(struct crew *crew)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = COALESCED, .size = 0x1000 };
	struct kvm_ioeventfd io = { .addr = EVENTFD, .len = 8 };

	crew->event = eventfd(0, 0);
	io.fd = crew->event;
	must(ioctl(crew->vm.fd, KVM_REGISTER_COALESCED_MMIO, &zone) == 0, "the ring's zone");
	must(ioctl(crew->vm.fd, KVM_IOEVENTFD, &io) == 0, "the ioeventfd");
}

/*
 * Make a VM whose `count` vCPUs each execute `rounds` rounds. Each vCPU stores to its own quarter
 * of the memory above the first MiB: to a new page in each round if `fresh` is set, and otherwise
 * always to the same page.
 */
static void crew_make(struct crew *crew, unsigned int count, unsigned int rounds, bool fresh)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	memset(crew, 0, sizeof(*crew));
	crew->vm = vm_new();
	madvise(crew->vm.mem, MEM_SIZE, MADV_NOHUGEPAGE);
	crew->count = count;
	ring_and_eventfd(crew);
	vm_load(&crew->vm, rounds);
	crew->stats = ioctl(crew->vm.fd, KVM_GET_STATS_FD, 0);
	for (unsigned int i = 0; i < count; i++) {
		struct worker *w = &crew->workers[i];

		w->vcpu = vcpu_new(&crew->vm, i);
		w->stats = ioctl(w->vcpu.fd, KVM_GET_STATS_FD, 0);
		must(ioctl(w->vcpu.fd, KVM_SET_MP_STATE, &runnable) == 0, "KVM_SET_MP_STATE");
		set_reg(&w->vcpu, CORE(regs.sp), MEM_GPA + 0x1000);
		set_reg(&w->vcpu, CORE(regs.s0), MEM_GPA + 0x100000 + i * 0xc0000);
		set_reg(&w->vcpu, CORE(regs.s1), rounds);
		set_reg(&w->vcpu, CORE(regs.s2), 2000);
		set_reg(&w->vcpu, CORE(regs.s3), fresh ? 0x1000 : 0);
		set_reg(&w->vcpu, CORE(regs.s4), (1UL << count) - 1);
		set_reg(&w->vcpu, CORE(regs.s5), does);
	}
}

static void crew_free(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->count; i++) {
		close(crew->workers[i].stats);
		vcpu_free(&crew->workers[i].vcpu);
	}
	close(crew->stats);
	close(crew->event);
	vm_free(&crew->vm);
}

/*
 * Handle an exit to user space. Return false for the guest's final report, and for an exit that the
 * guest should not make.
 */
static bool answer(struct worker *w)
{
	volatile struct kvm_coalesced_mmio_ring *ring = (void *)((uint8_t *)w->vcpu.run + 4096);
	struct kvm_run *run = w->vcpu.run;

	ring->first = ring->last;
	switch (run->exit_reason) {
	case KVM_EXIT_RISCV_SBI:
		w->calls++;
		return run->riscv_sbi.function_id == 1;
	case KVM_EXIT_MMIO:
		w->stores += run->mmio.is_write;
		w->loads += !run->mmio.is_write;
		return (run->mmio.phys_addr & ~7UL) == TO_USER;
	case KVM_EXIT_RISCV_CSR:
		w->seeds++;
		run->riscv_csr.ret_value = 0x80000000;
		return true;
	}
	return false;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (vcpu_run(&w->vcpu) == 0 && answer(w))
		;
	w->good = is_report(&w->vcpu, 1);
	return NULL;
}

/* ---- expected counts ---------------------------------------------------------------------------- */

static void is(const struct counters *c, const char *name, uint64_t want, const char *claim)
{
	uint64_t got = value_of(c, name);

	if (!ok(got == want, claim))
		printf("# %s is %lu, not %lu\n", name, got, want);
}

static void counted(const struct worker *w, unsigned int rounds, bool waits)
{
	struct counters c = counters_of(w->stats);

	ok(w->good && w->calls == rounds + 1 && w->stores == rounds && w->loads == rounds,
	   "the guest makes the expected exits to user space");
	is(&c, "ecall_exit_stat", rounds + 1, "SBI calls that user space answers are counted");
	is(&c, "mmio_exit_user", 2 * rounds, "MMIO accesses that user space answers are counted");
	is(&c, "mmio_exit_kernel", 2 * rounds, "MMIO stores that the kernel handles are counted");
	is(&c, "wrs_exit_stat", does & DOES_WRS ? rounds : 0, "exits by wrs.nto are counted");
	is(&c, "csr_exit_user", does & DOES_SEED ? rounds : 0,
	   "CSR accesses that user space answers are counted");
	if (waits)
		is(&c, "wfi_exit_stat", 2 * rounds, "exits by WFI are counted");
	if (does & DOES_HPM)
		is(&c, "csr_exit_kernel", rounds,
		   "CSR accesses that the kernel answers are counted (hyperscope only)");
}

/*
 * Call KVM_RUN `times` times with SIGUSR1 pending. The thread blocks SIGUSR1, and only the mask
 * that is in force during KVM_RUN (KVM_SET_SIGNAL_MASK) unblocks it.
 */
static void signaled(struct vcpu *vcpu, unsigned int times)
{
	struct {
		struct kvm_signal_mask head;
		uint64_t none;
	} mask = { .head.len = 8 };
	sigset_t set;
	bool good = true;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	must(ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &mask) == 0, "KVM_SET_SIGNAL_MASK");
	for (unsigned int i = 0; i < times; i++) {
		pthread_kill(pthread_self(), SIGUSR1);
		good = vcpu_run(vcpu) == -1 && errno == EINTR && good;
		sigtimedwait(&set, NULL, &(struct timespec){ 0 });
	}
	ok(good, "a signal ends KVM_RUN");
	must(ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, NULL) == 0, "no mask");
}

/*
 * Show the counters of the VM and of its vCPUs. Delete the memory slot first, so that the counters
 * include the TLB flushes that this causes.
 */
static void show_all(struct crew *crew, unsigned int vm)
{
	char who[16];

	vm_set_slot(&crew->vm, 0, MEM_GPA, 0, NULL, 0); /* fails if another process made the VM */
	for (unsigned int i = 0; i < crew->count; i++) {
		snprintf(who, sizeof(who), "%u.%u", vm, i);
		show(who, crew->workers[i].stats);
	}
	snprintf(who, sizeof(who), "%u", vm);
	show(who, crew->stats);
}

static void one(bool waits)
{
	struct kvm_mp_state stopped = { KVM_MP_STATE_STOPPED };
	struct crew crew;
	struct counters c;

	crew_make(&crew, 2, 20, true);
	must(ioctl(crew.workers[1].vcpu.fd, KVM_SET_MP_STATE, &stopped) == 0, "a stopped vCPU");
	set_reg(&crew.workers[0].vcpu, CORE(regs.s4), 1);
	signaled(&crew.workers[0].vcpu, 3);
	work(&crew.workers[0]);
	counted(&crew.workers[0], 20, waits);
	c = counters_of(crew.workers[0].stats);
	is(&c, "signal_exits", 3, "signals that end KVM_RUN are counted");
	signaled(&crew.workers[1].vcpu, 2);
	c = counters_of(crew.workers[1].stats);
	is(&c, "signal_exits", 2, "signals that end KVM_RUN of a stopped vCPU are counted");
	is(&c, "exits", 0, "a stopped vCPU has no exits");
	show_all(&crew, first);
	crew_free(&crew);
}

static void four(bool waits)
{
	struct crew crew;
	unsigned int i;

	crew_make(&crew, 4, 20, true);
	for (i = 0; i < 4; i++)
		must(!pthread_create(&crew.workers[i].thread, NULL, work, &crew.workers[i]),
		     "a thread");
	for (i = 0; i < 4; i++)
		pthread_join(crew.workers[i].thread, NULL);
	/*
	 * These guests enable only the timer interrupt, so IPIs and fences do not end their WFIs,
	 * and each vCPU's counts are those of a vCPU that runs alone.
	 */
	for (i = 0; i < 4; i++)
		counted(&crew.workers[i], 20, waits);
	show_all(&crew, first + 1);
	crew_free(&crew);
}

/* ---- a killed VMM ---------------------------------------------------------------------------- */

/* Runs in the child: the vCPUs work until the child is killed. */
static void work_for_ever(struct crew *crew)
{
	unsigned int i;

	crew_make(crew, 2, 0, false); /* 0: 2^64 rounds */
	for (i = 0; i < 2; i++)
		must(!pthread_create(&crew->workers[i].thread, NULL, work, &crew->workers[i]),
		     "a thread");
	for (;;)
		pause();
}

static void killed(void)
{
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile struct worker *w = crew->workers;
	struct counters c;
	int status;
	long child;

	must(crew != MAP_FAILED, "shared memory");
	/*
	 * With CLONE_FILES, the child shares the descriptor table: the descriptors that it opens
	 * stay open when it ends.
	 */
	child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	must(child >= 0, "clone");
	if (!child)
		work_for_ever(crew);
	while (w[0].calls < 30 || w[1].calls < 30)
		sched_yield();
	kill((pid_t)child, SIGKILL);
	ok(waitpid((pid_t)child, &status, 0) == child && WIFSIGNALED(status), "a VMM is killed");
	for (unsigned int i = 0; i < 2; i++) {
		c = counters_of(crew->workers[i].stats);
		/* KVM may have counted one last exit that the VMM had not yet counted. */
		ok(value_of(&c, "ecall_exit_stat") - w[i].calls <= 1 &&
			   value_of(&c, "mmio_exit_user") - w[i].stores - w[i].loads <= 1 &&
			   value_of(&c, "exits") > 30 * 10,
		   "the counters of a killed VMM's vCPUs can be read, and are right");
	}
	show_all(crew, first + 2);
	for (unsigned int i = 0; i < 2; i++) {
		close(crew->workers[i].stats);
		close(crew->workers[i].vcpu.fd);
	}
	close(crew->stats);
	close(crew->event);
	close(crew->vm.fd);
	close(crew->vm.kvm);
	munmap(crew, sizeof(*crew));
}

int main(int argc, char **argv)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	bool waits = !toggle_is("wfi", "native");

	if (argc > 1)
		first = (unsigned int)atoi(argv[1]);
	first++; /* the first number is that of `vm`, which is only queried */
	does = (has_isa(&vcpu, KVM_RISCV_ISA_EXT_ZAWRS) && !getenv("HS_NO_WRS") ? DOES_WRS : 0) |
	       (has_isa(&vcpu, KVM_RISCV_ISA_EXT_ZKR) ? DOES_SEED : 0) |
	       (getenv("HS_OURS") ? DOES_HPM : 0);
	vcpu_free(&vcpu);
	vm_free(&vm);
	one(waits);
	four(waits);
	killed();
	return tap_done();
}
