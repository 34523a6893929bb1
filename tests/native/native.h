// SPDX-License-Identifier: MIT
/*
 * native.h - the machine that src/kvm runs on in native tests, and its controls.
 *
 * One process is the whole machine. A thread acts as the hart that it selects with
 * native_hart_set(). Physical memory is an arena whose addresses are not pointers. CSRs are an
 * array for each hart. The TLB is a model that drops only what a fence covers. The guest is a
 * function in the test. Time stands still unless a test advances it.
 */
#ifndef NATIVE_H
#define NATIVE_H

#include "kvm.h"
#include "hv/trace.h"
#include "vcpu/aia.h"
#include "exit/exit.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "mmu/dirty_log.h"
#include "mmu/memslot.h"
#include "uapi/dirty_log_ioctl.h"
#include "uapi/onereg.h"
#include "vcpu/pmu.h"
#include "request.h"
#include "sbi/sbi.h"
#include "vcpu/fwft.h"
#include "vcpu/steal_time.h"
#include "mmu/tlb.h"
#include "toggle.h"
#include "mmu/unpriv.h"
#include "mmu/vmid.h"

/* ---- reset and panic (host.c), leaks (host_memory.c) ------------------------- */

/* Restore the power-on state, and discard what an earlier test left. */
void native_reset(void);
/* Return the number of pages and of objects not yet freed, and of pages mapped but not unmapped. */
unsigned long native_pages_in_use(void);
unsigned long native_objects_in_use(void);
unsigned long native_maps_in_use(void);
/*
 * Make the nth allocation from now on fail, whether it is of a page or of an object. With 0, none
 * fails.
 */
void native_fail_alloc(unsigned int nth);
/* Print what the core or the test has done wrong, and abort. tests/syscalls has its own. */
void hv_panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- harts ------------------------------------------------------------------- */

void native_hart_set(unsigned int hart); /* the calling thread acts as this hart from now on */
/*
 * Run the vCPU as KVM_RUN does, then put it as if the host had descheduled the calling thread.
 * Returns the result of vcpu_run().
 */
int native_run(struct kvm_vcpu *vcpu);
/* Act as if the host had preempted the calling thread and were now running it again on `hart`. */
void native_migrate(unsigned int hart);
/*
 * Whether the firmware has FWFT, whose only feature is the delegation of misaligned exceptions, and
 * whether that feature is on.
 */
extern bool native_firmware_fwft, native_firmware_delegates;
/* Set how long the calling thread has waited for a hart so far. */
void native_run_delay_set(u64 ns);
void native_harts_set(unsigned int count);
bool native_kicked(unsigned int hart); /* true if the hart was kicked since the last call for it */
extern u32 native_kick_calls;          /* calls to hv_harts_kick() since native_reset() */
extern u32 native_single_wakes;        /* calls to hv_wake_all() without kicks */
void native_signal_set(bool pending);  /* for the calling thread */
/*
 * Return the address of the calling thread's signal word. To send the thread a signal, another
 * thread sets the word atomically and then kicks the hart on which the thread runs.
 */
u32 *native_signal_word(void);
/*
 * Forbid the calling thread to sleep until it calls this function with NULL. Host functions that
 * may sleep call native_may_sleep(), which panics while sleeping is forbidden. `why` names the
 * context in the panic message, for example "a notifier".
 */
void native_no_sleep(const char *why);
void native_may_sleep(const char *what);
/*
 * Called on a thread with true before the thread sleeps or yields its hart (hv_resched()), and with
 * false when it runs again. The hook may change the thread's hart.
 */
extern void (*native_wait_hook)(bool begins);
/* Number of threads that wait for a hart. Atomic; read by hv_resched_needed(). */
extern u32 native_hart_wanted;
/* Number of waiting threads that are not yet due to run; read by hv_hart_wanted() only. */
extern u32 native_hart_queued;
/*
 * If not NULL, a hart may idle with its vCPU loaded (hv_idle()), and the function returns whether
 * the event for which the vCPU waits has occurred. An event without a kick of the hart counts as a
 * missed wake-up. native_reset() clears the pointer.
 */
