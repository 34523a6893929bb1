// SPDX-License-Identifier: MIT
/*
 * kvm.h - the VM, and the header that all parts of the hypervisor core include.
 *
 * vcpu.h declares the vCPU, context.h its registers. The interface of each part is in its own
 * header (exit.h, request.h, memslot.h, gstage.h, ...). Lock order: vm->lock > vcpu->mutex >
 * vm->slots_lock > the host's mm lock > gstage's mmu_lock (a leaf): docs/locking.md. Walkthrough:
 * docs/reading-order.md
 */
#ifndef KVM_KVM_H
#define KVM_KVM_H

#include <linux/errno.h>
#include <linux/kvm.h>
#include "hv/core.h"
#include "hv/csr.h"
#include "hv/host.h"
#include "mmu/gstage.h"
#include "toggle.h"
#include "vcpu.h"

struct aia;
struct irq_routes;
struct irqchip_ops;
struct memslots;
struct plic;

#define KVM_MAX_VCPUS      1024
#define KVM_MAX_IRQ_ROUTES 4096

struct vm_stats {
#define VCPU_STAT(name, kind)
#define VM_STAT(name, kind) STAT_##kind(name)
#include "stats.def"
#undef VCPU_STAT
#undef VM_STAT
};

/* Devices that take stores, in the order in which stores are offered to them (bus.c). */
struct kvm_bus {
	struct bus_table *table; /* what vCPUs read, without a lock; NULL: no device yet */
	struct bus_table *spare; /* as large as table; under slots_lock */
	size_t nr;               /* devices; also read without slots_lock */
	size_t zones;            /* how many of the devices are coalesced zones */
};

struct shadow_table;

/*
 * What shadow tables have to be compared with: the last flushes of the table of a VM that has a shadow
 * table (mmu/shadow_reverse.c), and changes of its protected pages (mmu/shadow_protect.c).
 */
#define SHADOW_FLUSHES 16
struct shadow_log {
	struct spinlock lock; /* a leaf */
	struct shadow_flush {
		gpa_t start, end; /* of L1: leaves in [start, end) may have changed */
		enum {
			SHADOW_LEAVES,
			SHADOW_BY_L1, /* tlb_flush_vm(): L1's table may have changed */
			SHADOW_SOURCE /* not a flush: a page has been protected, or is no longer */
		} what;
		const struct shadow_table *by; /* the table for which it was protected; or NULL */
	} flush[SHADOW_FLUSHES]; /* the one that made kvm->flushes n + 1 is at n % SHADOW_FLUSHES */
};

struct kvm {
	u32 refs; /* held by the descriptors of the VM and its vCPUs; any thread */
	unsigned int id;
	int creator; /* the thread that created the VM; part of the names of its statistics */
	char debug_name[HV_DEBUG_NAME];
	struct list_head link; /* in the list of all VMs (vm.c) */
	struct hv_mm *mm;

	struct hv_mutex lock;    /* guards changes of vcpus, vcpu_by_id, nr_vcpus and irqfds */
	unsigned int nr_vcpus;   /* any thread may read it, with acquire */
	struct kvm_vcpu **vcpus; /* KVM_MAX_VCPUS entries, filled from 0 */
	/*
	 * KVM_MAX_VCPUS entries behind those of vcpus; NULL: no vCPU has this id. Any thread may
	 * read them, with acquire.
	 */
	struct kvm_vcpu **vcpu_by_id;

	struct hv_mutex slots_lock; /* updates of memslots and of the buses */
	struct memslots *slots;
	const struct memslot
		*removed_slot; /* no longer in the map, not fully unmapped yet; under mmu_lock */
	u64 dirty_log_manual;  /* KVM_DIRTY_LOG_*; under slots_lock */
	u32 dirty_ring_size;   /* bytes of each vCPU's ring, 0: none; fixed before the first vCPU */
	hpa_t slot_ids[64];    /* pages with a word for each slot id (memslot.c) */
	struct gstage gstage;
	const struct tlb_ops *tlb; /* toggle tlb_flush (tlb.h) */
	unsigned long flushes;     /* entries of shadow_log so far; changed under its lock */
	const struct gpa_ops *gpa; /* toggle gpa_from (gpa.h) */
	struct hv_notifier notifier;
	bool has_guest_maps; /* some vCPU has used its guest_map; under mmu_lock */

	u32 hsm_starts;        /* number of vCPU starts so far (hsm.c); any thread */
	bool mp_state_reset;   /* KVM_CAP_RISCV_MP_STATE_RESET is enabled; any thread */
	u64 time_delta;        /* htimedelta: guest time = time + time_delta */
	struct kvm_bus bus[3]; /* by enum kvm_bus_kind; changed under slots_lock */
	struct list_head ioeventfds, zones;   /* under slots_lock */
	struct spinlock ring_lock;            /* guards `last` of ring; a leaf lock */
	struct kvm_coalesced_mmio_ring *ring; /* shared with user space: untrusted */
	hpa_t ring_pa;

	const struct irqchip_ops *irqchip; /* NULL: in user space; set once, under `lock` */
	bool irqchip_ready;                /* it is initialized; set once, under `lock` */
	struct plic *plic;                 /* of irqchip_plic_ops */
	struct aia *aia;                   /* of irqchip_aia_ops */
	struct spinlock irq_lock;          /* guards routes and resamplers; a leaf lock */
	struct irq_routes *routes;         /* NULL: none (route.c) */
	struct list_head irqfds, resamplers;
	u32 nr_resamplers;       /* changed under both locks */
	u64 halt_poll_max;       /* KVM_CAP_HALT_POLL's ns + 1; 0: not set, halt_poll_ns applies */
	u8 toggle[TOGGLE_COUNT]; /* this VM's copy of each toggle */
	struct vm_stats stats;
	struct shadow_log shadow_log;
	const struct gstage_ops *walker; /* NULL, or what protect_ops call (shadow_protect.c) */
	struct gstage_ops protect_ops;   /* of gstage, with the toggle shadow=protect */

	/*
	 * For each hart, the vCPU of this VM that was last loaded there (idx + 1; 0: none). The
	 * VM's VS-stage translations that the hart has cached belong to that vCPU. Any thread reads
	 * whether it is 0 (tlb.c); HART_USED: a vCPU is being loaded there for the first time.
	 * hv_nr_harts() entries.
	 */
#define HART_USED 0xffff
	u16 hart_vcpu[];
};

#define kvm_for_each_vcpu(i, vcpu, vm)                                            \
	for ((i) = 0; (i) < __atomic_load_n(&(vm)->nr_vcpus, __ATOMIC_ACQUIRE) && \
		      ((vcpu) = (vm)->vcpus[i], true);                            \
	     (i)++)

/* ---- create.c ------------------------------------------------------------------ */

int vm_create(struct kvm **vm);
void vm_hold(struct kvm *vm);
void vm_release(struct kvm *vm);

/* ---- vm.c ---------------------------------------------------------------------- */

/*
 * A VM is in the list of all VMs from the time when its file descriptor has been created until
 * vm_destroy() begins.
 */
void vm_list_add(struct kvm *vm);
void vm_list_del(struct kvm *vm); /* does nothing if the VM is not in the list */
/*
 * Call fn for every VM in the list. Any thread may call this function. fn runs under the list's
 * lock, a leaf: fn must not sleep or take a lock.
 */
void vm_for_each(void (*fn)(struct kvm *vm, void *arg), void *arg);
struct kvm_vcpu *vm_find_vcpu(struct kvm *vm, unsigned long id);

#endif
