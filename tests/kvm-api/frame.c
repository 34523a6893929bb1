// SPDX-License-Identifier: MIT
/*
 * frame.c - KVM_RUN by a program whose frame pointer is the address of a page that does not exist.
 * A profiler that records the program's callers at an event, or when a thread is woken, faults
 * there: the guest must not notice (tests/guest/linux-module.slow.t).
 */
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include "vm.h"

#define CALLS   2000
#define STORES  500
#define BELL    0x10000000UL
#define NOWHERE 0x30000000UL /* a multiple of 4096 for lui */

/* Add up the errors and values of calls, and ring a bell, both on the fast path. */
GUEST(calls, "li s1, 2000\nli s2, 0\n"
	     "1: li a7, 0x10\nli a6, 0\nli a0, 7\necall\nadd s2, s2, a0\nadd s2, s2, a1\n"
	     "addi s1, s1, -1\nbnez s1, 1b\n"
	     "li s1, 500\nlui s3, 0x10000\n"
	     "2: sw s1, 0(s3)\naddi s1, s1, -1\nbnez s1, 2b\nmv a0, s2\n" REPORT);

/* Wait for each ring, so that it wakes this thread. Returns the number of rings. */
static void *listen(void *arg)
{
	int *bell = arg;
	uint64_t rings = 0, some;

	while (rings < STORES && read(*bell, &some, sizeof(some)) == sizeof(some))
		rings += some;
	return (void *)rings;
}

/* KVM_RUN with s0, the frame pointer, set to NOWHERE. */
static long run_without_frame(int fd)
{
	register long a0 __asm__("a0") = fd;
	register long a1 __asm__("a1") = KVM_RUN;
	register long a2 __asm__("a2") = 0;
	register long a7 __asm__("a7") = __NR_ioctl;

	__asm__ volatile("mv	t2, s0\n"
			 "lui	s0, %4\n"
			 "ecall\n"
			 "mv	s0, t2"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a7), "i"(NOWHERE >> 12)
			 : "t2", "memory");
	return a0;
}

int main(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	int bell = eventfd(0, EFD_CLOEXEC);
	struct kvm_ioeventfd bind = { .addr = BELL, .len = 4, .fd = bell };
	pthread_t listener;
	uint64_t version;
	void *rings;

	must(bell >= 0 && ioctl(vm.fd, KVM_IOEVENTFD, &bind) == 0, "KVM_IOEVENTFD");
	must(pthread_create(&listener, NULL, listen, &bell) == 0, "a thread");
	vm_load(&vm, calls);
	must(run_without_frame(vcpu.fd) == 0, "KVM_RUN");
	must(vcpu.run->exit_reason == KVM_EXIT_RISCV_SBI, "the guest's report");
	version = vcpu.run->riscv_sbi.args[0] / CALLS;
	ok(version >> 24 >= 1 && version >> 24 <= 3 && vcpu.run->riscv_sbi.args[0] % CALLS == 0,
	   "2000 calls return what they should");
	ok(pthread_join(listener, &rings) == 0 && (uint64_t)rings == STORES,
	   "500 stores ring the bell");
	return tap_done();
}
