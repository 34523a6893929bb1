// SPDX-License-Identifier: MIT
/*
 * guest.c - random guest programs. The registers contain guest physical addresses, most of which
 * are in the VM's memory or are those of an interrupt controller's registers. After a trap, the guest
 * continues with the next instruction, and after the last one, with the first one.
 */
#include <string.h>
#include "random.h"
#include "hv/sbi.h"

#define WORDS 64
#define T0    5U /* a register */

struct text {
	u32 words[WORDS];
	unsigned int n;
};

static void put(struct text *text, u32 insn)
{
	if (text->n < WORDS)
		text->words[text->n++] = insn;
}

/* reg = value, of which the upper 32 bits are zero, or equal to bit 31. */
static void put_li(struct text *text, unsigned int reg, u64 value)
{
	u32 low = (u32)value;

	put(text, ((low + 0x800) & 0xfffff000) | reg << 7 | 0x37);    /* lui */
	put(text, (low & 0xfff) << 20 | reg << 15 | reg << 7 | 0x1b); /* addiw */
	if (value == low && (s32)low < 0) {
		put(text, 0x02001013 | reg << 15 | reg << 7); /* slli reg, reg, 32 */
		put(text, 0x02005013 | reg << 15 | reg << 7); /* srli reg, reg, 32 */
	}
}

static u32 any_reg(void)
{
	return (u32)rnd(32);
}

static u32 any_load_or_store(void)
{
	u32 offset = rnd(2) ? 0 : (u32)rnd(64);

	if (rnd(2)) /* a load */
		return offset << 20 | any_reg() << 15 | (u32)rnd(8) << 12 | any_reg() << 7 | 0x03;
	return (offset >> 5) << 25 | any_reg() << 20 | any_reg() << 15 | (u32)rnd(5) << 12 |
	       (offset & 31) << 7 | 0x23;
}

static u32 any_csr(void)
{
	static const u16 csrs[] = {
		0x001, 0x003, 0x015, 0x100, 0x104, 0x105, 0x106, 0x10a, 0x10c, 0x140,
		0x141, 0x142, 0x143, 0x144, 0x14d, 0x150, 0x151, 0x15c, 0x180, 0x200,
		0x280, 0x5a8, 0x600, 0x680, 0xc00, 0xc01, 0xc02, 0xc03, 0xda0, 0xdb0,
	};
	u32 csr = rnd(8) ? csrs[rnd(ARRAY_SIZE(csrs))] : (u32)rnd(4096);

	return csr << 20 | any_reg() << 15 | (u32)(1 + rnd(7)) << 12 | any_reg() << 7 | 0x73;
}

static u32 any_system(void)
{
	return (u32)PICK(0x10500073 /* wfi */, 0x10500073, 0x12000073 /* sfence.vma */,
			 0x22000073 /* hfence.bvma */, 0x62000073 /* hfence.gvma */,
			 0x16000073 /* sinval.vma */, 0x10200073 /* sret */, 0x30200073 /* mret */,
			 0x00100073 /* ebreak */, 0x0000100f /* fence.i */, 0x0ff0000f /* fence */,
			 0x00d00073 /* wrs.nto */, 0x6c004073 | any_reg() << 15 /* hlv.d */,
			 0x0000200f | any_reg() << 15 | (u32)rnd(5) << 20 /* cbo */);
}

static u32 any_atomic(void)
{
	u32 function = (u32)PICK(2, 3, rnd(32)); /* lr, sc, others */

	return function << 27 | any_reg() << 20 | any_reg() << 15 | (u32)PICK(2, 3) << 12 |
	       any_reg() << 7 | 0x2f;
}

static u32 any_fp_or_vector(void)
{
	return (u32)PICK(0x02000053 /* fadd.d */, 0x0000b007 | any_reg() << 15 /* fld */,
			 0x0000b027 | any_reg() << 15 /* fsd */, 0x0d007057 /* vsetvli */,
			 0x02000057 /* vadd.vv */, 0x02007007 | any_reg() << 15 /* vle64.v */);
}

