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
 * event_seen() runs under the eventfd's own lock and takes irq_lock, so an irqfd is removed from its
 * eventfd without irq_lock. irqfd_resample() signals eventfds without holding a lock, because their
 * watchers may take irq_lock; an irqfd that it uses is not freed meanwhile (`users`).
 *
 * User space chooses how many irqfds share an input, and how many threads wait for each resample
 * eventfd. So one exit signals at most PIECE eventfds; the others are signaled by REQ_RESAMPLE, in
 * pieces between which interrupts, other threads and signals are served. MAX_RESAMPLERS bounds the
 * search of the list, which holds irq_lock.
 */
#include "irqchip/route.h"
#include "request.h"

#define MAX_RESAMPLERS 1024 /* of a VM: as many as there are inputs that a route can name */
#define PIECE          4    /* eventfds signaled at a time */

struct irqfd {
	struct hv_event_watch watch;
	struct list_head link;          /* in vm->irqfds */
	struct list_head resample_link; /* in vm->resamplers */
	struct kvm *vm;
	struct hv_event *event;
	struct hv_event *resample; /* or NULL */
	u32 gsi;
	u32 users;   /* threads that are about to signal `resample`; changed under irq_lock */
	bool due;    /* `resample` has to be signaled; under irq_lock */
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

/* Called when the eventfd is signaled or closed. */
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

/* The caller holds irq_lock. */
static bool leads_to(const struct kvm *vm, const struct irqfd *irqfd, u32 pin)
{
	const struct irq_routes *routes = vm->routes;

	return routes && irqfd->gsi < routes->nr &&
	       routes->route[irqfd->gsi].type == KVM_IRQ_ROUTING_IRQCHIP &&
	       routes->route[irqfd->gsi].pin == pin;
}

/* The caller holds irq_lock. */
static void stop_using(struct irqfd *irqfd)
{
	__atomic_store_n(&irqfd->users, irqfd->users - 1, __ATOMIC_RELEASE);
}

/* Return the first irqfd with this input, as in use, or NULL. */
static struct irqfd *first_of_pin(struct kvm *vm, u32 pin)
{
	struct irqfd *irqfd, *first = NULL;

	spin_lock(&vm->irq_lock);
	list_for_each_entry(irqfd, &vm->resamplers, resample_link) {
		if (!leads_to(vm, irqfd, pin))
			continue;
		first = irqfd;
		first->users++;
		break;
	}
	spin_unlock(&vm->irq_lock);
	return first;
}

/*
 * Mark all irqfds with this input, except the first, as due. The marks are kept in the irqfds, because
 * the vCPU may complete more inputs before it serves REQ_RESAMPLE.
 */
static void mark_rest_due(struct kvm *vm, const struct irqfd *first, u32 pin)
{
	struct irqfd *irqfd;

	spin_lock(&vm->irq_lock);
	list_for_each_entry(irqfd, &vm->resamplers, resample_link)
		if (irqfd != first && leads_to(vm, irqfd, pin))
			irqfd->due = true;
	spin_unlock(&vm->irq_lock);
}

/* The caller holds irq_lock. Return the first irqfd after `link` in vm->resamplers that is due. */
static struct irqfd *find_due(struct kvm *vm, struct list_head *link)
{
	while ((link = link->next) != &vm->resamplers) {
		struct irqfd *irqfd = list_entry(link, struct irqfd, resample_link);

		if (irqfd->due)
			return irqfd;
	}
	return NULL;
}

/*
 * Return the next irqfd that is due, as in use and no longer due, or NULL. `last` is NULL, or the
 * irqfd before it, whose use ends. The search starts at `last`, unless it was removed.
 */
static struct irqfd *next_due(struct kvm *vm, struct irqfd *last)
{
	struct list_head *link = &vm->resamplers;
	struct irqfd *irqfd;

