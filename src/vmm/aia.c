// SPDX-License-Identifier: MIT
/*
 * aia.c - Linux's AIA device: an APLIC and one IMSIC per vCPU in the kernel (--irqchip aia_emul and
 * aia_hwaccel), or only an APLIC (aia_direct), which is an extension of hyperscope.
 *
 * The APLIC turns each wired source into a message to an IMSIC. With aia_emul, KVM emulates the
 * IMSICs, and the guest's accesses to their registers are exits. With aia_hwaccel, each IMSIC is a
 * guest interrupt file of the hardware, and needs no exit. With aia_direct, the APLIC interrupts
 * the vCPUs itself; it then has an interrupt delivery control (IDC) structure for each of them.
 *
 * Addresses are those of QEMU's `virt`. The registers that are saved are accessed through the
 * device's attributes; the IMSIC's are selected as by a guest's siselect. The state of a source's
 * wire cannot be written, so after a restore all lines are set again: a source whose line is high
 * interrupts once more.
 *
 * Spec: AIA, "Advanced Platform-Level Interrupt Controller", "Incoming MSI Controller".
 */
#include <stdlib.h>
#include <string.h>
#include "../include/hv/kvm_aplic.h"
#include "../include/hv/kvm_hext.h"
#include "state.h"

#define SOURCES     (PLIC_SOURCES - 1)
#define GUEST_BITS  2 /* with --nested */
#define GUEST_FILES ((1u << GUEST_BITS) - 1)

/* APLIC registers, by offset. Sources 1 to 31 are in the first word of the arrays of bits. */
#define DOMAINCFG         0x0000ull
#define SOURCECFG(source) (0x0004ull + 4 * ((source)-1))
#define SETIP             0x1c00ull
#define CLRIP             0x1d00ull
#define SETIE             0x1e00ull
#define CLRIE             0x1f00ull
#define TARGET(source)    (0x3004ull + 4 * ((source)-1))

/* IMSIC registers, by their number in siselect. An even number selects 64 identities (RV64). */
#define EIDELIVERY  0x70
#define EITHRESHOLD 0x72
#define EIP0        0x80
#define EIE0        0xc0

static void attribute(struct machine *m, unsigned long request, u32 group, u64 number, void *value)
{
	irqchip_attribute(m->aia.fd, request, group, number, value);
}

static void set_u32(struct machine *m, u32 group, u64 number, u32 value)
{
	attribute(m, KVM_SET_DEVICE_ATTR, group, number, &value);
}

static void set_address(struct machine *m, u64 number, u64 value)
{
	attribute(m, KVM_SET_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_ADDR, number, &value);
}

/* ---- creation ---- */

static void init(struct machine *m)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_RISCV_AIA };
	int err = kvm_try(m->vm_fd, KVM_CREATE_DEVICE, (unsigned long)&device);

	if (err == -ENODEV)
		die(STATUS_USAGE,
		    "--irqchip %s: this host's KVM has no AIA; scripts/hyperscope has the option "
		    "--machine aia",
		    m->irqchip->name);
	if (err)
		die(STATUS_SETUP, "KVM_CREATE_DEVICE, AIA: %s (errno %d)", strerror(-err), -err);
	m->aia.fd = device.fd;
}

/*
 * Set what makes the difference between the three controllers; `lacks` says what a host may lack.
 */
static void set_kind(struct machine *m, u64 number, u32 value, const char *lacks)
{
	struct kvm_device_attr attr = {
		.group = KVM_DEV_RISCV_AIA_GRP_CONFIG,
		.attr = number,
		.addr = (uintptr_t)&value,
	};

	if (kvm_try(m->aia.fd, KVM_SET_DEVICE_ATTR, (unsigned long)&attr))
		die(STATUS_USAGE, "--irqchip %s: this host has no %s; try aia_emul",
		    m->irqchip->name, lacks);
}

static bool is_direct(const struct machine *m)
{
	return !m->irqchip->imsics;
}

static u32 hart_bits(unsigned int vcpus)
{
	u32 bits = 0;

	while (1u << bits < vcpus)
		bits++;
	return bits;
}

/* A host without Smstateen has no guest interrupt files; the guest finds hgeie to be 0. */
static bool has_guest_files(const struct machine *m)
{
	struct kvm_device_attr attr = {
		.group = KVM_DEV_RISCV_AIA_GRP_IMSIC,
		.attr = KVM_DEV_RISCV_AIA_IMSIC_MKATTR(0, EIDELIVERY) |
			KVM_DEV_HS_AIA_IMSIC_GUEST(1),
	};

	return m->aia.guest_bits && !kvm_try(m->aia.fd, KVM_HAS_DEVICE_ATTR, (unsigned long)&attr);
}

