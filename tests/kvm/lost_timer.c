// SPDX-License-Identifier: MIT
/*
 * lost_timer.c - count the timers, set through SBI set_timer, that KVM loses when it schedules the
 * vCPU out before the call has returned to the guest (docs/lost-timer.md).
 *
 * Needs no other file of hyperscope, so that it can be sent with a report:
 *
 *   gcc -D_GNU_SOURCE -O2 -static -o lost_timer lost_timer.c && ./lost_timer [ROUNDS]
 *
 * A second process computes on the same hart, so the vCPU is scheduled out at the end of each time
 * slice, almost always in one of its SBI calls, because it does little else.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BASE   0x80000000UL
#define PAGE   4096UL
#define REG(r) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(r))

/*
 * s0 times, wait for up to 64 turns of a loop, cancel the timer, and set it to a time in the past. The
 * waits differ, so that the scheduler's ticks meet each part of a call, even if all instructions take
 * the same time. Each call has to replace the one before. After each, load sip up to 1000 times, until
 * STIP shows the call's effect. At the end, a call that KVM forwards to user space reports s1 (lost)
 * and s2 (not cancelled).
 */
extern const char guest[], guest_end[];
__asm__(".pushsection .rodata\n"
	".balign 4\n"
	"guest:	li	a7, 0x54494d45\n" /* SBI TIME */
	"	li	a6, 0\n"
	"1:	andi	t0, s0, 0x3f\n"
	"6:	addi	t0, t0, -1\n"
	"	bgez	t0, 6b\n"
	"	li	a0, -1\n"
	"	ecall\n"
	"	li	t0, 1000\n"
	"2:	csrr	t1, sip\n"
	"	andi	t1, t1, 0x20\n"
	"	beqz	t1, 3f\n"
	"	addi	t0, t0, -1\n"
	"	bnez	t0, 2b\n"
	"	addi	s2, s2, 1\n"
	"3:	li	a0, 0\n"
	"	ecall\n"
	"	li	t0, 1000\n"
	"4:	csrr	t1, sip\n"
	"	andi	t1, t1, 0x20\n"
	"	bnez	t1, 5f\n"
	"	addi	t0, t0, -1\n"
	"	bnez	t0, 4b\n"
	"	addi	s1, s1, 1\n"
	"5:	addi	s0, s0, -1\n"
	"	bnez	s0, 1b\n"
	"	mv	a0, s1\n"
	"	mv	a1, s2\n"
	"	li	a7, 0x09000000\n" /* a vendor's extension */
	"	ecall\n"
	"guest_end:\n"
	".popsection");

static int call(int fd, unsigned long request, uintptr_t arg, const char *name)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		err(2, "%s", name);
	return ret;
}

#define CALL(fd, request, arg) call((fd), (request), (uintptr_t)(arg), #request)

static void set_reg(int vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	CALL(vcpu, KVM_SET_ONE_REG, &reg);
}

static void *map(int fd, size_t size, int flags)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		err(2, "mmap");
	return at;
}

static pid_t compute_on_this_hart(void)
{
	cpu_set_t cpus;
	pid_t pid;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(2, "sched_setaffinity");
	pid = fork();
	if (!pid)
		for (;;)
			;
	if (pid < 0)
		err(2, "fork");
	return pid;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	char *memory = map(-1, PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
	struct kvm_userspace_memory_region slot = { .guest_phys_addr = BASE,
						    .memory_size = PAGE,
						    .userspace_addr = (uintptr_t)memory };
	int kvm = open("/dev/kvm", O_RDWR), vm, vcpu;
	struct kvm_run *run;
	pid_t other;

	if (kvm < 0)
		err(2, "/dev/kvm");
	memcpy(memory, guest, (size_t)(guest_end - guest));
	vm = CALL(kvm, KVM_CREATE_VM, 0);
	CALL(vm, KVM_SET_USER_MEMORY_REGION, &slot);
	vcpu = CALL(vm, KVM_CREATE_VCPU, 0);
	run = map(vcpu, (size_t)CALL(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), MAP_SHARED);
	set_reg(vcpu, REG(regs.pc), BASE);
	set_reg(vcpu, REG(regs.s0), rounds);
	other = compute_on_this_hart();
	CALL(vcpu, KVM_RUN, 0);
	kill(other, SIGKILL);
	if (run->exit_reason != KVM_EXIT_RISCV_SBI)
		errx(2, "the guest ended with exit reason %u", run->exit_reason);
	printf("%lu of %lu timers were lost, and %lu were not cancelled\n", run->riscv_sbi.args[0],
	       rounds, run->riscv_sbi.args[1]);
	return run->riscv_sbi.args[0] || run->riscv_sbi.args[1];
}
