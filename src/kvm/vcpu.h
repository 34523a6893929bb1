// SPDX-License-Identifier: MIT
/*
 * vcpu.h - a vCPU: its state, its life cycle, and how it is loaded on a hart.
 *
 * Ownership: a field belongs to the holder of vcpu->mutex, unless its comment says "any thread" or
 * a lock guards it. All vCPU ioctls take the mutex first, except KVM_INTERRUPT and
 * KVM_GET_STATS_FD.
 */
#ifndef KVM_VCPU_H
#define KVM_VCPU_H

#include <linux/kvm.h>
#include "hv/host.h"
#include "hv/kvm_compat.h"
#include "hv/trace.h"
#include "context.h"

#define KVM_RUN_PAGES 2 /* in a vCPU's mapping: struct kvm_run and the VM's coalesced ring */

struct kvm;
struct dirty_ring;
struct kvm_pmu;
struct kvm_vcpu;
struct memslot;
struct memslots;
struct shadow;

/* An MMIO access, from mmio_emulate() to mmio_complete(). */
struct mmio_access {
	gpa_t gpa;
	u64 data;         /* for a store: the value, zero-extended; for a load: 0 */
	unsigned int len; /* in bytes: 1, 2, 4 or 8 */
	unsigned int reg; /* the load's destination */
	unsigned int insn_len;
	bool is_store;
	bool sign_extend;
};

typedef void complete_fn(struct kvm_vcpu *vcpu);

/*
 * The exit, if any, that user space has to answer. The next KVM_RUN completes it first
 * (complete_exit()). Code that exits to user space for an answer sets `complete` and the fields
 * that the function in `complete` reads. If `complete` is NULL, no exit is waiting for an answer.
 *
 * A completion writes only guest registers. vcpu_reset() overwrites all of those, so it drops the
 * completion: the result is the same as if the exit had been completed just before the reset. So
 * the order of a completion and a reset does not matter, wherever the reset comes from (hsm.c).
 * KVM_SET_ONE_REG, and KVM_SET_MP_STATE with states that do not reset the vCPU, keep the
 * completion, which may then overwrite registers that the VMM has set.
 */
struct completion {
	complete_fn *complete;
	union {
		struct mmio_access mmio;
		unsigned int csr_rd; /* a CSR access: its destination register */
	};
};

/* A bit of sbi_ext that user space does not see: the vCPU has H, and the toggle nacl is not off. */
#define SBI_EXT_BIT_NACL 31

#define HFENCE_QUEUE_SIZE 16

enum hfence_kind {
	HFENCE_GVMA,      /* [start, start + size) of guest physical addresses */
	HFENCE_VVMA,      /* guest virtual addresses, any ASID */
	HFENCE_VVMA_ASID, /* guest virtual addresses of one ASID */
};

struct hfence {
	enum hfence_kind kind;
	unsigned long asid;
	u64 start;
	u64 size; /* ~0: all addresses */
};

struct vcpu_timer {
	u64 compare;           /* guest time; ~0: never. With Sstc, valid only while not loaded */
	u64 restore;           /* ONE_REG's compare, as last written; used once restore_on is set */
	bool restore_on;       /* ONE_REG's state register, as last written */
	struct hv_timer timer; /* wakes a blocked vCPU; without Sstc, it also raises VSTIP */
};

/*
 * What a load and a put have to do for few vCPUs only, as bits of vcpu->special: all of them are
 * tested at once.
 */
#define SPECIAL_FWFT       BIT(0) /* fwft_load() and fwft_put() */
#define SPECIAL_WFI_NATIVE BIT(1) /* wfi_native_load() */
#define SPECIAL_NESTED     BIT(2) /* nested_load() and nested_put() */

/*
 * Where a vCPU's CSRs are. The vCPU is loaded unless the value is 0. Its interrupt lines and its
 * timer are in hvip and vstimecmp if the value is positive.
 */
