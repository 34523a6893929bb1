// SPDX-License-Identifier: MIT
/*
 * kvm_asm.h - the core's assembly functions, declared for C.
 *
 * They are defined in .S files in the subfolders of this folder. In native tests, tests/native
 * provides functions with the same names.
 */
#ifndef KVM_KVM_ASM_H
#define KVM_KVM_ASM_H

#include "kvm.h"

/*
 * The exit vectors: stvec points at one of them while the guest runs. With fastpath=off, it is always
 * the first. exit.h declares vcpu_switch(), which is also in switch.S.
 */
void vcpu_exit_vector(void); /* switch.S: every exit returns from vcpu_switch() */
void vcpu_exit_fast(void);   /* switch_fast.S: tries fastpath.c first */
void vcpu_exit_nested(void); /* the same, for a guest hypervisor */

/* unpriv.S */
unsigned long unpriv_hlv(gva_t gva, struct hv_trap *trap, unsigned long hstatus);
unsigned long unpriv_hlvx_hu(gva_t gva, struct hv_trap *trap, unsigned long hstatus);
/* A store stores `value`; a load ignores it. The result of a store has no meaning. */
typedef unsigned long unpriv_fn(gva_t gva, struct hv_trap *trap, unsigned long hstatus,
				unsigned long value);
unpriv_fn unpriv_hlv_b, unpriv_hlv_bu, unpriv_hlv_h, unpriv_hlv_hu, unpriv_hlv_w, unpriv_hlvx_wu;
unpriv_fn unpriv_hsv_b, unpriv_hsv_h, unpriv_hsv_w;
#if __SIZEOF_LONG__ == 8
unpriv_fn unpriv_hlv_wu, unpriv_hlv_d, unpriv_hsv_d;
#else /* RV32 does not have these instructions */
#define unpriv_hlv_wu NULL
#define unpriv_hlv_d  NULL
#define unpriv_hsv_d  NULL
#endif

/*
 * redirect.S: execute an illegal instruction in VS, and return the scause with which its trap
 * arrives in HS by way of the firmware. Call this only at boot. If the result is not
 * EXC_ILLEGAL_INST, the machine corrupts traps that take this way.
 */
unsigned long redirect_probe(void);

/* fp.S: save and restore all of f0 to f31 and fcsr. sstatus.FS is on only during the call. */
void fp_save_regs(struct fp_state *fp);
void fp_save_fcsr(struct fp_state *fp); /* fcsr alone */
void fp_restore_regs(const struct fp_state *fp);

/*
 * vector.S: save and restore the whole vector unit, as fp.S does for FP. Call these only if the
 * hart has V.
 */
void vector_save_regs(struct vector_state *vector);
void vector_save_csrs(struct vector_state *vector); /* vstart, vl, vtype and vcsr alone */
void vector_restore_regs(const struct vector_state *vector);

/* fence.S: execute fence.i, to discard instructions that this hart may have fetched earlier. */
void local_fence_i(void);

#endif
