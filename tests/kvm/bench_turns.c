// SPDX-License-Identifier: MIT
/*
 * bench_turns.c - measure what KVM_RUN costs its caller: for one vCPU, for vCPUs in turn, and for
 * VMs in turn.
 *
 * There is one thread, so running another vCPU puts the previous one and loads the next. The cost
 * of a put and a load is row run_vcpus minus row run_same, and the cost of a switch between VMs is
 * row run_vms minus row run_same. Each guest only calls its VMM. In rows with `_fp` in their names,
 * it also executes an FP instruction before each call. Rows, units and arguments are those of the
 * payload (src/guest/bench/measure.c). scripts/hyperscope bench runs this program on hyperscope and
 * on Linux KVM.
 */
#include <asm/kvm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BATCHES    128
#define PER_BATCH  256
#define GUEST_BASE 0x80000000UL
#define GUEST_SIZE (2UL << 20)
#define MAX_TURNS  16
#define TICK_INSNS 100

/*
 * The guests make a forwarded SBI call in a loop. The second guest writes an FP register before
 * each call, and the third reads one.
 */
extern const char guest_code[], guest_fp[], guest_fp_read[], guest_end[];
__asm__(".section .rodata\n"
	".globl guest_code, guest_fp, guest_fp_read, guest_end\n"
	".balign 8\n"
	"guest_code:\n"
	"	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"1:	ecall\n"
	"	j	1b\n"
	".balign 8\n"
	"guest_fp:\n"
	"	li	t0, 0x2000\n" /* sstatus.FS = Initial */
	"	csrs	sstatus, t0\n"
	"	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"1:	fmv.d.x	f0, zero\n"
	"	ecall\n"
	"	j	1b\n"
	".balign 8\n"
	"guest_fp_read:\n"
	"	li	t0, 0x2000\n"
	"	csrs	sstatus, t0\n"
	"	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"1:	fmv.x.d	t1, f0\n"
	"	ecall\n"
	"	j	1b\n"
	"guest_end:\n"
	".previous\n");

struct vcpu {
	int fd;
	struct kvm_run *run;
};

static int kvm;
static bool icount;
static const char *only = "";
static char *memory; /* shared by all VMs, because none writes to it */

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_turns: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- VMs ---- */

static int new_vm(void)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = GUEST_BASE,
						      .memory_size = GUEST_SIZE,
						      .userspace_addr = (uintptr_t)memory };
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	must(vm >= 0, "KVM_CREATE_VM");
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0, "KVM_SET_USER_MEMORY_REGION");
	return vm;
}

static struct vcpu new_vcpu(int vm, unsigned long id, const char *code)
{
	struct vcpu vcpu = { .fd = ioctl(vm, KVM_CREATE_VCPU, id) };
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	uint64_t pc = GUEST_BASE + (uint64_t)(code - guest_code);
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE |
					 KVM_REG_RISCV_CORE_REG(regs.pc),
				   .addr = (uintptr_t)&pc };

	must(vcpu.fd >= 0, "KVM_CREATE_VCPU");
	vcpu.run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
			MAP_SHARED, vcpu.fd, 0);
	must(vcpu.run != MAP_FAILED, "mmap of a vCPU");
	must(ioctl(vcpu.fd, KVM_SET_ONE_REG, &reg) == 0, "KVM_SET_ONE_REG");
	must(ioctl(vcpu.fd, KVM_SET_MP_STATE, &runnable) == 0, "KVM_SET_MP_STATE");
	return vcpu;
}

static void run_once(struct vcpu *vcpu)
{
	must(ioctl(vcpu->fd, KVM_RUN, 0) == 0, "KVM_RUN");
	if (vcpu->run->exit_reason != KVM_EXIT_RISCV_SBI) {
		fprintf(stderr, "bench_turns: exit reason %u\n", vcpu->run->exit_reason);
		exit(1);
	}
}

/* ---- rows, in the format of src/guest/bench/measure.c ---- */

static unsigned long now(void)
{
	unsigned long time;

	__asm__ volatile("rdtime %0" : "=r"(time));
	return time;
}

/*
 * Detect -icount shift=0, where a tick is 100 instructions, by timing a loop of a million
 * instructions.
 */
static void find_unit(void)
{
	unsigned long n = 500000, t = now();

	__asm__ volatile("1: addi %0, %0, -1; bnez %0, 1b" : "+r"(n));
	t = now() - t;
	icount = t >= 9990 && t <= 10010 + 1000;
}

static bool wanted(const char *name)
{
	const char *at = strstr(only, name);

	for (; at; at = strstr(at + 1, name)) {
		char end = at[strlen(name)];

		if ((at == only || at[-1] == ',') && (!end || end == ','))
			return true;
	}
	return !*only;
}

