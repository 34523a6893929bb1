// SPDX-License-Identifier: MIT
/*
 * machine.h - one hart for src/host and src/kvm compiled for the build machine.
 *
 * Only hardware is modeled: CSRs and the second stage of translation (tests/native), the MMU's
 * first stage, context switches, traps from user mode, the clock and the firmware. Physical memory
 * is an array that the linear map shows at LINEAR_BASE. Time passes only while the hart waits for
 * an interrupt, in native_pause(), and by machine_time_add(). Everything is deterministic.
 *
 * A program in user mode is a function of the test (machine_user), which runs on the thread's
 * stack and traps by calling the functions below.
 */
#ifndef TESTS_SYSCALLS_MACHINE_H
#define TESTS_SYSCALLS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include "hv/csr.h"

struct thread;

#define MACHINE_RAM_BASE 0x80000000UL
#define MACHINE_RAM_SIZE (64UL << 20)
#define MACHINE_HZ       10000000UL

/* /program, which the first thread and every execve() run. */
#define MACHINE_TEXT      0x10000UL
#define MACHINE_HANDLER   0x10ffcUL /* a signal handler that only returns */
#define MACHINE_DATA      0x30000UL
#define MACHINE_DATA_SIZE 0x10000UL

/* ---- cpu.c ---- */
/*
 * Boot the host, start /program, and return when the first thread calls machine_leave(). Later
 * calls continue there.
 */
void machine_enter(void);
/* Called by user mode: return from machine_enter() on the test's own stack. */
void machine_leave(void);
/* The program: called whenever a thread enters user mode for the first time; does not return. */
extern void (*machine_user)(void);
void machine_time_add(unsigned long ticks);
extern struct thread boot_thread; /* the first hart's idle thread */
/* Copy between user memory (in the linear map) and the kernel's; `store`: to user memory. */
void machine_copy(void *user, void *kernel, size_t n, bool store);
void machine_start_hart(struct thread *idle);
void machine_ipi(unsigned int hart);

/* ---- user.c: for the program. Each takes pending interrupts first. ---- */
/* Execute a system call. The thread may be switched, signaled or ended meanwhile. */
long machine_ecall(long number, const long args[6]);
enum machine_access {
	MACHINE_LOAD,
	MACHINE_STORE,
	MACHINE_FETCH,
};
/* Access user memory as the program does. Returns false if the program got a signal instead. */
bool machine_access(unsigned long va, enum machine_access access, void *data, size_t size);
extern HART_LOCAL unsigned long
	machine_signal; /* the signal that the last machine_access() caused; 0: none */

/* ---- mmu.c ---- */
/*
 * Translate an address for an access from user mode, through the TLB or the table in satp. Returns
 * false if the access faults.
 */
bool machine_translate(unsigned long va, enum machine_access access, unsigned long *pa);
/*
 * A remote fence has to wait for the accesses that the hart has begun: hold this from a translation
 * until the access is complete.
 */
void machine_access_begin(void);
void machine_access_end(void);
/* Drop translations of a hart, as sfence.vma does there. */
void machine_fence(unsigned int hart, unsigned long start, unsigned long size);
/* Panic if the TLB has a translation that satp's table does not permit. */
void machine_check_tlb(void);

/*
 * ---- tests/native: the CSRs and the second stage. Its header includes the core's, whose struct
 * fp_state is not the host's. ----
 */
struct hv_hartmask;
/* RAM in the linear map; NULL: pa is not RAM. */
void *native_ram(unsigned long long pa);
unsigned int native_page_refs(unsigned long long pa);
bool native_icache_is_clean(unsigned long long pa);
void native_csrs_reset(void);
void native_csr_poke(enum csr_number csr, unsigned long value);
void native_clock_set(unsigned long long ticks);
void native_tlb_remote_fence(const struct hv_hartmask *harts, unsigned long long start,
			     unsigned long long size, unsigned long vmid);

/* ---- boot.c: runs on the first hart's idle thread ---- */
void machine_boot(void) __attribute__((noreturn));

/* ---- firmware.c ---- */
void machine_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
extern bool machine_verbose; /* show the host's log */

#endif