	spin_lock(&vm->irq_lock);
	if (last && list_is_linked(&last->resample_link))
		link = &last->resample_link;
	irqfd = find_due(vm, link);
	if (irqfd) {
		irqfd->due = false;
		irqfd->users++;
	}
	if (last)
		stop_using(last);
	spin_unlock(&vm->irq_lock);
	return irqfd;
}

/* Signal this irqfd and those that are due; after a piece, leave the rest. */
static void signal_piece(struct kvm_vcpu *vcpu, struct irqfd *irqfd)
{
	struct kvm *vm = vcpu->kvm;
	int n;

	for (n = 0; irqfd && n < PIECE; n++) {
		hv_event_signal(irqfd->resample, 1);
		irqfd = next_due(vm, irqfd);
	}
	if (!irqfd)
		return;
	spin_lock(&vm->irq_lock);
	irqfd->due = true;
	stop_using(irqfd);
	spin_unlock(&vm->irq_lock);
	vcpu_request(vcpu, REQ_RESAMPLE);
}

/*
 * Lower the line first: a device that still needs service raises it again when it is signaled. As soon
 * as an irqfd is marked, another vCPU may signal it.
 */
void irqfd_resample(struct kvm_vcpu *vcpu, u32 pin)
{
	struct kvm *vm = vcpu->kvm;
	struct irqfd *irqfd;

	if (list_empty(&vm->resamplers))
		return;
	irqfd = first_of_pin(vm, pin);
	if (!irqfd)
		return;
	vm->irqchip->set_line(vm, pin, false);
	mark_rest_due(vm, irqfd, pin);
	signal_piece(vcpu, irqfd);
}

void irqfd_resample_rest(struct kvm_vcpu *vcpu)
{
	signal_piece(vcpu, next_due(vcpu->kvm, NULL));
	hv_poll_interrupts();
}

/* ---- assignment ------------------------------------------------------------------------- */

/* Neither a list nor its eventfd leads to the irqfd. */
static void free_one(struct irqfd *irqfd)
{
	if (irqfd->event)
		hv_event_put(irqfd->event);
	if (irqfd->resample)
		hv_event_put(irqfd->resample);
	hv_free(irqfd);
}

/*
 * Take the irqfd off the lists and off its eventfd, and wait until irqfd_resample() has stopped
 * using it. Afterwards, it neither injects an interrupt nor signals its resample eventfd. The
 * caller holds vm->lock, unless nobody else has the VM.
 */
static void detach(struct irqfd *irqfd)
{
	struct kvm *vm = irqfd->vm;

	list_del(&irqfd->link);
	hv_event_unwatch(irqfd->event, &irqfd->watch);
	spin_lock(&vm->irq_lock);
	if (list_is_linked(&irqfd->resample_link))
		vm->nr_resamplers--;
	list_del(&irqfd->resample_link);
	spin_unlock(&vm->irq_lock);
	while (__atomic_load_n(&irqfd->users, __ATOMIC_ACQUIRE))
		hv_cpu_relax();
}

/*
 * The irqfd has been removed. As on Linux, the line falls with the last irqfd that resamples it:
 * nobody would lower it when the guest completes the interrupt. The caller holds vm->lock, which
 * keeps others from being added, and the routes from being replaced.
 */
static void lower_if_last(const struct irqfd *removed)
{
	struct kvm *vm = removed->vm;
	struct irq_route route = route_of(vm, removed->gsi);
	struct irqfd *irqfd;
	bool last = true;

	if (!removed->resample || route.type != KVM_IRQ_ROUTING_IRQCHIP || !irqchip_is_ready(vm))
		return;
	spin_lock(&vm->irq_lock);
	list_for_each_entry(irqfd, &vm->resamplers, resample_link)
		last = last && !leads_to(vm, irqfd, route.pin);
	spin_unlock(&vm->irq_lock);
	if (last)
		vm->irqchip->set_line(vm, route.pin, false);
}

/* Move irqfds that match, and those whose eventfd was closed, from the lists to `gone`. */
static void collect(struct kvm *vm, const struct hv_event *event, u32 gsi, struct list_head *gone)
{
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &vm->irqfds, link) {
		if (READ_ONCE(irqfd->closed) || (irqfd->event == event && irqfd->gsi == gsi)) {
			detach(irqfd);
			lower_if_last(irqfd);
			list_add_tail(&irqfd->link, gone);
		}
		hv_cond_resched();
	}
}

static void remove_matching(struct kvm *vm, const struct hv_event *event, u32 gsi)
{
	struct list_head gone = LIST_HEAD_INIT(gone);
	struct irqfd *irqfd, *next;

	hv_mutex_lock(&vm->lock);
	collect(vm, event, gsi, &gone);
	hv_mutex_unlock(&vm->lock);
	list_for_each_entry_safe(irqfd, next, &gone, link) {
		list_del(&irqfd->link);
		free_one(irqfd);
		hv_cond_resched();
	}
}

/* The caller holds vm->lock, which keeps the number of resamplers from growing. */
static void add_resampler(struct kvm *vm, struct irqfd *irqfd)
{
	spin_lock(&vm->irq_lock);
	list_add_tail(&irqfd->resample_link, &vm->resamplers);
	vm->nr_resamplers++;
	spin_unlock(&vm->irq_lock);
}

/* A signal that arrived before the assignment injects an interrupt as well, but stays readable. */
static int assign(struct kvm *vm, struct irqfd *irqfd)
{
	int ret;

	remove_matching(vm, NULL, 0);
	hv_mutex_lock(&vm->lock);
	if (irqfd->resample && vm->nr_resamplers >= MAX_RESAMPLERS)
		ret = -ENOSPC;
	else
		ret = hv_event_watch(irqfd->event, &irqfd->watch);
	if (ret >= 0) {
		list_add_tail(&irqfd->link, &vm->irqfds);
		if (irqfd->resample)
			add_resampler(vm, irqfd);
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
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &vm->irqfds, link) {
		detach(irqfd);
		free_one(irqfd);
		hv_cond_resched();
	}
}
