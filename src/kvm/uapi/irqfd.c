// SPDX-License-Identifier: MIT
/*
 * irqfd.c - KVM_IRQFD, and the other ioctls for an interrupt controller in the kernel, which no VM
 * has.
 *
 * The VMM emulates the PLIC and raises the external interrupt with KVM_INTERRUPT, so there is
 * nothing to connect an eventfd, an MSI or a routed line to. The answers, and the order of the
 * checks, are those of Linux for a VM without an AIA device. So an eventfd can be assigned to a
 * line, but its events are consumed without effect.
 *
 * Locks: kvm->lock guards the list. Callbacks run under the eventfd's own lock, so an irqfd is
 * removed from the eventfd only after it is off the list and kvm->lock has been released.
 */
#include "exit/bus.h"

struct irqfd {
	struct hv_event_watch watch;
	struct list_head link; /* in kvm->irqfds */
	struct hv_event *event;
	struct hv_event *resample; /* or NULL */
	u32 gsi;
	bool closed; /* its eventfd is gone; set by any thread */
};

/* Consume the event, although no line exists. If the eventfd was closed, note that in the irqfd. */
static bool event_seen(struct hv_event_watch *watch, bool closed)
{
	struct irqfd *irqfd = container_of(watch, struct irqfd, watch);

	if (closed)
		WRITE_ONCE(irqfd->closed, true);
	return true;
}

static void free_one(struct irqfd *irqfd)
{
	if (irqfd->event) {
		hv_event_unwatch(irqfd->event, &irqfd->watch);
		hv_event_put(irqfd->event);
	}
	if (irqfd->resample)
		hv_event_put(irqfd->resample);
	hv_free(irqfd);
}

/* Move irqfds that match, and those whose eventfd was closed, from the list to `gone`. */
static void collect(struct kvm *vm, const struct hv_event *event, u32 gsi, struct list_head *gone)
{
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &vm->irqfds, link) {
		if (READ_ONCE(irqfd->closed) || (irqfd->event == event && irqfd->gsi == gsi)) {
			list_del(&irqfd->link);
			list_add_tail(&irqfd->link, gone);
		}
	}
}

static void free_all(struct list_head *gone)
{
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, gone, link) {
		list_del(&irqfd->link);
		free_one(irqfd);
	}
}

static void remove_matching(struct kvm *vm, const struct hv_event *event, u32 gsi)
{
	struct list_head gone = LIST_HEAD_INIT(gone);

	hv_mutex_lock(&vm->lock);
	collect(vm, event, gsi, &gone);
	hv_mutex_unlock(&vm->lock);
	free_all(&gone);
}

static int assign(struct kvm *vm, struct irqfd *irqfd)
{
	struct irqfd *other;
	int err = 0;

	remove_matching(vm, NULL, 0);
	hv_mutex_lock(&vm->lock);
	list_for_each_entry(other, &vm->irqfds, link) {
		if (other->event == irqfd->event)
			err = -EBUSY;
	}
	if (!err) {
		list_add_tail(&irqfd->link, &vm->irqfds);
		hv_event_watch(irqfd->event, &irqfd->watch);
	}
	hv_mutex_unlock(&vm->lock);
	return err;
}

static int create(struct kvm *vm, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd = hv_alloc(sizeof(*irqfd));
	int err;

	if (!irqfd)
		return -ENOMEM;
	list_init(&irqfd->link);
	list_init(&irqfd->watch.link);
	irqfd->watch.fn = event_seen;
	irqfd->gsi = args->gsi;
	err = hv_event_get((int)args->fd, &irqfd->event);
	if (!err && (args->flags & KVM_IRQFD_FLAG_RESAMPLE))
		err = hv_event_get((int)args->resamplefd, &irqfd->resample);
	if (!err)
		err = assign(vm, irqfd);
	if (err)
		free_one(irqfd);
	return err;
}

/* Remove the irqfd that user space names. It is not an error if the irqfd was never assigned. */
static int deassign(struct kvm *vm, const struct kvm_irqfd *args)
{
	struct hv_event *event;
	int err = hv_event_get((int)args->fd, &event);

	if (err)
		return err;
	remove_matching(vm, event, args->gsi);
	hv_event_put(event);
	return 0;
}

int kvm_vm_ioctl_irqfd(struct kvm *vm, const struct kvm_irqfd *args)
{
	if (args->flags & ~(u32)(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	return args->flags & KVM_IRQFD_FLAG_DEASSIGN ? deassign(vm, args) : create(vm, args);
}

void irqfd_vm_destroy(struct kvm *vm)
{
	free_all(&vm->irqfds);
}

/* ---- ioctls that fail without an interrupt controller ------------------------------------- */

static long signal_msi(hva_t arg)
{
	struct kvm_msi msi;

	return hv_copy_from_user(&msi, arg, sizeof(msi)) ? -EFAULT : -EINVAL;
}

static long create_device(hva_t arg)
{
	struct kvm_create_device device;

	return hv_copy_from_user(&device, arg, sizeof(device)) ? -EFAULT : -ENODEV;
}

static long irq_line(hva_t arg)
{
	struct kvm_irq_level level;

	return hv_copy_from_user(&level, arg, sizeof(level)) ? -EFAULT : -ENXIO;
}

static long set_gsi_routing(hva_t arg)
{
	struct kvm_irq_routing routing;

	return hv_copy_from_user(&routing, arg, sizeof(routing)) ? -EFAULT : -EINVAL;
}

long irqchip_ioctl(unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_SIGNAL_MSI:
		return signal_msi(arg);
	case KVM_CREATE_DEVICE:
		return create_device(arg);
	case KVM_IRQ_LINE:
	case KVM_IRQ_LINE_STATUS:
		return irq_line(arg);
	case KVM_SET_GSI_ROUTING:
		return set_gsi_routing(arg);
	default:
		return -EINVAL;
	}
}
