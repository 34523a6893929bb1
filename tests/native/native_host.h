// SPDX-License-Identifier: MIT
/*
 * native_host.h - interface between the files of the native host; few tests need it.
 */
#ifndef NATIVE_HOST_H
#define NATIVE_HOST_H

#include "native.h"

void native_memory_reset(void);
void native_icache_reset(void);
void native_icache_new(hpa_t pa); /* the frame is allocated */
bool native_icache_is_clean(hpa_t pa);
bool native_icache_is_known_clean(hpa_t pa); /* to hv_user_page_look() */
void native_hooks_reset(void);
/*
 * native_hook_out() acts as if the calling thread were scheduled out: it calls the scheduler hook's
 * out(), and removes and returns the hook, or returns NULL if there is none or out() has removed
 * it. native_hook_in() sets the returned hook again and calls its in(), on the thread's new hart.
 */
struct hv_sched_hook *native_hook_out(void);
extern __thread bool native_in_out;  /* the calling thread is in out() */
extern __thread bool native_in_hook; /* the calling thread is in in() or out() */
void native_hook_in(struct hv_sched_hook *left);
void native_files_reset(void);
void native_trace_reset(void);
void native_switch_reset(void);
void native_fp_reset(void);
void native_pmu_reset(void);
void native_guest_file_reset(void);
/*
 * Return the register of this hart's selected file that vsiselect selects. Panics if there is
 * none.
 */
unsigned long *native_guest_file_register(void);
/* Return bit IRQ_VS_EXT if the file that this hart has selected has an interrupt to deliver. */
unsigned long native_guest_file_line(void);
/* Called after each write to this hart's hgatp. */
void native_hgatp_written(void);
/*
 * Called before a guest or an HLV runs on this hart. Panics if hgatp.MODE was changed for the
 * current VMID without a fence (H §3.2).
 */
void native_modes_check(void);
/* Called for a fence of all addresses of VMID `vmid`, or of all VMIDs if any_vmid is set. */
void native_modes_forget(bool any_vmid, unsigned long vmid);
void native_modes_reset(void);
void native_unpriv_reset(void);
void native_clock_set(u64 ticks);
/* Copy to or from memory that a guest may access at the same time. */
void native_copy(void *dst, const void *src, size_t n);

#endif