u32 aia_imsic_size(const struct machine *m)
{
	return SZ_4K << m->aia.guest_bits;
}

static void start(struct machine *m)
{
	m->aia.guest_bits = m->options.nested && !is_direct(m) ? GUEST_BITS : 0;
	if (is_direct(m))
		set_kind(m, KVM_DEV_HS_AIA_CONFIG_DELIVERY, KVM_DEV_HS_AIA_DELIVERY_DIRECT,
			 "APLIC with direct delivery");
	set_kind(m, KVM_DEV_RISCV_AIA_CONFIG_MODE,
		 m->irqchip == &irqchip_aia_hwaccel ? KVM_DEV_RISCV_AIA_MODE_HWACCEL
						    : KVM_DEV_RISCV_AIA_MODE_EMUL,
		 "guest interrupt files");
	if (!is_direct(m))
		attribute(m, KVM_GET_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_CONFIG,
			  KVM_DEV_RISCV_AIA_CONFIG_IDS, &m->aia.ids);
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_SRCS, SOURCES);
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS,
		hart_bits(m->options.vcpus));
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS,
		m->aia.guest_bits);
	set_address(m, KVM_DEV_RISCV_AIA_ADDR_APLIC, APLIC_BASE);
	for (unsigned int i = 0; i < m->options.vcpus && !is_direct(m); i++)
		set_address(m, KVM_DEV_RISCV_AIA_ADDR_IMSIC(i), IMSIC_BASE + i * aia_imsic_size(m));
	attribute(m, KVM_SET_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT,
		  NULL);
	m->aia.guest_files = has_guest_files(m) ? GUEST_FILES : 0;
}

/* ---- state ---- */

struct imsic_registers {
	u64 eidelivery, eithreshold;
	u64 eip[AIA_IDS_MAX / 64], eie[AIA_IDS_MAX / 64];
};

struct aia_registers {
	u32 domaincfg, pending, enabled;
	u32 sourcecfg[SOURCES], target[SOURCES];
	struct imsic_registers imsic[MAX_VCPUS];
	struct imsic_registers guest[MAX_VCPUS][GUEST_FILES];
	struct {
		u32 idelivery, iforce, ithreshold;
	} idc[MAX_VCPUS];
};

static void move_aplic(struct machine *m, unsigned long request, struct aia_registers *r)
{
	for (unsigned int i = 0; i < SOURCES; i++) {
		attribute(m, request, KVM_DEV_RISCV_AIA_GRP_APLIC, SOURCECFG(i + 1),
			  &r->sourcecfg[i]);
		attribute(m, request, KVM_DEV_RISCV_AIA_GRP_APLIC, TARGET(i + 1), &r->target[i]);
	}
}

/* `file`: 0, or the number of a guest interrupt file. */
static void move_imsic(struct machine *m, unsigned long request, u64 vcpu, u64 file,
		       struct imsic_registers *r)
{
#define MOVE(isel, value)                                                                        \
	attribute(m, request, KVM_DEV_RISCV_AIA_GRP_IMSIC,                                       \
		  KVM_DEV_RISCV_AIA_IMSIC_MKATTR(vcpu, isel) | KVM_DEV_HS_AIA_IMSIC_GUEST(file), \
		  value)
	MOVE(EIDELIVERY, &r->eidelivery);
	MOVE(EITHRESHOLD, &r->eithreshold);
	for (unsigned int word = 0; word <= m->aia.ids / 64; word++) {
		MOVE(EIP0 + 2 * word, &r->eip[word]);
		MOVE(EIE0 + 2 * word, &r->eie[word]);
	}
#undef MOVE
}

static void move_imsics(struct machine *m, unsigned long request, struct aia_registers *r)
{
	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		move_imsic(m, request, i, 0, &r->imsic[i]);
		for (unsigned int file = 1; file <= m->aia.guest_files; file++)
			move_imsic(m, request, i, file, &r->guest[i][file - 1]);
	}
}

