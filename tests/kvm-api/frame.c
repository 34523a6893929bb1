// SPDX-License-Identifier: MIT
/*
 * frame.c - KVM_RUN by a program whose frame pointer is the address of a page that does not exist. A
 * profiler that records the program's callers at an event faults there, within the event: the guest
 * must not notice (tests/guest/linux-module.slow.t).
 */
#include <sys/syscall.h>
#include "vm.h"

#define CALLS   2000
#define NOWHERE 0x30000000UL /* a multiple of 4096 for lui */

/* Add up the errors and the values of many calls, which the fast path handles. */
GUEST(calls, "li s1, 2000\nli s2, 0\n"
	     "1: li a7, 0x10\nli a6, 0\nli a0, 7\necall\nadd s2, s2, a0\nadd s2, s2, a1\n"
	     "addi s1, s1, -1\nbnez s1, 1b\nmv a0, s2\n" REPORT);

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
	uint64_t version;

	vm_load(&vm, calls);
	must(run_without_frame(vcpu.fd) == 0, "KVM_RUN");
	must(vcpu.run->exit_reason == KVM_EXIT_RISCV_SBI, "the guest's report");
	version = vcpu.run->riscv_sbi.args[0] / CALLS;
	ok(version >> 24 >= 1 && version >> 24 <= 3 && vcpu.run->riscv_sbi.args[0] % CALLS == 0,
	   "2000 calls return what they should");
	return tap_done();
}
