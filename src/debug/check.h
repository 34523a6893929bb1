// SPDX-License-Identifier: MIT
/* check.h - functions that the checkers of the debug kernel share. */
#ifndef DEBUG_CHECK_H
#define DEBUG_CHECK_H

#include "hv/types.h"

/* Print the return addresses of this frame and of those above it. */
void debug_print_stack(const void *frame);

/* lock.c */
bool debug_holds_spinlock(void);            /* does this hart hold a spinlock? */
void debug_print_learned(void);             /* the order of locks that this run has used */
void debug_may_sleep(const char *function); /* panics if this hart holds a spinlock or is pinned */
void debug_no_locks(const char *function);  /* panics if this hart or thread holds a lock */

/* A function that drops a reference or frees memory, and the first lock that it may take. */
struct may_take {
	const char *function, *lock_name;
	const struct lock_class *lock_class; /* NULL: not looked up yet */
};

/* Panics if this hart or thread holds a lock under which the function's lock must not be taken. */
void debug_may_take(struct may_take *site);

#define DEBUG_MAY_TAKE(function, lock_name)                                    \
	do {                                                                   \
		static struct may_take __site = { function, lock_name, NULL }; \
		debug_may_take(&__site);                                       \
	} while (0)

/* slab.c: check the red zones of all objects, and the poison of those that are free. */
void debug_slab_check(void);
void debug_slab_drain(void);   /* check the freed objects, and give their memory back */
size_t debug_slab_bytes(void); /* of all objects in use */

/* page.c */
bool debug_page_is_freed(hpa_t pa); /* is it in the quarantine? */
void debug_page_panic(const char *what, hpa_t pa, const void *caller) __attribute__((noreturn));
bool debug_pages_drain(void); /* empty the quarantine; false: it was empty */
void debug_pages_limit(void); /* empty it if it has grown large */

/* mapped.c: panics if some page table maps a page of the quarantine. No spinlock may be held. */
void debug_check_mappings(void);
/* Panics if the vCPU's shadow table maps such a page although no REQ_SHADOW is pending. */
struct kvm_vcpu;
struct gstage;
void debug_check_shadow(const struct kvm_vcpu *vcpu, const struct gstage *gs);
void debug_mappings_lock(void); /* hold while a page leaves the quarantine */
void debug_mappings_unlock(void);

/* shadow.c: is REQ_SHADOW pending for the vCPU? */
bool debug_shadow_pending(const struct kvm_vcpu *vcpu);

/* device.c: may a device access a byte of this memory? */
bool debug_device_uses(hpa_t pa, size_t size);

/* fail.c */
/* Must this allocation fail? frame: that of the function that replaces the allocator. */
bool debug_alloc_fails(const void *frame);
bool debug_failed(void); /* did the calling thread's latest allocation fail for that reason? */

#endif