enum vcpu_loaded {
	VCPU_LINES_HELD =
		-1, /* loaded, but hvip and vstimecmp are those of the guest's own guest */
	VCPU_NOT_LOADED,
	VCPU_LOADED,
};

/*
 * Whether a vCPU's put is pending: it stays loaded while its thread is in user space, and has to be put
 * before others use the hart (lazy_put.c).
 */
enum vcpu_put {
	PUT_PENDING_UNITS_OUT = -1, /* pending; FP and vector registers are in memory already */
	PUT_NONE,                   /* the vCPU is not loaded, or KVM_RUN is in progress */
	PUT_PENDING,                /* pending; nothing has been saved */
};

/* Guest memory that is mapped in the kernel (mmu/guest_map.h). */
#define GUEST_MAP_PAGES 2

struct guest_map {
	gpa_t gpa;                 /* page-aligned */
	hva_t hva;                 /* of the pages that were mapped last; under mmu_lock */
	bool mapped;               /* set under mmu_lock, cleared by any thread (guest_map.c) */
	bool logged;               /* the slot had a dirty log when the pages were mapped */
	hpa_t pa[GUEST_MAP_PAGES]; /* while `mapped` is set */
	void *va[GUEST_MAP_PAGES]; /* in a section */
};

#define STA_OFF (~0ULL)

/* A set of ISA extensions: bit KVM_RISCV_ISA_EXT_* % 64 of word KVM_RISCV_ISA_EXT_* / 64. */
struct isa_set {
	u64 word[(KVM_RISCV_ISA_EXT_MAX + 63) / 64];
};

/* Steal-time accounting (steal_time.c). */
struct vcpu_sta {
	gpa_t shmem;    /* address of the shared structure; STA_OFF: none */
	u64 seen_ns;    /* run delay of `thread` at the last report, or when measuring began */
	int thread;     /* the thread of seen_ns; 0: not determined yet */
	bool preempted; /* the guest's structure is marked preempted */
	bool unlogged;  /* that store is not in the dirty log yet */
};

/*
 * The vCPU's SBI FWFT features (fwft.c), set by the guest or through ONE_REG. `disabled` and
 * `locked` have one bit per feature.
 */
struct vcpu_fwft {
	u8 disabled; /* by user space */
	u8 locked;   /* until the next reset */
	u8 pmlen;    /* index into pmlens (fwft.c): 0, 7 or 16 masked bits */
	bool misaligned, ad_hw;
};

/* Counters, read through KVM_GET_STATS_FD and /sys/kernel/debug/kvm. */
#define STAT_HIST_SIZE   32
#define STAT_COUNT(name) u64 name;
#define STAT_NS(name)    u64 name;
#define STAT_BOOL(name)  u64 name;
#define STAT_HIST(name)  u64 name[STAT_HIST_SIZE];

struct vcpu_stats {
#define VCPU_STAT(name, kind) STAT_##kind(name)
#define VM_STAT(name, kind)
#include "stats.def"
#undef VCPU_STAT
#undef VM_STAT
};

/*
 * Special values of last_hart, which never equal a hart's number: at the next load, the hart drops
 * all translations of the VM. VCPU_STALE is a flag, ORed into the number of the last hart when a
 * setting changes under which the vCPU's translations were made.
 */
#define VCPU_NO_HART (~0U)
#define VCPU_STALE   BIT(31)

/*
 * The number of words in `device_words`. A word is a guest physical address >> 2, as in htval; its
 * slot is given by the low bits of its page's number.
 */
#define DEVICE_WORDS 8

struct kvm_vcpu {
	struct guest_context guest; /* first: switch.S uses 12-bit offsets from the vCPU */
	struct host_context host;
	unsigned long exit_vector;       /* stvec while the guest runs; toggle fastpath */
	const struct exit_ops *exit_ops; /* toggle switch */
	exit_fn *handle_exit;            /* a handler of exit_ops, chosen by vcpu_observe() */

