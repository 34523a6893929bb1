// SPDX-License-Identifier: MIT
/*
 * aia.h - the AIA in the kernel: the interface between aia.c (operations, MSIs), aia_device.c
 * (attributes), aplic.c, aplic_direct.c and imsic.c.
 *
 * Wired interrupts enter the APLIC, which turns each of them into an MSI. An MSI sets a pending bit
 * of the IMSIC of one vCPU, and the IMSIC drives this vCPU's external interrupt. With direct
 * delivery, there are no IMSICs, and the APLIC drives the vCPUs' external interrupts.
 */
#ifndef KVM_IRQCHIP_AIA_H
#define KVM_IRQCHIP_AIA_H

#include "irqchip.h"

/* ---- imsic.c ---------------------------------------------------------------------- */

#define IMSIC_WORDS (KVM_DEV_RISCV_AIA_IDS_MAX / 64)

/* Registers of an interrupt file, as siselect numbers them (AIA, "Indirectly accessed ..."). */
#define IMSIC_EIDELIVERY  0x70
#define IMSIC_EITHRESHOLD 0x72
#define IMSIC_EIP0        0x80
#define IMSIC_EIE0        0xc0
#define IMSIC_EIE63       0xff

/* An interrupt file in memory. Bit 0 of the first word of each array is always 0. */
struct imsic_file {
	u64 pending[IMSIC_WORDS]; /* eip */
	u64 enabled[IMSIC_WORDS]; /* eie */
	u32 ready;                /* one bit per word: it has an id that is pending and enabled */
	u32 threshold;            /* eithreshold; 0: none */
	bool delivery;            /* eidelivery */
};

/* The IMSIC of one vCPU. */
struct imsic {
	struct kvm_vcpu *vcpu;
	u64 page;     /* number of the page that receives its MSIs; unused in guests[] */
	u32 nr_words; /* the ids are 1 to nr_words * 64 - 1 */
	bool mapped;  /* the page is mapped to the hart's file (imsic_guest.c) */
	u8 guest;     /* 0, or the number of this guest interrupt file: its bit in hgeip */
	u8 nr_guests; /* files 1 to nr_guests of the vCPU are in guests[] */
	struct imsic *guests;
	struct spinlock lock; /* guards the following; taken above those of vcpu_set_irq() */
	unsigned int
		file_hart; /* the hart whose guest file has the registers, or IMSIC_IN_MEMORY */
	bool raised;       /* the external interrupt, or the file's bit of hgeip, as last set */
	struct imsic_file file; /* the registers, if they are in memory */
};

#define IMSIC_IN_MEMORY (~0U)

/*
 * `self` is the vCPU whose thread is calling, if it carries out an access of the guest, else NULL.
 */

/* Returns NULL if memory runs out. nr_ids: the highest id, 64 n - 1. */
struct imsic *imsic_create(struct kvm_vcpu *vcpu, gpa_t addr, u32 nr_ids);
void imsic_destroy(struct imsic *imsic); /* NULL: does nothing */
/* Returns 0, -ENODEV (id 0), or -EINVAL (no such id). */
static inline int imsic_check_id(const struct imsic *imsic, u32 id)
{
	if (!id)
		return -ENODEV;
	return id / 64 < imsic->nr_words ? 0 : -EINVAL;
}
/* Set an id's pending bit. Returns as imsic_check_id(). Any context. */
int imsic_send(struct imsic *imsic, u32 id, const struct kvm_vcpu *self);
/* Returns 0, -ENOENT if there is no such register, or -EINVAL if it does not exist on RV64 or has
 * only ids that are not implemented. */
int imsic_check(const struct imsic *imsic, u64 select);
/*
 * Replace the bits of `mask` in a register by those of `value`. Returns the old value. Call only if
 * imsic_check() returns 0 for the register; any context.
 */
u64 imsic_access(struct imsic *imsic, u64 select, u64 value, u64 mask, const struct kvm_vcpu *self);
/*
 * Return the value of stopei: the pending and enabled interrupt with the highest priority, or 0.
 * With `claim`, its pending bit is cleared.
 */
