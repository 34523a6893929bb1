// SPDX-License-Identifier: MIT
/*
 * ioeventfd.c - signal an event when the guest stores to a given address, without an exit to user
 * space.
 *
 * The checks, their order and their errno values are Linux's. As in Linux, a removal checks only
 * that the descriptor is an eventfd and that the ioeventfd exists.
 */
#include "exit/bus.h"

struct ioeventfd {
	struct bus_device dev;
	struct list_head link; /* in kvm->ioeventfds */
	enum kvm_bus_kind kind;
	bool match; /* take only stores of the value `data` */
	u64 data;
	struct hv_event *event;
};

/*
 * Take a store if its address matches and, where the ioeventfd specifies them, its width and value
 * match, too. A store that is taken causes one signal and one trace event, and no other device sees
 * it.
 */
static bool store(struct kvm *vm, struct bus_device *dev, gpa_t gpa, unsigned int len, u64 data)
{
	struct ioeventfd *io = container_of(dev, struct ioeventfd, dev);

	(void)vm;
	/* lab 11: write store: compare address, width and value, then signal and trace */
	if (dev->gpa != gpa || (dev->len && dev->len != len) || (io->match && io->data != data))
		return false;
	hv_event_signal(io->event, 1);
	trace_kvm_ioeventfd(gpa, len, data);
	return true;
	/* lab 11 end */
}

/* Could both ioeventfds match the same store? */
static bool collide(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->kind == b->kind && a->dev.gpa == b->dev.gpa &&
	       (!a->dev.len || !b->dev.len ||
		(a->dev.len == b->dev.len && (!a->match || !b->match || a->data == b->data)));
}

static int assign(struct kvm *vm, struct ioeventfd *io)
{
	struct ioeventfd *other;
	int err = 0;

	hv_mutex_lock(&vm->slots_lock);
	list_for_each_entry(other, &vm->ioeventfds, link) {
		if (collide(io, other))
			err = -EEXIST;
		hv_cond_resched();
	}
	if (!err)
		err = bus_add(vm, io->kind, &io->dev);
	if (!err)
		list_add_tail(&io->link, &vm->ioeventfds);
	hv_mutex_unlock(&vm->slots_lock);
	return err;
}

/*
 * Remove and return the ioeventfd that was assigned with the same arguments. Returns NULL if there
 * is none.
 */
static struct ioeventfd *unlink_same(struct kvm *vm, const struct ioeventfd *io)
{
	struct ioeventfd *other, *found = NULL;

	hv_mutex_lock(&vm->slots_lock);
	list_for_each_entry(other, &vm->ioeventfds, link) {
		if (other->kind == io->kind && other->dev.gpa == io->dev.gpa &&
		    other->dev.len == io->dev.len && other->match == io->match &&
		    other->event == io->event && (!io->match || other->data == io->data)) {
			list_del(&other->link);
			other->dev.gone = true;
			bus_sweep(vm, other->kind);
			found = other;
			break;
		}
		hv_cond_resched();
	}
	hv_mutex_unlock(&vm->slots_lock);
	return found;
}

static void free_one(struct ioeventfd *io)
{
	hv_event_put(io->event);
	hv_free(io);
}

static int check(const struct kvm_ioeventfd *args)
{
	if (args->len > 8 || (args->len & (args->len - 1)))
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (args->flags & ~(u32)KVM_IOEVENTFD_VALID_FLAG_MASK)
		return -EINVAL;
	return !args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH) ? -EINVAL : 0;
}

static enum kvm_bus_kind kind_of(u32 flags)
{
	if (flags & KVM_IOEVENTFD_FLAG_PIO)
		return KVM_BUS_PIO;
	return flags & KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY ? KVM_BUS_CHANNEL : KVM_BUS_MMIO;
}

/* Allocate the ioeventfd that args describes. It is not on any list yet. */
static int make_ioeventfd(const struct kvm_ioeventfd *args, struct ioeventfd **iop)
{
	struct ioeventfd *io = hv_alloc(sizeof(*io));
	int err;

	if (!io)
		return -ENOMEM;
	err = hv_event_get(args->fd, &io->event);
	if (err) {
		hv_free(io);
		return err;
	}
	list_init(&io->link);
	io->dev.gpa = args->addr;
	io->dev.len = args->len;
	io->dev.store = store;
	io->kind = kind_of(args->flags);
	io->match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	io->data = args->datamatch;
	*iop = io;
	return 0;
}

int kvm_vm_ioctl_ioeventfd(struct kvm *vm, const struct kvm_ioeventfd *args)
{
	bool deassign = args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct ioeventfd *io, *found;
	int err = deassign ? 0 : check(args);

	if (!err)
		err = make_ioeventfd(args, &io);
	if (err)
		return err;
	if (!deassign) {
		err = assign(vm, io);
		if (err)
			free_one(io);
		return err;
	}
	found = unlink_same(vm, io);
	free_one(io);
	if (!found)
		return -ENOENT;
	free_one(found);
	return 0;
}

void ioeventfd_vm_destroy(struct kvm *vm)
{
	struct ioeventfd *io, *next;

	list_for_each_entry_safe(io, next, &vm->ioeventfds, link) {
		list_del(&io->link);
		free_one(io);
		hv_cond_resched();
	}
}
