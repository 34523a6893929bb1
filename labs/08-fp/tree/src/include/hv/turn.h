/* SPDX-License-Identifier: MIT */
/*
 * turn.h - let a guest observe what a policy of toggle fp does (lab 8). Given; nothing to write.
 *
 * There are two SBI extensions, one in the core (src/kvm/sbi/sbi_turn.c) and one in the VMM
 * (src/vmm/sbi.c).
 */
#ifndef HV_TURN_H
#define HV_TURN_H

#include "hv/bits.h"

/* A turn lasts from a vCPU's load to its next put. */
#define SBI_EXT_TURN 0x0a0008abUL
#define TURN_TELL    0 /* put; if a0 is not 0, overwrite the unit; load; returns bits below */
#define TURN_CHOOSE  1 /* set policy a0, for the calling vCPU only */
#define TURN_ONLY    2 /* put, overwrite the unit, load; no result: for counting instructions */

#define TURN_FS_USED    GENMASK(1, 0) /* guest.sstatus.FS before the put */
#define TURN_FS_LOADED  GENMASK(3, 2) /* guest.sstatus.FS after the load */
#define TURN_SAVED_ALL  BIT(4)        /* the put has written all of f0 to f31 to memory */
#define TURN_SAVED_SOME BIT(5)        /* the put has written at least one of f0 to f31 to memory */
#define TURN_SAVED_FCSR BIT(6)        /* the put has written fcsr to memory */
#define TURN_LEFT_ON    BIT(7)        /* guest.sstatus.FS was not Off after the put */
#define TURN_OWNER      BIT(8)        /* after the load, the vCPU owns the unit */
#define TURN_DELEGATED  BIT(9)        /* before the put, illegal instructions were delegated */
#define TURN_HOST_ON    BIT(10)       /* the host's own FS was on after the load */
#define TURN_VS_USED    GENMASK(12, 11) /* guest.sstatus.VS before the put */
#define TURN_VS_SAVED   BIT(13)         /* the put has written vector registers to memory */
#define TURN_VS_LEFT_ON BIT(14)         /* guest.sstatus.VS was not Off after the put */
#define TURN_VS_LOADED  BIT(15)         /* guest.sstatus.VS was not Off after the load */
#define TURN_COUNT      GENMASK(31, 16) /* number of the vCPU's puts, modulo 2^16 */

/* The variants of toggle fp, in the order of toggle.def. */
enum turn_policy {
	POLICY_EAGER,
	POLICY_LAZY_SAVE,
	POLICY_LAZY_TRAP,
	POLICY_ADAPTIVE,
	NR_POLICIES
};

/* SBI extension of the VMM (src/vmm/move.h). Its calls act on the thread of the calling vCPU. */
#define SBI_EXT_MOVE 0x080008abUL
#define MOVE_TO_HART 0 /* move the thread to hart a0 */
#define MOVE_KEEP_FP 1 /* set the thread's fs0 and fs11; returns how many had changed meanwhile */

#endif
