// SPDX-License-Identifier: MIT
/*
 * insn.h - what insn.c shares with the handlers of CSRs and of hypervisor instructions.
 */
#ifndef KVM_INSN_H
#define KVM_INSN_H

#include "exit/exit.h"
#include "vcpu/csr_access.h"

#define INSN_SRET    0x10200073UL
#define INSN_WRS_NTO 0x00d00073UL

/* Fields of an instruction with opcode SYSTEM. */
#define INSN_OPCODE   GENMASK(6, 0)
#define INSN_RD       GENMASK(11, 7)
#define INSN_FUNCT3   GENMASK(14, 12)
#define INSN_RS1      GENMASK(19, 15)
#define INSN_RS2      GENMASK(24, 20)
#define INSN_FUNCT7   GENMASK(31, 25)
#define INSN_CSR      GENMASK(31, 20)
#define OPCODE_SYSTEM 0x73

#define FUNCT7_SINVAL_VMA  0x0b
#define FUNCT7_INVAL       0x0c /* SFENCE.W.INVAL and SFENCE.INVAL.IR */
#define FUNCT7_HINVAL_VVMA 0x13
#define FUNCT7_HINVAL_GVMA 0x33

/* funct3 of a CSR instruction. With FUNCT3_IMM, the rs1 field is an immediate, not a register number. */
#define FUNCT3_RS  2
#define FUNCT3_RC  3
#define FUNCT3_IMM 4

#define OPCODE_MISC_MEM 0x0f
#define CBO_ZERO        4 /* in the CSR's field; smaller numbers are those of Zicbom */

/* The number of a counter's CSR, or, on RV32, of its upper half; above 31 for any other CSR. */
static inline unsigned int csr_counter_number(unsigned int csr)
{
	return (csr & ~0x80U) - CSR_cycle;
}

/* Is this a csrrw, csrrs or csrrc, or its immediate form? */
static inline bool insn_is_csr(unsigned long insn)
{
	return FIELD_GET(INSN_OPCODE, insn) == OPCODE_SYSTEM && (FIELD_GET(INSN_FUNCT3, insn) & 3);
}

/* Is this an instruction of Svinval? */
static inline bool insn_is_svinval(unsigned long insn)
{
	if (FIELD_GET(INSN_OPCODE, insn) != OPCODE_SYSTEM || FIELD_GET(INSN_FUNCT3, insn))
		return false;
	switch (FIELD_GET(INSN_FUNCT7, insn)) {
	case FUNCT7_SINVAL_VMA:
	case FUNCT7_INVAL:
	case FUNCT7_HINVAL_VVMA:
	case FUNCT7_HINVAL_GVMA:
		return true;
	default:
		return false;
	}
}

/* Decode a csrrw, csrrs or csrrc, or its immediate form. */
static inline __attribute__((always_inline)) struct csr_access
insn_decode_csr(const struct kvm_vcpu *vcpu, unsigned long insn)
{
	unsigned int funct3 = (unsigned int)FIELD_GET(INSN_FUNCT3, insn);
	unsigned int rs1 = (unsigned int)FIELD_GET(INSN_RS1, insn);
	unsigned long value = rs1;
	struct csr_access access = {
		.csr = (unsigned int)FIELD_GET(INSN_CSR, insn),
		.rd = (unsigned int)FIELD_GET(INSN_RD, insn),
	};

	if (!(funct3 & FUNCT3_IMM))
		value = rs1 ? vcpu->guest.gpr[rs1] : 0;
	access.new_value = value;
	access.write_mask = ~0UL;
	if ((funct3 & 3) == FUNCT3_RS) {
		access.write_mask = value;
		access.new_value = ~0UL;
	} else if ((funct3 & 3) == FUNCT3_RC) {
		access.write_mask = value;
		access.new_value = 0;
	}
	return access;
}

/* Finish a CSR access that the core has handled: the guest continues, with `old` in rd. */
int insn_finish_csr(struct kvm_vcpu *vcpu, const struct csr_access *access, unsigned long old);
/*
 * Return the instruction that trapped: stval or, if this hart does not report the instruction there
 * (stval is 0, S §1.9), what a new fetch reads. If that fetch traps, return 0: the guest is to
 * continue, either with a trap of its own or by trying the instruction again.
 */
unsigned long insn_trapped(struct kvm_vcpu *vcpu, const struct hv_trap *trap);
/*
 * Emulate an access to a CSR, for example to a counter that hcounteren hides. If insn.c does not
 * emulate it, the guest takes an illegal-instruction exception. Returns the exit's result.
 */
int insn_emulate_csr(struct kvm_vcpu *vcpu, const struct hv_trap *trap, unsigned long insn);

#endif
