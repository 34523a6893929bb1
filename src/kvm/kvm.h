// SPDX-License-Identifier: MIT
/*
 * kvm.h - the hypervisor core's one private header: a VM, a vCPU, and who does what.
 *
 * Ownership of a vCPU: everything that no comment marks "any thread" belongs to
 * the holder of vcpu->mutex, which KVM_RUN and every other vCPU ioctl take first.
 * Lock order: vm->lock > vcpu->mutex > vm->slots_lock > the host's mm lock > gstage's
 * mmu_lock (a leaf): docs/locking.md. Walkthrough: docs/reading-order.md
 */
#ifndef KVM_KVM_H
#define KVM_KVM_H

#include <linux/errno.h>
#include <linux/kvm.h>
#include "hv/csr.h"
#include "hv/host.h"
#include "hv/trace.h"
#include "gstage.h"

#define KVM_MAX_VCPUS      1024
#define KVM_MAX_IRQ_ROUTES 4096
#define KVM_RUN_PAGES      2 /* of a vCPU's mapping: struct kvm_run, the VM's coalesced ring */

struct kvm;
struct kvm_pmu;
struct kvm_vcpu;

/* What an exit handler answers; < 0 is -errno for KVM_RUN's caller. */
enum exit_result {
	RESUME_USER = 0,
	RESUME_GUEST = 1,
};

/* The CSRs of one trap from VS or VU into HS, as the hardware left them. */
struct hv_trap {
	unsigned long sepc;
	unsigned long scause;
	unsigned long stval;
	unsigned long htval;
	unsigned long htinst;
};

typedef int exit_fn(struct kvm_vcpu *vcpu, const struct hv_trap *trap);

enum gpr {
	GPR_RA = 1,
	GPR_SP,
	GPR_A0 = 10,
	GPR_A1,
	GPR_A2,
	GPR_A3,
	GPR_A4,
	GPR_A5,
	GPR_A6,
	GPR_A7
};

/*
 * What switch.S moves at every entry and exit. Assembly reaches the members by
 * generated offsets (offsets.c); gpr[0] is never used.
 */
struct guest_context {
	unsigned long gpr[32];
	unsigned long sepc;
	unsigned long sstatus;
	unsigned long hstatus;
};

struct host_context {
	unsigned long ra, sp, gp, tp;
	unsigned long s[12];
	unsigned long sstatus;
	unsigned long hstatus;
	unsigned long stvec;
	unsigned long sscratch;
};

/* The guest's CSRs that have a VS twin or none: moved by vcpu_load() and vcpu_put(). */
struct guest_csrs {
	unsigned long vsstatus;
	unsigned long vsie;
	unsigned long vstvec;
	unsigned long vsscratch;
	unsigned long vsepc;
	unsigned long vscause;
	unsigned long vstval;
	unsigned long hvip; /* interrupts that HS asserts for VS, as bits of hvip */
	unsigned long vsatp;
	unsigned long scounteren;
	unsigned long senvcfg;
	unsigned long sstateen0;
	unsigned long aia[7]; /* as struct kvm_riscv_aia_csr; zero where there is no Ssaia */
};

struct fp_state {
	u64 f[32];
	u32 fcsr;
};

struct vector_state {
	unsigned long vstart, vl, vtype, vcsr;
	u8 *regs; /* v0 to v31, vector_vlenb() bytes each; NULL: the hart has no V */
};

/*
 * Requests: one word, any thread sets bits, run.c clears them before the entry.
 * Who sets a bit for a vCPU that may run calls vcpu_request(), which also kicks.
 */
