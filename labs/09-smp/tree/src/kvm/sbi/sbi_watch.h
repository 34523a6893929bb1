/* SPDX-License-Identifier: MIT */
/*
 * sbi_watch.h - let a guest examine the requests of another vCPU (sbi_watch.c). Given.
 */
#ifndef KVM_SBI_WATCH_H
#define KVM_SBI_WATCH_H

#include "sbi/sbi.h"

/* The course's own SBI extension. a0 is the ID of a stopped vCPU, except in WATCH_TURN. */
#define SBI_EXT_WATCH 0x0a0009abUL
/* In a VMID returned by WATCH_TURN: vmid_announce() was not called for it. A VMID has 14 bits. */
#define WATCH_UNANNOUNCED 0x8000UL

enum {
	WATCH_ASKED,  /* pending requests as bits; from bit 16 on: length of the fence queue */
	WATCH_FENCE,  /* field a2 of fence a1 in the queue: 0 kind, 1 start, 2 size, 3 ASID */
	WATCH_FORGET, /* clear what WATCH_ASKED returns, and the vCPU's interrupt lines */
	WATCH_KICK,   /* the effect of vcpu_request(a3) with mode a1 and blocking a2 */
	WATCH_WAIT,   /* wait for request a1 as if the vCPU were in the guest; return the outcome */
	WATCH_LET_GO, /* from another hart: end the wait; a1: 0 leave the guest, 1 serve, 2 both */
	WATCH_ALL,    /* like WATCH_WAIT, with vm_request_all_and_wait(); a2: 1 if in the guest */
	WATCH_STAGE,  /* pretend that the vCPU is in the guest on this hart until WATCH_LET_GO */
	WATCH_ENDED,  /* mark the vCPU as outside again; return how the staged wait ended */
	WATCH_TURN,   /* load VM number a0 into this hart, then this VM again; returns both VMIDs */
};

sbi_fn sbi_watch;

#endif
