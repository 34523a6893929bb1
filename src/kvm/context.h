// SPDX-License-Identifier: MIT
/*
 * context.h - register contexts in memory: the guest's, the host's, and the CSRs of a trap.
 *
 * Assembly (switch.S, switch_fast.S, fp.S, vector.S, unpriv.S) uses generated offsets of the
 * members (offsets.c).
 */
#ifndef KVM_CONTEXT_H
#define KVM_CONTEXT_H

#include "hv/types.h"

struct kvm_vcpu;

/* The CSRs of one trap from VS or VU into HS, as the hardware left them. */
struct hv_trap {
	unsigned long sepc;
	unsigned long scause;
	unsigned long stval;
	unsigned long htval;
	unsigned long htinst;
};

/* What an exit handler returns; < 0 is -errno for KVM_RUN's caller. */
enum exit_result {
	RESUME_USER = 0,
	RESUME_GUEST = 1,
};

typedef int exit_fn(struct kvm_vcpu *vcpu, const struct hv_trap *trap);

/* The exit functions for one value of the toggle `switch` (observe.c). */
struct exit_ops {
	exit_fn *handle;
	exit_fn *handle_observed; /* replaces handle() while an event that observes exits is on */
	exit_fn *unpriv_fault;    /* for a guest page fault in unpriv_read() of an SBI hart mask */
	/* While the guest's own guest runs; `now` is the current generation of VMIDs (vmid.c). */
	void (*before_entry)(struct kvm_vcpu *vcpu, unsigned long now);
};

enum gpr {
	GPR_RA = 1,
	GPR_SP,
	GPR_A0 = 10,
	GPR_A1,
	GPR_A2,
	GPR_A3,
	GPR_A4,
	GPR_A5,
	GPR_A6,
	GPR_A7
};

#define INSN_WFI 0x10500073UL /* the encoding of wfi */

/*
 * What switch.S loads at an entry and saves at an exit. gpr[0] is always 0 and only serves as the
 * target of the SC in switch.S.
 */
struct guest_context {
	unsigned long gpr[32];
	unsigned long sepc;
	unsigned long sstatus;
	unsigned long hstatus;
};

struct host_context {
	unsigned long ra, sp, gp, tp;
	unsigned long sstatus;
	unsigned long hstatus;
	unsigned long stvec;
	unsigned long sscratch;
};

/*
 * The CSRs that vcpu_load() loads for the guest and vcpu_put() saves: VS CSRs, hvip, AIA CSRs, and
 * S CSRs without a VS counterpart.
 */
struct guest_csrs {
	unsigned long vsstatus;
	unsigned long vsie;
	unsigned long vstvec;
	unsigned long vsscratch;
	unsigned long vsepc;
	unsigned long vscause;
	unsigned long vstval;
	unsigned long hvip; /* interrupts that HS asserts for VS, as bits of hvip */
	unsigned long vsatp;
	unsigned long scounteren;
	unsigned long senvcfg;
	unsigned long sstateen0;
	unsigned long aia[7]; /* laid out as struct kvm_riscv_aia_csr; 0 on a host without Ssaia */
};

/* Whether HLV or HSV is being emulated: its traps are L1's, with V = 0, although v is set. */
enum nested_unpriv {
	UNPRIV_NONE,
	UNPRIV_DATA,
	UNPRIV_FETCH, /* HLVX, which needs execute permission */
};

/* When is a watched L1 checked again (nested_irq.c)? */
struct nested_watch {
	bool armed; /* the timer has not expired yet */
	u32 period_us;
	u32 random;
};

/*
 * The H and VS CSRs that L1 sees. While L2's CSRs are loaded, the hart has the current values of
 * vsstatus to vsatp, of vstimecmp if henvcfg.STCE permits it, of vsiselect and vsie, of hvip.VSSIP
 * and the VS bits of hie where hideleg delegates them, and of hvip where hvien is set; the values
 * here are then old. Owner: vcpu->mutex, and the scheduler's hook when it puts the vCPU.
 */
struct nested {
	bool v;         /* L2 runs: the hart's V bit, as L1 would see it */
	bool on;        /* special exits are in use (nested.c) */
	bool entered;   /* vcpu->hedeleg is the one for the entry; own_hedeleg is the vCPU's */
	bool handling;  /* an exit is being handled: vcpu->hedeleg stays the vCPU's own */
	u8 unpriv;      /* enum nested_unpriv */
	bool units_put; /* FP and vector registers are in memory, because L1 has a unit Off */
	bool checks;    /* hie enables an interrupt that only nested_check_irqs() gives to L1 */
	bool watched;   /* such an interrupt is pending: nested_irq.c */
	bool file_line; /* hvip.VSEIP, as nested_show_file() last wrote it */
	unsigned long own_hedeleg;

	unsigned long hstatus;
	unsigned long hedeleg, hideleg;
	unsigned long hvip, hie, hgeie;
	unsigned long hcounteren;
	unsigned long htval, htinst;
	unsigned long hgatp;           /* 0: Bare */
	unsigned long vmid_generation; /* while L2's CSRs are loaded: vcpu->vmid_generation */
	u64 henvcfg, hstateen0;
	u64 htimedelta;

	unsigned long vsstatus;
	unsigned long vstvec;
	unsigned long vsscratch;
	unsigned long vsepc;
	unsigned long vscause;
	unsigned long vstval;
	unsigned long vsatp;
	u64 vstimecmp;
	u64 vsiselect, hvictl, hviprio1, hviprio2; /* used if the vCPU has Ssaia, too */
	/*
	 * Bit IRQ_PMU_OVF of hvien, and of vsie, which has it where hvien is set; its other bits are hie's.
	 * hvien_writable has the bit if the vCPU has Ssaia and Sscofpmf; otherwise, all are 0.
	 */
	u64 hvien;
	unsigned long vsie, hvien_writable;
	unsigned long hgeie_writable, vgein_writable; /* 0: there are no guest interrupt files */
	unsigned long own_hvien;                      /* the hart's, while L2's CSRs are loaded */

	u8 nacl; /* bits of enum nacl_feature; 0: L1 shares no memory, and vcpu->map is unused */
	bool nacl_swap; /* swap hstatus when this memory is next updated */
};

struct fp_state {
	u64 f[32];
	u32 fcsr;
};

struct vector_state {
	unsigned long vstart, vl, vtype, vcsr;
	u8 *regs; /* v0 to v31, vector_vlenb() bytes each; NULL: the hart has no V */
};

#endif
