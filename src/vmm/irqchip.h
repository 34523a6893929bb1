// SPDX-License-Identifier: MIT
/*
 * irqchip.h - the interrupt controller of the VM: a PLIC or an APLIC with IMSICs, in the VMM or in
 * the kernel.
 */
#ifndef VMM_IRQCHIP_H
#define VMM_IRQCHIP_H

#include <stdatomic.h>
#include <stdbool.h>
#include "lock.h"
#include "platform.h"

struct machine;
struct state;

/* ---- irqchip.c: one of the controllers ---- */

struct irqchip_ops {
	const char *name;    /* a value of --irqchip; others: of the host's toggle, too */
	const char *section; /* the name of the state: those of equal names can be exchanged */
	bool aplic;          /* an APLIC; otherwise, a PLIC */
	bool imsics;         /* the APLIC sends MSIs to IMSICs */
	void (*init)(struct machine *m);  /* before the vCPUs are created */
	void (*start)(struct machine *m); /* once all vCPUs have been created; or NULL */
	void (*reset)(struct machine *m);
	void (*set_level)(struct machine *m, unsigned int source, bool level);
	void (*report)(struct machine *m); /* report raised outputs to KVM again; or NULL */
	void (*state)(struct machine *m, struct state *s);
};

extern const struct irqchip_ops irqchip_user_plic;   /* plic.c */
extern const struct irqchip_ops irqchip_kernel_plic; /* plic_kernel.c */
extern const struct irqchip_ops irqchip_aia_emul, irqchip_aia_hwaccel,
	irqchip_aia_direct; /* aia.c */

const struct irqchip_ops *irqchip_parse(const char *name); /* dies if there is none of this name */
void irqchip_init(struct machine *m);
/* Set or get (request) an attribute of the device fd in the kernel; die if KVM refuses. */
void irqchip_attribute(int fd, unsigned long request, u32 group, u64 number, void *value);
void irqchip_start(struct machine *m);
void irqchip_reset(struct machine *m);
/* KVM may have forgotten which outputs are raised. Any thread. */
void irqchip_report(struct machine *m);
/* A device's line rises or falls. Any thread; see the locks in vmm.h. */
void irq_set_level(struct machine *m, unsigned int source, bool level);

/* ---- plic.c ---- */

struct plic {
	struct machine *machine;
	int fd; /* plic_kernel.c: the device in the kernel, whose registers replace those below */
	struct lock lock;
	u32 level;      /* the devices' lines now; one bit per source */
	u32 pending;    /* forwarded by the gateway, not claimed yet */
	u32 in_service; /* claimed, not completed yet */
	u32 priority[PLIC_SOURCES];
	struct plic_context {
		u32 enable;
		u32 threshold;
		bool raised; /* the output, as last reported to KVM */
	} context[MAX_VCPUS];
};

void plic_init(struct plic *plic, struct machine *m);
void plic_reset(struct plic *plic);
/* Save or load the registers in `plic`. plic_kernel.c moves them from and to the kernel. */
void plic_registers(struct plic *plic, struct state *s);

/* ---- aia.c ---- */

#define AIA_IDS_MAX 2048

struct aia {
	int fd;         /* the device in the kernel */
	u32 ids;        /* the highest interrupt identity of an IMSIC */
	u32 guest_bits; /* a vCPU's IMSIC has 2^guest_bits pages */
	u32 guest_files; /* and, for the pages after its own, this many guest interrupt files, or none */
	_Atomic u32 level; /* the devices' lines; one bit per source */
};

/* The size of a vCPU's IMSIC in bytes: its own page, and one for each guest interrupt file. */
u32 aia_imsic_size(const struct machine *m);

#endif