u64 imsic_top(struct imsic *imsic, bool claim, const struct kvm_vcpu *self);
/* True if an interrupt is to be delivered. The registers are in memory; holds imsic->lock. */
bool imsic_is_pending(const struct imsic *imsic);
/* A word of `pending` or `enabled` has changed: update `ready`. Holds imsic->lock. */
void imsic_word_changed(struct imsic_file *file, u32 word);
/* The value of stopei. */
static inline u64 imsic_topei(u32 id)
{
	return (u64)id << 16 | id;
}
/* The parts of imsic_access() and imsic_top() that change no line. Hold imsic->lock. */
u64 imsic_file_access(struct imsic_file *file, u64 select, u64 value, u64 mask);
u32 imsic_top_id(const struct imsic *imsic);
/* Set the vCPU's external interrupt. Holds imsic->lock. */
void imsic_drive(struct imsic *imsic, bool raise, const struct kvm_vcpu *self);
/* Clear all registers, and lower the vCPU's external interrupt. Any context. */
void imsic_reset(struct imsic *imsic);
/* Set the vCPU's external interrupt, which user space may have changed. Any context. */
void imsic_drive_again(struct imsic *imsic);

/* ---- imsic_nested.c: guest interrupt files of a vCPU with H ------------------------------ */

/*
 * Give the vCPU files 1 to nr, at the pages after its own. At the initialization of the AIA. Returns 0
 * or -ENOMEM.
 */
int imsic_nested_create(struct imsic *imsic, unsigned int nr);
/* Find file `guest`, which may be 0, the vCPU's own. Returns NULL if there is none. */
static inline struct imsic *imsic_nested_find(struct imsic *imsic, u64 guest)
{
	if (!guest)
		return imsic;
	return guest <= imsic->nr_guests ? &imsic->guests[guest - 1] : NULL;
}
/* As imsic_send(), imsic_access(), imsic_top() and imsic_reset(), for a guest interrupt file. */
int imsic_nested_send(struct imsic *imsic, u32 id, const struct kvm_vcpu *self);
u64 imsic_nested_access(struct imsic *imsic, u64 select, u64 value, u64 mask,
			const struct kvm_vcpu *self);
u64 imsic_nested_top(struct imsic *imsic, bool claim, const struct kvm_vcpu *self);
void imsic_nested_reset(struct imsic *imsic);

/* ---- imsic_guest.c: an IMSIC in a guest interrupt file of the hart --------------------- */

void imsic_guest_init(void);      /* once, before any VM */
void imsic_guest_hart_init(void); /* on each hart, before it runs a vCPU */
/* The irqchip's operations of these names. */
void imsic_guest_load(struct imsic *imsic);
void imsic_guest_put(struct imsic *imsic);
void imsic_guest_idle(bool begins);
/* Set an id's pending bit in the file that has the registers. Holds imsic->lock. */
void imsic_guest_send(const struct imsic *imsic, u32 id);

/* ---- aplic.c ---------------------------------------------------------------------- */

#define APLIC_WORDS (KVM_DEV_RISCV_AIA_SRCS_MAX / 32)

/* The interrupt delivery control structure of one vCPU (aplic_direct.c). */
struct aplic_idc {
	struct kvm_vcpu *vcpu;
	bool delivery; /* idelivery */
	bool force;    /* iforce */
	bool raised;   /* the state of the vCPU's external interrupt, as last set */
	u32 threshold; /* ithreshold; 0: none */
	u32 top;       /* topi */
	u32 best;    /* a source with a smaller priority number becomes the top; 0: not computed */
	u32 claimed; /* the source that the last read of claimi returned, or 0 */
};

struct aplic {
	struct spinlock lock; /* guards everything that can change; a leaf with MSI delivery */
	u32 nr_sources;       /* the sources are 1 to this number */
	bool enabled;         /* domaincfg.IE */
	u32 genmsi;
	/* One bit per source. */
	u32 input[APLIC_WORDS];   /* the state of the wire */
	u32 pending[APLIC_WORDS]; /* 0 if not active */
	u32 enable[APLIC_WORDS];  /* 0 if not active */
	u32 active[APLIC_WORDS];  /* by sourcecfg, as are the next three */
	u32 wired[APLIC_WORDS];   /* neither inactive nor detached */
	u32 level[APLIC_WORDS];   /* level-sensitive, else edge-sensitive */
	u32 inverted[APLIC_WORDS];
	u8 mode[APLIC_WORDS * 32];    /* sourcecfg.SM */
	u32 target[APLIC_WORDS * 32]; /* the guest sees 0 if the source is not active */
	u32 nr_idcs;                  /* 0 with MSI delivery */
	struct aplic_idc idc[];       /* by vCPU index, which is the hart index */
};

