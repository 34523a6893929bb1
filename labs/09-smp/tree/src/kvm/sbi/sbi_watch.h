/* SPDX-License-Identifier: MIT */
/*
 * sbi_watch.h - a guest looks at what was asked of another vCPU (sbi_watch.c). Given.
 */
#ifndef KVM_SBI_WATCH_H
#define KVM_SBI_WATCH_H

#include "sbi/sbi.h"

/* An extension of the course's. But for the last a0 is the id of a vCPU that is stopped. */
#define SBI_EXT_WATCH 0x0a0009abUL

enum {
	WATCH_ASKED,  /* requests of these, as bits; bit 16 up: how many fences its queue has */
	WATCH_FENCE,  /* of fence number a1 in the queue: 0 kind, 1 start, 2 size, 3 asid, by a2 */
	WATCH_FORGET, /* all of it; and IPIs */
	WATCH_KICK,   /* with mode a1, blocking a2, request a3: what comes of vcpu_request()? */
	WATCH_WAIT, /* wait for request a1 of a vCPU in its guest; the value says by whom it ended */
	WATCH_LET_GO, /* another hart, meanwhile: a1 0: it is outside, 1: served, 2: both */
	WATCH_ALL,    /* as WATCH_WAIT, by vm_request_all_and_wait(); a2: is it in its guest? */
	WATCH_STAGE, /* it is in its guest, here, until it is let go; for a call of the guest's own */
	WATCH_ENDED, /* by whom the wait of that call was ended; it is outside again */
	WATCH_TURN,  /* another VM, number a0, has this hart, then this one again: both VMIDs */
};

sbi_fn sbi_watch;

#endif
