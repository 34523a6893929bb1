// SPDX-License-Identifier: MIT
/*
 * ioeventfd.c - a store to a given address becomes an event, without user space.
 *
 * The list is walked at every store that hits no memory, on the vCPU's thread; it is short,
 * and empty for most VMs, which is looked at without the lock.
 */
#include "kvm.h"

struct ioeventfd {
	struct list_head link;
	gpa_t gpa;
	unsigned int len; /* 0: any */
	bool pio;         /* a port access, of which there are none: kept, never met */
	bool match;       /* only stores of `data` */
	u64 data;
	struct hv_event *event;
};

#define FLAGS_KNOWN \
	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN)

int ioeventfd_store(struct kvm *vm, gpa_t gpa, unsigned int len, u64 data)
{
	struct ioeventfd *io;
	int ret = -ENOENT;

	if (READ_ONCE(vm->ioeventfds.next) == &vm->ioeventfds)
		return -ENOENT;
	spin_lock(&vm->bus_lock);
	list_for_each_entry(io, &vm->ioeventfds, link) {
		if (io->pio || io->gpa != gpa || (io->len && io->len != len) ||
		    (io->match && io->data != data))
			continue;
		hv_event_signal(io->event, 1);
		ret = 0;
		break;
	}
	spin_unlock(&vm->bus_lock);
	if (!ret)
		trace_kvm_ioeventfd(gpa, len, data);
	return ret;
}

/* Two would both want the same store. */
static bool collide(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->pio == b->pio && a->gpa == b->gpa && (!a->len || !b->len || a->len == b->len) &&
	       (!a->match || !b->match || a->data == b->data);
}

static int add(struct kvm *vm, struct ioeventfd *io)
{
	struct ioeventfd *other;
	int err = 0;

	spin_lock(&vm->bus_lock);
	list_for_each_entry(other, &vm->ioeventfds, link) {
		if (collide(io, other))
			err = -EEXIST;
	}
	if (!err)
		list_add_tail(&io->link, &vm->ioeventfds);
	spin_unlock(&vm->bus_lock);
	return err;
}

/* The one that was added with the same description, or NULL. */
static struct ioeventfd *take(struct kvm *vm, const struct ioeventfd *io)
{
	struct ioeventfd *other, *found = NULL;

	spin_lock(&vm->bus_lock);
	list_for_each_entry(other, &vm->ioeventfds, link) {
		if (other->pio == io->pio && other->gpa == io->gpa && other->len == io->len &&
		    other->match == io->match && other->event == io->event &&
		    (!io->match || other->data == io->data)) {
			list_del(&other->link);
			found = other;
			break;
		}
	}
	spin_unlock(&vm->bus_lock);
	return found;
}

static void free_one(struct ioeventfd *io)
{
	hv_event_put(io->event);
	hv_free(io);
}

static int check(const struct kvm_ioeventfd *args)
{
	bool match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;

	if (args->flags & ~(u32)FLAGS_KNOWN)
		return -EINVAL;
	if (args->len > 8 || (args->len & (args->len - 1)))
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	return !args->len && match ? -EINVAL : 0;
}

static int deassign(struct kvm *vm, struct ioeventfd *io)
{
	struct ioeventfd *found = take(vm, io);

	free_one(io);
	if (!found)
		return -ENOENT;
	free_one(found);
	return 0;
}

int kvm_vm_ioctl_ioeventfd(struct kvm *vm, const struct kvm_ioeventfd *args)
{
	struct ioeventfd *io;
	int err = check(args);

	if (err)
		return err;
	io = hv_alloc(sizeof(*io));
	if (!io)
		return -ENOMEM;
	err = hv_event_get(args->fd, &io->event);
	if (err) {
		hv_free(io);
		return err;
	}
	list_init(&io->link);
	io->gpa = args->addr;
	io->len = args->len;
	io->pio = args->flags & KVM_IOEVENTFD_FLAG_PIO;
	io->match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	io->data = args->datamatch;
	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		return deassign(vm, io);
	err = add(vm, io);
	if (err)
		free_one(io);
	return err;
}

void ioeventfd_vm_destroy(struct kvm *vm)
{
	struct ioeventfd *io, *next;

	list_for_each_entry_safe(io, next, &vm->ioeventfds, link) {
		list_del(&io->link);
		free_one(io);
	}
}
