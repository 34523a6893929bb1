// SPDX-License-Identifier: MIT
/*
 * native.h - the machine that src/kvm runs on in native tests, as the tests steer it.
 *
 * One process is the whole machine: a thread is a hart when it says which
 * (native_hart_set), physical memory is an arena whose addresses are no pointers,
 * CSRs are an array for each hart, the TLB is a model that keeps what no fence
 * dropped, the guest is a function of the test. Time stands still unless a test moves it.
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
#include "mmu/memslot.h"
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

/* Everything as after power-on; also ends what an earlier test left. */
void native_reset(void);
/* Pages and objects that nobody has freed, and pages mapped but not unmapped. */
unsigned long native_pages_in_use(void);
unsigned long native_objects_in_use(void);
unsigned long native_maps_in_use(void);
/* The nth allocation from now on, page or object, fails; 0: none. */
void native_fail_alloc(unsigned int nth);
/* The last line that hv_log() got. */
const char *native_last_log(void);

/* ---- harts ------------------------------------------------------------------- */

void native_hart_set(unsigned int hart); /* the calling thread is this hart now */
/* KVM_RUN, after which the host takes the calling thread from its hart. */
int native_run(struct kvm_vcpu *vcpu);
/* As if the host had preempted the calling thread and run it on this hart again. */
void native_migrate(unsigned int hart);
/* The firmware has FWFT, with one feature: misaligned exceptions; is it on? */
extern bool native_firmware_fwft, native_firmware_delegates;
/* What the calling thread has waited for a hart so far. */
void native_run_delay_set(u64 ns);
void native_harts_set(unsigned int count);
bool native_kicked(unsigned int hart); /* and forget it */
void native_signal_set(bool pending);  /* for the calling thread */
/* The same as a word that other threads may set, atomically, with a kick of the hart. */
u32 *native_signal_word(void);
/*
 * From now on, until NULL: who sleeps or may sleep on the calling thread, in the host's
 * functions, ends the process with `why`. native_may_sleep() is what these functions say.
 */
void native_no_sleep(const char *why);
void native_may_sleep(const char *what);
/* Is called on a thread that falls asleep, and when it has woken; it may change the hart. */
extern void (*native_wait_hook)(bool begins);
extern u32 native_hart_wanted; /* threads that wait for a hart, atomically: hv_resched_needed() */
extern u32 native_hart_queued; /* those whose turn has not come yet: hv_hart_wanted() alone */
/*
 * A hart may idle with its vCPU loaded (hv_idle()): has come what that waits for? Without a kick
 * of the hart it is a missed wake. NULL, also after native_reset(): no hart idles so.
 */
extern bool (*native_idle_due)(void);
/* Sleepers whose condition came true and whom nobody woke, since native_reset(). */
extern unsigned int native_missed_wakes;
/* Is called when the core looks for a signal, late on its way into the guest: for races. */
extern void (*native_signal_hook)(void);
/* Is called at each full fence of the core (fence_step.h). */
extern void (*native_fence_hook)(void);
/* Is called at each round of a poll; time stands still unless it moves it. */
extern void (*native_poll_hook)(void);
#define NATIVE_VLENB 16                 /* bytes of a vector register, if there is "v" */
void native_isa_set(const char *names); /* "sstc svinval": what hv_isa_has() knows */

/* ---- physical memory ----------------------------------------------------------- */

#define NATIVE_RAM_BASE 0x80000000ULL
#define NATIVE_RAM_SIZE (256ULL << 20)

/* A pointer to physical memory without the bookkeeping of hv_page_map(); NULL: no RAM. */
void *native_ram(hpa_t pa);
unsigned int native_page_refs(hpa_t pa);

/* ---- user memory ------------------------------------------------------------------ */

#define NATIVE_USER_BASE 0x40000000UL
#define NATIVE_USER_SIZE (128UL << 20)

enum native_user_flags {
	NATIVE_READ_ONLY = 1, /* no writing, ever */
	NATIVE_HUGE = 2,      /* backed by 2 MiB blocks where the range is aligned to that */
	NATIVE_COW = 4,       /* not writable until a write fault, which keeps the page */
};

/* Pages come at the first touch. The range lies in [BASE, BASE + SIZE). */
void native_user_map(hva_t hva, size_t size, unsigned int flags);
/* With notifiers called, as the host does it. */
void native_user_unmap(hva_t hva, size_t size);
void native_user_exit(void); /* the address space goes: release() */
/* Is called inside hv_user_page_look(), after the page was found: for races. */
extern void (*native_page_get_hook)(hva_t hva, bool write);
/* A pointer to user memory, faulted in; NULL: none there. */
void *native_user(hva_t hva);
/* Calls of hv_user_page_look() and _get() since native_reset(). */
extern unsigned int native_page_gets;

/* ---- CSRs (csr_model.c) -------------------------------------------------------------- */

