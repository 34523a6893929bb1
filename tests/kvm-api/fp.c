// SPDX-License-Identifier: MIT
/*
 * fp.c - four vCPUs, their VMM's threads and two more threads use FP while they are moved between
 * harts: no FP register is ever wrong.
 *
 * Each vCPU and each thread that uses FP has its own pattern in f0 to f31 and fcsr. The guests set
 * sstatus.FS to each of its values while they do not use FP, and handle their own illegal
 * instructions. Each of the VMM's threads reads its guest's pattern with ONE_REG, and sometimes
 * replaces it; two of these threads also hold a pattern of their own across KVM_RUN. The vCPUs
 * belong to two VMs. On hyperscope, the two VARIANTs are these VMs' values of the toggle fp.
 *
 *   fp [ROUNDS [VARIANT VARIANT]]
 */
#include <sched.h>
#include "vm.h"

#define VCPUS    4
#define THREADS  2
#define STEP     0x100UL /* difference between the patterns of two rounds */
#define NO_TRAPS 0
#define PARAM    "/sys/module/kvm/parameters/fp"

/*
 * s0: the value of f0; fN holds s0 + N. s1: the round; its low byte is fcsr, and its low 2 bits are
 * FS while the registers are not in use. s4: register bits found wrong; s5: traps taken minus traps
 * expected; s6: errors in traps; s9: the bits of fcsr to check. Each round spins, and every second round also makes an SBI call
 * with (s4, s0, fcsr, s6). The answer to the call is the new value of f0, or 0 to keep it.
 */
/* clang-format off */
GUEST(fp,
	".option arch, +d\n.option norvc\n"
	"mv s0, a0\nmv s9, a1\nli s1, 0\nli s6, 0\nli s4, 0\nlla t0, 9f\ncsrw stvec, t0\n"
	/* fill the registers */
	"1: li t0, 0x6000\ncsrs sstatus, t0\nmv t1, s0\nandi s7, s1, 0xff\ncsrw fcsr, s7\n"
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"fmv.d.x f\\n, t1\naddi t1, t1, 1\n.endr\n"
	".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
	"fmv.d.x f\\n, t1\naddi t1, t1, 1\n.endr\n"
	"csrc sstatus, t0\nandi t1, s1, 3\nslli t1, t1, 13\ncsrs sstatus, t1\n"
	/* traps: FP with FS Off, and an instruction that is always illegal */
	"li s5, 0\nli s8, 0x02000053\nbnez t1, 2f\n.word 0x02000053\naddi s5, s5, -1\n"
	"2: li s8, 0xffffffff\nslli s8, s8, 32\nsrli s8, s8, 32\n.word 0xffffffff\n"
	"addi s5, s5, -1\nor s6, s6, s5\n"
	"andi t1, s1, 0x1f\nslli t1, t1, 9\naddi t1, t1, 1\n3: addi t1, t1, -1\nbnez t1, 3b\n"
	"andi t1, s1, 1\nbnez t1, 4f\n"
	"mv a0, s4\nmv a1, s0\nmv a2, s7\nmv a3, s6\nli a7, 0x08000000\nli a6, 7\necall\n"
	"beqz a1, 4f\nmv s0, a1\n"
	/* check the registers */
	"4: li t0, 0x6000\ncsrs sstatus, t0\nmv t1, s0\n"
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"fmv.x.d t2, f\\n\nxor t2, t2, t1\nor s4, s4, t2\naddi t1, t1, 1\n.endr\n"
	".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
	"fmv.x.d t2, f\\n\nxor t2, t2, t1\nor s4, s4, t2\naddi t1, t1, 1\n.endr\n"
	"csrr t2, fcsr\nxor t2, t2, s7\nand t2, t2, s9\nor s4, s4, t2\n"
	"addi s1, s1, 1\naddi s0, s0, 0x100\nj 1b\n"
	/* trap handler */
	".balign 4\n9: addi s5, s5, 1\ncsrr t3, scause\naddi t3, t3, -2\nor s6, s6, t3\n"
	"csrr t3, stval\nxor t3, t3, s8\nor s6, s6, t3\ncsrr t3, sepc\naddi t3, t3, 4\n"
	"csrw sepc, t3\nsret");
/* clang-format on */

struct regs {
	uint64_t f[32];
	uint64_t fcsr;
};

/*
 * Load all FP registers from `in`, make a system call (or spin, if nr < 0), and save them in `out`.
 */