enum vcpu_request {
	REQ_HOST,       /* look for a signal or a thread that waits for this hart */
	REQ_IRQ,        /* irq_pending changed */
	REQ_HSM,        /* start, stop or reset of this vCPU */
	REQ_TLB_FLUSH,  /* every G- and VS-stage translation of this VM on this hart */
	REQ_HFENCE,     /* entries in the fence queue */
	REQ_HFENCE_ALL, /* VS-stage, all: the fence queue overflowed */
	REQ_FENCE_I,
	REQ_STEAL,   /* the guest's steal time is behind (sbi_sta.c) */
	REQ_VM_DEAD, /* the VM was stopped by an error: KVM_RUN gives -EIO */
};

/* An MMIO access in flight to user space, between mmio_emulate() and mmio_complete(). */
struct mmio_access {
	gpa_t gpa;
	u64 data;         /* for a store: the value, lowest byte first */
	unsigned int len; /* bytes: 1, 2, 4, 8; 0 when no access is in flight */
	unsigned int reg; /* the load's destination */
	unsigned int insn_len;
	bool is_store;
	bool sign_extend;
};

enum vcpu_mode {
	VCPU_OUTSIDE,  /* the host runs; requests are seen before the next entry */
	VCPU_IN_GUEST, /* in the guest or about to be: only a kick makes it look */
	VCPU_KICKED,   /* as IN_GUEST, and a kick is on its way: no second one is needed */
};

/* How a vCPU waits that is OUTSIDE. Fences can wait as long as it does: they precede the entry. */
enum vcpu_blocking {
	VCPU_AWAKE,
	VCPU_ASLEEP,      /* its thread sleeps on waitq, or is about to */
	VCPU_IDLE,        /* it is loaded, and its hart idles */
	VCPU_IDLE_KICKED, /* the same, and an interrupt is on its way to the hart */
};

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
	u64 compare;           /* guest time; ~0: never. Sstc: valid while not loaded */
	u64 restore;           /* ONE_REG's compare, until its state is set */
	struct hv_timer timer; /* wakes a blocked vCPU; without Sstc, raises VSTIP too */
};

#define STA_OFF (~0ULL)

/* Steal-time accounting (sbi_sta.c). */
struct vcpu_sta {
	gpa_t shmem;    /* of the shared structure; STA_OFF: none */
	u64 seen_ns;    /* its thread's run delay that the guest knows of */
	int thread;     /* whose that is; 0: not looked at yet */
	bool preempted; /* the guest has been marked so */
};

/* What the guest has set by SBI FWFT (sbi_fwft.c); a bit for each feature there. */
struct vcpu_fwft {
	u8 disabled; /* by user space */
	u8 locked;   /* until the next reset */
	u8 pmlen;    /* index: 0, 7, 16 bits masked */
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

struct kvm_vcpu {
	struct guest_context guest; /* first: switch.S addresses it from the vCPU */
	struct host_context host;
	unsigned long exit_vector; /* stvec while the guest runs; toggle fastpath */
	exit_fn *handle_exit;      /* toggle switch */

	unsigned long requests;    /* bits of enum vcpu_request; any thread, atomically */
	u32 mode;                  /* enum vcpu_mode; any thread reads */
	u32 hart;                  /* where it runs, while not OUTSIDE; any thread reads */
	unsigned long irq_pending; /* wanted state of the lines in irq_changed; any thread */
	unsigned long irq_changed; /* lines, as bits of hvip, that hvip lags behind; any thread */

	/* What exits use most, where one instruction reaches it: in the first 2 KiB. */
	struct kvm *kvm;
	const struct timer_ops *timer_ops; /* timer.h */
	unsigned int id;                   /* KVM_CREATE_VCPU's argument and the guest's hart id */
	u32 sbi_ext;    /* bits of enum KVM_RISCV_SBI_EXT_ID that this vCPU answers */
	u32 pmu_events; /* firmware events that a counter counts, by code; any thread reads */
	struct trace_exit_clock exit_clock;
	struct vcpu_stats stats;

	unsigned int idx; /* position in kvm->vcpus */
	int creator;      /* the thread that made it */
	struct hv_mutex mutex;

