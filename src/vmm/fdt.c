// SPDX-License-Identifier: MIT
/*
 * fdt.c - build the guest's device tree: the machine's devices, and its harts as KVM reports them.
 */
#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "../include/hv/kvm_aplic.h"
#include "vmm.h"

/* Phandles. The interrupt controller of hart i has PHANDLE_CPU + i. */
enum {
	PHANDLE_IRQCHIP = 1, /* the PLIC or the APLIC */
	PHANDLE_SYSCON = 2,
	PHANDLE_IMSICS = 3,
	PHANDLE_CPU = 16,
};

#define IRQ_LEVEL_HIGH 4
#define IRQ_NOBODY     0xffffffff /* a PLIC context that interrupts no one */

#define UART_CLOCK 3686400

#define SATP_SV39 8
#define SATP_SV48 9
#define SATP_SV57 10

static const struct {
	unsigned int number;
	const char *name;
} extensions[] = {
#define ISA_EXT(id, text)           { KVM_RISCV_ISA_EXT_##id, text },
#define ISA_EXT_LATER(number, text) { number, text },
#include "isa_ext.def"
#undef ISA_EXT
#undef ISA_EXT_LATER
};

static void check(int err, const char *what)
{
	if (err == -FDT_ERR_NOSPACE)
		die(STATUS_SETUP,
		    "the device tree is too large; use fewer vCPUs or a shorter --append");
	if (err < 0)
		die(STATUS_SETUP, "device tree: %s: %s", what, fdt_strerror(err));
}

#define do_fdt(call) check(call, #call)

static void prop_cells(void *fdt, const char *name, const u32 *cells, unsigned int count)
{
	void *at;

	do_fdt(fdt_property_placeholder(fdt, name, count * sizeof(u32), &at));
	for (unsigned int i = 0; i < count; i++)
		fdt32_st((u8 *)at + i * sizeof(u32), cells[i]);
}

/* All addresses and sizes of this tree have two cells, except a hart's number. */
static void prop_reg(void *fdt, gpa_t base, u64 size)
{
	u32 cells[] = { base >> 32, (u32)base, size >> 32, (u32)size };

	prop_cells(fdt, "reg", cells, ARRAY_SIZE(cells));
}

static void begin(void *fdt, const char *name, u64 address)
{
	char full[64];

	snprintf(full, sizeof(full), "%s@%llx", name, (unsigned long long)address);
	do_fdt(fdt_begin_node(fdt, full));
}

/* ---- harts ---- */

static bool has_extension(const struct vcpu *vcpu, unsigned int number)
{
	unsigned long value = 0;

	return !register_is_hidden(vcpu, REG_ISA(number)) &&
	       kvm_get_reg(vcpu->fd, REG_ISA(number), &value) == 0 && value;
}

/*
 * Add both forms of the ISA: the string that older kernels read (riscv,isa), and the newer pair of
 * riscv,isa-base and a list of extension names.
 */
static void isa_properties(void *fdt, const struct vcpu *vcpu)
{
	const char *base = sizeof(long) == 8 ? "rv64" : "rv32";
	char string[1024], list[1024], base_name[8];
	size_t string_len, list_len = 0;

	string_len = snprintf(string, sizeof(string), "%s", base);
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		const char *name = extensions[i].name;
		const char *separator = strlen(name) == 1 ? "" : "_";

		if (!has_extension(vcpu, extensions[i].number))
			continue;
		string_len += snprintf(string + string_len, sizeof(string) - string_len, "%s%s",
				       separator, name);
		list_len += 1 + snprintf(list + list_len, sizeof(list) - list_len, "%s", name);
	}
	snprintf(base_name, sizeof(base_name), "%si", base);
	do_fdt(fdt_property_string(fdt, "riscv,isa", string));
	do_fdt(fdt_property_string(fdt, "riscv,isa-base", base_name));
	do_fdt(fdt_property(fdt, "riscv,isa-extensions", list, list_len));
}