static long with_regs(long nr, long fd, long request, long spin, const struct regs *in,
		      struct regs *out)
{
	register long a0 __asm__("a0") = fd;
	register long a1 __asm__("a1") = request;
	register long a2 __asm__("a2") = 0;
	register long a7 __asm__("a7") = nr;

	__asm__ volatile(".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
			 "fld f\\n, \\n * 8(%[in])\n.endr\n"
			 ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
			 "fld f\\n, \\n * 8(%[in])\n.endr\n"
			 "ld t0, 256(%[in])\ncsrw fcsr, t0\n"
			 "bltz a7, 1f\necall\nj 2f\n"
			 "1: addi %[spin], %[spin], -1\nbgtz %[spin], 1b\n"
			 "2: csrr t0, fcsr\nsd t0, 256(%[out])\n"
			 ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
			 "fsd f\\n, \\n * 8(%[out])\n.endr\n"
			 ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
			 "fsd f\\n, \\n * 8(%[out])\n.endr\n"
			 "csrw fcsr, zero\n"
			 : "+r"(a0), [spin] "+r"(spin)
			 : "r"(a1), "r"(a2), "r"(a7), [in] "r"(in), [out] "r"(out)
			 : "t0", "memory", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8",
			   "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18",
			   "f19", "f20", "f21", "f22", "f23", "f24", "f25", "f26", "f27", "f28",
			   "f29", "f30", "f31");
	return a0;
}

static void pattern(struct regs *regs, uint64_t base, uint64_t fcsr)
{
	for (unsigned int n = 0; n < 32; n++)
		regs->f[n] = base + n;
	regs->fcsr = fcsr & 0xff;
}

static bool is_pattern(const struct regs *regs, uint64_t base, uint64_t fcsr)
{
	struct regs want;

	pattern(&want, base, fcsr);
	return memcmp(regs, &want, sizeof(want)) == 0;
}

/* ---- the threads -------------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct vcpu vcpu;
	unsigned long rounds, moves;
	unsigned long guest_bad, trap_bad, read_bad, user_bad, run_bad;
};

static struct worker workers[VCPUS + THREADS];
static unsigned long rounds = 2000;
static volatile bool stop;
/* Linux KVM loses an fcsr that only a CSR instruction has written, in QEMU (docs/kvm-api.md). */
static uint64_t fcsr_mask;

/* Every fourth round, move the thread to one of the first two harts, maybe the one it is on. */
static void move(struct worker *w, unsigned int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((w->rounds * 0x9e37 + n) / 8 % 2, &set);
	if (w->rounds % 4 == 0 && sched_setaffinity(0, sizeof(set), &set) == 0)
		w->moves++;
}

#define FP_D(n) (KVM_REG_RISCV | KVM_REG_RISCV_FP_D | KVM_REG_SIZE_U64 | (n))
#define FCSR    (KVM_REG_RISCV | KVM_REG_RISCV_FP_D | KVM_REG_SIZE_U32 | KVM_REG_RISCV_FP_D_REG(fcsr))

/* Every fourth round, compare ONE_REG with the guest's report. Every eighth, set a new pattern. */
static void look(struct worker *w, unsigned int n)
{
	struct kvm_run *run = w->vcpu.run;
	uint64_t base = run->riscv_sbi.args[1];
	struct regs regs = { 0 };

	run->riscv_sbi.ret[1] = 0;
	if (w->rounds % 4)
		return;
	for (unsigned int i = 0; i < 32; i++)
		regs.f[i] = get_reg(&w->vcpu, FP_D(i));
	regs.fcsr = fcsr_mask ? get_reg(&w->vcpu, FCSR) : run->riscv_sbi.args[2];
	w->read_bad += !is_pattern(&regs, base, run->riscv_sbi.args[2]);
	if (w->rounds % 8)
		return;
	base = 0x4000000000000000UL + ((uint64_t)n << 40) + w->rounds * STEP;
	for (unsigned int i = 0; i < 32; i++)
		w->read_bad += set_reg(&w->vcpu, FP_D(i), base + i) != 0;
	run->riscv_sbi.ret[1] = base;
}

