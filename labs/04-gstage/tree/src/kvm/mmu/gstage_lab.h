/* SPDX-License-Identifier: MIT */
/*
 * gstage_lab.h - the path of a walk as one number (labs/04-gstage/YOURS.md)
 */
#ifndef KVM_GSTAGE_LAB_H
#define KVM_GSTAGE_LAB_H

#include "mmu/gstage.h"
#include "sbi/sbi.h"

/*
 * The course's own SBI extension, for the guests that test this lab. Function 0: return the number
 * of levels; 1: return the number of the path to the address in a0; 2: unmap [a0, a1) from the
 * table; 3: return the level and flags of the leaf that the walker finds for the address in a0.
 */
#define SBI_EXT_WALK 0x0a0004abUL

sbi_fn sbi_walk;

/* Return your variant's number for the path to gpa. The caller holds mmu_lock. */
u64 gstage_lab_path(const struct gstage *gs, gpa_t gpa);

#endif
