// SPDX-License-Identifier: MIT
/*
 * insn_decode.h - loads and stores: what an instruction accesses, from its bits.
 */
#ifndef KVM_INSN_DECODE_H
#define KVM_INSN_DECODE_H

#include "hv/types.h"

enum access_kind {
	ACCESS_NONE, /* no instruction that accesses memory */
	ACCESS_LOAD, /* integer, into a register */
	ACCESS_STORE,
	ACCESS_OTHER, /* accesses memory, but not in a way that MMIO emulation offers */
};

struct access_insn {
	enum access_kind kind;
	bool sign_extend;
	unsigned int len;      /* bytes accessed */
	unsigned int insn_len; /* bytes of the instruction: 2 or 4 */
	unsigned int reg;      /* the load's destination, or what is stored */
	unsigned int base;     /* the register with the address, to which ... */
	long offset;           /* ... this is added */
};

/*
 * From the instruction as fetched: 16 or 32 bits. Compressed forms too, with Zcb.
 * Where the kind is ACCESS_OTHER or ACCESS_NONE only insn_len is valid besides.
 */
void insn_decode_access(unsigned long insn, struct access_insn *access);

/*
 * From htinst, where the hardware has transformed the instruction (H §6.3): a
 * compressed one expanded, with bit 1 clear, and in place of the base register the
 * distance from the access's address to where it faulted: 0 unless misaligned.
 * base and offset are not known; *distance is.
 */
void insn_decode_htinst(unsigned long htinst, struct access_insn *access, unsigned int *distance);

#endif