static void *run_vcpu(void *arg)
{
	struct worker *w = arg;
	unsigned int n = (unsigned int)(w - workers);
	struct kvm_run *run = w->vcpu.run;
	struct regs mine, found;
	long err;

	for (w->rounds = 0; w->rounds < rounds; w->rounds++) {
		/* Two of the threads do not use FP, so their guests' registers may stay loaded. */
		if (n % 2) {
			pattern(&mine,
				0x5000000000000000UL + ((uint64_t)n << 40) + w->rounds * STEP,
				w->rounds);
			err = with_regs(29 /* ioctl */, w->vcpu.fd, KVM_RUN, 0, &mine, &found);
			w->user_bad += memcmp(&mine, &found, sizeof(mine)) != 0;
		} else {
			err = vcpu_run(&w->vcpu);
		}
		if (err || run->exit_reason != KVM_EXIT_RISCV_SBI) {
			w->run_bad++;
			break;
		}
		w->guest_bad += run->riscv_sbi.args[0] != 0;
		w->trap_bad += run->riscv_sbi.args[3] != NO_TRAPS;
		run->riscv_sbi.ret[0] = 0;
		look(w, n);
		move(w, n);
	}
	return NULL;
}

static void *run_user(void *arg)
{
	struct worker *w = arg;
	unsigned int n = (unsigned int)(w - workers);
	struct regs mine, found;

	while (!stop) {
		pattern(&mine, 0x6000000000000000UL + ((uint64_t)n << 40) + w->rounds * STEP,
			w->rounds);
		with_regs(-1, 0, 0, 1 + (long)(w->rounds * 0x9e37 % 20000), &mine, &found);
		w->user_bad += memcmp(&mine, &found, sizeof(mine)) != 0;
		sched_yield();
		move(w, n);
		w->rounds++;
	}
	return NULL;
}

/* ---- the VMs -------------------------------------------------------------------------------------- */

static bool choose(const char *variant)
{
	FILE *f = fopen(PARAM, "w");

	return f && fputs(variant, f) >= 0 && fclose(f) == 0;
}

static struct vm make(const char *variant, unsigned int first)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct vm vm;

	if (variant)
		ok(choose(variant), "a VM's variant can be chosen before the VM is created");
	vm = vm_new();
	vm_load(&vm, fp);
	for (unsigned int i = first; i < first + VCPUS / 2; i++) {
		workers[i].vcpu = vcpu_new(&vm, i);
		must(set_reg(&workers[i].vcpu, R_A0, 0x7000000000000000UL + ((uint64_t)i << 40)) ==
			     0,
		     "a0");
		must(set_reg(&workers[i].vcpu, R_A1, fcsr_mask) == 0, "a1");
		must(ioctl(workers[i].vcpu.fd, KVM_SET_MP_STATE, &runnable) == 0, "MP_STATE");
	}
	return vm;
}

int main(int argc, char **argv)
{
	struct vm vms[2];
	struct worker sum = { 0 };

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	fcsr_mask = getenv("HS_OURS") || access(PARAM, F_OK) == 0 ? 0xff : 0;
	printf("# fcsr of guests: %s\n", fcsr_mask ? "checked" : "not checked");
	vms[0] = make(argc > 3 ? argv[2] : NULL, 0);
	vms[1] = make(argc > 3 ? argv[3] : NULL, VCPUS / 2);
	for (unsigned int i = 0; i < VCPUS + THREADS; i++)
		must(pthread_create(&workers[i].thread, NULL, i < VCPUS ? run_vcpu : run_user,
				    &workers[i]) == 0,
		     "pthread_create");
	for (unsigned int i = 0; i < VCPUS + THREADS; i++) {
		struct worker *w = &workers[i];

		stop = i >= VCPUS;
		pthread_join(w->thread, NULL);
		printf("# %s %u: %lu rounds\n", i < VCPUS ? "vCPU" : "thread", i, w->rounds);
		sum.moves += w->moves;
		sum.run_bad += w->run_bad;
		sum.guest_bad += w->guest_bad;
		sum.trap_bad += w->trap_bad;
		sum.read_bad += w->read_bad;
		sum.user_bad += w->user_bad;
	}
	printf("# %lu moves\n", sum.moves);
	ok(sum.run_bad == 0, "every vCPU completes its rounds");
	ok(sum.moves > 0, "threads are moved between harts");
	ok(sum.guest_bad == 0, "in guests, f0 to f31 and fcsr are never wrong");
	ok(sum.trap_bad == 0,
	   "guests take their own illegal-instruction traps, with the instruction in stval");
	ok(sum.read_bad == 0,
	   "ONE_REG reads the guest's FP registers, and values that it writes reach the guest");
	ok(sum.user_bad == 0, "in user programs, f0 to f31 and fcsr are never wrong");
	for (unsigned int i = 0; i < VCPUS; i++)
		vcpu_free(&workers[i].vcpu);
	vm_free(&vms[0]);
	vm_free(&vms[1]);
	return tap_done();
}
