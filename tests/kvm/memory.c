// SPDX-License-Identifier: MIT
/*
 * memory.c - a guest's memory while user space changes it under its feet.
 *
 * A static program of the KVM user API alone, so that it runs on hyperscope and on
 * Linux KVM, and must say the same. The guest does one access a time, as it is told
 * through a forwarded SBI call; in the last claims some vCPUs store without end while
 * the host takes pages away, as often as the argument says. Prints TAP.
 */
#include <asm/kvm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE       4096UL
#define MB         (1UL << 20)
#define GUEST_BASE 0x80000000UL
#define GUEST_SIZE (8 * MB)
#define ALIAS_BASE 0x90000000UL
#define CODE       GUEST_BASE
#define DATA       (GUEST_BASE + 2 * MB)
#define MAX_VCPUS  4

/* ---- the guest ------------------------------------------------------------------- */

enum op {
	OP_LOAD = 1,
	OP_STORE, /* of its own address */
	OP_CALL,  /* a function of a0, after fence.i */
	OP_STORM, /* store to the 64 pages at the address without end */
};

extern const char guest_code[], guest_code_end[];
__asm__(".section .rodata\n"
	".globl guest_code, guest_code_end\n"
	".balign 8\n"
	"guest_code:\n"
	"1:	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"	ecall\n" /* a0: what to do, a1: where; a0 at the call: what came of it */
	"	li	t0, 1\n"
	"	beq	a0, t0, 2f\n"
	"	li	t0, 2\n"
	"	beq	a0, t0, 3f\n"
	"	li	t0, 3\n"
	"	beq	a0, t0, 4f\n"
	"	j	5f\n"
	"2:	ld	a0, 0(a1)\n"
	"	j	1b\n"
	"3:	sd	a1, 0(a1)\n"
	"	mv	a0, a1\n"
	"	j	1b\n"
	"4:	fence.i\n"
	"	jalr	a1\n"
	"	j	1b\n"
	"5:	li	t1, 64\n"
	"	mv	t2, a1\n"
	"	li	t3, 4096\n"
	"6:	sd	t2, 0(t2)\n"
	"	add	t2, t2, t3\n"
	"	addi	t1, t1, -1\n"
	"	bnez	t1, 6b\n"
	"	j	5b\n"
	"guest_code_end:\n"
	".previous\n");

/* ---- TAP --------------------------------------------------------------------------- */

static int claims, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++claims, name);
	if (!good)
		failures++;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the VM -------------------------------------------------------------------------- */

struct vcpu {
	int fd;
	struct kvm_run *run;
};

static int vm;
static char *memory;
static struct vcpu vcpus[MAX_VCPUS];

static int set_slot(uint32_t slot, uint64_t gpa, uint64_t size, void *at, uint32_t flags)
{
	struct kvm_userspace_memory_region r = { slot, flags, gpa, size, (uintptr_t)at };

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static void set_pc(struct vcpu *vcpu, uint64_t pc)
{
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE |
					 KVM_REG_RISCV_CORE_REG(regs.pc),
				   .addr = (uintptr_t)&pc };

	must(ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) == 0, "KVM_SET_ONE_REG");
}

static void start(struct vcpu *vcpu, int kvm, unsigned int id)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	vcpu->fd = ioctl(vm, KVM_CREATE_VCPU, id);
	must(vcpu->fd >= 0, "KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
			 PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	must(vcpu->run != MAP_FAILED, "mmap of the run page");
	must(ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable) == 0, "KVM_SET_MP_STATE");
	set_pc(vcpu, CODE);
}

static void make_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR);
	char *at = mmap(NULL, GUEST_SIZE + 2 * MB, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned int i;

	must(kvm >= 0, "/dev/kvm");
	must(at != MAP_FAILED, "mmap");
	memory = (char *)(((uintptr_t)at + 2 * MB - 1) & ~(2 * MB - 1));
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	must(vm >= 0, "KVM_CREATE_VM");
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, 0) == 0, "slot 0");
	memcpy(memory, guest_code, (size_t)(guest_code_end - guest_code));
	for (i = 0; i < MAX_VCPUS; i++)
		start(&vcpus[i], kvm, i);
}

static uint64_t *user(uint64_t gpa)
{
	return (uint64_t *)(memory + (gpa - GUEST_BASE));
}

