// SPDX-License-Identifier: MIT
/*
 * vm.c - the walk's rows for a VM: vCPUs, capabilities, statistics, and calls that need an
 * interrupt controller.
 */
#include <sys/eventfd.h>
#include "walk.h"

static void create_vcpus(struct walk *w)
{
	struct call c = { "CREATE_VCPU", w->vm.fd, KVM_CREATE_VCPU, .gives_fd = true };

	call_number(w, &c, 0, "0, which is there");
	call_number(w, &c, 2, "2");
	call_number(w, &c, 2, "2, which was there");
	call_number(w, &c, 1023, "1023");
	call_number(w, &c, 1024, "1024");
	call_number(w, &c, -1UL, "-1");
	walk_number_bits(w, &c);
	walk_command_bits(w, &c);
}

static void capabilities(struct walk *w)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 };
	struct call c = { "ENABLE_CAP", w->vm.fd, KVM_ENABLE_CAP, &cap, sizeof(cap) };
	struct call vcpu = { "ENABLE_CAP of a vCPU", w->vcpu.fd, KVM_ENABLE_CAP, &cap,
			     sizeof(cap) };

	for (cap.cap = 0; cap.cap < 300; cap.cap++)
		call_with(w, &c, &cap, "%u", cap.cap);
	cap.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2;
	walk_bits(w, &c, "cap", FIELD(struct kvm_enable_cap, cap));
	walk_bits(w, &c, "flags", FIELD(struct kvm_enable_cap, flags));
	walk_bits(w, &c, "args[0]", offsetof(struct kvm_enable_cap, args[0]), 64);
	cap.args[0] = 1;
	walk_bits(w, &c, "1, args[0]", offsetof(struct kvm_enable_cap, args[0]), 64);
	walk_bits(w, &c, "args[1]", offsetof(struct kvm_enable_cap, args[1]), 64);
	walk_bits(w, &c, "pad", offsetof(struct kvm_enable_cap, pad), 64);
	cap.args[0] = 0;
	walk_pointers(w, &c);
	walk_command_bits(w, &c);
	call_with(w, &vcpu, &cap, "0");
	cap = (struct kvm_enable_cap){ .cap = KVM_CAP_HALT_POLL };
	c.name = "ENABLE_CAP HALT_POLL";
	walk_bits(w, &c, "flags", FIELD(struct kvm_enable_cap, flags));
	walk_bits(w, &c, "args[0]", offsetof(struct kvm_enable_cap, args[0]), 64);
	walk_bits(w, &c, "args[1]", offsetof(struct kvm_enable_cap, args[1]), 64);
}

static void statistics(struct walk *w)
{
	struct call vm = { "GET_STATS_FD of a VM", w->vm.fd, KVM_GET_STATS_FD, .gives_fd = true };
	struct call vcpu = { "GET_STATS_FD of a vCPU", w->vcpu.fd, KVM_GET_STATS_FD,
			     .gives_fd = true };

	walk_number_bits(w, &vm);
	walk_number_bits(w, &vcpu);
}

void chapter_vm(void)
{
	struct walk w = walk_new();

	create_vcpus(&w);
	capabilities(&w);
	statistics(&w);
	walk_free(&w);
}

/* ---- without an interrupt controller -------------------------------------------------- */

static void interrupts(struct walk *w)
{
	struct kvm_irq_level level = { .irq = 1, .level = 1 };
	struct kvm_msi msi = { .address_lo = 0x28000000, .data = 1 };
	struct call line = { "IRQ_LINE", w->vm.fd, KVM_IRQ_LINE, &level, sizeof(level) };
	struct call status = { "IRQ_LINE_STATUS", w->vm.fd, KVM_IRQ_LINE_STATUS, &level,
			       sizeof(level) };
	struct call signal = { "SIGNAL_MSI", w->vm.fd, KVM_SIGNAL_MSI, &msi, sizeof(msi) };

	walk_bits(w, &line, "irq", FIELD(struct kvm_irq_level, irq));
	walk_bits(w, &line, "level", FIELD(struct kvm_irq_level, level));
	walk_pointers(w, &line);
	walk_command_bits(w, &line);
	walk_bits(w, &status, "irq", FIELD(struct kvm_irq_level, irq));
	walk_pointers(w, &status);
	walk_bits(w, &signal, "flags", FIELD(struct kvm_msi, flags));
	walk_bits(w, &signal, "pad", offsetof(struct kvm_msi, pad), 96);
	walk_pointers(w, &signal);
	walk_command_bits(w, &signal);
}

