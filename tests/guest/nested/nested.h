// SPDX-License-Identifier: MIT
/*
 * nested.h - what the files of the payload nested share; the state of its guest.
 */
#ifndef TESTS_NESTED_H
#define TESTS_NESTED_H

#define L2_PC           256
#define L2_SSTATUS      264
#define L2_HSTATUS      272
#define L2_SCAUSE       280
#define L2_STVAL        288
#define L2_HTVAL        296
#define L2_HTINST       304
#define L2_HOST_SP      312
#define L2_HOST_STVEC   320
#define L2_HOST_HSTATUS 328
#define L2_NACL         336

#define L2_TRAPPED 0x7a9 /* a0 of an ecall in the guest's own trap handler */

#ifndef __ASSEMBLER__

#include "rt.h"

#define VS_LINES (BIT(IRQ_VS_SOFT) | BIT(IRQ_VS_TIMER) | BIT(IRQ_VS_EXT))
#define VXL      FIELD_PREP(HSTATUS_VSXL, XL_64)

struct l2 {
	unsigned long regs[32];
	unsigned long pc;
	unsigned long sstatus; /* for an entry: SPP and SPIE; afterwards, as the trap left it */
	unsigned long hstatus;
	unsigned long scause, stval, htval, htinst;
	unsigned long host_sp, host_stvec, host_hstatus;
	unsigned long
		nacl; /* 1: enter by SBI NACL's sync_sret, which loads the registers and hstatus */
};

/* The state for an entry at `code`, in VU or VS. */
static inline struct l2 l2_at(const char *code, bool user)
{
	return (struct l2){ .pc = (unsigned long)code,
			    .sstatus = user ? 0 : SSTATUS_SPP,
			    .hstatus = VXL | HSTATUS_SPV | (user ? 0 : HSTATUS_SPVP) };
}

void l2_run(struct l2 *l2);
void l2_switch(struct l2 *l2); /* switch.S */

extern char l2_ecall[], l2_move[], l2_write_csrs[], l2_hstatus[], l2_vsstatus[], l2_sfence[],
	l2_satp[], l2_stimecmp[], l2_sret[], l2_wfi[], l2_hfence[], l2_hlv[], l2_ebreak[],
	l2_illegal[], l2_time[], l2_load[], l2_load_byte[], l2_store[], l2_spin[], l2_poll_time[],
	l2_interrupts[], l2_trapped[], l2_user[], l2_fp[], l2_fp_clean[], l2_vector[],
	l2_siselect[], l2_sireg[], l2_stopei[], l2_stopi[], l2_claim[], l2_sip[], l2_clear_sip[];
unsigned long l1_f5(void), l1_v1(void);

unsigned long do_hlv_b(unsigned long va), do_hlv_bu(unsigned long va), do_hlv_h(unsigned long va),
	do_hlv_hu(unsigned long va), do_hlv_w(unsigned long va), do_hlv_wu(unsigned long va),
	do_hlv_d(unsigned long va), do_hlvx_hu(unsigned long va), do_hlvx_wu(unsigned long va);
void do_hsv_b(unsigned long va, unsigned long value),
	do_hsv_h(unsigned long va, unsigned long value),
	do_hsv_w(unsigned long va, unsigned long value),
	do_hsv_d(unsigned long va, unsigned long value);
void do_hfence(void);
void do_hfence_gvma(unsigned long address); /* of the guest, shifted right by 2 */
void do_hfence_gvma_vmid(unsigned long address, unsigned long vmid);

extern struct l2 l2;

/* Skip a claim that does not hold on QEMU 10.0 itself. Returns true if it is skipped. */
bool quirk(const char *claim);
void clear_vs(void); /* nothing is delegated but the interrupts of VS, and none is pending */
void prepare(const char *code, bool user);
/* Run code that takes a0 and a1, and return scause. */
unsigned long run(const char *code, unsigned long a0, unsigned long a1);
/* Claim that the code is an illegal instruction that arrives in HS. */
void ok_illegal(const char *code, unsigned long a0, const char *what);

/* Claim that the code, run in VS with these bits of hstatus, is a virtual instruction. */
void ok_virtual(const char *code, unsigned long hstatus, const char *what);

void test_aia(void);              /* aia.c */
void test_file(void);             /* file.c */
void test_guest_interrupts(void); /* irq.c */
void test_host_interrupts(void);
void test_time(void);
void test_memory(void); /* memory.c */
void test_device(void);
/* gstage.c */
#define L2_BASE   0x100000000UL /* a guest physical address of the guest, 4 GiB */
#define L2_LEAF   (PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D)
#define L2_SV39X4 8 /* a mode of hgatp */
/* Make a G-stage table: the low 4 GiB are mapped one to one, and level0's pages begin at L2_BASE. */
void gstage_make(pte_t *root, pte_t *level1, pte_t *level0);
void gstage_on(const pte_t *root, unsigned long vmid); /* without a fence */
void test_gstage(void);
void test_tags(void);  /* tags.c */
void test_hs(void);    /* hs.c */
bool nacl_begin(void); /* nacl.c: use SBI NACL from now on; false: there is none */
void nacl_run(struct l2 *l2);
bool nacl_clear_vs(void); /* clear_vs() by the shared memory; false: this is not possible */
/*
 * HFENCE of everything. After nacl_begin(), by entries of the shared memory: fence() has them
 * executed at once, and fence_later() leaves them to the next entry into the guest.
 */
void fence(void);
void fence_later(void);
/* HFENCE.GVMA of one page, executed at the latest at the next entry. vmid is 0: for all guests. */
void fence_page(unsigned long gpa, unsigned long vmid);
void test_nacl(void);
void test_fp(void);
void test_vector(void);

#endif
#endif
