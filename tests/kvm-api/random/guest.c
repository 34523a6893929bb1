// SPDX-License-Identifier: MIT
/*
 * guest.c - random guest programs. The registers contain guest physical addresses, most of which
 * are in the VM's memory or are those of an interrupt controller's registers. After a trap, the guest
 * continues with the next instruction, or, after a jump out of the program, with any instruction of it.
 * After the last instruction, it continues with the first one. A guest hypervisor (L1) runs the same
 * program also in its own guest (L2), whose G-stage maps addresses to themselves.
 */
#include <string.h>
#include "random.h"
#include "hv/csr.h"
#include "hv/kvm_hext.h"
#include "hv/pte.h"
#include "hv/sbi.h"

#define WORDS         128
#define HANDLER_WORDS 9
#define T0            5U /* registers */
#define T1            6U

/* Offsets in the VM's memory: page tables. */
#define SATP_ROOT  0x1f0000UL
#define HGATP_ROOT 0x1e0000UL
#define L2_BLOCKS  0x1e4000UL /* the table for the GiB that contains the VM's memory */
#define L2_PAGES   0x1e5000UL /* the table for the first 2 MiB of it */

#define LEAF_ALL   (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)
#define TEXT_PAGES 16U /* that programs are written to */

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

/* Seldom one that decides where the handler of traps is: without a handler, the program ends. */
static u32 any_csr(void)
{
	static const u16 csrs[] = {
		0x001, 0x003, 0x015, 0x100, 0x104, 0x106, 0x10a, 0x10c, 0x140,
		0x141, 0x142, 0x143, 0x144, 0x14d, 0x150, 0x151, 0x15c, 0x200,
		0x5a8, 0x600, 0xc00, 0xc01, 0xc02, 0xc03, 0xda0, 0xdb0,
	};
	u32 csr = csrs[rnd(ARRAY_SIZE(csrs))];

	if (!rnd(8))
		csr = rnd(4) ? (u32)rnd(4096)
			     : (u32)PICK(0x105 /* stvec */, 0x180 /* satp */, 0x280 /* vsatp */,
					 0x680 /* hgatp */);
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

/* ---- guest hypervisors ---- */

/* reg |= value, or reg &= ~value, where reg is a CSR. */
static void put_csr_bits(struct text *text, u32 csr, u32 value)
{
	put_li(text, T0, value);
	put(text, csr << 20 | T0 << 15 | (u32)PICK(2, 3) << 12 | 0x73);
}

/* hgatp = any mode, VMID and usually the table of write_l2_table(). */
static void put_hgatp(struct text *text)
{
	u64 mode = PICK(0, 8, 8, 8, 9, 10), root = (ANY_GPA + HGATP_ROOT) >> 12;

	put_li(text, T0, mode << 16 | rnd(4));
	put(text, 0x02c29293); /* slli t0, t0, 44 */
	put_li(text, T1, rnd(8) ? root : any_gpa() >> 12);
	put(text, 0x0062e2b3); /* or t0, t0, t1 */
	put(text, 0x68029073); /* csrw hgatp, t0 */
}

/* Flip bits of an entry of one of L2's tables. */
static void put_l2_entry(struct text *text)
{
	u64 table = PICK(HGATP_ROOT, L2_BLOCKS, L2_PAGES, L2_PAGES);
	u32 bits = (u32)PICK(PTE_R | PTE_W, PTE_X, PTE_D, rnd(256));

	put_li(text, T0, ANY_GPA + table + 8 * rnd(32));
	put(text, 0x0002b303);              /* ld t1, 0(t0) */
	put(text, bits << 20 | 0x00034313); /* xori t1, t1, bits */
	put(text, 0x0062b023);              /* sd t1, 0(t0) */
}

/* Continue in L2 with the next instruction. */
static void put_enter_l2(struct text *text)
{
	put_li(text, T0, (u32)PICK(HSTATUS_SPV, HSTATUS_SPV | HSTATUS_SPVP));
	put(text, 0x6002a073); /* csrs hstatus, t0 */
	put(text, 0x00000297); /* auipc t0, 0 */
	put(text, 0x01028293); /* addi t0, t0, 16 */
	put(text, 0x14129073); /* csrw sepc, t0 */
	put(text, 0x10200073); /* sret */
}

/* HLV, HLVX or HSV of any size; some of them do not exist. */
static u32 any_hlv_or_hsv(void)
{
	u32 insn = (u32)rnd(4) << 27 | any_reg() << 15 | 0x60004073;

	if (rnd(2))
		return insn | (u32)PICK(0, 1, 3) << 20 | any_reg() << 7;
	return insn | 1 << 25 | any_reg() << 20;
}

static void put_hypervisor_code(struct text *text)
{
	switch (rnd(8)) {
	case 0:
		put_hgatp(text);
		break;
	case 1:
		put(text, (u32)PICK(0x62000073 /* hfence.gvma */, 0x22000073 /* hfence.vvma */) |
				  (rnd(2) ? 0 : any_reg() << 15) | (rnd(2) ? 0 : any_reg() << 20));
		break;
	case 2:
		put_csr_bits(text, (u32)PICK(0x100 /* sstatus */, 0x200 /* vsstatus */),
			     (u32)SSTATUS_MXR);
		break;
	case 3:
		put_l2_entry(text);
		break;
	case 4:
	case 5:
		put_enter_l2(text);
		break;
	default:
		put(text, any_hlv_or_hsv());
		break;
	}
}

/* ---- programs ---- */

static void put_any(struct text *text)
{
	switch (rnd(17)) {
	case 16:
		put_hypervisor_code(text);
		break;
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

static long set_reg(int vcpu, u64 id, u64 value)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | id,
		.addr = (uintptr_t)&value,
	};

	return env_ioctl(vcpu, KVM_SET_ONE_REG, (unsigned long)&reg);
}

/* Return a value of satp: no translation, an identity map, or a table with random contents. */
static unsigned long any_satp(void)
{
	u64 identity[512];
	unsigned int i;

	switch (rnd(16)) {
	case 0:
		return (unsigned long)(PICK(8, 9, 10) << 60 | any_gpa() >> 12);
	case 1:
	case 2:
	case 3:
		for (i = 0; i < ARRAY_SIZE(identity); i++)
			identity[i] = (u64)i << 28 | 0xcf; /* a gigabyte: D, A, X, W, R, V */
		env_put(ANY_HVA + SATP_ROOT, identity, sizeof(identity));
		return (unsigned long)(8ULL << 60 | (ANY_GPA + SATP_ROOT) >> 12);
	default:
		return 0;
	}
}

/* A leaf, often one without a permission that L2 needs: for example, L2 may only execute the page. */
static u64 any_leaf(u64 gpa)
{
	u64 lacks = PICK(0, 0, 0, PTE_R | PTE_W, PTE_R | PTE_W, PTE_W, PTE_X, PTE_D, rnd(256));

	return pte_make(rnd(8) ? gpa : any_gpa(), LEAF_ALL & ~lacks) |
	       (rnd(16) ? 0 : 1ULL << (54 + rnd(10)));
}

/* Write a page of pointers to random tables, somewhere in the VM's memory: it is no page table. */
static void write_false_table(void)
{
	u64 table[512], i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		table[i] = pte_make(ANY_GPA + rnd(1 << 28), PTE_V);
	env_put(ANY_HVA + (rnd(2) ? 0x200000 : rnd(ANY_SIZE / 0x1000) * 0x1000), table,
		sizeof(table));
}

/* Write L2's table, in three levels, or with blocks of 2 MiB. */
static void write_l2_table(void)
{
	u64 table[512], i;
	bool blocks = !rnd(3);

	for (i = 0; i < ARRAY_SIZE(table); i++)
		table[i] = pte_make(ANY_GPA + (i << 12), LEAF_ALL);
	for (i = 0; i < 256; i++)
		if (i >= TEXT_PAGES || !rnd(8))
			table[i] = any_leaf(ANY_GPA + (i << 12));
	env_put(ANY_HVA + L2_PAGES, table, sizeof(table));
	for (i = 0; i < ARRAY_SIZE(table); i++)
		table[i] = any_leaf(ANY_GPA + (i << 21));
	if (!blocks)
		table[0] = pte_make(ANY_GPA + L2_PAGES, PTE_V);
	env_put(ANY_HVA + L2_BLOCKS, table, sizeof(table));
	for (i = 0; i < ARRAY_SIZE(table); i++)
		table[i] = any_leaf(i << 30);
	table[ANY_GPA >> 30] = pte_make(ANY_GPA + L2_BLOCKS, PTE_V);
	env_put(ANY_HVA + HGATP_ROOT, table, sizeof(table));
}

static long set_hext(int vcpu, u64 nth, u64 value)
{
	return set_reg(vcpu, KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_HEXT | nth, value);
}

/* If the vCPU is a guest hypervisor, give it a guest, usually let it start there, and return true. */
static bool write_l2(int vcpu, u64 start)
{
	u64 mxr = rnd(2) ? 0 : SSTATUS_MXR;

	if (set_hext(vcpu, KVM_HS_HEXT_hgatp,
		     8ULL << 60 | rnd(4) << 44 | (ANY_GPA + HGATP_ROOT) >> 12))
		return false;
	write_l2_table();
	write_false_table();
	set_hext(vcpu, KVM_HS_HEXT_vsatp, any_satp());
	set_hext(vcpu, KVM_HS_HEXT_vsstatus, FIELD_PREP(SSTATUS_UXL, XL_64) | mxr | rnd(1 << 16));
	set_reg(vcpu, KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(sstatus),
		FIELD_PREP(SSTATUS_UXL, XL_64) | mxr);
	set_hext(vcpu, KVM_HS_HEXT_vstvec, start);
	set_hext(vcpu, KVM_HS_HEXT_hedeleg, rnd(4) ? 0 : rnd(1 << 16));
	set_hext(vcpu, KVM_HS_HEXT_hcounteren, rnd(8));
	if (rnd(4) && !set_hext(vcpu, KVM_HS_HEXT_V, 1))
		COUNT(l2);
	return true;
}

void guest_hypervisors(void)
{
	for (unsigned int i = 0; i < any_vmm.vcpus.n; i++)
		if (!set_reg(any_vmm.vcpus.fd[i], KVM_REG_RISCV_ISA_EXT | KVM_RISCV_ISA_EXT_H, 1))
			COUNT(hypervisors);
}

void guest_write(int vcpu)
{
	struct text text = {
		.words = {
			0x00000317, /* stvec: auipc t1, 0 */
			0x141022f3, /* csrr t0, sepc */
			0x406282b3, /* sub t0, t0, t1 */
			0x00428293, /* addi t0, t0, 4 */
			0x1fc2f293, /* andi t0, t0, 0x1fc */
			0x006282b3, /* add t0, t0, t1 */
			0x14129073, /* csrw sepc, t0 */
			0x00000013, /* nop */
			0x10200073, /* sret */
		},
		.n = HANDLER_WORDS,
	};
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	u64 offset = 0x1000 * rnd(16) + (rnd(8) ? 0 : 0xf80), start = ANY_GPA + offset;
	unsigned int i;

	while (text.n < WORDS - 1)
		put_any(&text);
	text.n = WORDS - 1;
	put(&text, 0xe29ff06f); /* j start + 36: -472 */
	if (write_l2(vcpu, start))
		text.words[HANDLER_WORDS - 2] = 0x6002b073; /* csrc hstatus, t0: may leave L2 */
	env_put(ANY_HVA + offset, text.words, sizeof(text.words));
	for (i = 1; i < 32; i++)
		if (!rnd(3))
			set_reg(vcpu, KVM_REG_RISCV_CORE | i,
				rnd(4) ? any_gpa() & ~7ULL : any_gpa());
	set_reg(vcpu, KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(regs.pc),
		start + 4 * HANDLER_WORDS);
	set_reg(vcpu, KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(mode), rnd(8) != 7);
	set_reg(vcpu, KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(stvec), start);
	set_reg(vcpu, KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(satp), any_satp());
	if (rnd(8))
		env_ioctl(vcpu, KVM_SET_MP_STATE, (unsigned long)&runnable);
}