/* What a step of the guest came to: an SBI call with its result, or something else. */
struct outcome {
	int err; /* of KVM_RUN */
	uint32_t exit;
	uint64_t result;
	uint64_t gpa; /* MMIO */
	bool write;
};

static struct outcome run(struct vcpu *vcpu)
{
	struct outcome o = { 0 };

	if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
		o.err = errno;
		return o;
	}
	o.exit = vcpu->run->exit_reason;
	if (o.exit == KVM_EXIT_RISCV_SBI)
		o.result = vcpu->run->riscv_sbi.args[0];
	if (o.exit == KVM_EXIT_MMIO) {
		o.gpa = vcpu->run->mmio.phys_addr;
		o.write = vcpu->run->mmio.is_write;
	}
	return o;
}

/* The vCPU stands at its call; tell it what to do, and see what comes of it. */
static struct outcome guest(enum op op, uint64_t gpa)
{
	struct vcpu *vcpu = &vcpus[0];

	vcpu->run->riscv_sbi.ret[0] = op;
	vcpu->run->riscv_sbi.ret[1] = gpa;
	return run(vcpu);
}

static bool loads(uint64_t gpa, uint64_t value)
{
	struct outcome o = guest(OP_LOAD, gpa);

	if (o.err || o.exit != KVM_EXIT_RISCV_SBI || o.result != value)
		printf("# load 0x%lx: errno %d, exit %u, 0x%lx (expected 0x%lx)\n", gpa, o.err,
		       o.exit, o.result, value);
	return !o.err && o.exit == KVM_EXIT_RISCV_SBI && o.result == value;
}

static bool stores(uint64_t gpa)
{
	struct outcome o = guest(OP_STORE, gpa);

	if (o.err || o.exit != KVM_EXIT_RISCV_SBI)
		printf("# store 0x%lx: errno %d, exit %u\n", gpa, o.err, o.exit);
	return !o.err && o.exit == KVM_EXIT_RISCV_SBI;
}

/* It failed or left for MMIO: back to its next call. */
static void again(void)
{
	set_pc(&vcpus[0], CODE);
	vcpus[0].run->exit_reason = 0;
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's next call");
}

static bool fails_with_efault(enum op op, uint64_t gpa)
{
	struct outcome o = guest(op, gpa);

	if (o.err != EFAULT)
		printf("# errno %d, exit %u\n", o.err, o.exit);
	again();
	return o.err == EFAULT;
}

static bool is_mmio(enum op op, uint64_t gpa)
{
	struct outcome o = guest(op, gpa);
	bool good =
		!o.err && o.exit == KVM_EXIT_MMIO && o.gpa == gpa && o.write == (op == OP_STORE);

	if (!good)
		printf("# errno %d, exit %u, gpa 0x%lx, write %d\n", o.err, o.exit, o.gpa, o.write);
	run(&vcpus[0]); /* completes the access */
	again();
	return good;
}

/* ---- claims ------------------------------------------------------------------------------ */

static void shared(void)
{
	*user(DATA) = 0x1234;
	ok(loads(DATA, 0x1234), "the guest reads what user space wrote");
	ok(stores(DATA + 8) && *user(DATA + 8) == DATA + 8,
	   "user space reads what the guest wrote");
	*user(DATA) = 0x5678;
	ok(loads(DATA, 0x5678), "also after the page was mapped");
}

static void taken_back(void)
{
	uint64_t page = DATA + 16 * PAGE;

	stores(page);
	stores(page + PAGE);
	madvise(user(page), PAGE, MADV_DONTNEED);
	ok(loads(page, 0), "a page given up reads as zero");
	ok(loads(page + PAGE, page + PAGE), "its neighbour keeps what it had");

	stores(page);
	must(mmap(user(page), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		  -1, 0) == user(page),
	     "mmap over a page");
	*user(page) = 99;
	ok(loads(page, 99), "a page mapped in its place is what the guest sees");

	munmap(user(page), PAGE);
	ok(fails_with_efault(OP_LOAD, page), "a page unmapped makes KVM_RUN fail with EFAULT");
	mmap(user(page), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
	     0);
	ok(stores(page), "and the guest goes on when it is there again");
}