	struct guest_csrs csrs; /* valid while not loaded */
	struct {                /* the host's, while the vCPU is loaded */
		unsigned long scounteren, senvcfg, sstateen0;
	} host_user;
	unsigned long hedeleg;
	unsigned long hcounteren;
	u64 henvcfg;
	const struct fp_ops *fp_ops; /* fp.h */
	unsigned int fp_hart;        /* whose unit may still hold fp as it stands; ~0: none */
	unsigned int vector_hart;
	bool fp_expected, vector_expected; /* lazy_trap: changed in the last turn */

	bool wfi_native;        /* toggle wfi: hstatus.VTW follows what the hart is wanted for */
	bool loaded;            /* its CSRs are in this hart */
	bool lingers;           /* loaded, and its thread is in user space (linger.c) */
	unsigned int last_hart; /* that it was loaded on; ~0: none */
	struct hv_sched_hook sched_hook;

	struct kvm_run *run; /* shared with user space: hostile, each field read once */
	hpa_t run_pa;
	struct mmio_access mmio;
	bool sbi_in_flight;  /* user space answers an SBI call: a0 and a1 at the next KVM_RUN */
	bool csr_in_flight;  /* user space answers a CSR access */
	unsigned int csr_rd; /* its destination register */

	struct memslots *slots;          /* this vCPU's view of the memory map (memslot.c) */
	const struct memslot *slot_hint; /* its last hit there */
	gfn_t device_gfn;                /* a page without a slot there; ~0: none is known */
	unsigned long vmid_generation;   /* for which it has entered hgatp (vmid.c) */

	bool suspended;           /* in SBI HSM suspend; only its own thread writes */
	struct spinlock hsm_lock; /* hsm_* and start_*; a leaf */
	bool hsm_stopped;         /* SBI HSM STOPPED: KVM_RUN waits for a start */
	bool hsm_reset;           /* begin anew at start_pc before the next entry: START_PENDING */
	unsigned long start_pc, start_opaque;

	u32 halt_poll_ns;      /* how long it polls before it blocks (halt_poll.c) */
	struct hv_waitq waitq; /* blocked in WFI or stopped */
	u32 blocking;          /* enum vcpu_blocking; any thread reads */
	bool (*sleep_cond)(struct kvm_vcpu *vcpu); /* what it waits for */

	struct spinlock fence_lock;
	unsigned int fence_count;

	struct kvm_pmu *pmu; /* pmu.h; NULL: this platform has no counters for guests */

	struct vcpu_timer timer;
	u64 isa;       /* bits of enum KVM_RISCV_ISA_EXT_ID that this vCPU has */
	bool ran_once; /* ISA and id registers are frozen from the first KVM_RUN on */
	unsigned long mvendorid, marchid, mimpid;
	bool sigmask_set; /* KVM_SET_SIGNAL_MASK: in force during KVM_RUN */
	u64 sigmask;

	struct vcpu_sta sta;
	struct vcpu_fwft fwft;

	struct fp_state fp;
	struct vector_state vector;
	struct hfence fences[HFENCE_QUEUE_SIZE]; /* under fence_lock */
};

/* ---- a VM ------------------------------------------------------------------- */

struct vm_stats {
#define VCPU_STAT(name, kind)
#define VM_STAT(name, kind) STAT_##kind(name)
#include "stats.def"
#undef VCPU_STAT
#undef VM_STAT
};

struct kvm {
	u32 refs; /* the VM's descriptor and each vCPU's; any thread */
	unsigned int id;
	int creator; /* the thread that made it: names of statistics */
	char debug_name[HV_DEBUG_NAME];
	struct list_head debug_link; /* stats_debug.c */
	struct hv_mm *mm;

	struct hv_mutex lock;    /* vcpus, nr_vcpus, irqfds */
	unsigned int nr_vcpus;   /* any thread reads, with acquire */
	struct kvm_vcpu **vcpus; /* KVM_MAX_VCPUS entries, filled from 0 */