/* The rectified input values: which wires are asserted. */
static inline u32 aplic_asserted(const struct aplic *aplic, u32 word)
{
	return (aplic->input[word] ^ aplic->inverted[word]) & aplic->wired[word];
}

/* Returns NULL if memory runs out. */
struct aplic *aplic_create(u32 nr_sources, u32 nr_idcs);
/*
 * Access a register, by its offset. A write may send MSIs. Returns 0, -EOPNOTSUPP if the offset is
 * not a multiple of 4, or -ENODEV if there is no such register. Call without locks or with
 * vm->lock; any thread.
 */
int aplic_read(struct aplic *aplic, u64 offset, u32 *value);
int aplic_write(struct kvm *vm, u64 offset, u32 value, const struct kvm_vcpu *self);
/* The irqchip's operations of these names. Return 0, or -ENODEV if there is no such source. */
int aplic_set_line(struct kvm *vm, u32 source, bool level);
int aplic_pulse(struct kvm *vm, u32 source);
/*
 * For aplic_direct.c: access a register as if MSIs were delivered, but send none. The caller holds
 * aplic->lock. Return 0, or -ENODEV if there is no such register.
 */
int aplic_read_locked(struct aplic *aplic, u64 offset, u32 *value);
int aplic_write_locked(struct aplic *aplic, u64 offset, u32 value);

/* ---- aplic_direct.c --------------------------------------------------------------- */

/* An APLIC with an IDC for each vCPU. Holds vm->lock. Returns NULL if memory runs out. */
struct aplic *aplic_direct_create(struct kvm *vm, u32 nr_sources);
/*
 * Like aplic_read() and aplic_write(). claimi can be read, as topi, but is not claimed. A write may
 * change vCPUs' external interrupts.
 */
int aplic_direct_read(struct aplic *aplic, u64 offset, u32 *value);
int aplic_direct_write(struct aplic *aplic, u64 offset, u32 value, const struct kvm_vcpu *self);
extern const struct irqchip_ops irqchip_aplic_ops; /* irqchip_aia_ops, with direct delivery */

/* ---- aia.c ------------------------------------------------------------------------ */

#define AIA_NO_ADDR  (~(gpa_t)0)
#define AIA_DELIVERY (KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS + 1) /* KVM_DEV_HS_AIA_CONFIG_DELIVERY */
#define AIA_CONFIGS  (AIA_DELIVERY + 1)

struct aia {
	/* Fixed by the initialization; until then, guarded by vm->lock. */
	u32 config[AIA_CONFIGS];         /* by KVM_DEV_RISCV_AIA_CONFIG_*, and AIA_DELIVERY */
	gpa_t aplic_addr;                /* AIA_NO_ADDR: not set yet */
	gpa_t imsic_addr[KVM_MAX_VCPUS]; /* by vCPU index; AIA_NO_ADDR: not set yet */
	/* Made by the initialization. */
	struct aplic *aplic; /* NULL: there are no sources */
	u64 base_page; /* the IMSICs' page numbers, without the bits of group, hart and guest */
	struct imsic *imsic[KVM_MAX_VCPUS]; /* by vCPU index; NULL: created later, has none */
	u32 nr_pages;
	struct imsic
		*by_page[KVM_MAX_VCPUS]; /* ascending; if several share a page, only the first */
};

/*
 * Send an MSI to a vCPU's IMSIC, which is found by the hart index and the guest index of the
 * APLIC's registers `target` and `genmsi`. If there is none, the MSI is dropped. Any context, with
 * aplic->lock held.
 */
void aia_send_to_target(struct kvm *vm, u32 target, const struct kvm_vcpu *self);

/* aia_device.c: the operations for user space. */
int aia_create(struct kvm *vm);
void aia_destroy(struct kvm *vm);
int aia_set_attr(struct kvm *vm, const struct kvm_device_attr *attr);
int aia_get_attr(struct kvm *vm, const struct kvm_device_attr *attr);
int aia_has_attr(struct kvm *vm, const struct kvm_device_attr *attr);

#endif
