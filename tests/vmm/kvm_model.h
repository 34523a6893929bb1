// SPDX-License-Identifier: MIT
/*
 * kvm_model.h - a model of KVM (a table of registers) and of the rest of the VMM, for
 * saved_machine.h. When the VMM refuses a file, control returns to the test (refused.h).
 */
#ifndef KVM_MODEL_H
#define KVM_MODEL_H

#include "refused.h"
#include "vmm.h"

#define VCPUS 2

#define ID(size, type, number) (KVM_REG_RISCV | KVM_REG_SIZE_##size | (type) | (number))
#define ISA(ext)               ID(U64, KVM_REG_RISCV_ISA_EXT, KVM_RISCV_ISA_EXT_##ext)
#define TIMER(name)            ID(U64, KVM_REG_RISCV_TIMER, KVM_REG_RISCV_TIMER_REG(name))
#define CORE(n)                ID(U64, KVM_REG_RISCV_CORE, n)
#define REGS                   16

extern const u64 ids[REGS];

struct model {
	u8 value[REGS][32];
	unsigned int order[REGS], sets; /* indices of the registers that were set, in order */
	u32 mp_state;
	bool interrupted;
};

extern struct model models[VCPUS]; /* vCPU n's file descriptor is n */
/* Ids of a register that this host lacks, and of one that cannot be changed; 0 if there is none. */
extern u64 absent, fixed;
int number_of(u64 id); /* the register's index in ids[], or -1 */
size_t width(u64 id);

extern struct machine machine;

#endif