	struct hv_mutex slots_lock; /* memslot updates */
	struct memslots *slots;
	u64 dirty_log_manual; /* KVM_DIRTY_LOG_*; under slots_lock */
	hpa_t slot_ids[64];   /* where each slot is, by id (memslot.c) */
	struct gstage gstage;
	const struct tlb_ops *tlb; /* toggle tlb_flush (tlb.h) */
	const struct gpa_ops *gpa; /* toggle gpa_from (gpa.h) */
	struct hv_notifier notifier;

	u32 hsm_starts;           /* counts them; any thread */
	u64 time_delta;           /* htimedelta: guest time = time + time_delta */
	struct spinlock bus_lock; /* what follows, to the ring (bus.h); above an eventfd's lock */
	struct list_head bus[3];  /* struct bus_device, by enum kvm_bus_kind */
	unsigned int bus_zones[3];
	struct list_head ioeventfds, zones;
	struct kvm_coalesced_mmio_ring *ring; /* shared with user space: hostile */
	hpa_t ring_pa;

	struct list_head irqfds;
	u64 halt_poll_max; /* KVM_CAP_HALT_POLL: ns + 1; 0: the parameter is in force */
	u8 toggle[16];     /* this VM's copy of each toggle, by enum toggle_id */
	bool dead;
	struct vm_stats stats;
	/* What hart last ran which vCPU (idx + 1): VS-stage entries are its own. */
	u16 hart_vcpu[HV_MAX_HARTS];
};

#define kvm_for_each_vcpu(i, vcpu, vm)                                            \
	for ((i) = 0; (i) < __atomic_load_n(&(vm)->nr_vcpus, __ATOMIC_ACQUIRE) && \
		      ((vcpu) = (vm)->vcpus[i], true);                            \
	     (i)++)

/* ---- vm.c: life of a VM ------------------------------------------------------- */

int vm_create(struct kvm **vm);
void vm_hold(struct kvm *vm);
void vm_release(struct kvm *vm);
struct kvm_vcpu *vm_find_vcpu(struct kvm *vm, unsigned long id);
/* Stop the VM for good, with the reason in the host's log: KVM_RUN gives -EIO. */
void vm_kill(struct kvm *vm, const char *why);

/* ---- vcpu.c: life of a vCPU, requests and kicks --------------------------------- */

int vcpu_create(struct kvm *vm, unsigned long id, struct kvm_vcpu **vcpu);
void vcpu_destroy(struct kvm_vcpu *vcpu);
extern const struct hv_file_ops kvm_vcpu_ops; /* api_vcpu.c */
/* As after power-on, but at pc with a0 = its id and a1 = opaque. Loaded or not. */
void vcpu_reset(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
/* Its set of extensions is another one; before it first runs. */
void vcpu_isa_changed(struct kvm_vcpu *vcpu);
void vcpu_hart_init(void);             /* each hart: what is delegated to VS, for any vCPU */
void vcpu_load(struct kvm_vcpu *vcpu); /* CSRs into this hart, and stay loaded over switches */
void vcpu_put(struct kvm_vcpu *vcpu);
void vcpu_reload(struct kvm_vcpu *vcpu); /* of a loaded one: out, and in again on this hart */
/* The CSRs that host programs and the guest share: the guest's values, and the host's again. */
void vcpu_load_shared(struct kvm_vcpu *vcpu);
void vcpu_put_shared(struct kvm_vcpu *vcpu);

/* ---- linger.c: loaded over user space -------------------------------------------- */

void linger_init(void);
/* Around KVM_RUN's way through the guest: loaded; and on the way to user space, perhaps still. */
void vcpu_begin_run(struct kvm_vcpu *vcpu);
void vcpu_end_run(struct kvm_vcpu *vcpu);
/* Its state into memory, on whichever hart it lingers. Its mutex is held; may sleep. */
void vcpu_settle(struct kvm_vcpu *vcpu);
/* From the hook's out(), on the thread that ran it: the vCPU is put. It may be freed at once. */
void linger_left(struct kvm_vcpu *vcpu);

/* ---- request.c: kicks, waits -------------------------------------------------------- */

/* Any thread. Set a request, and make the vCPU see it soon. */
void vcpu_request(struct kvm_vcpu *vcpu, enum vcpu_request req);
/* Any thread. Make it leave the guest, or wake it if it sleeps. */
void vcpu_kick(struct kvm_vcpu *vcpu);
/* Spin until the vCPU is out of the guest with the request still to serve, or has served it. */
void vcpu_wait_request(const struct kvm_vcpu *vcpu, enum vcpu_request req);
/*
 * Ask every vCPU of the VM and return when each has left the guest since, so
 * that none runs on without having served it. Spins: hold no lock that a vCPU on
 * its way out of the guest takes. The calling vCPU's own bit is set as well.
 * True: some vCPU was in its guest.
 */
bool vm_request_all_and_wait(struct kvm *vm, enum vcpu_request req);
/* Its own thread: sleep until cond; 0 or -EINTR (a signal). Loaded before and after. */
int vcpu_sleep(struct kvm_vcpu *vcpu, bool (*cond)(struct kvm_vcpu *vcpu));

static inline void vcpu_set_request(struct kvm_vcpu *vcpu, enum vcpu_request req)
{
	__atomic_fetch_or(&vcpu->requests, BIT(req), __ATOMIC_RELEASE);
}

/* ---- hsm.c: which vCPUs run ------------------------------------------------------ */

void hsm_power_on(struct kvm_vcpu *vcpu);  /* any thread: KVM_SET_MP_STATE */
void hsm_power_off(struct kvm_vcpu *vcpu); /* any thread */
/* Any thread. Start a stopped vCPU at pc with a1 = opaque; false: it was not stopped. */
bool hsm_start(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_is_stopped(struct kvm_vcpu *vcpu);
/* Its own thread. The next entry is at pc, after a reset, as if another vCPU had started it. */
void hsm_reset_self(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque);
bool hsm_start_is_pending(struct kvm_vcpu *vcpu);
/* REQ_HSM: wait while stopped (-EINTR: a signal), then reset if it was started. */
int hsm_serve(struct kvm_vcpu *vcpu);

/* ---- run.c, switch.S, exit.c ----------------------------------------------------- */

int vcpu_run(struct kvm_vcpu *vcpu);
/* Enter the guest; returns at its next trap. Interrupts off, vCPU loaded. */
void vcpu_switch(struct kvm_vcpu *vcpu);
/*
 * fastpath.c: the whole of an exit, if it is one of the short ones. done: the guest can go on; else
 * nothing has changed. Called by switch_fast.S with mode = IN_GUEST, interrupts off; of guest,
 * only ra, sp, gp, tp, t0-t6 and a0-a7 are in memory, sepc and sstatus are in the hart.
 */
struct fast_exit {
	struct kvm_vcpu *vcpu; /* as it was given: assembly has no other place to keep it */
	unsigned long done;    /* a whole register, where it comes back in a1 */
};
struct fast_exit vcpu_fast_sbi(struct kvm_vcpu *vcpu);
struct fast_exit vcpu_fast_virtual_inst(struct kvm_vcpu *vcpu);
exit_fn exit_handle;      /* exit.c */
exit_fn exit_handle_full; /* switch_full.c */

/* htinst holds a pseudoinstruction: an implicit VS-stage page-table access (H §6.3). */
static inline bool htinst_is_pseudo(unsigned long htinst)
{
	return htinst == 0x3000 || htinst == 0x3020 || htinst == 0x2000 || htinst == 0x2020;
}

/* Handlers, one file a cause. */
exit_fn exit_gstage_fault; /* gstage_fault.c */
/*
 * As exit_gstage_fault(), of a trap that unpriv_read() met. No instruction at sepc made this access,
 * so none may be looked for and emulated where no memory is: then it is an access fault.
 */
exit_fn gstage_fault_unpriv;
exit_fn exit_sbi;          /* sbi.c */
exit_fn exit_virtual_inst; /* insn.c */

#define INSN_WFI 0x10500073UL

int exit_wfi(struct kvm_vcpu *vcpu); /* wfi.c; sepc is already past the instruction */
int exit_wrs(struct kvm_vcpu *vcpu);

/* wfi_native.c, for a vCPU with wfi_native, out of the guest: does its WFI exit? */
void wfi_native_load(struct kvm_vcpu *vcpu);        /* as its hart is now */
void wfi_native_wanted(struct hv_sched_hook *hook); /* a thread wants the hart */

void insn_complete_csr(struct kvm_vcpu *vcpu); /* the next KVM_RUN after a CSR exit */
void sbi_complete(struct kvm_vcpu *vcpu);      /* the next KVM_RUN after an SBI exit */
u32 sbi_default_extensions(void);              /* a new vCPU's, as bits of KVM_RISCV_SBI_EXT_ID */
int sbi_ext_get(const struct kvm_vcpu *vcpu, unsigned long ext, unsigned long *enabled);
int sbi_ext_set(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long enabled);

/* ---- sbi_sta.c: steal time. All but the registers: its own thread ------------------------ */

void sta_reset(struct kvm_vcpu *vcpu);
void sta_load(struct kvm_vcpu *vcpu);      /* on a hart again: REQ_STEAL if it had to wait */
void sta_preempted(struct kvm_vcpu *vcpu); /* about to lose its hart; no sleep */
void sta_update(struct kvm_vcpu *vcpu);    /* REQ_STEAL; may sleep */
int sta_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value);
int sta_reg_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value);

/* ---- sbi_fwft.c: features that firmware switches ------------------------------------------- */

void fwft_init(void);                   /* once, after isa_init() */
void fwft_hart_init(void);              /* each hart, then */
void fwft_reset(struct kvm_vcpu *vcpu); /* as at power-on; henvcfg and hedeleg follow */
void fwft_apply(struct kvm_vcpu *vcpu); /* henvcfg and hedeleg anew; not loaded */
/* What is not a CSR of this hart; only for a vCPU with fwft.misaligned. */
void fwft_load(struct kvm_vcpu *vcpu);
void fwft_put(struct kvm_vcpu *vcpu);
unsigned int fwft_reg_listed(const struct kvm_vcpu *vcpu, unsigned long num);
int fwft_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value);
int fwft_reg_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value);

