// SPDX-License-Identifier: MIT
/*
 * native.h - the machine that src/kvm runs on in native tests, and its controls.
 *
 * One process is the whole machine. A thread is the hart that it names (native_hart_set). Physical
 * memory is an arena whose addresses are no pointers. CSRs are an array for each hart. The TLB is
 * a model that keeps whatever no fence dropped. The guest is a function of the test. Time stands
 * still unless a test advances it.
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

/* ---- life (host.c) ---------------------------------------------------------- */

/* Restore the state after power-on, and end what an earlier test left. */
void native_reset(void);
/* Pages and objects not yet freed, and pages mapped but not unmapped. */
unsigned long native_pages_in_use(void);
unsigned long native_objects_in_use(void);
unsigned long native_maps_in_use(void);
/* Let the nth allocation from now on, page or object, fail; 0: none. */
void native_fail_alloc(unsigned int nth);
/* The last line passed to hv_log(). */
const char *native_last_log(void);

/* ---- harts ------------------------------------------------------------------- */

void native_hart_set(unsigned int hart); /* the calling thread becomes this hart */
/* KVM_RUN, after which the host deschedules the calling thread. */
int native_run(struct kvm_vcpu *vcpu);
/* Act as if the host had preempted the calling thread and run it again on this hart. */
void native_migrate(unsigned int hart);
/* Whether the firmware has FWFT, with one feature, misaligned exceptions; and its value. */
extern bool native_firmware_fwft, native_firmware_delegates;
/* Set how long the calling thread has waited for a hart so far. */
void native_run_delay_set(u64 ns);
void native_harts_set(unsigned int count);
bool native_kicked(unsigned int hart); /* clears it */
void native_signal_set(bool pending);  /* for the calling thread */
/* The same as a word that other threads may set atomically, with a kick of the hart. */
u32 *native_signal_word(void);
/*
 * From now on, until called with NULL, a function of the host that sleeps or may sleep on the
 * calling thread ends the process with `why`. These functions call native_may_sleep().
 */
void native_no_sleep(const char *why);
void native_may_sleep(const char *what);
/* Called on a thread that falls asleep, and when it has woken. It may change the hart. */
extern void (*native_wait_hook)(bool begins);
extern u32 native_hart_wanted; /* threads that wait for a hart, atomic: hv_resched_needed() */
extern u32 native_hart_queued; /* those not yet due to run: hv_hart_wanted() only */
/*
 * If not NULL, a hart may idle with its vCPU loaded (hv_idle()), and this says whether the event
 * that it waits for has come. An event without a kick of the hart is a missed wake. native_reset()
 * clears it.
 */
extern bool (*native_idle_due)(void);
/* Sleepers whose condition became true without a wake-up, since native_reset(). */
extern unsigned int native_missed_wakes;
/* Called when the core checks for a signal, late on its way into the guest: for races. */
extern void (*native_signal_hook)(void);
/* Called at each full fence of the core (fence_step.h). */
extern void (*native_fence_hook)(void);
/* Called in each round of a poll. Time stands still unless it advances it. */
extern void (*native_poll_hook)(void);
#define NATIVE_VLENB 16                 /* bytes per vector register, with "v" */
void native_isa_set(const char *names); /* "sstc svinval": what hv_isa_has() reports */

/* ---- physical memory ----------------------------------------------------------- */

#define NATIVE_RAM_BASE 0x80000000ULL
#define NATIVE_RAM_SIZE (256ULL << 20)

/* A pointer to physical memory without the bookkeeping of hv_page_map(), or NULL without RAM. */
void *native_ram(hpa_t pa);
unsigned int native_page_refs(hpa_t pa);

/* ---- user memory ------------------------------------------------------------------ */

#define NATIVE_USER_BASE 0x40000000UL
#define NATIVE_USER_SIZE (128UL << 20)

enum native_user_flags {
	NATIVE_READ_ONLY = 1, /* never writable */
	NATIVE_HUGE = 2,      /* backed by 2 MiB blocks where the range is aligned to 2 MiB */
	NATIVE_COW = 4,       /* not writable until a write fault, which keeps the page */
};

/* Pages are allocated at the first touch. The range lies in [BASE, BASE + SIZE). */
void native_user_map(hva_t hva, size_t size, unsigned int flags);
/* Unmap, and call notifiers as the host does. */
void native_user_unmap(hva_t hva, size_t size);
void native_user_exit(void); /* the address space is freed: release() */
/* Called inside hv_user_page_look(), after the page was found: for races. */
extern void (*native_page_get_hook)(hva_t hva, bool write);
/* A pointer to user memory, faulted in, or NULL if there is none. */
void *native_user(hva_t hva);
/* Calls of hv_user_page_look() and _get() since native_reset(). */
extern unsigned int native_page_gets;

/* ---- CSRs (csr_model.c) -------------------------------------------------------------- */

void native_csrs_reset(void);
/* Set a CSR without masks, as hardware does: scause and the like. */
void native_csr_poke(enum csr_number csr, unsigned long value);
/* The bits that vsip shows: all, or only SSIP as on QEMU before 8.0. */
extern unsigned long native_vsip_shows;
/* Set which hgatp modes exist (a mask), and the number of VMID bits. */
void native_hgatp_set(unsigned int modes, unsigned int vmid_bits);
/* Writes to a CSR since native_reset(). */
unsigned int native_csr_writes(enum csr_number csr);

/* ---- performance counters (host_pmu.c) -------------------------------------------------- */