extern bool (*native_idle_due)(void);
/* Number of waits since native_reset() whose condition became true without a wake-up or kick. */
extern unsigned int native_missed_wakes;
/* Called by hv_signal_pending() before it looks for a signal. Tests use it to cause races. */
extern void (*native_signal_hook)(void);
/* Called at each full fence of the core (fence_step.h). */
extern void (*native_fence_hook)(void);
/*
 * Called by hv_poll_interrupts(), for example in each iteration of halt polling. Time stands still
 * unless the hook advances it.
 */
extern void (*native_poll_hook)(void);
#define NATIVE_VLENB 16                 /* bytes per vector register */
void native_isa_set(const char *names); /* what hv_isa_has() reports, for example "sstc svinval" */

/* ---- physical memory ----------------------------------------------------------- */

#define NATIVE_RAM_BASE 0x80000000ULL
#define NATIVE_RAM_SIZE (256ULL << 20)

/* Return a pointer to RAM without the bookkeeping of hv_page_map(). NULL if pa is not RAM. */
void *native_ram(hpa_t pa);
unsigned int native_page_refs(hpa_t pa);

/* ---- user memory ------------------------------------------------------------------ */

#define NATIVE_USER_BASE 0x60000000UL
#define NATIVE_USER_SIZE (128UL << 20)

enum native_user_flags {
	NATIVE_READ_ONLY = 1, /* never writable */
	NATIVE_HUGE = 2,      /* backed by 2 MiB blocks where the range covers an aligned 2 MiB */
	NATIVE_COW = 4,       /* a write fault makes the same page writable */
	NATIVE_DEVICE = 8,    /* not RAM: hv_user_page_get() fails, as on Linux */
};

/*
 * Map user memory at [hva, hva + size), which lies in the window of NATIVE_USER_SIZE bytes at
 * NATIVE_USER_BASE. Its pages are allocated at the first touch.
 */
void native_user_map(hva_t hva, size_t size, unsigned int flags);
/* Unmap user memory at [hva, hva + size), and call notifiers as the host does. */
void native_user_unmap(hva_t hva, size_t size);
/* The same by a thread on another hart, which has not loaded the vCPU that is loaded here. */
void native_user_unmap_elsewhere(hva_t hva, size_t size);
/*
 * From now until a reset, a guest's fetch from a page for which the core has not called
 * hv_user_page_fetch() is an error (host_icache.c).
 */
void native_icache(void);
/* The same, and every page that is looked up for a load or store is stale, as shared memory on Linux. */
void native_icache_shared(void);
void native_user_exit(void); /* call the notifiers' release(), then free the address space */
/* Called by hv_user_page_look() and _get() once the page is found. Tests use it to cause races. */
extern void (*native_page_get_hook)(hva_t hva, bool write);
/* Return a pointer to the user memory at hva, faulted in, or NULL if none is mapped there. */
void *native_user(hva_t hva);
/* Number of calls to hv_user_page_look() and _get() since native_reset(). */
extern unsigned int native_page_gets;

/* ---- CSRs (csr_model.c) -------------------------------------------------------------- */

void native_csrs_reset(void);
/* Set this hart's CSR without WARL rules, as hardware sets scause and the like at a trap. */
void native_csr_poke(enum csr_number csr, unsigned long value);
/* Mask of the bits that vsip shows: all, or only SSIP as on QEMU before 8.0. */
extern unsigned long native_vsip_shows;
/* Set which hgatp modes exist (a mask), and the number of VMID bits. */
void native_hgatp_set(unsigned int modes, unsigned int vmid_bits);
/*
 * Return the number of writes to a CSR by all harts since native_reset(), not counting those of
 * native_csr_poke().
 */
unsigned int native_csr_writes(enum csr_number csr);

/* ---- performance counters (host_pmu.c) -------------------------------------------------- */

#define NATIVE_PMU_CACHE 0x10019 /* the only cache event of the model */

void native_pmu_set(unsigned int counters, unsigned int width); /* per hart; none after a reset */
void native_pmu_late(bool on); /* report an overflow only when its counter is stopped */
/* Only the thread for which a counter is prepared can start it. */
void native_pmu_owned(bool on);
unsigned int native_pmu_lent(unsigned int hart); /* number of started counters */
unsigned int native_pmu_prepared(void);          /* number of prepared counters of all harts */
/* Make `event` occur `times` times on this hart. Counters started for the event count that. */
void native_pmu_happen(unsigned long event, u64 times);

