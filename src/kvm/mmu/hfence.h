// SPDX-License-Identifier: MIT
/*
 * hfence.h - the fences of the hypervisor extension, as functions (H §3.2).
 *
 * All of them act on this hart only. On the native test host, functions of the same names act on a
 * TLB model, which keeps a translation until a fence drops it.
 */
#ifndef KVM_HFENCE_H
#define KVM_HFENCE_H

#include "hv/types.h"

#ifdef __riscv

#define HFENCE_INSN(text, ...)                                                                \
	__asm__ volatile(".option push\n.option arch,+h\n" text "\n.option pop" ::__VA_ARGS__ \
			 : "memory")

/* Drop all G-stage translations of all VMIDs. */
static inline void hfence_gvma_all(void)
{
	HFENCE_INSN("hfence.gvma zero, zero", );
}

static inline void hfence_gvma_vmid(unsigned long vmid)
{
	HFENCE_INSN("hfence.gvma zero, %0", "r"(vmid));
}

/* The operand is the address shifted right by 2, so that 34 bits fit on RV32. */
static inline void hfence_gvma_vmid_gpa(unsigned long vmid, gpa_t gpa)
{
	HFENCE_INSN("hfence.gvma %0, %1", "r"((unsigned long)(gpa >> 2)), "r"(vmid));
}

/* Drop the VS-stage translations of the VMID that is in hgatp now. */
static inline void hfence_vvma_all(void)
{
	HFENCE_INSN("hfence.vvma zero, zero", );
}

static inline void hfence_vvma_asid(unsigned long asid)
{
	HFENCE_INSN("hfence.vvma zero, %0", "r"(asid));
}

static inline void hfence_vvma_gva(gva_t gva)
{
	HFENCE_INSN("hfence.vvma %0, zero", "r"(gva));
}

static inline void hfence_vvma_asid_gva(unsigned long asid, gva_t gva)
{
	HFENCE_INSN("hfence.vvma %0, %1", "r"(gva), "r"(asid));
}

/*
 * Svinval: the same fences for many addresses. Between sfence_w_inval() and sfence_inval_ir(), each
 * address is invalidated by a call of an hinval_*() function. Stores before sfence_w_inval() are
 * ordered before the invalidations, and page-table walks after sfence_inval_ir() are ordered after
 * them.
 */
#define SVINVAL_INSN(text, ...) HFENCE_INSN(".option arch,+svinval\n" text, __VA_ARGS__)

static inline void sfence_w_inval(void)
{
	SVINVAL_INSN("sfence.w.inval", );
}

static inline void sfence_inval_ir(void)
{
	SVINVAL_INSN("sfence.inval.ir", );
}

static inline void hinval_gvma_vmid_gpa(unsigned long vmid, gpa_t gpa)
{
	SVINVAL_INSN("hinval.gvma %0, %1", "r"((unsigned long)(gpa >> 2)), "r"(vmid));
}

static inline void hinval_vvma_gva(gva_t gva)
{
	SVINVAL_INSN("hinval.vvma %0, zero", "r"(gva));
}

static inline void hinval_vvma_asid_gva(unsigned long asid, gva_t gva)
{
	SVINVAL_INSN("hinval.vvma %0, %1", "r"(gva), "r"(asid));
}

#else /* the native test host: tests/native/tlb_model.c */

void hfence_gvma_all(void);
void hfence_gvma_vmid(unsigned long vmid);
void hfence_gvma_vmid_gpa(unsigned long vmid, gpa_t gpa);
void hfence_vvma_all(void);
void hfence_vvma_asid(unsigned long asid);
void hfence_vvma_gva(gva_t gva);
void hfence_vvma_asid_gva(unsigned long asid, gva_t gva);
void sfence_w_inval(void);
void sfence_inval_ir(void);
void hinval_gvma_vmid_gpa(unsigned long vmid, gpa_t gpa);
void hinval_vvma_gva(gva_t gva);
void hinval_vvma_asid_gva(unsigned long asid, gva_t gva);

#endif
#endif
