// SPDX-License-Identifier: MIT
/*
 * any_irqchip.c - interrupt controllers of the random VMM (any_vmm.c): their creation and attributes,
 * lines, MSIs, routes and irqfds, and the addresses, CSRs and values that its guest uses.
 */
#include "any_vmm_impl.h"
#include "hv/kvm_aplic.h"
#include "hv/kvm_hext.h"
#include "hv/kvm_plic.h"

#define APLIC   0x0d000000UL
#define IMSICS  0x28000000UL
#define PLIC    0x08000000UL
#define SOURCES 70

/* Registers of an interrupt file, and CSRs (AIA). */
enum {
	EIDELIVERY = 0x70,
	EITHRESHOLD = 0x72,
	EIP0 = 0x80,
	EIE0 = 0xc0,
	SIREG = 0x151,
	STOPEI = 0x15c,
	VSIREG = 0x251,
	VSTOPEI = 0x25c,
	HSTATUS = 0x600,
	HIE = 0x604,
	HGEIE = 0x607,
	HGEIP = 0xe12,
};

u64 any_irqchip_value(void)
{
	switch (rnd(4)) {
	case 0:
		return rnd(8);
	case 1:
		return rnd(SOURCES + 2);
	case 2:
		return PICK(BIT(8), BIT(8) | BIT(2), 1UL << 18 | rnd(64), ~0ULL, BIT(31),
			    rnd(4) << 12 | rnd(2) << 7); /* hstatus.VGEIN and SPV; SGEI */
	default:
		return rnd(1ULL << 32);
	}
}

static u64 aplic_offset(void)
{
	u64 source = rnd(SOURCES + 2);

	switch (rnd(6)) {
	case 0:
		return 0; /* domaincfg */
	case 1:
		return 4 * source; /* sourcecfg */
	case 2:
		return 0x1c00 + PICK(0, 0x100, 0x200, 0x300) + PICK(0, 4, 8, 12, 0xdc);
	case 3:
		return PICK(0x2000, 0x2004, 0x3000, 0x3001, 0x1bc0, 0x3ffc, 0x7ffc);
	case 4:
		return 0x3000 + 4 * source; /* target */
	default:
		return KVM_DEV_HS_APLIC_IDC(rnd(3)) + PICK(0, 4, 8, 0x18, 0x1c);
	}
}

static u64 plic_offset(void)
{
	u64 context = rnd(6);

	switch (rnd(6)) {
	case 0:
		return 4 * rnd(SOURCES + 2); /* priorities */
	case 1:
		return PICK(0x1000, KVM_DEV_HS_PLIC_STATE_LEVEL, KVM_DEV_HS_PLIC_STATE_SERVICE,
			    KVM_DEV_HS_PLIC_STATE_EDGE) +
		       4 * rnd(4);
	case 2:
	case 3:
		return 0x2000 + 0x80 * context + 4 * rnd(4); /* enabled */
	default:
		return 0x200000 + 0x1000 * context + PICK(0, 4, 4, 8); /* threshold, claim */
	}
}

gpa_t any_irqchip_gpa(void)
{
	switch (rnd(4)) {
	case 0:
		return IMSICS + PAGE_SIZE * rnd(12) + PICK(0, 0, 4, 8);
	case 1:
		return PLIC + plic_offset();
	default:
		return APLIC + aplic_offset();
	}
}

static u64 imsic_register(void)
{
	return PICK(EIDELIVERY, EITHRESHOLD, 0x71, EIP0 + 2 * rnd(3), EIE0, EIE0 + 2 * rnd(3),
		    0x30 + rnd(16));
}

u32 any_irqchip_insn(unsigned long *select)
{
	u32 csr = (u32)PICK(SIREG, SIREG, STOPEI, rnd(4096));

	if (rnd(2)) /* illegal without H */
		csr = (u32)PICK(VSIREG, VSTOPEI, HSTATUS, HIE, HGEIE, HGEIP);
	*select = (unsigned long)imsic_register();
	return csr << 20 | A0 << 15 | (u32)rnd(8) << 12 | A0 << 7 | 0x73;
}

/* ---- the device ------------------------------------------------------------------------------ */

struct attribute {
	struct kvm_device_attr attr;
	u64 value;
};

static struct attribute attribute_of(u32 group, u64 number, u64 value)
{
	return (struct attribute){
		{ .group = group,
		  .attr = number,
		  .addr = env_args + offsetof(struct attribute, value) },
		value,
	};
}

static void attribute(unsigned int cmd, u32 group, u64 number, u64 value)
{
	struct attribute args = attribute_of(group, number, value);

	any_answer(env_ioctl(any_vmm.device, cmd, any_args(&args, sizeof(args))));
}

/* Set an attribute. In contrast to attribute(), this makes no choice. */
static void set(u32 group, u64 number, u64 value)
{
	struct attribute args = attribute_of(group, number, value);

	if (env_put(env_args, &args, sizeof(args)))
		any_answer(env_ioctl(any_vmm.device, KVM_SET_DEVICE_ATTR, env_args));
}

static void create_device(int vm, u32 type)
{
	struct kvm_create_device args = { .type = type };

	if (env_put(env_args, &args, sizeof(args)) &&
	    any_answer(env_ioctl(vm, KVM_CREATE_DEVICE, env_args)) == 0 &&
	    env_get(&args, env_args, sizeof(args)))
		any_vmm.device = (int)args.fd;
}