static void mmu_property(void *fdt, const struct vcpu *vcpu)
{
	unsigned long mode = SATP_SV39;

	kvm_get_reg(vcpu->fd, REG_CONFIG(satp_mode), &mode);
	if (mode == SATP_SV39)
		do_fdt(fdt_property_string(fdt, "mmu-type", "riscv,sv39"));
	else if (mode == SATP_SV48)
		do_fdt(fdt_property_string(fdt, "mmu-type", "riscv,sv48"));
	else if (mode == SATP_SV57)
		do_fdt(fdt_property_string(fdt, "mmu-type", "riscv,sv57"));
}

static void block_size_property(void *fdt, const struct vcpu *vcpu, u64 reg, const char *name)
{
	unsigned long size = 0;

	if (kvm_get_reg(vcpu->fd, reg, &size) == 0 && size)
		do_fdt(fdt_property_u32(fdt, name, size));
}

static void cpu_node(void *fdt, const struct vcpu *vcpu)
{
	begin(fdt, "cpu", vcpu->id);
	do_fdt(fdt_property_string(fdt, "device_type", "cpu"));
	do_fdt(fdt_property_string(fdt, "compatible", "riscv"));
	do_fdt(fdt_property_string(fdt, "status", "okay"));
	do_fdt(fdt_property_u32(fdt, "reg", vcpu->id));
	isa_properties(fdt, vcpu);
	mmu_property(fdt, vcpu);
	if (has_extension(vcpu, KVM_RISCV_ISA_EXT_ZICBOM))
		block_size_property(fdt, vcpu, REG_CONFIG(zicbom_block_size),
				    "riscv,cbom-block-size");
	if (has_extension(vcpu, KVM_RISCV_ISA_EXT_ZICBOZ))
		block_size_property(fdt, vcpu, REG_CONFIG(zicboz_block_size),
				    "riscv,cboz-block-size");
	if (has_extension(vcpu, ISA_ZICBOP))
		block_size_property(fdt, vcpu, REG_CONFIG_ZICBOP_BLOCK_SIZE,
				    "riscv,cbop-block-size");
	do_fdt(fdt_begin_node(fdt, "interrupt-controller"));
	do_fdt(fdt_property_string(fdt, "compatible", "riscv,cpu-intc"));
	do_fdt(fdt_property_u32(fdt, "#interrupt-cells", 1));
	do_fdt(fdt_property(fdt, "interrupt-controller", NULL, 0));
	do_fdt(fdt_property_u32(fdt, "phandle", PHANDLE_CPU + vcpu->id));
	do_fdt(fdt_end_node(fdt));
	do_fdt(fdt_end_node(fdt));
}

static void cpus_node(struct machine *m, void *fdt)
{
	u64 frequency = 0;
	int err = kvm_get_timer(m->vcpus[0].fd, KVM_REG_RISCV_TIMER_REG(frequency), &frequency);

	if (err)
		die(STATUS_SETUP, "KVM_GET_ONE_REG timer frequency: %s (errno %d)", strerror(-err),
		    -err);
	do_fdt(fdt_begin_node(fdt, "cpus"));
	do_fdt(fdt_property_u32(fdt, "#address-cells", 1));
	do_fdt(fdt_property_u32(fdt, "#size-cells", 0));
	do_fdt(fdt_property_u32(fdt, "timebase-frequency", (u32)frequency));
	for (unsigned int i = 0; i < m->options.vcpus; i++)
		cpu_node(fdt, &m->vcpus[i]);
	do_fdt(fdt_end_node(fdt));
}

/* ---- devices ---- */

/*
 * Return the highest interrupt source that a device is connected to. A guest's kernel writes
 * registers of each source that the device tree announces, and each write is an exit.
 */
