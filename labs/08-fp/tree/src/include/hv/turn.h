/* SPDX-License-Identifier: MIT */
/*
 * turn.h - by which a guest looks at what a policy of toggle fp does (lab 8): an SBI extension of the
 * core's, src/kvm/sbi/sbi_turn.c, and one of the VMM's, src/vmm/sbi.c. Given; nothing to write.
 */
#ifndef HV_TURN_H
#define HV_TURN_H

#include "hv/bits.h"

/* A turn lasts from a vCPU's load to the put behind it. */
#define SBI_EXT_TURN 0x0a0008abUL
#define TURN_TELL    0 /* put, if a0 is 1 another fills the unit, load; tells by the bits below */
#define TURN_CHOOSE  1 /* for the calling vCPU alone: policy a0 */
#define TURN_ONLY    2 /* as TURN_TELL with a0 = 1, and tells nothing: for counting instructions */

#define TURN_FS_USED    GENMASK(1, 0) /* guest.sstatus.FS before the put */
#define TURN_FS_LOADED  GENMASK(3, 2) /* and behind the load */
#define TURN_SAVED_ALL  BIT(4)        /* the put has written f0 to f31 to memory */
#define TURN_SAVED_SOME BIT(5)        /* ... some of them */
#define TURN_SAVED_FCSR BIT(6)        /* ... fcsr */
#define TURN_LEFT_ON    BIT(7)        /* guest.sstatus.FS was not Off behind the put */
#define TURN_OWNER      BIT(8)        /* behind the load the unit is the vCPU's */
#define TURN_DELEGATED  BIT(9)  /* before the put the guest took illegal instructions itself */
#define TURN_HOST_ON    BIT(10) /* the host's own FS was on */
#define TURN_VS_USED    GENMASK(12, 11) /* guest.sstatus.VS before the put */
#define TURN_VS_SAVED   BIT(13)         /* the put has written vector registers to memory */
#define TURN_VS_LEFT_ON BIT(14)         /* guest.sstatus.VS was not Off behind the put */
#define TURN_VS_LOADED  BIT(15)         /* and is not behind the load */
#define TURN_COUNT      GENMASK(31, 16) /* how many puts the vCPU has had */

/* Which variant of toggle fp, as toggle.def counts them. */
enum turn_policy {
	POLICY_EAGER,
	POLICY_LAZY_SAVE,
	POLICY_LAZY_TRAP,
	POLICY_ADAPTIVE,
	NR_POLICIES
};

/* The VMM's (src/vmm/move.h), of the calling vCPU's thread. */
#define SBI_EXT_MOVE 0x080008abUL
#define MOVE_TO_HART 0 /* it goes to hart a0 */
#define MOVE_KEEP_FP 1 /* it uses FP; value: how many of its own registers had changed */

#endif
