// SPDX-License-Identifier: MIT
/* insn_decode.h - decode loads and stores: determine what an instruction accesses. */
#ifndef KVM_INSN_DECODE_H
#define KVM_INSN_DECODE_H

#include "hv/types.h"

enum access_kind {
	ACCESS_NONE, /* no memory access, or an unknown encoding */
	ACCESS_LOAD, /* integer, into a register */
	ACCESS_STORE,
	ACCESS_OTHER, /* accesses memory in a way that MMIO emulation does not support */
};

struct access_insn {
	enum access_kind kind;
	bool sign_extend;
	unsigned int len;      /* bytes accessed */
	unsigned int insn_len; /* bytes of the instruction: 2 or 4 */
	unsigned int reg;      /* the load's destination or the store's source */
	unsigned int base;     /* the register that holds the address, to which ... */
	long offset;           /* ... this is added */
};

/*
 * Decode an instruction as fetched: 32 bits, or 16 if it is compressed (Zcb included). If the kind
 * is ACCESS_OTHER or ACCESS_NONE, only the kind and insn_len are valid.
 */
void insn_decode_access(unsigned long insn, struct access_insn *access);

/*
 * Decode htinst, which must hold the transformed instruction (H §6.3). A compressed instruction is
 * expanded there, with bit 1 clear. The field of the base register holds the distance in bytes from
 * the address of the access to the address that faulted, which is 0 unless the access is
 * misaligned; *distance receives it. htinst contains neither base nor offset, so both are set to 0.
 */
void insn_decode_htinst(unsigned long htinst, struct access_insn *access, unsigned int *distance);

#endif