static u32 last_source(const struct machine *m)
{
	u32 last = m->options.nr_disks ? VIRTIO_IRQ(m->options.nr_disks - 1) : UART_IRQ;

#define DEVICE(name, NAME, base, size, irq, help)           \
	if (m->options.device[DEVICE_##name] && irq > last) \
		last = irq;
#include "device.def"
#undef DEVICE
	return last;
}

static void plic_node(struct machine *m, void *fdt)
{
	u32 contexts[MAX_VCPUS * 4];
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		contexts[n++] = PHANDLE_CPU + i; /* the M-mode context, which is unused */
		contexts[n++] = IRQ_NOBODY;
		contexts[n++] = PHANDLE_CPU + i;
		contexts[n++] = IRQ_S_EXT;
	}
	begin(fdt, "interrupt-controller", PLIC_BASE);
	do_fdt(fdt_property_string(fdt, "compatible", "riscv,plic0"));
	prop_reg(fdt, PLIC_BASE, PLIC_SIZE);
	do_fdt(fdt_property_u32(fdt, "#interrupt-cells", 1));
	do_fdt(fdt_property_u32(fdt, "#address-cells", 0));
	do_fdt(fdt_property(fdt, "interrupt-controller", NULL, 0));
	do_fdt(fdt_property_u32(fdt, "riscv,ndev", last_source(m)));
	prop_cells(fdt, "interrupts-extended", contexts, n);
	do_fdt(fdt_property_u32(fdt, "phandle", PHANDLE_IRQCHIP));
	do_fdt(fdt_end_node(fdt));
}

/* The controller interrupts each vCPU, in the order of their numbers. */
static void external_interrupts(void *fdt, unsigned int vcpus)
{
	u32 cells[MAX_VCPUS * 2];
	unsigned int n = 0;

	for (unsigned int i = 0; i < vcpus; i++) {
		cells[n++] = PHANDLE_CPU + i;
		cells[n++] = IRQ_S_EXT;
	}
	prop_cells(fdt, "interrupts-extended", cells, n);
}

/* All IMSICs are one node. Linux's binding: riscv,imsics.yaml. */
static void imsics_node(struct machine *m, void *fdt)
{
	begin(fdt, "imsics", IMSIC_BASE);
	do_fdt(fdt_property_string(fdt, "compatible", "riscv,imsics"));
	prop_reg(fdt, IMSIC_BASE, m->options.vcpus * aia_imsic_size(m));
	do_fdt(fdt_property_u32(fdt, "#interrupt-cells", 0));
	do_fdt(fdt_property(fdt, "interrupt-controller", NULL, 0));
	do_fdt(fdt_property_u32(fdt, "#msi-cells", 0));
	do_fdt(fdt_property(fdt, "msi-controller", NULL, 0));
	do_fdt(fdt_property_u32(fdt, "riscv,num-ids", m->aia.ids));
	if (m->aia.guest_bits)
		do_fdt(fdt_property_u32(fdt, "riscv,guest-index-bits", m->aia.guest_bits));
	external_interrupts(fdt, m->options.vcpus);
	do_fdt(fdt_property_u32(fdt, "phandle", PHANDLE_IMSICS));
	do_fdt(fdt_end_node(fdt));
}

/*
 * With IMSICs, the APLIC names them. Otherwise, it names each vCPU's external interrupt, and has a
 * structure for each vCPU behind its registers.
 */
static void aplic_node(struct machine *m, void *fdt)
{
	unsigned int vcpus = m->options.vcpus;
	u32 size = m->irqchip->imsics ? APLIC_SIZE : KVM_DEV_HS_APLIC_SIZE(vcpus);

	begin(fdt, "interrupt-controller", APLIC_BASE);
	do_fdt(fdt_property_string(fdt, "compatible", "riscv,aplic"));
	prop_reg(fdt, APLIC_BASE, size);
	do_fdt(fdt_property_u32(fdt, "#interrupt-cells", 2));
	do_fdt(fdt_property_u32(fdt, "#address-cells", 0));
	do_fdt(fdt_property(fdt, "interrupt-controller", NULL, 0));
	do_fdt(fdt_property_u32(fdt, "riscv,num-sources", last_source(m)));
	if (m->irqchip->imsics)
		do_fdt(fdt_property_u32(fdt, "msi-parent", PHANDLE_IMSICS));
	else
		external_interrupts(fdt, vcpus);
	do_fdt(fdt_property_u32(fdt, "phandle", PHANDLE_IRQCHIP));
	do_fdt(fdt_end_node(fdt));
}

static void irqchip_nodes(struct machine *m, void *fdt)
{
	if (m->irqchip->imsics)
		imsics_node(m, fdt);
	if (m->irqchip->aplic)
		aplic_node(m, fdt);
	else
		plic_node(m, fdt);
}

static void interrupt_property(struct machine *m, void *fdt, u32 source)
{
	u32 cells[] = { source, IRQ_LEVEL_HIGH };

	do_fdt(fdt_property_u32(fdt, "interrupt-parent", PHANDLE_IRQCHIP));
	prop_cells(fdt, "interrupts", cells, m->irqchip->aplic ? 2 : 1);
}

static void uart_node(struct machine *m, void *fdt)
{
	begin(fdt, "serial", UART_BASE);
	do_fdt(fdt_property_string(fdt, "compatible", "ns16550a"));
	prop_reg(fdt, UART_BASE, UART_SIZE);
	do_fdt(fdt_property_u32(fdt, "clock-frequency", UART_CLOCK));
	interrupt_property(m, fdt, UART_IRQ);
	do_fdt(fdt_end_node(fdt));
}

static void virtio_node(struct machine *m, void *fdt, unsigned int slot)
{
	begin(fdt, "virtio_mmio", VIRTIO_BASE(slot));
	do_fdt(fdt_property_string(fdt, "compatible", "virtio,mmio"));
	prop_reg(fdt, VIRTIO_BASE(slot), VIRTIO_SIZE);
	interrupt_property(m, fdt, VIRTIO_IRQ(slot));
	do_fdt(fdt_end_node(fdt));
}

static void syscon_action_node(void *fdt, const char *name, const char *compatible, u32 value)
{
	do_fdt(fdt_begin_node(fdt, name));
	do_fdt(fdt_property_string(fdt, "compatible", compatible));
	do_fdt(fdt_property_u32(fdt, "regmap", PHANDLE_SYSCON));
	do_fdt(fdt_property_u32(fdt, "offset", 0));
	do_fdt(fdt_property_u32(fdt, "value", value));
	do_fdt(fdt_end_node(fdt));
}

static void syscon_nodes(void *fdt)
{
	static const char compatible[] = "sifive,test1\0sifive,test0\0syscon";

	begin(fdt, "test", SYSCON_BASE);
	do_fdt(fdt_property(fdt, "compatible", compatible, sizeof(compatible)));
	prop_reg(fdt, SYSCON_BASE, SYSCON_SIZE);
	do_fdt(fdt_property_u32(fdt, "phandle", PHANDLE_SYSCON));
	do_fdt(fdt_end_node(fdt));
	syscon_action_node(fdt, "poweroff", "syscon-poweroff", 0x5555);
	syscon_action_node(fdt, "reboot", "syscon-reboot", 0x7777);
}

/* Add the node of a device from device.def. */
static void device_node(struct machine *m, void *fdt, const char *name, gpa_t base, u64 size,
			u32 irq)
{
	char compatible[64];

	snprintf(compatible, sizeof(compatible), "hyperscope,%s", name);
	begin(fdt, name, base);
	do_fdt(fdt_property_string(fdt, "compatible", compatible));
	prop_reg(fdt, base, size);
	interrupt_property(m, fdt, irq);
	do_fdt(fdt_end_node(fdt));
}

static void soc_node(struct machine *m, void *fdt)
{
	do_fdt(fdt_begin_node(fdt, "soc"));
	do_fdt(fdt_property_string(fdt, "compatible", "simple-bus"));
	do_fdt(fdt_property_u32(fdt, "#address-cells", 2));
	do_fdt(fdt_property_u32(fdt, "#size-cells", 2));
	do_fdt(fdt_property(fdt, "ranges", NULL, 0));
	irqchip_nodes(m, fdt);
	uart_node(m, fdt);
	for (unsigned int i = 0; i < m->options.nr_disks; i++)
		virtio_node(m, fdt, i);
	syscon_nodes(fdt);
#define DEVICE(name, NAME, base, size, irq, help) \
	if (m->options.device[DEVICE_##name])     \
		device_node(m, fdt, #name, base, size, irq);
#include "device.def"
#undef DEVICE
	do_fdt(fdt_end_node(fdt));
}

/* ---- the rest ---- */

static void chosen_node(struct machine *m, void *fdt, const struct layout *layout)
{
	u8 seed[32];
	char path[32];

	snprintf(path, sizeof(path), "/soc/serial@%lx", UART_BASE);
	do_fdt(fdt_begin_node(fdt, "chosen"));
	do_fdt(fdt_property_string(fdt, "bootargs", m->options.append));
	do_fdt(fdt_property_string(fdt, "stdout-path", path));
	/*
	 * Without a seed, a guest with few sources of entropy waits a long time for its first
	 * random number.
	 */
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		do_fdt(fdt_property(fdt, "rng-seed", seed, sizeof(seed)));
	if (layout->initrd != layout->initrd_end) {
		do_fdt(fdt_property_u64(fdt, "linux,initrd-start", layout->initrd));
		do_fdt(fdt_property_u64(fdt, "linux,initrd-end", layout->initrd_end));
	}
	do_fdt(fdt_end_node(fdt));
}

static void memory_node(struct machine *m, void *fdt)
{
	begin(fdt, "memory", RAM_BASE);
	do_fdt(fdt_property_string(fdt, "device_type", "memory"));
	prop_reg(fdt, RAM_BASE, m->ram_size);
	do_fdt(fdt_end_node(fdt));
}

static void dump(const char *path, const void *fdt)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(fdt, fdt_totalsize(fdt), 1, file) != 1 || fclose(file) != 0)
		die(STATUS_SETUP, "--dump-dtb %s: %s", path, strerror(errno));
}

size_t fdt_build(struct machine *m, const struct layout *layout, void *fdt)
{
	/*
	 * libfdt's search for names that the tree has already takes most of the time here. Without
	 * it, names are repeated, and with many vCPUs, the tree would be too large.
	 */
	do_fdt(fdt_create_with_flags(fdt, dtb_room(m),
				     m->options.vcpus > 8 ? 0 : FDT_CREATE_FLAG_NO_NAME_DEDUP));
	do_fdt(fdt_finish_reservemap(fdt));
	do_fdt(fdt_begin_node(fdt, ""));
	do_fdt(fdt_property_string(fdt, "compatible", "riscv-virtio"));
	do_fdt(fdt_property_string(fdt, "model", "hyperscope-vmm,virt"));
	do_fdt(fdt_property_u32(fdt, "#address-cells", 2));
	do_fdt(fdt_property_u32(fdt, "#size-cells", 2));
	chosen_node(m, fdt, layout);
	memory_node(m, fdt);
	cpus_node(m, fdt);
	soc_node(m, fdt);
	do_fdt(fdt_end_node(fdt));
	do_fdt(fdt_finish(fdt));
	if (m->options.dump_dtb)
		dump(m->options.dump_dtb, fdt);
	m->options.dump_dtb = NULL; /* the sandbox allows no open() at a reboot */
	return fdt_totalsize(fdt);
}
