// SPDX-License-Identifier: MIT
/*
 * asm.h - macros shared by the core's assembly files: load, store and store-conditional of a
 * register.
 */
#ifndef KVM_ASM_H
#define KVM_ASM_H

#include "hv/static_key.h"

#if __riscv_xlen == 64
#define REG_L  ld
#define REG_S  sd
#define REG_SC sc.d
#define SZREG  8
#else
#define REG_L  lw
#define REG_S  sw
#define REG_SC sc.w
#define SZREG  4
#endif

#endif
