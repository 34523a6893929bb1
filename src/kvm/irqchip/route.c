// SPDX-License-Identifier: MIT
/*
 * route.c - KVM_SET_GSI_ROUTING: the VM's table of routes.
 *
 * On RISC-V there is one controller, so a GSI has at most one route. The checks, their order and
 * their errno values are Linux's. A new table replaces the old one as a whole.
 *
 * Locks: vm->irq_lock guards the pointer to the table; it is a leaf, taken in any context. A reader
 * copies the route, so a table can be freed as soon as it has been replaced. User space's table
 * replaces the old one under vm->lock, so that the initialization of the controller cannot change
 * the operations for which the table was checked.
 */
#include "irqchip/route.h"

#define NR_PINS \
	1024 /* inputs of a controller that a route can name (Linux: KVM_IRQCHIP_NUM_PINS) */

struct irq_route route_of(struct kvm *vm, u32 gsi)
{
	struct irq_route route = { 0 };

	spin_lock(&vm->irq_lock);
	if (vm->routes && gsi < vm->routes->nr)
		route = vm->routes->route[gsi];
	spin_unlock(&vm->irq_lock);
	return route;
}

static void replace(struct kvm *vm, struct irq_routes *routes)
{
	struct irq_routes *old;

	spin_lock(&vm->irq_lock);
	old = vm->routes;
	vm->routes = routes;
	spin_unlock(&vm->irq_lock);
	hv_free(old);
}

static struct irq_routes *routes_alloc(u32 nr)
{
	struct irq_routes *routes = hv_alloc(sizeof(*routes) + nr * sizeof(struct irq_route));

	if (routes)
		routes->nr = nr;
	return routes;
}

int route_set_default(struct kvm *vm, u32 nr)
{
	struct irq_routes *routes = routes_alloc(nr);
	u32 i;

	if (!routes)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		routes->route[i] = (struct irq_route){ .type = KVM_IRQ_ROUTING_IRQCHIP, .pin = i };
	replace(vm, routes);
	return 0;
}

/* Check one entry of user space's array, and add it to the table. */
static int add(const struct irqchip_ops *ops, struct irq_routes *routes,
	       const struct kvm_irq_routing_entry *entry)
{
	struct irq_route *route;

	/* The entry may have changed since its GSI was read first. */
	if (entry->gsi >= routes->nr)
		return -EINVAL;
	route = &routes->route[entry->gsi];
	if (entry->type == KVM_IRQ_ROUTING_MSI) {
		if ((entry->flags & ~(u32)KVM_MSI_VALID_DEVID) || !ops->send_msi)
			return -EINVAL;
	} else if (entry->flags) {
		return -EINVAL;
	}
	if (route->type)
		return -EINVAL;
	switch (entry->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (entry->u.irqchip.irqchip || entry->u.irqchip.pin >= NR_PINS)
			return -EINVAL;
		route->pin = entry->u.irqchip.pin;
		break;
	case KVM_IRQ_ROUTING_MSI:
		route->msi_address = (gpa_t)entry->u.msi.address_hi << 32 | entry->u.msi.address_lo;
		route->msi_data = entry->u.msi.data;
		break;
	default:
		return -EINVAL;
	}
	route->type = entry->type;
	return 0;
}

/* Returns 0 or -EFAULT. Up to 64 entries are read without taking interrupts. */
static int read_entry(hva_t entries, u32 i, struct kvm_irq_routing_entry *entry)
{
	if (i % 64 == 0)
		hv_cond_resched();
	return hv_copy_from_user(entry, entries + i * sizeof(*entry), sizeof(*entry));
}

/* Read user space's entries and find the highest GSI; then read them again, to check each. */
static int build(const struct irqchip_ops *ops, hva_t entries, u32 nr, struct irq_routes **routesp)
{
	struct kvm_irq_routing_entry entry;
	struct irq_routes *routes;
	u32 i, highest = 0;
	bool too_high = false;
	int err = 0;

	for (i = 0; i < nr; i++) {
		err = read_entry(entries, i, &entry);
		if (err)
			return err;
		too_high |= entry.gsi >= KVM_MAX_IRQ_ROUTES;
		highest = MAX(highest, entry.gsi);
	}
	if (too_high)
		return -EINVAL;
	routes = routes_alloc(highest + 1);
	if (!routes)
		return -ENOMEM;
	for (i = 0; i < nr && !err; i++) {
		err = read_entry(entries, i, &entry);
		if (!err)
			err = add(ops, routes, &entry);
	}
	if (err)
		hv_free(routes);
	else
		*routesp = routes;
	return err;
}

int kvm_vm_ioctl_set_gsi_routing(struct kvm *vm, hva_t arg)
{
	const struct irqchip_ops *ops = irqchip_of(vm);
	struct kvm_irq_routing routing;
	struct irq_routes *routes;
	int err;

	if (hv_copy_from_user(&routing, arg, sizeof(routing)))
		return -EFAULT;
	if (!ops || routing.nr > KVM_MAX_IRQ_ROUTES || routing.flags)
		return -EINVAL;
	err = build(ops, arg + sizeof(routing), routing.nr, &routes);
	if (err)
		return err;
	hv_mutex_lock(&vm->lock);
	if (vm->irqchip == ops)
		replace(vm, routes);
	else
		err = -EBUSY; /* it has been initialized meanwhile, and may not send MSIs */
	hv_mutex_unlock(&vm->lock);
	if (err)
		hv_free(routes);
	return err;
}

void route_vm_destroy(struct kvm *vm)
{
	hv_free(vm->routes);
	vm->routes = NULL;
}