	unsigned long requests;    /* bits of enum vcpu_request; any thread, atomically */
	u32 mode;                  /* enum vcpu_mode; any thread, atomically */
	u32 hart;                  /* hart of the last load; kicks go there; any thread reads */
	unsigned long irq_pending; /* requested state of the lines in irq_changed; any thread */
	unsigned long irq_changed; /* lines, as bits of hvip, to be updated in hvip; any thread */

	/*
	 * The fields that exits use most are in the first 2 KiB, in reach of the 12-bit offset of a
	 * load or store.
	 */
	struct kvm *kvm;
	const struct timer_ops *timer_ops; /* timer.h */
	unsigned int id;                   /* KVM_CREATE_VCPU's argument and the guest's hart id */
	u32 sbi_ext;    /* bits of enum KVM_RISCV_SBI_EXT_ID, and SBI_EXT_BIT_NACL */
	u32 pmu_events; /* firmware events that are being counted, by code; any thread reads */
	u32 bus_stores; /* odd: this vCPU reads the bus's table (bus.c); any thread reads */
	unsigned long device_words[DEVICE_WORDS]; /* device_word_remember() */
	u8 bus_words;                             /* bit n: device_words[n] is an ioeventfd's */
	struct trace_exit_clock exit_clock;
	struct vcpu_stats stats;

	unsigned int idx; /* position in kvm->vcpus */
	int creator;      /* the thread that created the vCPU */
	struct hv_mutex mutex;

	struct guest_csrs csrs; /* valid while not loaded */
	struct {                /* the host's values, while the vCPU is loaded */
		unsigned long scounteren, senvcfg, sstateen0;
	} host_user;
	unsigned long hedeleg;
	unsigned long hcounteren;
	u64 henvcfg;
	const struct fp_ops *fp_ops;      /* fp.h */
	const struct fp_ops *fp_released; /* fp_ops before kvm_units_release() */
	unsigned int fp_hart; /* the hart whose unit may still hold fp unchanged; ~0: none */
	unsigned int vector_hart;
	bool fp_expected, vector_expected; /* lazy_trap: registers changed while last loaded */

	bool guest_file;  /* irqchip->load() and put() have work to do; any thread sets it, once */
	bool wfi_native;  /* toggle wfi: VTW depends on whether another thread wants the hart */
	s8 loaded;        /* enum vcpu_loaded */
	u8 special;       /* SPECIAL_* bits */
	bool has_h;       /* its ISA includes H (nested.h) */
	bool has_aia;     /* it includes Ssaia; valid if it includes H */
	bool put_at_once; /* KVM_RUN puts the vCPU when it ends (end_run()) */
	bool ran_once;    /* KVM_RUN was called: ISA, SBI extension and id registers are frozen */
	bool sigmask_set; /* KVM_SET_SIGNAL_MASK: sigmask is in force during KVM_RUN */
	int put_pending;  /* enum vcpu_put */
	unsigned int
		last_hart; /* the hart of the last load, perhaps with VCPU_STALE; or VCPU_NO_HART */
	struct hv_sched_hook sched_hook;
	struct vcpu_fwft fwft;

	struct kvm_run *run; /* shared with user space: untrusted, so each field is read once */
	struct dirty_ring *dirty_ring; /* mmu/dirty_ring.h; NULL: the VM has bitmaps */
	struct completion completion;

	struct memslots *slots;          /* this vCPU's view of the memory map (memslot.c) */
	const struct memslot *slot_hint; /* the slot found last */
	gfn_t spurious_gfn;              /* the gfn of the last fault that found its leaf present */
	gfn_t device_gfn;                /* the last page found to have no slot; ~0: none known */
	unsigned long vmid_generation;   /* of the VMID that the vCPU last used (vmid.c) */
	unsigned long vmid;              /* that VMID; any thread reads (tlb.c) */

	struct isa_set isa; /* the extensions that this vCPU has */

	bool suspended;           /* in SBI HSM suspend; any thread reads */
	struct spinlock hsm_lock; /* guards hsm_* and start_*; see docs/locking.md */
	bool hsm_stopped;         /* SBI HSM STOPPED: KVM_RUN waits for a start */
	bool hsm_reset;           /* START_PENDING: reset, to start at start_pc, before the entry */
	bool start_resumes;       /* with hsm_reset: vcpu_reset_for_resume(), not vcpu_reset() */
	unsigned long start_pc, start_opaque;