static void protected(void)
{
	uint64_t page = DATA + 32 * PAGE;

	stores(page);
	mprotect(user(page), PAGE, PROT_READ);
	ok(loads(page, page), "a page made read-only can be read");
	ok(fails_with_efault(OP_STORE, page), "but not written");
	mprotect(user(page), PAGE, PROT_READ | PROT_WRITE);
	ok(stores(page), "until it is writable again");
}

static void forked(void)
{
	uint64_t page = DATA + 48 * PAGE;
	int go[2], status = 0;
	pid_t child;
	char c;

	*user(page) = 7;
	must(loads(page, 7) && pipe(go) == 0, "pipe");
	child = fork();
	if (child == 0) {
		if (read(go[0], &c, 1) != 1)
			_exit(9);
		_exit(*user(page) == 7 ? 0 : 1);
	}
	ok(stores(page) && *user(page) == page,
	   "after fork the guest writes to the parent's memory");
	must(write(go[1], "x", 1) == 1 && waitpid(child, &status, 0) == child, "the child");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "and not to the child's");
	close(go[0]);
	close(go[1]);
}

static void executed(void)
{
	uint64_t page = DATA + 64 * PAGE;
	uint32_t *code = (uint32_t *)user(page);

	code[0] = 0x00b00513; /* li a0, 11 */
	code[1] = 0x00008067; /* ret */
	ok(guest(OP_CALL, page).result == 11, "the guest runs code that user space wrote");
	code[0] = 0x01600513; /* li a0, 22 */
	ok(guest(OP_CALL, page).result == 22, "and what user space changed it to");
}

static void slots(void)
{
	stores(DATA);
	ok(set_slot(1, ALIAS_BASE, MB, user(DATA), 0) == 0 && loads(ALIAS_BASE, DATA),
	   "the same memory shows at a second address");
	ok(stores(ALIAS_BASE) && loads(DATA, ALIAS_BASE), "in both directions");
	ok(set_slot(1, ALIAS_BASE + MB, MB, user(DATA), 0) == 0 &&
		   loads(ALIAS_BASE + MB, ALIAS_BASE),
	   "a slot moved is at its new address");
	ok(is_mmio(OP_LOAD, ALIAS_BASE), "and at its old one is MMIO");
	ok(set_slot(1, 0, 0, NULL, 0) == 0 && is_mmio(OP_LOAD, ALIAS_BASE + MB),
	   "a slot deleted is MMIO");
	ok(set_slot(1, ALIAS_BASE, MB, user(DATA), KVM_MEM_READONLY) == 0 &&
		   loads(ALIAS_BASE, ALIAS_BASE),
	   "a read-only slot can be read");
	ok(is_mmio(OP_STORE, ALIAS_BASE), "a store to it is MMIO");
	ok(loads(ALIAS_BASE, ALIAS_BASE) && stores(DATA) && loads(ALIAS_BASE, DATA),
	   "and changes nothing, but a store elsewhere does");
	set_slot(1, 0, 0, NULL, 0);
}

static void dirty_log(void)
{
	uint64_t bits[GUEST_SIZE / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bits };
	unsigned int first = (DATA - GUEST_BASE) / PAGE, i, n = 0;

	stores(DATA);
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, KVM_MEM_LOG_DIRTY_PAGES) == 0, "logging");
	stores(DATA + 3 * PAGE);
	stores(DATA + 70 * PAGE);
	loads(DATA + 5 * PAGE, 0);
	ok(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0 && (bits[first / 64] & ~1UL) == 1 << 3 &&
		   bits[first / 64 + 1] == 1 << 6,
	   "the dirty log has the pages that were written, and no other");
	stores(DATA + 3 * PAGE);
	ioctl(vm, KVM_GET_DIRTY_LOG, &log);
	for (i = 0; i < GUEST_SIZE / PAGE / 64; i++)
		n += (unsigned int)__builtin_popcountl(bits[i]);
	ok(n == 1 && bits[first / 64] == 1 << 3, "and then those written since");
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, 0) == 0, "no logging");
	ok(stores(DATA + 4 * PAGE), "without the log the guest writes on");
}

/* ---- vCPUs that store without end, while pages are taken away ------------------------------- */

#define STORM (DATA + 2 * MB)

static volatile bool stop;