static void routes(struct walk *w)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routing = { { .nr = 1 }, { .gsi = 1, .type = KVM_IRQ_ROUTING_IRQCHIP } };
	struct call c = { "SET_GSI_ROUTING", w->vm.fd, KVM_SET_GSI_ROUTING, &routing,
			  sizeof(routing) };

	walk_bits(w, &c, "nr", FIELD(struct kvm_irq_routing, nr));
	walk_bits(w, &c, "flags", FIELD(struct kvm_irq_routing, flags));
	walk_pointers(w, &c);
	walk_command_bits(w, &c);
}

static void devices(struct walk *w)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_RISCV_AIA };
	struct call c = { "CREATE_DEVICE", w->vm.fd, KVM_CREATE_DEVICE, &device, sizeof(device) };

	for (device.type = 0; device.type < 32; device.type++)
		call_with(w, &c, &device, "type %u", device.type);
	device.type = KVM_DEV_TYPE_RISCV_AIA;
	walk_bits(w, &c, "type", FIELD(struct kvm_create_device, type));
	walk_bits(w, &c, "flags", FIELD(struct kvm_create_device, flags));
	walk_bits(w, &c, "fd", FIELD(struct kvm_create_device, fd));
	walk_pointers(w, &c);
	walk_command_bits(w, &c);
}

static void irqfd_off(struct walk *w, const void *arg)
{
	struct kvm_irqfd off = *(const struct kvm_irqfd *)arg;

	off.flags = KVM_IRQFD_FLAG_DEASSIGN;
	ioctl(w->vm.fd, KVM_IRQFD, &off);
}

static void irqfds(struct walk *w)
{
	int event = eventfd(0, 0), other = eventfd(0, 0), pipes[2];
	struct kvm_irqfd irqfd = { .fd = (uint32_t)event, .gsi = 1 };
	struct call c = { "IRQFD", w->vm.fd, KVM_IRQFD, &irqfd, sizeof(irqfd), .undo = irqfd_off };
	struct call keep = c;

	must(pipe(pipes) == 0, "pipe");
	walk_bits(w, &c, "flags", FIELD(struct kvm_irqfd, flags));
	walk_bits(w, &c, "gsi", FIELD(struct kvm_irqfd, gsi));
	walk_bits(w, &c, "pad", offsetof(struct kvm_irqfd, pad), 128);
	walk_pointers(w, &c);
	walk_command_bits(w, &c);
	keep.undo = NULL;
	call_with(w, &keep, &irqfd, "an eventfd");
	call_with(w, &keep, &irqfd, "the same eventfd again");
	irqfd.gsi = 2;
	call_with(w, &keep, &irqfd, "the same eventfd for another gsi");
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	call_with(w, &keep, &irqfd, "off, by the other gsi");
	irqfd.flags = 0;
	call_with(w, &keep, &irqfd, "which did not take it off");
	irqfd.gsi = 1;
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	call_with(w, &keep, &irqfd, "off");
	call_with(w, &keep, &irqfd, "off a second time");
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE;
	call_with(w, &keep, &irqfd, "off, with RESAMPLE");
	irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
	irqfd.resamplefd = (uint32_t)other;
	call_with(w, &keep, &irqfd, "with a second eventfd for RESAMPLE");
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	call_with(w, &keep, &irqfd, "off after RESAMPLE");
	irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
	irqfd.resamplefd = (uint32_t)pipes[0];
	call_with(w, &keep, &irqfd, "with a pipe for RESAMPLE");
	irqfd.resamplefd = ~0u;
	call_with(w, &keep, &irqfd, "with -1 for RESAMPLE");
	irqfd.flags = 0;
	irqfd.fd = (uint32_t)pipes[0];
	call_with(w, &keep, &irqfd, "a pipe");
	irqfd.fd = (uint32_t)w->vm.fd;
	call_with(w, &keep, &irqfd, "the VM itself");
	irqfd.fd = ~0u;
	call_with(w, &keep, &irqfd, "-1");
	irqfd.fd = 1000000;
	call_with(w, &keep, &irqfd, "a descriptor that is not open");
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	call_with(w, &keep, &irqfd, "off, a descriptor that is not open");
	irqfd.fd = (uint32_t)pipes[0];
	call_with(w, &keep, &irqfd, "off, a pipe");
	close(pipes[0]);
	close(pipes[1]);
	close(event);
	close(other);
}

void chapter_irqchip(void)
{
	struct walk w = walk_new();

	interrupts(&w);
	routes(&w);
	devices(&w);
	irqfds(&w);
	walk_free(&w);
}