/* ---- pmu.c ---------------------------------------------------------------------------- */

void pmu_count_event(struct kvm_vcpu *vcpu, unsigned int code) __attribute__((cold));

/* Any thread. A firmware event of SBI §11, SBI_PMU_FW_*, has happened to the vCPU. */
static inline void pmu_count(struct kvm_vcpu *vcpu, unsigned int code)
{
	if (__builtin_expect(READ_ONCE(vcpu->pmu_events) & BIT(code), 0))
		pmu_count_event(vcpu, code);
}

/* The value of a counter CSR, by its distance from cycle: 0, or -ENOENT if it is none. */
int pmu_read_csr(struct kvm_vcpu *vcpu, unsigned long number, u64 *value);

/* ---- inject.c: traps delivered into VS ---------------------------------------------- */

void vcpu_inject_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long pc,
		      unsigned long tval);
/* The trap, given to the guest as it would have taken it: same sepc, cause, stval. */
int vcpu_redirect_trap(struct kvm_vcpu *vcpu, const struct hv_trap *trap);
/* A guest-page fault where there is nothing: load, store or instruction access fault. */
int vcpu_inject_access_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap);

/* ---- irq.c: interrupts of a vCPU. irq: IRQ_VS_SOFT, IRQ_VS_TIMER, IRQ_VS_EXT, IRQ_PMU_OVF */