/* ---- guest interrupt files (host_imsic.c) ----------------------------------------------- */

#define NATIVE_FILE_WORDS 4 /* a file has the ids 1 to 64 * NATIVE_FILE_WORDS - 1 */

/* File 1 of a hart. A word of the threshold or of delivery is a whole register. */
struct native_guest_file {
	unsigned long pending[NATIVE_FILE_WORDS], enabled[NATIVE_FILE_WORDS];
	unsigned long threshold, delivery;
};

void native_guest_files_set(bool exist); /* one file per hart; none after a reset */
/*
 * From now until a reset, stores to a file take effect only while its hart accesses vsireg, or when
 * native_guest_files_settle() is called.
 */
void native_guest_files_delay(void);
void native_guest_files_settle(void);
struct native_guest_file *native_guest_file(unsigned int hart);
/* Store an MSI to the page at pa. Returns false if it is not the page of a file. */
bool native_guest_file_store(hpa_t pa, u32 id);
/* Return the id that stopei would show, or 0. */
u32 native_guest_file_top(unsigned int hart);
/* The interrupt of a file has become a host interrupt (hgeie). */
void native_guest_file_interrupt(void);
/* Called before each access to vsireg. Tests use it to cause races. native_reset() clears it. */
extern void (*native_guest_file_hook)(void);

/* ---- time ------------------------------------------------------------------------------ */

void native_time_set(u64 ticks); /* runs the timers that are due */

/* ---- TLB and the guest's memory (tlb_model.c) --------------------------------------------- */

enum native_access {
	NATIVE_LOAD,
	NATIVE_STORE,
	NATIVE_FETCH,
};

void native_tlb_reset(void);
/*
 * Translate gpa for an access through this hart's TLB and hgatp. Returns 0 with the host physical
 * address in *hpa, or the trap's scause. A translation in the TLB is used even if the table has
 * changed since.
 */
unsigned long native_gstage_access(gpa_t gpa, enum native_access access, hpa_t *hpa);
/* Drop the G-stage translations of [start, start + size), or all if size is ~0UL, on `harts`. */
void native_tlb_remote_fence(const struct hv_hartmask *harts, gpa_t start, u64 size,
			     unsigned long vmid);
/* Return the number of entries in this hart's TLB. */
unsigned int native_tlb_entries(void);
struct native_fences {
	unsigned int gvma_all, gvma_vmid, gvma_gpa, vvma_all, vvma_asid, vvma_gva, fence_i;
	unsigned int inval;       /* each hinval.* */
	unsigned int remote_gvma; /* by SBI */
};
extern struct native_fences native_fences; /* of all harts, since native_reset() */

/* TLB misses, page-table reads and dropped entries of all harts, since native_reset(). */
struct native_walks {
	unsigned int vs_misses, g_misses; /* lookups that find no entry, so this stage is walked */
	unsigned int vs_refs, g_refs;     /* page-table entries read by walks */
	unsigned int dropped;             /* TLB entries dropped by fences */
};
extern struct native_walks native_walks;

/*
 * Access len bytes at a virtual address as the guest, to or from *data. A TLB miss walks vsatp's
 * tables, which are read through the G-stage, and sets A and D in them if henvcfg.ADUE is set.
 * Returns 0, or the trap's scause; *trap then has the trap's CSRs as QEMU fills them, except sepc.
 */
unsigned long native_guest_access(gva_t gva, enum native_access access, void *data, size_t len,
				  struct hv_trap *trap);

/* Variations of the modeled hardware; all are false or 0 after native_reset(). */
struct native_quirks {
	bool htval_zero;   /* a trap writes 0 to htval (allowed) */
	bool htinst_zero;  /* a trap writes 0 to htinst (allowed; QEMU 7.2) */
	bool no_tlb;       /* every access walks */
	bool keeps_absent; /* the last invalid pointer to a table is cached (allowed) */
	bool hlvx_as_qemu; /* a fault of HLVX in either stage has cause 12 */
	bool sets_ad;      /* A and D are set without ADUE (allowed without Svade and Svadu) */
	gpa_t translated;  /* if not 0, translated before each write to hgatp (allowed) */
	bool no_tm;        /* TM in hcounteren is read-only zero (allowed) */
	bool no_lcofi;     /* LCOFI's bit in hvien is read-only zero (allowed; QEMU 10.0.13) */
	unsigned long vsstatus_zero; /* bits of vsstatus that are read-only zero (QEMU 10: none) */
	unsigned long htinst; /* what a guest page fault of an explicit access writes to htinst */
};
extern struct native_quirks native_quirks;

