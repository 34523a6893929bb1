// SPDX-License-Identifier: MIT
/*
 * coalesced.c - coalesced MMIO: collect stores to a zone in a ring, which user space empties later.
 *
 * Each VM has one ring, in a page that every vCPU's mapping shows at
 * KVM_COALESCED_MMIO_PAGE_OFFSET. We fill the ring at `last`, user space takes entries from
 * `first`, and one entry always stays free to tell a full ring from an empty one. User space can
 * write to the page, so the page is as untrusted as struct kvm_run: `last` is read only once when a
 * store is offered, and if its value is invalid, the ring counts as full. It is always correct not
 * to take a store: the next device or, in the end, user space handles it.
 */
#include "exit/bus.h"

struct zone {
	struct bus_device dev;
	struct list_head link; /* in kvm->zones */
	enum kvm_bus_kind kind;
};

#define RING_SIZE                                                     \
	((u32)((PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) / \
	       sizeof(struct kvm_coalesced_mmio)))

/* A zone of size 0 covers nothing. */
static bool covers(const struct bus_device *dev, gpa_t gpa, unsigned int len)
{
	return gpa >= dev->gpa && gpa - dev->gpa <= dev->len && len <= dev->len - (gpa - dev->gpa);
}

/* Append a store to the ring. Returns false if the ring is full. ring_lock is held. */
static bool append(struct kvm *vm, const struct zone *zone, gpa_t gpa, unsigned int len, u64 data)
{
	struct kvm_coalesced_mmio_ring *ring = vm->ring;
	u32 last = READ_ONCE(ring->last), next;
	struct kvm_coalesced_mmio *entry;
	unsigned int i;

	if (last >= RING_SIZE)
		return false;
	next = (last + 1) % RING_SIZE;
	if (next == READ_ONCE(ring->first))
		return false;
	entry = &ring->coalesced_mmio[last];
	entry->phys_addr = gpa;
	entry->len = len;
	entry->pio = zone->kind == KVM_BUS_PIO;
	for (i = 0; i < len; i++)
		entry->data[i] = (u8)(data >> 8 * i);
	/* Release: a reader that sees the new `last` sees the entry. */
	__atomic_store_n(&ring->last, next, __ATOMIC_RELEASE);
	trace_kvm_coalesced_mmio(gpa, len, data, last);
	return true;
}

static bool store(struct kvm *vm, struct bus_device *dev, gpa_t gpa, unsigned int len, u64 data)
{
	bool taken;

	if (!covers(dev, gpa, len))
		return false;
	spin_lock(&vm->ring_lock);
	taken = append(vm, container_of(dev, struct zone, dev), gpa, len, data);
	spin_unlock(&vm->ring_lock);
	return taken;
}

int kvm_vm_ioctl_register_coalesced(struct kvm *vm, const struct kvm_coalesced_mmio_zone *args)
{
	struct zone *zone;
	int err;

	if (args->pio > 1)
		return -EINVAL;
	zone = hv_alloc(sizeof(*zone));
	if (!zone)
		return -ENOMEM;
	zone->dev.gpa = args->addr;
	zone->dev.len = args->size;
	zone->dev.store = store;
	zone->kind = args->pio ? KVM_BUS_PIO : KVM_BUS_MMIO;
	hv_mutex_lock(&vm->slots_lock);
	err = bus_add(vm, zone->kind, &zone->dev);
	if (!err) {
		list_add_tail(&zone->link, &vm->zones);
		WRITE_ONCE(vm->bus[zone->kind].zones, vm->bus[zone->kind].zones + 1);
	}
	hv_mutex_unlock(&vm->slots_lock);
	if (err)
		hv_free(zone);
	return err;
}

/* The size is signed in Linux, so no zone contains a range of 2 GiB or more. */
static bool contains(const struct zone *zone, gpa_t gpa, u32 size)
{
	return (s32)size >= 0 && gpa + size >= gpa && gpa >= zone->dev.gpa &&
	       gpa + size <= zone->dev.gpa + zone->dev.len;
}

/*
 * Remove every zone of the given kind that contains the given range, as Linux does. It is not an
 * error if there is no such zone. Returns -EINVAL if args->pio is neither 0 nor 1.
 */
int kvm_vm_ioctl_unregister_coalesced(struct kvm *vm, const struct kvm_coalesced_mmio_zone *args)
{
	enum kvm_bus_kind kind = args->pio ? KVM_BUS_PIO : KVM_BUS_MMIO;
	struct zone *zone, *next;
	struct list_head gone;

	if (args->pio > 1)
		return -EINVAL;
	list_init(&gone);
	hv_mutex_lock(&vm->slots_lock);
	list_for_each_entry_safe(zone, next, &vm->zones, link) {
		if (zone->kind != kind || !contains(zone, args->addr, args->size))
			continue;
		zone->dev.gone = true;
		list_del(&zone->link);
		list_add_tail(&zone->link, &gone);
		WRITE_ONCE(vm->bus[kind].zones, vm->bus[kind].zones - 1);
	}
	if (!list_empty(&gone))
		bus_sweep(vm, kind);
	hv_mutex_unlock(&vm->slots_lock);
	list_for_each_entry_safe(zone, next, &gone, link)
		hv_free(zone);
	return 0;
}

int coalesced_vm_init(struct kvm *vm)
{
	vm->ring_pa = hv_pages_alloc(HV_ORDER_4K);
	if (!vm->ring_pa)
		return -ENOMEM;
	vm->ring = hv_page_map(vm->ring_pa);
	return 0;
}

void coalesced_vm_destroy(struct kvm *vm)
{
	struct zone *zone, *next;

	list_for_each_entry_safe(zone, next, &vm->zones, link) {
		list_del(&zone->link);
		hv_free(zone);
	}
	hv_page_unmap(vm->ring);
	hv_pages_free(vm->ring_pa, HV_ORDER_4K);
}
