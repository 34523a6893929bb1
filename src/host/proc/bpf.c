// SPDX-License-Identifier: MIT
/*
 * bpf.c - check and run classic BPF programs over a struct seccomp_data.
 *
 * A program has an accumulator (A), an index register (X) and 16 words of memory, all initially 0.
 * Source: Documentation/networking/filter.rst and Documentation/userspace-api/seccomp_filter.rst of
 * Linux 6.12. Linux rejects a load from a word of memory that was not stored before; here, the load returns 0.
 */
#include "bpf.h"
#include "hv/bits.h"

struct bpf_state {
	u32 a, x;
	u32 mem[BPF_MEMWORDS];
};

/* ---- the check ---- */

static bool load_is_valid(const struct sock_filter *insn)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_ABS:
		return BPF_CLASS(insn->code) == BPF_LD && insn->k % sizeof(u32) == 0 &&
		       insn->k < sizeof(struct seccomp_data);
	case BPF_MEM:
		return insn->k < BPF_MEMWORDS;
	case BPF_LEN:
	case BPF_IMM:
		return true;
	default:
		return false;
	}
}

static bool alu_is_valid(const struct sock_filter *insn)
{
	bool constant = BPF_SRC(insn->code) == BPF_K;

	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		return true;
	case BPF_NEG:
		return constant;
	case BPF_DIV:
		return !constant || insn->k;
	case BPF_LSH:
	case BPF_RSH:
		return !constant || insn->k < 32;
	default:
		return false;
	}
}

/* `left` is the number of instructions after this one. */
static bool jump_is_valid(const struct sock_filter *insn, unsigned int left)
{
	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		return BPF_SRC(insn->code) == BPF_K && insn->k < left;
	case BPF_JEQ:
	case BPF_JGT:
	case BPF_JGE:
	case BPF_JSET:
		return insn->jt < left && insn->jf < left;
	default:
		return false;
	}
}

static bool insn_is_valid(const struct sock_filter *insn, unsigned int left)
{
	if (insn->code > 0xff)
		return false;
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		return BPF_SIZE(insn->code) == BPF_W && load_is_valid(insn);
	case BPF_ST:
	case BPF_STX:
		return insn->code == BPF_CLASS(insn->code) && insn->k < BPF_MEMWORDS;
	case BPF_ALU:
		return alu_is_valid(insn);
	case BPF_JMP:
		return jump_is_valid(insn, left);
	case BPF_RET:
		return insn->code == (BPF_RET | BPF_K) || insn->code == (BPF_RET | BPF_A);
	default:
		return insn->code == (BPF_MISC | BPF_TAX) || insn->code == (BPF_MISC | BPF_TXA);
	}
}

bool bpf_check(const struct sock_filter *program, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++) {
		if (!insn_is_valid(&program[i], len - 1 - i))
			return false;
	}
	return len && BPF_CLASS(program[len - 1].code) == BPF_RET;
}

/* ---- the interpreter ---- */

static u32 load(const struct bpf_state *m, const struct sock_filter *insn,
		const struct seccomp_data *data)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_ABS:
		return ((const u32 *)data)[insn->k / sizeof(u32)];
	case BPF_MEM:
		return m->mem[insn->k];
	case BPF_LEN:
		return sizeof(*data);
	default:
		return insn->k;
	}
}

/* Returns false for a division by zero. Shifts by 32 and more give 0, as on Linux's interpreter. */
static bool alu(struct bpf_state *m, const struct sock_filter *insn)
{
	u32 operand = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		m->a += operand;
		break;
	case BPF_SUB:
		m->a -= operand;
		break;
	case BPF_MUL:
		m->a *= operand;
		break;
	case BPF_DIV:
		if (!operand)
			return false;
		m->a /= operand;
		break;
	case BPF_AND:
		m->a &= operand;
		break;
	case BPF_OR:
		m->a |= operand;
		break;
	case BPF_XOR:
		m->a ^= operand;
		break;
	case BPF_LSH:
		m->a <<= operand & 31; /* as on Linux: X may be larger, K was checked */
		break;
	case BPF_RSH:
		m->a >>= operand & 31;
		break;
	default: /* BPF_NEG */
		m->a = -m->a;
	}
	return true;
}

/* Returns the number of instructions to skip. */
static unsigned int jump(const struct bpf_state *m, const struct sock_filter *insn)
{
	u32 operand = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;
	bool taken;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		return insn->k;
	case BPF_JEQ:
		taken = m->a == operand;
		break;
	case BPF_JGT:
		taken = m->a > operand;
		break;
	case BPF_JGE:
		taken = m->a >= operand;
		break;
	default: /* BPF_JSET */
		taken = m->a & operand;
	}
	return taken ? insn->jt : insn->jf;
}

static bool is_known(const struct sock_filter *insn)
{
	return insn->k == __builtin_offsetof(struct seccomp_data, nr) ||
	       insn->k == __builtin_offsetof(struct seccomp_data, arch);
}

bool bpf_run(const struct sock_filter *program, const struct seccomp_data *data, bool only_number,
	     u32 *value)
{
	struct bpf_state m = { 0 };

	for (const struct sock_filter *insn = program;; insn++) {
		switch (BPF_CLASS(insn->code)) {
		case BPF_LD:
			if (only_number && BPF_MODE(insn->code) == BPF_ABS && !is_known(insn))
				return false;
			m.a = load(&m, insn, data);
			break;
		case BPF_LDX:
			m.x = load(&m, insn, data);
			break;
		case BPF_ST:
			m.mem[insn->k] = m.a;
			break;
		case BPF_STX:
			m.mem[insn->k] = m.x;
			break;
		case BPF_ALU:
			if (!alu(&m, insn)) {
				*value = 0;
				return true;
			}
			break;
		case BPF_JMP:
			insn += jump(&m, insn);
			break;
		case BPF_RET:
			*value = BPF_RVAL(insn->code) == BPF_A ? m.a : insn->k;
			return true;
		default:
			if (BPF_MISCOP(insn->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
}
