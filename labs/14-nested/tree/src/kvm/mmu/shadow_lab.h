/* SPDX-License-Identifier: MIT */
/*
 * shadow_lab.h - let a guest hypervisor ask for leaves of its shadow table (lab 14)
 */
#ifndef KVM_SHADOW_LAB_H
#define KVM_SHADOW_LAB_H

#include "sbi/sbi.h"

/*
 * The course's own SBI extension, for the guests that test this lab. Both functions return a leaf as
 * its level, shifted left by 8, and its eight flags; if there is no leaf, the error is
 * SBI_ERR_INVALID_ADDRESS. Function 0: the leaf of the caller's shadow table for the address of L2 in
 * a0; 1: the leaf of the VM's own table for the address of L1 in a0.
 */
#define SBI_EXT_SHADOW 0x0a0004acUL

sbi_fn sbi_shadow;

#endif