#define NATIVE_PMU_CACHE 0x10019 /* the only cache event of the model */

void native_pmu_set(unsigned int counters, unsigned int width); /* per hart; 0 after a reset */
void native_pmu_late(bool on); /* report an overflow only when its counter is stopped */
unsigned int native_pmu_lent(unsigned int hart);
/* The guest on this hart causes `times` events, which started counters of the event count. */
void native_pmu_happen(unsigned long event, u64 times);

/* ---- time ------------------------------------------------------------------------------ */

void native_time_set(u64 ticks); /* and run the timers that are due */

/* ---- TLB and the guest's memory (tlb_model.c) --------------------------------------------- */

enum native_access {
	NATIVE_LOAD,
	NATIVE_STORE,
	NATIVE_FETCH,
};

void native_tlb_reset(void);
/*
 * Access through this hart's TLB and hgatp. Returns 0 and *hpa, or the trap's scause and
 * *fault_gpa. A translation in the TLB is used whatever the table says by now.
 */
unsigned long native_gstage_access(gpa_t gpa, enum native_access access, hpa_t *hpa);
/* The number of entries in this hart's TLB. */
unsigned int native_tlb_entries(void);
struct native_fences {
	unsigned int gvma_all, gvma_vmid, gvma_gpa, vvma_all, vvma_asid, vvma_gva, fence_i;
	unsigned int inval;       /* each hinval.* */
	unsigned int remote_gvma; /* by SBI */
};
extern struct native_fences native_fences; /* all harts, since native_reset() */

/* What the TLBs of all harts saved or missed, since native_reset(). */
struct native_walks {
	unsigned int vs_misses, g_misses; /* without an entry, a walk of this stage begins */
	unsigned int vs_refs, g_refs;     /* page-table entries read by walks */
	unsigned int dropped;             /* TLB entries dropped by fences */
};
extern struct native_walks native_walks;

/*
 * Make the guest's access to a virtual address: vsatp's tables, read through the G-stage, where
 * A and D are set if henvcfg.ADUE is, then the G-stage. A trap returns its CSRs in *trap as QEMU
 * fills them, except sepc. len bytes at *data.
 */
unsigned long native_guest_access(gva_t gva, enum native_access access, void *data, size_t len,
				  struct hv_trap *trap);

/* Differences of this hardware; all false and 0 after native_reset(). */
struct native_quirks {
	bool htval_zero;      /* htval is never written (allowed) */
	bool htinst_zero;     /* htinst is never written (allowed; QEMU 7.2) */
	bool no_tlb;          /* every access walks */
	bool keeps_absent;    /* caches a missing pointer to a table (allowed) */
	bool hlvx_as_qemu;    /* HLVX faults with cause 12, in both stages */
	unsigned long htinst; /* the transformed instruction for explicit accesses */
};
extern struct native_quirks native_quirks;

/* ---- the guest (switch_model.c) -------------------------------------------------------------- */

/*
 * Called when the core enters the guest. It calls native_trap() and returns when the guest traps.
 * NULL: a trap of cause 24 at once.
 */
extern void (*native_guest)(struct kvm_vcpu *vcpu);
/* Exits that the fast path finished inside vcpu_switch(), since native_reset(). */
extern unsigned long native_fast_exits;
void native_trap(const struct hv_trap *trap);
/* This hart's units. The guest's and the user's accesses use them directly. */
struct fp_state *native_fp_unit(void);
struct vector_state *native_vector_unit(void);
/* The next unprivileged read takes this trap, once. */
void native_unpriv_trap(const struct hv_trap *trap);

/* ---- user programs that use FP (host_fp.c) ----------------------------------------------------- */

struct native_user {
	struct fp_state fp; /* while not in a unit */
	bool in_unit;
	struct hv_sched_hook *hook; /* of the vCPU that it has loaded, while not current */
};

/* The scheduler switches this hart to `user`, or to no user if NULL. */
void native_user_switch(struct native_user *user);
/* This hart's user executes an FP instruction. Returns its registers, in the unit. */
struct fp_state *native_user_fp(void);

/* ---- files and parameters (host_file.c) --------------------------------------------------------- */

long native_ioctl(int fd, unsigned int cmd, unsigned long arg);
void *native_file_priv(int fd);
void native_close(int fd);
void native_close_all(void);
int native_eventfd(void);
u64 native_eventfd_count(int fd);
int native_param_set(const char *name, const char *value);

/* ---- events (trace_model.c) -------------------------------------------------------------------- */

/* The number of records since native_reset(), and the arguments of the last one of a kind. */
unsigned int native_events(enum trace_event event);
const u64 *native_event_args(enum trace_event event);
/* Called for each event with its five arguments. native_reset() clears it. */
extern void (*native_event_hook)(enum trace_event event, const u64 *args);
/* Turn off the events that keep the fast path from finishing an exit. */
void native_slow_path_events_off(void);

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

/* Start the core on every hart. Call it after native_reset() and changes of the machine. */
void native_core_start(void);
/* Make an empty VM. */
void native_vm_open(struct native_vm *f);
/* Make a VM with memory at NATIVE_GUEST_BASE, and vCPU 0 loaded on this hart. */
void native_vm_make(struct native_vm *f, unsigned int user_flags);
struct kvm_vcpu *native_vcpu_make(struct native_vm *f, unsigned int id);
void native_vm_free(struct native_vm *f);
int native_set_slot(struct kvm *vm, u32 slot, gpa_t gpa, u64 size, hva_t hva, u32 flags);

#endif
