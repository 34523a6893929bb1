// SPDX-License-Identifier: MIT
/*
 * guest.h - a VM whose guest makes one access at a time, on request, and functions for TAP.
 *
 * The guest reports the result of an access by a forwarded SBI call, and the answer to the call
 * requests the next access. This header defines variables and functions, so include it only in
 * programs that consist of one source file.
 */
#ifndef TESTS_KVM_GUEST_H
#define TESTS_KVM_GUEST_H

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
	OP_STORE, /* store the address as the value */
	OP_CALL,  /* call the function at the address, after fence.i */
	OP_STORM, /* store to the 64 pages at the address in an endless loop */
	OP_SWEEP, /* store to the addresses given by the struct sweep at the address */
};

struct sweep {
	uint64_t start, stride, count;
};

extern const char guest_code[], guest_code_end[];
__asm__(".section .rodata\n"
	".globl guest_code, guest_code_end\n"
	".balign 8\n"
	"guest_code:\n"
	"1:	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"	ecall\n" /* a0: the last result; returns a0: the next op, a1: its address */
	"	li	t0, 1\n"
	"	beq	a0, t0, 2f\n"
	"	li	t0, 2\n"
	"	beq	a0, t0, 3f\n"
	"	li	t0, 3\n"
	"	beq	a0, t0, 4f\n"
	"	li	t0, 4\n"
	"	beq	a0, t0, 5f\n"
	"	j	7f\n"
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
	"7:	ld	t2, 0(a1)\n"
	"	ld	t3, 8(a1)\n"
	"	ld	t1, 16(a1)\n"
	"8:	sd	t2, 0(t2)\n"
	"	add	t2, t2, t3\n"
	"	addi	t1, t1, -1\n"
	"	bnez	t1, 8b\n"
	"	j	1b\n"
	"guest_code_end:\n"
	".previous\n");

/* ---- TAP --------------------------------------------------------------------------- */

static int claims, failures;

static inline void ok(bool good, const char *name)
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
static char *memory, *memory_at; /* memory: aligned to 2 MiB; memory_at: from mmap() */
static size_t run_size;
static struct vcpu vcpus[MAX_VCPUS];

static int set_slot(uint32_t slot, uint64_t gpa, uint64_t size, void *at, uint32_t flags)
{
	struct kvm_userspace_memory_region r = { slot, flags, gpa, size, (uintptr_t)at };

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

#define REG(name) \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(regs.name))

static inline void set_reg(struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	must(ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) == 0, "KVM_SET_ONE_REG");
}

static inline void start(struct vcpu *vcpu, int kvm, unsigned int id)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	vcpu->fd = ioctl(vm, KVM_CREATE_VCPU, id);
	must(vcpu->fd >= 0, "KVM_CREATE_VCPU");
	run_size = (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vcpu->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	must(vcpu->run != MAP_FAILED, "mmap of the run page");
	must(ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable) == 0, "KVM_SET_MP_STATE");
	set_reg(vcpu, REG(pc), CODE);
}

static inline void make_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR);
	unsigned int i;

	must(kvm >= 0, "/dev/kvm");
	memory_at = mmap(NULL, GUEST_SIZE + 2 * MB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(memory_at != MAP_FAILED, "mmap");
	memory = (char *)(((uintptr_t)memory_at + 2 * MB - 1) & ~(2 * MB - 1));
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	must(vm >= 0, "KVM_CREATE_VM");
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, 0) == 0, "slot 0");
	memcpy(memory, guest_code, (size_t)(guest_code_end - guest_code));
	for (i = 0; i < MAX_VCPUS; i++)
		start(&vcpus[i], kvm, i);
	close(kvm);
}

/* Close the VM's last descriptors, and free its memory, except that of slots a test has added. */
static inline void end_vm(void)
{
	unsigned int i;

	for (i = 0; i < MAX_VCPUS; i++) {
		munmap(vcpus[i].run, run_size);
		close(vcpus[i].fd);
	}
	close(vm);
	munmap(memory_at, GUEST_SIZE + 2 * MB);
}

static inline uint64_t *user(uint64_t gpa)
{
	return (uint64_t *)(memory + (gpa - GUEST_BASE));
}

/* How KVM_RUN ended. An access succeeded if err is 0 and exit is KVM_EXIT_RISCV_SBI. */
struct outcome {
	int err; /* errno of KVM_RUN, or 0 */
	uint32_t exit;
	uint64_t result;
	uint64_t gpa; /* of MMIO */
	bool write;
};

static inline struct outcome run(struct vcpu *vcpu)
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

/* Answer the guest's call with the next access, and return the outcome of that access. */
static inline struct outcome guest(enum op op, uint64_t gpa)
{
	struct vcpu *vcpu = &vcpus[0];

	vcpu->run->riscv_sbi.ret[0] = op;
	vcpu->run->riscv_sbi.ret[1] = gpa;
	return run(vcpu);
}

static inline bool loads(uint64_t gpa, uint64_t value)
{
	struct outcome o = guest(OP_LOAD, gpa);

	if (o.err || o.exit != KVM_EXIT_RISCV_SBI || o.result != value)
		printf("# load 0x%lx: errno %d, exit %u, 0x%lx (expected 0x%lx)\n", gpa, o.err,
		       o.exit, o.result, value);
	return !o.err && o.exit == KVM_EXIT_RISCV_SBI && o.result == value;
}

static inline bool stores(uint64_t gpa)
{
	struct outcome o = guest(OP_STORE, gpa);

	if (o.err || o.exit != KVM_EXIT_RISCV_SBI)
		printf("# store 0x%lx: errno %d, exit %u\n", gpa, o.err, o.exit);
	return !o.err && o.exit == KVM_EXIT_RISCV_SBI;
}

/* After a failed access or MMIO, restart the guest's code, and run it up to its first call. */
static inline void again(void)
{
	set_reg(&vcpus[0], REG(pc), CODE);
	vcpus[0].run->exit_reason = 0;
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's next call");
}

static inline bool fails_with_efault(enum op op, uint64_t gpa)
{
	struct outcome o = guest(op, gpa);

	if (o.err != EFAULT)
		printf("# errno %d, exit %u\n", o.err, o.exit);
	again();
	return o.err == EFAULT;
}

static inline bool is_mmio(enum op op, uint64_t gpa)
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

#endif