/* ---- the guest (switch_model.c, unpriv_model.c) ---------------------------------------------- */

/*
 * Called when the core enters the guest, and again after each exit that the fast path finishes.
 * When the guest traps, the function calls native_trap() and returns. If the pointer is NULL, every
 * entry ends at once with a trap of cause 24.
 */
extern void (*native_guest)(struct kvm_vcpu *vcpu);
/* Number of exits that the fast path finished inside vcpu_switch(), since native_reset(). */
extern unsigned long native_fast_exits;
void native_trap(const struct hv_trap *trap);
/* Return this hart's FP or vector unit. Guests and users in tests access its registers directly. */
struct fp_state *native_fp_unit(void);
struct vector_state *native_vector_unit(void);
/* Make the next unprivileged read take this trap, once. */
void native_unpriv_trap(const struct hv_trap *trap);

/* ---- user programs that use FP (host_fp.c) ----------------------------------------------------- */

struct native_user {
	struct fp_state fp; /* valid while in_unit is false */
	bool in_unit;
	struct hv_sched_hook *hook; /* of the loaded vCPU; valid while the user is not on a hart */
};

/* Switch this hart to `user` as the scheduler does, or to no user if NULL. */
void native_user_switch(struct native_user *user);
/*
 * Use FP as this hart's user: load the user's registers into the unit if they are not there.
 * Returns the registers in the unit.
 */
struct fp_state *native_user_fp(void);
/* The host uses this hart's vector unit, and leaves these values in it. */
void native_vector_use(u64 values);

/* ---- files and parameters (host_file.c) --------------------------------------------------------- */

long native_ioctl(int fd, unsigned int cmd, unsigned long arg);
long native_read(int fd, hva_t buf, size_t size, u64 *pos);
void *native_file_priv(int fd);
void native_close(int fd);
void native_close_all(void);
int native_eventfd(void);
u64 native_eventfd_count(int fd);
int native_param_set(const char *name, const char *value);

/* ---- events (trace_model.c) -------------------------------------------------------------------- */

/*
 * Return the number of records of an event since native_reset(), or the arguments of the last one.
 */
unsigned int native_events(enum trace_event_nr event);
const u64 *native_event_args(enum trace_event_nr event);
/* Called for each event with its five arguments. native_reset() removes the hook. */
extern void (*native_event_hook)(enum trace_event_nr event, const u64 *args);
/* Turn off the events that keep the fast path from finishing an exit. */
void native_slow_path_events_off(void);
void native_events_off(void); /* all of them */

/* ---- fixtures (fixture.c) ------------------------------------------------------------------------ */

#define NATIVE_GUEST_BASE 0x80000000ULL
#define NATIVE_GUEST_SIZE (16UL << 20)
#define NATIVE_MAX_VCPUS  8

struct native_vm {
	int vm_fd;
	struct kvm *vm;
	struct kvm_vcpu *vcpu; /* the first */
	unsigned int nr_vcpus;
	int vcpu_fd[NATIVE_MAX_VCPUS];
};

/*
 * Start the core on every hart. Call this after native_reset() and after the calls that change the
 * machine, such as native_harts_set() and native_isa_set(). The calling thread is then hart 0.
 */
void native_core_start(void);
/* Make an empty VM. */
void native_vm_open(struct native_vm *f);
/*
 * Make a VM with memory at NATIVE_GUEST_BASE, and vCPU 0 loaded on this hart. user_flags are those
 * of native_user_map().
 */
void native_vm_make(struct native_vm *f, unsigned int user_flags);
struct kvm_vcpu *native_vcpu_make(struct native_vm *f, unsigned int id);
void native_h_add(struct kvm_vcpu *vcpu); /* as ONE_REG does; the vCPU is not loaded */
void native_vm_free(struct native_vm *f);
int native_set_slot(struct kvm *vm, u32 slot, gpa_t gpa, u64 size, hva_t hva, u32 flags);

#endif
