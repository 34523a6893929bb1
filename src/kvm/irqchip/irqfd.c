// SPDX-License-Identifier: MIT
/*
 * irqfd.c - KVM_IRQFD: an eventfd whose signals become interrupts of the guest.
 *
 * A signal is consumed, and goes where the GSI's route leads (route.c): to an input of the
 * controller, as an edge or, with a resample eventfd, as a level that stays high until the guest
 * completes the interrupt; or to an MSI. If the VM has no controller in the kernel, the signal has
 * no effect. The checks, their order and their errno values are Linux's.
 *
 * Locks: vm->lock guards the list of all irqfds, vm->irq_lock the list of those that resample.
 * event_seen() runs under the eventfd's own lock, so an irqfd is removed from its eventfd only
 * after it is off the lists and both locks have been released. irqfd_resample() signals eventfds
 * without holding a lock, because their watchers may take any of these locks; an irqfd that it uses
 * is not freed meanwhile (`users`).
 */
#include "irqchip/route.h"

struct irqfd {
	struct hv_event_watch watch;
	struct list_head link;          /* in vm->irqfds */
	struct list_head resample_link; /* in vm->resamplers */
	struct kvm *vm;
	struct hv_event *event;
	struct hv_event *resample; /* or NULL */
	u32 gsi;
	u32 users;   /* threads that are about to signal `resample`; changed under irq_lock */
	bool closed; /* its eventfd is gone; set by any thread */
};

/* Any context. */
static void inject(const struct irqfd *irqfd)
{
	struct kvm *vm = irqfd->vm;
	struct irq_route route;

	if (!irqchip_is_ready(vm))
		return;
	route = route_of(vm, irqfd->gsi);
	trace_kvm_set_irq(irqfd->gsi, 1, irqfd->resample != NULL);
	if (route.type == KVM_IRQ_ROUTING_MSI)
		vm->irqchip->send_msi(vm, route.msi_address, route.msi_data);
	else if (route.type && irqfd->resample)
		vm->irqchip->set_line(vm, route.pin, true);
	else if (route.type)
		vm->irqchip->pulse(vm, route.pin);
}

static bool event_seen(struct hv_event_watch *watch, bool closed)
{
	struct irqfd *irqfd = container_of(watch, struct irqfd, watch);

	if (closed)
		WRITE_ONCE(irqfd->closed, true);
	else
		inject(irqfd);
	return true;
}

/* ---- resampling ------------------------------------------------------------------------- */

/* Return the next irqfd with this input after `last` (NULL: the first one), as in use. */
static struct irqfd *next_of_pin(struct kvm *vm, struct irqfd *last, u32 pin)
{
	struct irqfd *irqfd, *found = NULL;
	bool passed = !last;

	spin_lock(&vm->irq_lock);
	list_for_each_entry(irqfd, &vm->resamplers, resample_link) {
		if (passed && vm->routes && irqfd->gsi < vm->routes->nr &&
		    vm->routes->route[irqfd->gsi].type == KVM_IRQ_ROUTING_IRQCHIP &&
		    vm->routes->route[irqfd->gsi].pin == pin) {
			found = irqfd;
			irqfd->users++;
			break;
		}
		passed = passed || irqfd == last;
	}
	if (last)
		__atomic_store_n(&last->users, last->users - 1, __ATOMIC_RELEASE);
	spin_unlock(&vm->irq_lock);
	return found;
}

/*
 * Lower the line first: a device that still needs service raises it again when it is signaled. If
 * an irqfd is removed meanwhile, the search ends there, and devices after it are not signaled;
 * they share an input with an irqfd that user space is removing.
 */
void irqfd_resample(struct kvm *vm, u32 pin)
{
	struct irqfd *irqfd;

	if (list_empty(&vm->resamplers))
		return;
	irqfd = next_of_pin(vm, NULL, pin);
	if (irqfd)
		vm->irqchip->set_line(vm, pin, false);
	for (; irqfd; irqfd = next_of_pin(vm, irqfd, pin))
		hv_event_signal(irqfd->resample, 1);
}

/* ---- assignment ------------------------------------------------------------------------- */

/* The irqfd is on no list. Wait until irqfd_resample() has stopped using it, and free it. */
static void free_one(struct irqfd *irqfd)
{
	while (__atomic_load_n(&irqfd->users, __ATOMIC_ACQUIRE))
		hv_cpu_relax();
	if (irqfd->event) {
		hv_event_unwatch(irqfd->event, &irqfd->watch);
		hv_event_put(irqfd->event);
	}
	if (irqfd->resample)
		hv_event_put(irqfd->resample);
	hv_free(irqfd);
}

static void unlink(struct irqfd *irqfd)
{
	list_del(&irqfd->link);
	spin_lock(&irqfd->vm->irq_lock);
	list_del(&irqfd->resample_link);
	spin_unlock(&irqfd->vm->irq_lock);
}

/* Move irqfds that match, and those whose eventfd was closed, from the lists to `gone`. */
static void collect(struct kvm *vm, const struct hv_event *event, u32 gsi, struct list_head *gone)
{
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &vm->irqfds, link) {
		if (READ_ONCE(irqfd->closed) || (irqfd->event == event && irqfd->gsi == gsi)) {
			unlink(irqfd);
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

/* A signal that arrived before the assignment injects an interrupt as well, but stays readable. */
static int assign(struct kvm *vm, struct irqfd *irqfd)
{
	int ret;

	remove_matching(vm, NULL, 0);
	hv_mutex_lock(&vm->lock);
	ret = hv_event_watch(irqfd->event, &irqfd->watch);
	if (ret >= 0) {
		list_add_tail(&irqfd->link, &vm->irqfds);
		if (irqfd->resample) {
			spin_lock(&vm->irq_lock);
			list_add_tail(&irqfd->resample_link, &vm->resamplers);
			spin_unlock(&vm->irq_lock);
		}
		if (ret)
			inject(irqfd);
	}
	hv_mutex_unlock(&vm->lock);
	return MIN(ret, 0);
}

static int create(struct kvm *vm, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd = hv_alloc(sizeof(*irqfd));
	int err;

	if (!irqfd)
		return -ENOMEM;
	list_init(&irqfd->link);
	list_init(&irqfd->resample_link);
	list_init(&irqfd->watch.link);
	irqfd->watch.fn = event_seen;
	irqfd->vm = vm;
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
	struct list_head gone = LIST_HEAD_INIT(gone);
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &vm->irqfds, link) {
		unlink(irqfd);
		list_add_tail(&irqfd->link, &gone);
	}
	free_all(&gone);
}