static void *storm(void *arg)
{
	struct vcpu *vcpu = arg;
	struct outcome o;
	long faults = 0;

	run(vcpu); /* to its first call */
	vcpu->run->riscv_sbi.ret[0] = OP_STORM;
	vcpu->run->riscv_sbi.ret[1] = STORM;
	while (!stop) {
		o = run(vcpu);
		if (o.err == EINTR || (!o.err && o.exit == KVM_EXIT_MMIO))
			continue; /* where its slot is away for a moment, a store is MMIO */
		if (o.err != EFAULT)
			return (void *)-1;
		faults++; /* the page was not there: it stores there again */
	}
	return (void *)faults;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Pages that went from the guest to others are not the guest's any more. */
static bool others_keep_their_pages(unsigned int rounds)
{
	const size_t size = 64 * PAGE;
	uint64_t *mine =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool good = true;
	unsigned int i;
	size_t j;

	for (i = 0; i < rounds && good; i++) {
		if (i % 3 == 0)
			munmap(user(STORM), size);
		else
			madvise(user(STORM), size, MADV_DONTNEED);
		madvise(mine, size, MADV_DONTNEED);
		memset(mine, 0x5a, size); /* with pages that have just become free */
		if (i % 3 == 0)
			mmap(user(STORM), size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		for (j = 0; j < size / 8; j++)
			good &= mine[j] == 0x5a5a5a5a5a5a5a5a;
	}
	munmap(mine, size);
	return good;
}

/* When the deletion of a slot has returned, its memory is user space's alone. */
static bool deleted_slots_are_not_written(unsigned int rounds)
{
	const size_t size = 64 * PAGE;
	uint64_t *p = user(STORM);
	bool good = true;
	unsigned int i;
	size_t j;

	for (i = 0; i < rounds && good; i++) {
		good &= set_slot(2, 0, 0, NULL, 0) == 0;
		memset(p, 0xa5, size);
		for (j = 0; j < size / 8; j++)
			good &= p[j] == 0xa5a5a5a5a5a5a5a5;
		memset(p, 0, size);
		good &= set_slot(2, STORM, 2 * MB, p, 0) == 0;
		usleep(1000); /* so that they come to store there */
	}
	return good;
}

static bool guest_pages_hold_their_address(void)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		uint64_t value = *user(STORM + i * PAGE);

		if (value != 0 && value != STORM + i * PAGE)
			return false;
	}
	return true;
}

static void while_running(unsigned int rounds)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t threads[MAX_VCPUS];
	void *result;
	bool good = true;
	int i;

	sigaction(SIGUSR1, &action, NULL);
	/* Where they store is a slot of its own; their code stays. */
	must(set_slot(0, 0, 0, NULL, 0) == 0 &&
		     set_slot(0, GUEST_BASE, STORM - GUEST_BASE, memory, 0) == 0 &&
		     set_slot(2, STORM, 2 * MB, user(STORM), 0) == 0,
	     "two slots");
	for (i = 1; i < MAX_VCPUS; i++)
		pthread_create(&threads[i], NULL, storm, &vcpus[i]);
	ok(others_keep_their_pages(rounds),
	   "pages taken from running vCPUs are written by none of them");
	ok(guest_pages_hold_their_address(),
	   "each page of the guest was written by its own address");
	ok(deleted_slots_are_not_written(rounds),
	   "memory of a deleted slot is written by none of them");
	memset(user(STORM), 0, 64 * PAGE);
	usleep(300000);
	ok(*user(STORM + 63 * PAGE) == STORM + 63 * PAGE && guest_pages_hold_their_address(),
	   "and of a slot that is back, as before");
	stop = true;
	for (i = 1; i < MAX_VCPUS; i++) {
		vcpus[i].run->immediate_exit = 1;
		pthread_kill(threads[i], SIGUSR1);
		pthread_join(threads[i], &result);
		good &= (long)result >= 0;
	}
	ok(good, "KVM_RUN failed with nothing but EFAULT meanwhile");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_vm();
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	shared();
	taken_back();
	protected();
	forked();
	executed();
	slots();
	dirty_log();
	while_running(argc > 1 ? (unsigned int)atoi(argv[1]) : 60);
	printf("1..%d\n", claims);
	return failures != 0;
}