	struct vcpu_timer timer;
	struct spinlock fence_lock;
	unsigned int fence_count;

	struct kvm_pmu *pmu; /* pmu.h; NULL: this platform has no counters for guests */

	u32 halt_poll_ns; /* how long the vCPU polls before it blocks (halt_poll.c) */
	u32 blocking;     /* enum vcpu_blocking; accessed atomically, by any thread */
	bool (*sleep_cond)(struct kvm_vcpu *vcpu); /* what vcpu_sleep() waits for */
	struct hv_waitq waitq; /* for a vCPU that is blocked in WFI or stopped */

	unsigned long mvendorid, marchid, mimpid;
	hpa_t run_pa; /* the page of `run` */
	u64 sigmask;

	struct vcpu_sta sta;

	struct fp_state fp;
	struct vector_state vector;
	struct hfence fences[HFENCE_QUEUE_SIZE]; /* under fence_lock */

	struct { /* observe.c: the guest's trap CSRs at the last entry */
		unsigned long vscause, vsepc;
		bool injected; /* this exit's handler has injected a trap into the guest */
	} observed;

	struct nested nested;  /* used if the vCPU has H */
	struct guest_map map;  /* used while nested.nacl is not 0 */
	struct shadow *shadow; /* mmu/shadow.h; NULL: the vCPU has never had H */
	struct {
		/* Expires at L1's stimecmp while L2 runs, at vstimecmp in a WFI, or for `watch`. */
		struct hv_timer timer;
		struct nested_watch watch;
		unsigned long hgeip; /* of L1; accessed atomically, by any thread */
		u8 files; /* the guest interrupt files that the AIA has made; nested_adopt_files() */
		const struct exit_vectors *vectors;
		/* In place of the vCPU's while nested.on is set; the vCPU's are here then. */
		const struct exit_ops *exit_ops;
	} nested_host;
};

static inline void vcpu_set_special(struct kvm_vcpu *vcpu, u8 special, bool on)
{
	vcpu->special = (u8)(on ? vcpu->special | special : vcpu->special & ~special);
}

static inline unsigned long device_word_slot(unsigned long word)
{
	return word >> (PAGE_SHIFT - 2) & (DEVICE_WORDS - 1);
}

/* Offer accesses to this word, or stores to it, to the fast path first (fastpath.c). Not 0. */
static inline void device_word_remember(struct kvm_vcpu *vcpu, unsigned long word, bool on_bus)
{
	unsigned long slot = device_word_slot(word);

	vcpu->device_words[slot] = word;
	vcpu->bus_words = (u8)((vcpu->bus_words & ~BIT(slot)) | (unsigned long)on_bus << slot);
}

static inline bool device_word_on_bus(const struct kvm_vcpu *vcpu, unsigned long word)
{
	return vcpu->bus_words && (vcpu->bus_words >> device_word_slot(word) & 1);
}

static inline void device_word_forget(struct kvm_vcpu *vcpu, unsigned long slot)
{
	/* A word of the next page: its slot is the next one, so it is not found in this one. */
	vcpu->device_words[slot] = (slot + 1) << (PAGE_SHIFT - 2);
}

static inline void device_words_forget(struct kvm_vcpu *vcpu)
{
	unsigned long slot;

	for (slot = 0; slot < DEVICE_WORDS; slot++)
		device_word_forget(vcpu, slot);
}

extern const struct hv_file_ops kvm_vcpu_ops; /* api_vcpu.c */

/* ---- create.c --------------------------------------------------------------------- */

int vcpu_create(struct kvm *vm, unsigned long id, struct kvm_vcpu **vcpu);
void vcpu_destroy(struct kvm_vcpu *vcpu);

/* ---- vcpu.c: loading a vCPU on a hart ----------------------------------------------- */