static void any_attribute(void)
{
	unsigned int cmd =
		(unsigned int)PICK(KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR);

	switch (rnd(8)) {
	case 0:
		attribute(cmd, KVM_DEV_RISCV_AIA_GRP_CONFIG,
			  PICK(rnd(8), KVM_DEV_HS_AIA_CONFIG_DELIVERY), any_irqchip_value());
		break;
	case 1:
		attribute(cmd, KVM_DEV_RISCV_AIA_GRP_ADDR, rnd(5),
			  any_irqchip_gpa() & ~(PAGE_SIZE - 1));
		break;
	case 2:
		attribute(cmd, KVM_DEV_RISCV_AIA_GRP_CTRL, 0, 0);
		break;
	case 3:
	case 4:
		attribute(cmd, KVM_DEV_RISCV_AIA_GRP_APLIC, PICK(aplic_offset(), plic_offset()),
			  any_irqchip_value());
		break;
	case 5:
		attribute(cmd, (u32)rnd(6), rnd(4096), any_irqchip_value());
		break;
	default:
		attribute(cmd, KVM_DEV_RISCV_AIA_GRP_IMSIC,
			  KVM_DEV_RISCV_AIA_IMSIC_MKATTR(rnd(3), imsic_register()) |
				  KVM_DEV_HS_AIA_IMSIC_GUEST(rnd(2) ? rnd(5) : 0),
			  rnd(2) ? any_irqchip_value() : ~0ULL);
		break;
	}
}

/* Make the vCPUs guest hypervisors. The core may lack H, and then the calls fail. */
static void add_hypervisors(void)
{
	for (unsigned int i = 0; i < any_vmm.vcpus.n; i++) {
		struct {
			struct kvm_one_reg reg;
			u64 value;
		} args = {
			{ .id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT |
				KVM_RISCV_ISA_EXT_H,
			  .addr = env_args + offsetof(typeof(args), value) },
			1,
		};

		if (env_put(env_args, &args, sizeof(args)))
			any_answer(env_ioctl(any_vmm.vcpus.fd[i], KVM_SET_ONE_REG, env_args));
	}
}

void any_irqchip_begin(int vm)
{
	u64 kind = rnd(5); /* none; PLIC; APLIC; APLIC and emulated IMSICs; in guest files */
	u64 guest_bits = rnd(2) ? rnd(3) : 0;

	if (guest_bits)
		add_hypervisors();

	any_vmm.device = -1;
	if (!kind)
		return;
	create_device(vm, kind == 1 ? KVM_DEV_TYPE_HS_PLIC : KVM_DEV_TYPE_RISCV_AIA);
	if (kind == 1) {
		set(KVM_DEV_HS_PLIC_GRP_CONFIG, 0, SOURCES);
		set(KVM_DEV_HS_PLIC_GRP_ADDR, 0, PLIC);
	} else {
		if (kind < 4)
			set(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_MODE,
			    KVM_DEV_RISCV_AIA_MODE_EMUL);
		if (kind == 2)
			set(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_HS_AIA_CONFIG_DELIVERY,
			    KVM_DEV_HS_AIA_DELIVERY_DIRECT);
		set(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_IDS, 127);
		set(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_SRCS, SOURCES);
		set(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, 2);
		set(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS, guest_bits);
		set(KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_APLIC, APLIC);
		for (u64 i = 0; i < 2; i++)
			set(KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_IMSIC(i),
			    IMSICS + (i * PAGE_SIZE << guest_bits));
	}
	if (rnd(8)) /* INIT; else the input may change the configuration before */
		set(KVM_DEV_RISCV_AIA_GRP_CTRL, 0, 0);
}

/* ---- the VM ---------------------------------------------------------------------------------- */

static void any_routes(int vm)
{
	struct {
		struct kvm_irq_routing table;
		struct kvm_irq_routing_entry entries[4];
	} args = { .table = { .nr = (u32)PICK(0, 1, 2, 3, 4, 4097) } };

	for (unsigned int i = 0; i < 4; i++) {
		struct kvm_irq_routing_entry *entry = &args.entries[i];

		entry->gsi = (u32)PICK(i, rnd(SOURCES), 4096);
		entry->type = (u32)PICK(KVM_IRQ_ROUTING_IRQCHIP, KVM_IRQ_ROUTING_MSI, rnd(8));
		if (entry->type == KVM_IRQ_ROUTING_MSI) {
			entry->u.msi.address_lo = (u32)any_irqchip_gpa();
			entry->u.msi.data = (u32)any_irqchip_value();
		} else {
			entry->u.irqchip.pin = (u32)PICK(rnd(SOURCES), 1024);
		}
		entry->flags = rnd(16) == 15;
	}
	any_answer(env_ioctl(vm, KVM_SET_GSI_ROUTING, any_args(&args, sizeof(args))));
}

void any_irqchip_step(int vm, int event, int other_event)
{
	switch (rnd(8)) {
	case 0:
		create_device(vm, (u32)PICK(KVM_DEV_TYPE_RISCV_AIA, KVM_DEV_TYPE_HS_PLIC, rnd(16)));
		break;
	case 1:
		IOCTL(vm, (unsigned int)PICK(KVM_IRQ_LINE, KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS),
		      struct kvm_irq_level, .irq = (u32)rnd(SOURCES + 2), .level = (u32)rnd(2));
		break;
	case 2:
		IOCTL(vm, KVM_SIGNAL_MSI, struct kvm_msi, .address_lo = (u32)any_irqchip_gpa(),
		      .data = (u32)any_irqchip_value(), .flags = (u32)PICK(0, 0, 1, 2));
		break;
	case 3:
		any_routes(vm);
		break;
	case 4:
		IOCTL(vm, KVM_IRQFD, struct kvm_irqfd, .fd = (u32)event,
		      .gsi = (u32)rnd(SOURCES + 2), .flags = (u32)PICK(0, 1, 2, 2, 3, 4),
		      .resamplefd = (u32)other_event);
		break;
	case 5:
		env_signal(event);
		break;
	default:
		any_attribute();
		break;
	}
}
