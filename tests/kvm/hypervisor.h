// SPDX-License-Identifier: MIT
/*
 * hypervisor.h - a guest hypervisor (L1), whose guest (L2) executes code of a test.
 *
 * L2's addresses are those of L1. L1 has two tables of the G-stage for them, one with small leaves and
 * one with leaves of 2 MiB, each with a VMID of its own. At each ecall of L2 with a7 = 0, L1 changes to
 * the other table, and at every fourth one, it fences all of them. It makes the other ecalls itself,
 * and returns to L2. At any other trap of L2, L1 makes the call of a failed check, with scause, sepc and
 * stval, and then skips the instruction.
 *
 * L1 uses s3 to s6 and t4, so L2 must not.
 */
#ifndef TESTS_KVM_HYPERVISOR_H
#define TESTS_KVM_HYPERVISOR_H

#include "guest.h"

#define TABLES     (GUEST_BASE + 1 * MB)
#define L1_CODE    (CODE + 2 * PAGE)
#define TABLE_SIZE (16 * PAGE)
#define LEAF       0xdfUL /* all but G */
#define SV39X4     (8UL << 60)

extern const char l1_code[], l1_code_end[];
__asm__(".section .rodata\n"
	".globl l1_code, l1_code_end\n"
	".balign 8\n"
	"l1_code:\n" /* s3, s4: values of hgatp; s5: where L2 begins */
	"	lla	t4, 1f\n"
	"	csrw	stvec, t4\n"
	"	csrw	0x680, s3\n"  /* hgatp */
	"	.word	0x62000073\n" /* hfence.gvma */
	"	csrw	sepc, s5\n"
	"	li	s5, 0\n"
	"	li	t4, 1 << 7\n"
	"	csrs	0x600, t4\n" /* hstatus.SPV */
	"	li	t4, 1 << 8\n"
	"	csrs	sstatus, t4\n" /* SPP */
	"	sret\n"
	"	.balign	4\n"
	"1:	csrr	t4, scause\n"
	"	addi	t4, t4, -10\n" /* an ecall of VS */
	"	bnez	t4, 3f\n"
	"	bnez	a7, 4f\n"
	"	csrr	t4, sepc\n"
	"	addi	t4, t4, 4\n"
	"	csrw	sepc, t4\n"
	"	mv	t4, s3\n"
	"	mv	s3, s4\n"
	"	mv	s4, t4\n"
	"	csrw	0x680, s3\n"
	"	addi	s5, s5, 1\n"
	"	andi	t4, s5, 3\n"
	"	bnez	t4, 2f\n"
	"	.word	0x62000073\n"
	"2:	sret\n"
	"3:	csrr	a0, scause\n"
	"	csrr	a1, sepc\n"
	"	csrr	a2, stval\n"
	"	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"4:	ecall\n"
	"	csrr	t4, sepc\n"
	"	addi	t4, t4, 4\n"
	"	csrw	sepc, t4\n"
	"	sret\n"
	"l1_code_end:\n"
	".previous\n");

/*
 * Write the guest hypervisor and its tables, which map the guest's memory. Set hgatp[0] and hgatp[1]:
 * their values with small leaves and with leaves of 2 MiB.
 */
static void make_hypervisor(uint64_t hgatp[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t root = TABLES + i * TABLE_SIZE, middle = root + 4 * PAGE,
			 low = middle + PAGE;

		user(root)[GUEST_BASE >> 30] = middle >> 2 | 1;
		for (uint64_t block = 0; block < GUEST_SIZE / (2 * MB); block++) {
			uint64_t at = GUEST_BASE + block * 2 * MB;

			user(middle)[block] = i ? at >> 2 | LEAF : (low + block * PAGE) >> 2 | 1;
			for (uint64_t page = 0; !i && page < 512; page++)
				user(low)[block * 512 + page] = (at + page * PAGE) >> 2 | LEAF;
		}
		hgatp[i] = SV39X4 | (i + 1UL) << 44 | root >> 12;
	}
	memcpy(user(L1_CODE), l1_code, (size_t)(l1_code_end - l1_code));
}

/* Give the vCPU the H extension. */
static void add_h(struct vcpu *vcpu)
{
	uint64_t on = 1;
	struct kvm_one_reg reg = { .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
					 KVM_REG_RISCV_ISA_SINGLE | KVM_RISCV_ISA_EXT_H,
				   .addr = (uintptr_t)&on };

	must(ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) == 0, "KVM_RISCV_ISA_EXT_H");
}

#endif
