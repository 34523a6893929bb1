// SPDX-License-Identifier: MIT
/*
 * profile_insn.c - part of profile.so: the effect of an instruction on the count and the stack.
 *
 * Encodings: Unprivileged spec (base, C, Zicsr, Zicbom); Privileged spec for SYSTEM instructions.
 */
#include "hv/cause.h"
#include "profile.h"

#define INSN_MRET 0x30200073u

static bool is_link(uint32_t r)
{
	return r == 1 || r == 5; /* ra, t0: Unprivileged spec, jalr */
}

enum ending profile_ending(uint32_t word, size_t size)
{
	uint32_t rd = word >> 7 & 31, rs1 = word >> 15 & 31;

	if (size == 2) {
		if ((word & 0xe07f) != 0x8002 || !rd) /* c.jr, c.jalr */
			return END_OTHER;
		if (word & 0x1000)
			return END_CALL;
		return is_link(rd) ? END_RETURN : END_OTHER;
	}
	if (word == INSN_SRET || word == INSN_MRET)
		return END_TRAP_RETURN;
	if ((word & 0x7f) == 0x6f)
		return is_link(rd) ? END_CALL : END_OTHER;
	if ((word & 0x7f) != 0x67)
		return END_OTHER;
	if (is_link(rd))
		return END_CALL;
	return is_link(rs1) ? END_RETURN : END_OTHER;
}

/* Note whether the block ends with an access to (m)cycle, (m)instret or mcountinhibit. */
void profile_know_counters(struct block *b)
{
	uint32_t word = b->words[b->n - 1];
	uint32_t csr = word >> 20, low = csr & ~2u;

	if ((word & 0x7f) != 0x73 || !(word & 0x3000))
		return;
	if (low != 0xc00 && low != 0xb00 && csr != 0x320)
		return;
	b->counter_used = true;
	b->counter_written = (word & 0xff07f) != 0x2073 || !(word >> 7 & 31) || csr == 0x320;
}

static uint64_t address_of(const struct block *b, uint32_t i)
{
	uint64_t pc = b->pc;
	uint32_t k;

	for (k = 0; k < i; k++)
		pc += (b->words[k] & 3) == 3 ? 4 : 2;
	return pc;
}

/* Return whether this is a valid HLV, HLVX or HSV (H §3.1). */
static bool is_hypervisor_access(uint32_t word)
{
	/* For each width, the valid values of rs2 as bits (0: hlv, 1: hlv.u, 3: hlvx). */
	static const uint8_t loads[4] = { 1 << 0 | 1 << 1, 1 << 0 | 1 << 1 | 1 << 3,
					  1 << 0 | 1 << 1 | 1 << 3, 1 << 0 };

	if ((word & 0x7000) != 0x4000 || word >> 28 != 6)
		return false;
	if (word >> 25 & 1)
		return !(word & 0xf80);
	return loads[word >> 26 & 3] >> (word >> 20 & 31) & 1;
}

/*
 * Return whether QEMU finds this instruction illegal only when it runs, not when it is translated.
 */
static bool illegal_late(uint32_t word)
{
	static const uint32_t fences[] = { 0x12000073, 0x16000073, 0x22000073,
					   0x26000073, 0x62000073, 0x66000073 };
	unsigned int i;

	if ((word & 0x707f) == 0x200f) /* cbo.inval, clean, flush, zero */
		return !(word & 0xf80) && word >> 20 <= 4;
	if ((word & 0x7f) != 0x73)
		return false;
	if ((word & 0x7000) == 0x4000)
		return is_hypervisor_access(word);
	for (i = 0; i < sizeof(fences) / sizeof(fences[0]); i++)
		if ((word & 0xfe007fff) == fences[i])
			return true;
	return word == INSN_SRET || word == INSN_WFI || (word & 0x7000);
}

/*
 * Return whether the trap has taken back the last of the block's first `insns` instructions. If
 * QEMU knows when it translates an instruction that the instruction traps (ecall, ebreak, most
 * illegal instructions), it counts the instruction. It does not count one that fails while it runs.
 * After an interrupt or a failed fetch, epc is the address of another instruction.
 */
bool profile_taken_back(const struct trap *trap, const struct block *b, uint32_t insns)
{
	static const uint32_t while_running =
		1u << EXC_LOAD_MISALIGNED | 1u << EXC_LOAD_ACCESS_FAULT |
		1u << EXC_STORE_MISALIGNED | 1u << EXC_STORE_ACCESS_FAULT |
		1u << EXC_LOAD_PAGE_FAULT | 1u << EXC_STORE_PAGE_FAULT |
		1u << EXC_LOAD_GUEST_PAGE_FAULT | 1u << EXC_VIRTUAL_INST |
		1u << EXC_STORE_GUEST_PAGE_FAULT;
	uint32_t word;

	if (!insns || trap->cause > 31 || trap->from != b->world ||
	    trap->epc != address_of(b, insns - 1))
		return false;
	word = b->words[insns - 1];
	/*
	 * For an illegal mret, QEMU 10.0.13 goes back to the start of the instruction, which takes
	 * it back, so the trap value is the encoding of mret. QEMU 10.0.2 does not go back, so the
	 * trap value is the encoding of an earlier instruction.
	 */
	if (trap->cause == EXC_ILLEGAL_INST)
		return word == INSN_MRET ? trap->tval == word : illegal_late(word);
	return while_running >> trap->cause & 1;
}