void vcpu_set_irq(struct kvm_vcpu *vcpu, unsigned int irq);   /* any thread */
void vcpu_clear_irq(struct kvm_vcpu *vcpu, unsigned int irq); /* any thread */
void vcpu_drop_irqs(struct kvm_vcpu *vcpu);                   /* any thread: as at a reset */
/* Its own thread, out of the guest, loaded or not; wakes and kicks nobody. */
void vcpu_set_own_irq(struct kvm_vcpu *vcpu, unsigned int irq);
/* The same without a request: vcpu_flush_irqs() before the entry is the caller's to call. */
void vcpu_mark_own_irq(struct kvm_vcpu *vcpu, unsigned int irq);
void vcpu_flush_irqs(struct kvm_vcpu *vcpu); /* REQ_IRQ: changed lines to hvip */
bool vcpu_has_irq(struct kvm_vcpu *vcpu);    /* would WFI return? not loaded */

/* ---- aia.c: Ssaia, where the hart has it ------------------------------------------------ */

void aia_load(const struct kvm_vcpu *vcpu);
void aia_put(struct kvm_vcpu *vcpu);
void aia_show_external(unsigned long hvip); /* hvip has changed: stopi follows; vCPU loaded */

/* A CSR instruction that trapped: old = csr; csr = (old & ~write_mask) | (new_value & write_mask). */
struct csr_access {
	unsigned int csr;
	unsigned int rd; /* gets old; 0: nobody */
	unsigned long new_value;
	unsigned long write_mask; /* 0: it only reads */
};