void native_csrs_reset(void);
/* Set without masks, as hardware does: scause and the like. */
void native_csr_poke(enum csr_number csr, unsigned long value);
/* The bits that vsip has; all, but on QEMU before 8.0 SSIP alone. */
extern unsigned long native_vsip_shows;
/* Which hgatp modes are there (bits by number), and how many VMID bits. */
void native_hgatp_set(unsigned int modes, unsigned int vmid_bits);
/* Writes to a CSR since native_reset(). */
unsigned int native_csr_writes(enum csr_number csr);

/* ---- performance counters (host_pmu.c) -------------------------------------------------- */

#define NATIVE_PMU_CACHE 0x10019 /* the one cache event that the model knows */

void native_pmu_set(unsigned int counters, unsigned int width); /* of each hart; 0 after a reset */
void native_pmu_late(bool on); /* an overflow is seen only when its counter is stopped */
unsigned int native_pmu_lent(unsigned int hart);
/* The guest on this hart has done something that started counters of the event count. */
void native_pmu_happen(unsigned long event, u64 times);

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
 * Through this hart's TLB and hgatp: 0 and *hpa, or the trap's scause, with *fault_gpa.
 * A translation that the TLB holds is used whatever the table says by now.
 */
unsigned long native_gstage_access(gpa_t gpa, enum native_access access, hpa_t *hpa);
/* Entries of this hart's TLB. */
unsigned int native_tlb_entries(void);
struct native_fences {
	unsigned int gvma_all, gvma_vmid, gvma_gpa, vvma_all, vvma_asid, vvma_gva, fence_i;
	unsigned int inval;       /* hinval.*, each */
	unsigned int remote_gvma; /* by SBI */
};
extern struct native_fences native_fences; /* all harts, since native_reset() */

/* What the TLB was good for, all harts, since native_reset(). */
struct native_walks {
	unsigned int vs_misses, g_misses; /* no entry: a walk of this stage begins */
	unsigned int vs_refs, g_refs;     /* entries of tables that walks have read */
	unsigned int dropped;             /* entries of TLBs that fences have taken */
};
extern struct native_walks native_walks;

/*
 * As the guest's access to a virtual address: vsatp's tables, read through the G-stage,
 * A and D set there if henvcfg.ADUE is, then the G-stage. On a trap: its CSRs in
 * *trap, as QEMU fills them, except sepc. len bytes at *data.
 */
unsigned long native_guest_access(gva_t gva, enum native_access access, void *data, size_t len,
				  struct hv_trap *trap);

/* How this hardware differs; all false and 0 after native_reset(). */
struct native_quirks {
	bool htval_zero;      /* htval is never written (allowed) */
	bool htinst_zero;     /* htinst is never written (allowed; QEMU 7.2) */
	bool no_tlb;          /* each access walks */
	bool keeps_absent;    /* caches a missing pointer to a table (allowed) */
	bool hlvx_as_qemu;    /* HLVX faults with cause 12, in both stages */
	unsigned long htinst; /* the transformed instruction of explicit accesses */
};
extern struct native_quirks native_quirks;

/* ---- the guest (switch_model.c) -------------------------------------------------------------- */

/*
 * What runs when the core enters the guest; it returns when the guest has trapped,
 * after native_trap(). NULL: a trap of cause 24 at once.
 */
extern void (*native_guest)(struct kvm_vcpu *vcpu);
/* Exits that were over before they had left vcpu_switch(), since native_reset(). */
extern unsigned long native_fast_exits;
void native_trap(const struct hv_trap *trap);
/* What stands in this hart's units; the guest's and the user's own accesses go here. */
struct fp_state *native_fp_unit(void);
struct vector_state *native_vector_unit(void);
/* The next unprivileged read meets this trap; once. */
void native_unpriv_trap(const struct hv_trap *trap);

/* ---- user programs that use FP (host_fp.c) ----------------------------------------------------- */

struct native_user {
	struct fp_state fp; /* while not in a unit */
	bool in_unit;
	struct hv_sched_hook *hook; /* of the vCPU that it has loaded, while it is not current */
};

/* The scheduler lets user run on this hart, instead of whoever did; NULL: nobody. */
void native_user_switch(struct native_user *user);
/* This hart's user executes an FP instruction: its registers, in the unit. */
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

/* Records since native_reset(), and the arguments of the last of a kind. */
unsigned int native_events(enum trace_event event);
const u64 *native_event_args(enum trace_event event);
/* Is called for each, with its five arguments; until native_reset(). */
extern void (*native_event_hook)(enum trace_event event, const u64 *args);
/* The events for which fastpath.c finishes no exit: off. */
void native_events_of_slow_path_off(void);

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

/* The core's own start, on every hart; after native_reset() and what changes the machine. */
void native_core_start(void);
/* An empty VM. */
void native_vm_open(struct native_vm *f);
/* A VM with NATIVE_GUEST_SIZE of memory at NATIVE_GUEST_BASE, and vCPU 0 loaded on this hart. */
void native_vm_make(struct native_vm *f, unsigned int user_flags);
struct kvm_vcpu *native_vcpu_make(struct native_vm *f, unsigned int id);
void native_vm_free(struct native_vm *f);
int native_set_slot(struct kvm *vm, u32 slot, gpa_t gpa, u64 size, hva_t hva, u32 flags);

#endif
