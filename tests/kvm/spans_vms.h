// SPDX-License-Identifier: MIT
/* spans_vms.h - VMs with many vCPUs, for spans.c. */
#ifndef TESTS_KVM_SPANS_VMS_H
#define TESTS_KVM_SPANS_VMS_H

#include "guest.h"

/* A function for OP_CALL. */
extern const char absent_harts[], vms_code_end[];
__asm__(".section .rodata\n"
	".balign 8\n"
	"absent_harts:\n" /* a remote SFENCE.VMA for 64 harts, none of which exists */
	"	li	a7, 0x52464e43\n"
	"	li	a6, 1\n"
	"	li	a0, -1\n"
	"	li	a1, 900\n"
	"	li	a2, 0\n"
	"	li	a3, 4096\n"
	"	ecall\n"
	"	ret\n"
	"vms_code_end:\n"
	".previous\n");

static void call(const char *function)
{
	memcpy(user(DATA), function, (size_t)(vms_code_end - function));
	must(guest(OP_CALL, DATA).exit == KVM_EXIT_RISCV_SBI, "a call in the guest");
}

/* The VM keeps a vCPU whose descriptor is closed. */
static void make_vm_of(unsigned int n)
{
	unsigned int i;

	make_vm();
	for (i = MAX_VCPUS; i < n; i++)
		must(close(ioctl(vm, KVM_CREATE_VCPU, i)) == 0, "KVM_CREATE_VCPU");
}

static void absent(unsigned int n)
{
	make_vm_of(n);
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	call(absent_harts);
	end_vm();
}

#endif