enum aia_answer {
	AIA_ILLEGAL, /* there is no such register */
	AIA_USER,    /* user space's to answer */
	AIA_DONE,    /* *value is the old value */
};

/* sireg or stopei. */
enum aia_answer aia_access(struct kvm_vcpu *vcpu, const struct csr_access *access,
			   unsigned long *value);

/* ---- unpriv.S, unpriv.c: guest memory as the guest itself would see it ---------------- */

/*
 * Read at a guest virtual address with the guest's privilege, through both stages.
 * fetch: the instruction at gva (16 or 32 bits), by HLVX. Otherwise a long, by HLV.
 * trap->scause is 0 on success; else *trap is what the access met. vCPU loaded.
 */
unsigned long unpriv_read(struct kvm_vcpu *vcpu, bool fetch, gva_t gva, struct hv_trap *trap);

/* ---- gstage owner: memslot.c, notifier.c, mmio.c, vmid.c, tlb.c ----------------------- */

struct memslots;

int memslot_vm_init(struct kvm *vm);
void memslot_vm_destroy(struct kvm *vm);
int kvm_vm_ioctl_set_memory_region(struct kvm *vm, const struct kvm_userspace_memory_region2 *r);
int kvm_vm_ioctl_get_dirty_log(struct kvm *vm, const struct kvm_dirty_log *log);
int kvm_vm_ioctl_clear_dirty_log(struct kvm *vm, const struct kvm_clear_dirty_log *log);
int dirty_log_set_manual(struct kvm *vm, u64 flags); /* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
void memslot_vcpu_init(struct kvm_vcpu *vcpu);       /* take a reference on the array in force */
void memslot_vcpu_destroy(struct kvm_vcpu *vcpu);
void memslot_vcpu_refresh(struct kvm_vcpu *vcpu); /* at each KVM_RUN and each fault */

/*
 * Guest memory by hva of its memslot; may sleep. -EFAULT: no memslot or no page. Writing is the
 * vCPU's own thread's; nothing is written once a deleted or moved slot's ioctl has returned.
 * -EAGAIN: user space keeps changing the memory.
 */
int kvm_read_guest(struct kvm *vm, gpa_t gpa, void *buf, size_t len);
int kvm_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, size_t len);

int notifier_vm_init(struct kvm *vm);
void notifier_vm_destroy(struct kvm *vm);