static int by_value(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static void print_value(unsigned long ticks, unsigned long n)
{
	unsigned long hundredths = ticks * 100 * (icount ? TICK_INSNS : 100) / n;

	printf(",%lu.%02lu", hundredths / 100, hundredths % 100);
}

static void report(const char *name, unsigned long *ticks)
{
	unsigned long sum = 0;

	for (int i = 0; i < BATCHES; i++)
		sum += ticks[i];
	qsort(ticks, BATCHES, sizeof(*ticks), by_value);
	printf("bench,%s,%s,%d", name, icount ? "instructions" : "ns", BATCHES * PER_BATCH);
	print_value(ticks[0], PER_BATCH);
	print_value(ticks[(BATCHES * 50 + 99) / 100 - 1], PER_BATCH);
	print_value(ticks[(BATCHES * 99 + 99) / 100 - 1], PER_BATCH);
	print_value(ticks[BATCHES - 1], PER_BATCH);
	print_value(sum, BATCHES * PER_BATCH);
	printf(",\n");
}

/*
 * Time BATCHES batches of PER_BATCH calls of op(arg, i), and print a row. A batch for warming up
 * comes first and is not counted.
 */
static void bench(const char *name, void (*op)(void *arg, unsigned int i), void *arg)
{
	unsigned long ticks[BATCHES + 1];

	if (!wanted(name))
		return;
	for (int b = 0; b <= BATCHES; b++) {
		ticks[b] = now();
		for (unsigned int i = 0; i < PER_BATCH; i++)
			op(arg, i);
		ticks[b] = now() - ticks[b];
	}
	report(name, ticks + 1);
}

/* ---- operations ---- */

struct turns {
	unsigned int n;
	struct vcpu vcpu[MAX_TURNS];
};

static void op_ioctl(void *arg, unsigned int i)
{
	(void)arg, (void)i;
	ioctl(kvm, KVM_GET_API_VERSION, 0);
}

static void op_interrupt(void *arg, unsigned int i)
{
	struct turns *turns = arg;
	struct kvm_interrupt irq = { i % 2 ? KVM_INTERRUPT_UNSET : KVM_INTERRUPT_SET };

	must(ioctl(turns->vcpu[0].fd, KVM_INTERRUPT, &irq) == 0, "KVM_INTERRUPT");
}

static void op_immediate(void *arg, unsigned int i)
{
	struct turns *turns = arg;

	(void)i;
	must(ioctl(turns->vcpu[0].fd, KVM_RUN, 0) < 0 && errno == EINTR,
	     "KVM_RUN that exits at once");
}

static void op_turn(void *arg, unsigned int i)
{
	struct turns *turns = arg;

	run_once(&turns->vcpu[i % turns->n]);
}

/*
 * Print the row of n vCPUs that run in turn. With own_vm, each has its own VM; otherwise they share
 * one.
 */
static void bench_turns(const char *name, unsigned int n, bool own_vm, const char *code)
{
	struct turns turns = { .n = n };
	int vms[MAX_TURNS];

	if (!wanted(name))
		return;
	for (unsigned int i = 0; i < n; i++) {
		vms[i] = !i || own_vm ? new_vm() : vms[0];
		turns.vcpu[i] = new_vcpu(vms[i], own_vm ? 0 : i, code);
	}
	bench(name, op_turn, &turns);
	for (unsigned int i = 0; i < n; i++) {
		munmap(turns.vcpu[i].run, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
		close(turns.vcpu[i].fd);
		if (!i || own_vm)
			close(vms[i]);
	}
}

static void bench_calls(void)
{
	struct turns turns = { .n = 1 };

	turns.vcpu[0] = new_vcpu(new_vm(), 0, guest_code);
	run_once(&turns.vcpu[0]);
	bench("ioctl_nothing", op_ioctl, NULL);
	bench("kvm_interrupt", op_interrupt, &turns);
	turns.vcpu[0].run->immediate_exit = 1;
	bench("run_immediate", op_immediate, &turns);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "only=", 5))
			only = argv[i] + 5;
		else if (!strncmp(argv[i], "settle=", 7))
			sleep((unsigned int)atoi(argv[i] + 7));
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	must(kvm >= 0, "/dev/kvm");
	memory = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED, "memory");
	memcpy(memory, guest_code, (size_t)(guest_end - guest_code));
	find_unit();
	bench_calls();
	bench_turns("run_same", 1, false, guest_code);
	bench_turns("run_same_fp", 1, false, guest_fp);
	bench_turns("run_vcpus", 2, false, guest_code);
	bench_turns("run_vcpus_fp", 2, false, guest_fp);
	bench_turns("run_vcpus_fp_use", 2, false, guest_fp_read);
	bench_turns("run_vms", 2, true, guest_code);
	bench_turns("run_8_vcpus", 8, false, guest_code);
	bench_turns("run_16_vms", 16, true, guest_code);
	return 0;
}