/*
 * The traps that VS handles itself: hedeleg of a new vCPU. The causes that H adds are not
 * delegated, nor are access faults and misaligned loads and stores, most of which the guest's PMU
 * can count as firmware events (exit.c). Illegal instructions are not delegated while the PMU
 * counts them (pmu.c), or while they may be the first use of FP or vector state that is not loaded
 * (fp_lazy_trap.c).
 */
#define HEDELEG_DEFAULT                                                           \
	(BIT(EXC_INST_MISALIGNED) | BIT(EXC_ILLEGAL_INST) | BIT(EXC_BREAKPOINT) | \
	 BIT(EXC_ECALL_U) | BIT(EXC_INST_PAGE_FAULT) | BIT(EXC_LOAD_PAGE_FAULT) | \
	 BIT(EXC_STORE_PAGE_FAULT))

/*
 * Reset the vCPU as after power-on, but with the given pc, a0 = the vCPU's id, and a1 = opaque. The
 * software and external interrupt lines stay as they are (hsm.c). The vCPU may be loaded or not.
 */
void vcpu_reset(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
/* The same, but the settings and locks of FWFT survive, as in a suspend that is not retentive. */
void vcpu_reset_for_resume(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
/* Apply a changed set of extensions, before the vCPU first runs. */
void vcpu_isa_changed(struct kvm_vcpu *vcpu);
void vcpu_hart_init(void);             /* on each hart: initialize delegation and other CSRs */
void vcpu_load(struct kvm_vcpu *vcpu); /* move CSRs into this hart, for many world switches */
void vcpu_put(struct kvm_vcpu *vcpu);
void vcpu_reload(struct kvm_vcpu *vcpu); /* put a loaded vCPU and load it again on this hart */
/*
 * The parts of vcpu_load() and vcpu_put() that move the vCPU's state, without changing the
 * scheduler's hook: for the hook's own in() and out() (lazy_put.c).
 */
void vcpu_load_csrs(struct kvm_vcpu *vcpu);
void vcpu_put_csrs(struct kvm_vcpu *vcpu);
/*
 * Return a vsstatus that is safe to load: a VMM or a guest hypervisor may have written any value.
 */
unsigned long vsstatus_of(unsigned long vsstatus);
/*
 * Called by the vCPU's own thread when its hart begins to work for the vCPU, and after events were
 * switched on or off. From then on, trace records name this vCPU, and its exits are handled by the
 * handlers that the enabled events require.
 */
void vcpu_observe(struct kvm_vcpu *vcpu);
/*
 * Called by the vCPU's own thread: sleep until cond holds. Returns 0, or -EINTR if a signal
 * arrives. The vCPU is loaded before and after.
 */
int vcpu_sleep(struct kvm_vcpu *vcpu, bool (*cond)(struct kvm_vcpu *vcpu));

/* ---- lazy_put.c: loaded while in user space ---------------------------------------- */

void lazy_put_init(void);
void lazy_put_vcpu_init(struct kvm_vcpu *vcpu); /* the scheduler's hook */
/*
 * Load the vCPU at the beginning of KVM_RUN, unless its put is pending for the current thread.
 * `hook` is the thread's own. Called in a section that begins before `hook` is read, and ends it
 * (hv/pin.h).
 */
void vcpu_begin_run(struct kvm_vcpu *vcpu, struct hv_sched_hook *hook);
/*
 * Put the vCPU if its put is pending, whichever hart it is loaded on. Call with its mutex held, or
 * from vm_destroy(); may sleep.
 */
void vcpu_finish_put(struct kvm_vcpu *vcpu);

/* Return the hart on which the vCPU was last loaded, or VCPU_NO_HART. For the trace. */
static inline unsigned int vcpu_last_hart(const struct kvm_vcpu *vcpu)
{
	if (vcpu->last_hart == VCPU_NO_HART)
		return VCPU_NO_HART;
	return vcpu->last_hart & ~(unsigned int)VCPU_STALE;
}

#endif