int mmio_emulate(struct kvm_vcpu *vcpu, const struct hv_trap *trap, gpa_t gpa);
int mmio_complete(struct kvm_vcpu *vcpu); /* the next KVM_RUN; 0 or -errno */

void vmid_init(void);      /* VMIDLEN, of the first hart */
void vmid_hart_init(void); /* each hart, before there is a VM: the shortest VMIDLEN */
int vmid_param_init(void); /* vmid_bits, vmid_generation; after vmid_init() */
/* Before an entry, vCPU loaded: a VMID of the current generation in hgatp. */
void vmid_update(struct kvm_vcpu *vcpu);
int gstage_probe(void);                       /* once; -ENODEV: no mode works */
void gstage_hart_init(void);                  /* each hart, then: the widest mode that all have */
void gstage_vcpu_load(struct kvm_vcpu *vcpu); /* hgatp */
void gstage_vcpu_put(struct kvm_vcpu *vcpu);
unsigned int gstage_gpa_bits(void); /* KVM_CAP_VM_GPA_BITS; 0: some hart has no G-stage */

/* Fences on this hart, for the VM's VMID (tlb.c). */
void tlb_flush_vm_local(struct kvm *vm);   /* G- and VS-stage, all of the VM */
void tlb_flush_vvma_local(struct kvm *vm); /* VS-stage, all of the VM */
void tlb_fence_local(struct kvm *vm, const struct hfence *fence);
/*
 * Everywhere: return when no vCPU uses a translation of the VM from before the call.
 * Any thread; spins; mmu_lock not held.
 */
void tlb_flush_vm(struct kvm *vm);
/* The fences that gstage_owe() says are due; then retired tables are freed. As above. */
void tlb_settle(struct kvm *vm, const struct gstage_debt *debt);
/* Any thread. The vCPU does the fence before it runs its guest again, and is kicked for it. */
void vcpu_request_fence(struct kvm_vcpu *vcpu, const struct hfence *fence);
/* Its own thread, loaded: do the fences among the requests, queued ones included. */
void tlb_serve(struct kvm_vcpu *vcpu, unsigned long requests);

/* ---- timer (timer.h), bus (bus.h), irqfd.c, onereg.c, toggle.c, stats.c --------------- */

int onereg_get(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg);
int onereg_set(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg);
int onereg_list(struct kvm_vcpu *vcpu, hva_t user_list);
void isa_init(void);                      /* what every hart has, by the device tree */
void isa_hart_init(void);                 /* each hart, then: the VS-stage mode that all have */
u64 isa_default(const struct kvm *vm);    /* a new vCPU's extensions */
void isa_host_ids(struct kvm_vcpu *vcpu); /* mvendorid, marchid, mimpid of this machine */
extern u64 isa_host;                      /* bit KVM_RISCV_ISA_EXT_*; written once, by isa_init() */
bool isa_may_enable(unsigned int ext);
bool isa_may_disable(unsigned int ext);
u64 isa_henvcfg(u64 isa); /* what of henvcfg they open */
u64 isa_hstateen0(u64 isa);
unsigned long isa_satp_mode(void); /* the widest VS-stage mode, as in satp.MODE */

static inline bool isa_host_has(unsigned int ext)
{
	return ext < KVM_RISCV_ISA_EXT_MAX && (isa_host >> ext & 1);
}

static inline bool isa_has(const struct kvm_vcpu *vcpu, unsigned int ext)
{
	return vcpu->isa >> ext & 1;
}

/* irqfd.c: the VM ioctls about interrupts, and what no other knows (-EINVAL). */
long irqchip_ioctl(unsigned int cmd, unsigned long arg);

enum toggle_id {
#define TOGGLE(name, values, initial, question) TOGGLE_##name,
#include "toggle.def"
#undef TOGGLE
	TOGGLE_COUNT
};

int toggle_init(void);
void toggle_vm_init(struct kvm *vm); /* the VM's copy, for its life */

#endif
