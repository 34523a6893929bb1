// SPDX-License-Identifier: MIT
/*
 * kvm_asm.h - the core's assembly, seen from C.
 *
 * Everything here stands in a .S file of this folder; on the native test host
 * tests/native provides the same names.
 */
#ifndef KVM_KVM_ASM_H
#define KVM_KVM_ASM_H

#include "kvm.h"

/* switch.S: exit.h declares vcpu_switch(). What stvec may be in the guest, by the toggle fastpath: */
void vcpu_exit_vector(void); /* switch.S: every exit returns from vcpu_switch() */
void vcpu_exit_fast(void);   /* switch_fast.S: asks fastpath.c first */

/* unpriv.S */
unsigned long unpriv_hlv(gva_t gva, struct hv_trap *trap, unsigned long hstatus);
unsigned long unpriv_hlvx_hu(gva_t gva, struct hv_trap *trap, unsigned long hstatus);

/*
 * redirect.S: the scause of an illegal instruction in VS as it comes from the firmware. At boot only.
 * EXC_ILLEGAL_INST; anything else: the machine spoils such a trap.
 */
unsigned long redirect_probe(void);

/* fp.S: all of f0 to f31 and fcsr. sstatus.FS is switched on for the time of the call. */
void fp_save_regs(struct fp_state *fp);
void fp_save_fcsr(struct fp_state *fp); /* fcsr alone */
void fp_restore_regs(const struct fp_state *fp);

/* vector.S: all of the vector unit, as fp.S; only where there is V. */
void vector_save_regs(struct vector_state *vector);
void vector_save_csrs(struct vector_state *vector); /* vstart, vl, vtype and vcsr alone */
void vector_restore_regs(const struct vector_state *vector);

/* fence.S: what this hart fetched before is fetched again. */
void local_fence_i(void);

#endif
