/* SPDX-License-Identifier: MIT */
/*
 * gstage_lab.h - the path of a walk as one number (labs/04-gstage/YOURS.md).
 */
#ifndef KVM_GSTAGE_LAB_H
#define KVM_GSTAGE_LAB_H

#include "mmu/gstage.h"
#include "sbi/sbi.h"

/*
 * An extension of the course's, by which a guest asks for it. Function 0: levels; 1: path of a0; 2: take
 * what maps [a0, a1) out of the table; 3: what the walker finds at a0, level and flags of a leaf.
 */
#define SBI_EXT_WALK 0x0a0004abUL

sbi_fn sbi_walk;

/* Holds mmu_lock. */
u64 gstage_lab_path(const struct gstage *gs, gpa_t gpa);

#endif