static void put_sbi_call(struct text *text)
{
	unsigned long gpr[32] = { 0 };
	bool related = false;
	unsigned int i;

	gpr[A7] = rnd(12) ? any_sbi_extension() : SBI_EXT_NACL;
	gpr[A6] = (unsigned long)rnd(8);
	for (i = A0; i < A6; i++)
		gpr[i] = (unsigned long)PICK(rnd(4), any_gpa(), ~0ULL);
	any_sbi_arguments(gpr);
	if (gpr[A7] == SBI_EXT_STA || gpr[A7] == SBI_EXT_NACL) { /* shared memory */
		gpr[A6] = gpr[A7] == SBI_EXT_NACL ? rnd(5) : 0;
		gpr[A0] = (unsigned long)any_gpa() & ~(PAGE_SIZE - 1);
		gpr[A1] = gpr[A2] = 0;
		related = true;
	}
	related |= gpr[A7] == SBI_EXT_PMU || gpr[A7] == SBI_EXT_FWFT;
	for (i = A0; i <= A7; i++)
		if (i >= A6 || related || rnd(2))
			put_li(text, i, gpr[i]);
	put(text, 0x73);
}

static void put_imsic_access(struct text *text)
{
	unsigned long select;
	u32 insn = any_irqchip_insn(&select);

	put_li(text, T0, (u32)select);
	put(text, 0x15029073); /* csrw siselect, t0 */
	put(text, insn);
}

static void put_any(struct text *text)
{
	switch (rnd(16)) {
	case 0:
		put_sbi_call(text);
		break;
	case 1:
		put_imsic_access(text);
		break;
	case 2:
		put(text, any_system());
		break;
	case 3:
	case 4:
		put(text, any_csr());
		break;
	case 5:
		put(text, any_atomic());
		break;
	case 6:
		put(text, any_fp_or_vector());
		break;
	case 7: /* a branch by up to 8 instructions forward */
		put(text, any_reg() << 20 | any_reg() << 15 | (u32)PICK(0, 1, 4, 5, 6, 7) << 12 |
				  (u32)(4 + 4 * rnd(3)) << 7 | 0x63);
		break;
	case 8: /* jalr, seldom to an address outside of the program */
		put(text, rnd(8) ? (u32)rnd(1ULL << 32) : any_reg() << 15 | 0x67);
		break;
	case 9:
		put_li(text, any_reg(), (u32)any_irqchip_value());
		break;
	case 10:
		put_li(text, any_reg(), any_gpa());
		break;
	default:
		put(text, any_load_or_store());
		break;
	}
}

static void set_reg(int vcpu, u64 id, u64 value)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | id,
		.addr = (uintptr_t)&value,
	};

	env_ioctl(vcpu, KVM_SET_ONE_REG, (unsigned long)&reg);
}

/* Return a value of satp: no translation, an identity map, or a table with random contents. */
static unsigned long any_satp(void)
{
	u64 identity[512], root = 0x1f0000;
	unsigned int i;

	switch (rnd(16)) {
	case 0:
		return (unsigned long)(PICK(8, 9, 10) << 60 | any_gpa() >> 12);
	case 1:
	case 2:
	case 3:
		for (i = 0; i < ARRAY_SIZE(identity); i++)
			identity[i] = (u64)i << 28 | 0xcf; /* a gigabyte: D, A, X, W, R, V */
		env_put(ANY_HVA + (unsigned long)root, identity, sizeof(identity));
		return (unsigned long)(8ULL << 60 | (ANY_GPA + root) >> 12);
	default:
		return 0;
	}
}

void guest_write(int vcpu)
{
	struct text text = {
		.words = {
			0x141022f3, /* stvec: csrr t0, sepc */
			0x00428293, /* addi t0, t0, 4 */
			0x14129073, /* csrw sepc, t0 */
			0x10200073, /* sret */
		},
		.n = 4,
	};
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	u64 offset = 0x1000 * rnd(16) + (rnd(8) ? 0 : 0xf80), start = ANY_GPA + offset;
	unsigned int i;

	while (text.n < WORDS - 1)
		put_any(&text);
	text.n = WORDS - 1;
	put(&text, 0xf15ff06f); /* j start + 16: -236 */
	env_put(ANY_HVA + offset, text.words, sizeof(text.words));
	for (i = 1; i < 32; i++)
		if (!rnd(3))
			set_reg(vcpu, KVM_REG_RISCV_CORE | i,
				rnd(4) ? any_gpa() & ~7ULL : any_gpa());
	set_reg(vcpu, KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(regs.pc), start + 16);
	set_reg(vcpu, KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(mode), rnd(8) != 7);
	set_reg(vcpu, KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(stvec), start);
	set_reg(vcpu, KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(satp), any_satp());
	if (rnd(8))
		env_ioctl(vcpu, KVM_SET_MP_STATE, (unsigned long)&runnable);
}