static void move_idcs(struct machine *m, unsigned long request, struct aia_registers *r)
{
	for (unsigned int i = 0; i < m->options.vcpus; i++) {
#define MOVE(reg, value)                                   \
	attribute(m, request, KVM_DEV_RISCV_AIA_GRP_APLIC, \
		  KVM_DEV_HS_APLIC_IDC((u64)i) + KVM_DEV_HS_APLIC_##reg, value)
		MOVE(IDELIVERY, &r->idc[i].idelivery);
		MOVE(IFORCE, &r->idc[i].iforce);
		MOVE(ITHRESHOLD, &r->idc[i].ithreshold);
#undef MOVE
	}
}

/* The registers that deliver interrupts to the vCPUs. */
static void move_delivery(struct machine *m, unsigned long request, struct aia_registers *r)
{
	(is_direct(m) ? move_idcs : move_imsics)(m, request, r);
}

static void get_registers(struct machine *m, struct aia_registers *r)
{
	attribute(m, KVM_GET_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_APLIC, DOMAINCFG, &r->domaincfg);
	attribute(m, KVM_GET_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_APLIC, SETIP, &r->pending);
	attribute(m, KVM_GET_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_APLIC, SETIE, &r->enabled);
	move_aplic(m, KVM_GET_DEVICE_ATTR, r);
	move_delivery(m, KVM_GET_DEVICE_ATTR, r);
}

/* Disable the domain first and enable it last, so that no message is sent in between. */
static void set_registers(struct machine *m, struct aia_registers *r)
{
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_APLIC, DOMAINCFG, 0);
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_APLIC, CLRIE, ~0u);
	move_aplic(m, KVM_SET_DEVICE_ATTR, r);
	move_delivery(m, KVM_SET_DEVICE_ATTR, r);
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_APLIC, CLRIP, ~0u);
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_APLIC, SETIP, r->pending);
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_APLIC, SETIE, r->enabled);
	set_u32(m, KVM_DEV_RISCV_AIA_GRP_APLIC, DOMAINCFG, r->domaincfg);
}

static void set_level(struct machine *m, unsigned int source, bool level)
{
	struct kvm_irq_level line = { .irq = source, .level = level };

	if (level)
		atomic_fetch_or(&m->aia.level, 1u << source);
	else
		atomic_fetch_and(&m->aia.level, ~(1u << source));
	kvm_call(m->vm_fd, KVM_IRQ_LINE, &line);
}

static void set_levels(struct machine *m, u32 level)
{
	for (unsigned int source = 1; source <= SOURCES; source++)
		set_level(m, source, level >> source & 1);
}

static void reset(struct machine *m)
{
	static struct aia_registers zeroes;

	set_levels(m, 0);
	set_registers(m, &zeroes);
}

static void state(struct machine *m, struct state *s)
{
	struct aia_registers *r = calloc(1, sizeof(*r));
	u32 ids = m->aia.ids, files = m->aia.guest_files, level = m->aia.level;

	if (!r) {
		state_no_memory(s);
		return;
	}
	if (!s->loading)
		get_registers(m, r);
	STATE(s, ids);
	if (ids != m->aia.ids)
		state_refuse(s, "the host's AIA has another number of interrupt identities");
	if (m->aia.guest_bits) {
		STATE(s, files);
		if (files != m->aia.guest_files)
			state_refuse(
				s,
				"a vCPU has another number of guest interrupt files on this host");
	}
	STATE(s, level);
	STATE(s, r->domaincfg);
	STATE(s, r->pending);
	STATE(s, r->enabled);
	STATE(s, r->sourcecfg);
	STATE(s, r->target);
	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		if (is_direct(m))
			STATE(s, r->idc[i]);
		else
			STATE(s, r->imsic[i]);
		for (unsigned int file = 1; file <= m->aia.guest_files; file++)
			STATE(s, r->guest[i][file - 1]);
	}
	if (s->loading && !s->bad) {
		set_registers(m, r);
		set_levels(m, level);
	}
	free(r);
}

#define COMMON                                                                               \
	.aplic = true, .init = init, .start = start, .reset = reset, .set_level = set_level, \
	.state = state

const struct irqchip_ops irqchip_aia_emul = {
	.name = "aia_emul",
	.section = "aia",
	.imsics = true,
	COMMON,
};

const struct irqchip_ops irqchip_aia_hwaccel = {
	.name = "aia_hwaccel",
	.section = "aia",
	.imsics = true,
	COMMON,
};

const struct irqchip_ops irqchip_aia_direct = {
	.name = "aia_direct",
	.section = "aplic",
	COMMON,
};
