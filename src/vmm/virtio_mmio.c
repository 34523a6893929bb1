// SPDX-License-Identifier: MIT
/*
 * virtio_mmio.c - the MMIO registers of a virtio device, version 2 (virtio §4.2).
 *
 * Each device has one queue and one thread. A driver notifies the queue through an ioeventfd: KVM
 * signals the eventfd without leaving the kernel, and the device's thread works on the queue. If
 * KVM does not support ioeventfds, or if --no-ioeventfd is given, the driver's write is handled in
 * this file, which signals the same eventfd.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "state.h"
#include "virtio.h"

#define MMIO_MAGIC  0x74726976 /* "virt" */
#define MMIO_VENDOR 0x50435348 /* "HSCP" */

/* ---- interrupts ---- */

/*
 * Set InterruptStatus. The line is high while the register is not 0; the PLIC is told only of
 * changes. Called with the device's lock held.
 */
static void set_interrupt(struct virtio_device *device, u32 status)
{
	/* lab 11: write set_interrupt: set the register, and the line if it changes */
	bool was = device->interrupt_status != 0;
	bool now = status != 0;

	device->interrupt_status = status;
	if (was != now)
		irq_set_level(device->machine, device->irq, now);
	/* lab 11 end */
}

void virtio_mmio_used_buffer(struct virtio_device *device)
{
	pthread_mutex_lock(&device->lock);
	set_interrupt(device, device->interrupt_status | VIRTIO_MMIO_INT_VRING);
	pthread_mutex_unlock(&device->lock);
}

static void broken_locked(struct virtio_device *device, const char *why)
{
	guest_error("%s: %s; the device needs a reset", device->name, why);
	device->queue.ready = false;
	device->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (device->status & VIRTIO_CONFIG_S_DRIVER_OK)
		set_interrupt(device, device->interrupt_status | VIRTIO_MMIO_INT_CONFIG);
}

/*
 * The driver broke a rule: do not execute requests until it resets the device. Called with io_lock
 * held.
 */
void virtio_mmio_broken(struct virtio_device *device, const char *why)
{
	pthread_mutex_lock(&device->lock);
	broken_locked(device, why);
	pthread_mutex_unlock(&device->lock);
}

/* ---- registers ---- */

static void reset_locked(struct virtio_device *device)
{
	device->status = 0;
	device->features_select = 0;
	device->driver_features_select = 0;
	device->driver_features = 0;
	device->queue_select = 0;
	memset(&device->queue, 0, sizeof(device->queue));
	set_interrupt(device, 0);
}

static u32 read_features(const struct virtio_device *device)
{
	if (device->features_select > 1)
		return 0;
	return (u32)(device->features >> 32 * device->features_select);
}

static u32 read_register(struct virtio_device *device, u64 offset)
{
	bool queue = device->queue_select == 0;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return 2;
	case VIRTIO_MMIO_DEVICE_ID:
		return device->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return MMIO_VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return read_features(device);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? VIRTQUEUE_SIZE : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue && device->queue.ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return device->interrupt_status;
	case VIRTIO_MMIO_STATUS:
		return device->status;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
		return ~0u; /* no shared memory regions */
	}
	return 0;
}

static void write_status(struct virtio_device *device, u32 value)
{
	u64 unknown = device->driver_features & ~device->features;

	if (value == 0) {
		reset_locked(device);
		return;
	}
	/*
	 * Refuse FEATURES_OK if the driver is a legacy driver, or chose features that were not
	 * offered.
	 */
	if (value & VIRTIO_CONFIG_S_FEATURES_OK &&
	    (unknown || !(device->driver_features >> VIRTIO_F_VERSION_1 & 1)))
		value &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	device->status = (value & 0xff) | (device->status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void write_driver_features(struct virtio_device *device, u32 value)
{
	unsigned int shift = 32 * device->driver_features_select;

	if (device->driver_features_select > 1 || device->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	device->driver_features &= ~(0xffffffffull << shift);
	device->driver_features |= (u64)value << shift;
}

static void write_ready(struct virtio_device *device, u32 value)
{
	const char *why;

	if (device->queue_select != 0 || device->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	if (!(value & 1))
		device->queue.ready = false;
	else if (!device->queue.ready && !virtqueue_start(device->machine, &device->queue, &why))
		broken_locked(device, why);
	else
		device->queue.ready = true;
}

static void set_half(u64 *address, u32 value, bool high)
{
	if (high)
		*address = (*address & 0xffffffff) | (u64)value << 32;
	else
		*address = (*address & ~0xffffffffull) | value;
}

/* The queue's size and addresses can be set only while the queue is not ready. */
static void write_queue_register(struct virtio_device *device, u64 offset, u32 value)
{
	struct virtqueue *queue = &device->queue;
	bool high = offset & 4;

	if (device->queue_select != 0 || queue->ready)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->size = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&queue->desc_gpa, value, high);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&queue->avail_gpa, value, high);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&queue->used_gpa, value, high);
		break;
	}
}

static void kick(struct virtio_device *device)
{
	u64 one = 1;

	if (write(device->kick, &one, sizeof(one)) < 0)
		guest_error("%s: cannot wake its thread: errno %d", device->name, errno);
}

static void write_register(struct virtio_device *device, u64 offset, u32 value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		device->features_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		device->driver_features_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_driver_features(device, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		device->queue_select = value;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		write_ready(device, value);
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value == 0)
			kick(device);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		set_interrupt(device, device->interrupt_status & ~value);
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(device, value);
		break;
	default:
		write_queue_register(device, offset, value);
	}
}

/* Configuration space can be read at any width; registers can be read only 32 bits at a time. */
static u64 read_config(const struct virtio_device *device, u64 offset, unsigned int len)
{
	u64 value = 0;

	if (offset < device->config_len && len <= device->config_len - offset)
		memcpy(&value, (const u8 *)device->config + offset, len);
	return value;
}

static u64 mmio_read(void *opaque, u64 offset, unsigned int len)
{
	struct virtio_device *device = opaque;
	u32 value;

	if (offset >= VIRTIO_MMIO_CONFIG)
		return read_config(device, offset - VIRTIO_MMIO_CONFIG, len);
	if (len != 4)
		return 0;
	pthread_mutex_lock(&device->lock);
	value = read_register(device, offset);
	pthread_mutex_unlock(&device->lock);
	return value;
}

/* A write that stops or moves the queue has to wait until no request is in progress. */
static bool touches_queue(u64 offset)
{
	return offset == VIRTIO_MMIO_STATUS || offset == VIRTIO_MMIO_QUEUE_READY;
}

static void mmio_write(void *opaque, u64 offset, u64 value, unsigned int len)
{
	struct virtio_device *device = opaque;
	bool wait = touches_queue(offset);

	if (len != 4 || offset >= VIRTIO_MMIO_CONFIG)
		return;
	if (wait)
		pthread_mutex_lock(&device->io_lock);
	pthread_mutex_lock(&device->lock);
	write_register(device, offset, (u32)value);
	pthread_mutex_unlock(&device->lock);
	if (wait)
		pthread_mutex_unlock(&device->io_lock);
}

void virtio_mmio_reset(struct virtio_device *device)
{
	pthread_mutex_lock(&device->io_lock);
	pthread_mutex_lock(&device->lock);
	reset_locked(device);
	pthread_mutex_unlock(&device->lock);
	pthread_mutex_unlock(&device->io_lock);
}

/* ---- the main thread stops the disks for a moment ---- */

bool virtio_mmio_must_yield(const struct virtio_device *device)
{
	return atomic_load(&device->machine->stopping) || atomic_load(&device->machine->disks_held);
}

/*
 * A mutex is not fair: without disks_held, a disk's thread could take io_lock again and again before
 * the main thread gets it.
 */
void virtio_mmio_hold(struct machine *m)
{
	atomic_store(&m->disks_held, true);
	for (unsigned int i = 0; i < m->options.nr_disks; i++)
		pthread_mutex_lock(&m->disks[i]->io_lock);
}

void virtio_mmio_release(struct machine *m)
{
	atomic_store(&m->disks_held, false);
	for (unsigned int i = 0; i < m->options.nr_disks; i++) {
		pthread_mutex_unlock(&m->disks[i]->io_lock);
		kick(m->disks[i]); /* its thread may have left requests in the ring */
	}
}

void virtio_mmio_drain(struct machine *m)
{
	virtio_mmio_hold(m);
	virtio_mmio_release(m);
}

/* ---- saved and restored ---- */

static void queue_state(struct virtio_device *device, struct state *s)
{
	struct virtqueue *queue = &device->queue;
	u16 next_avail = queue->next_avail;
	const char *why;

	STATE(s, queue->size);
	STATE(s, queue->desc_gpa);
	STATE(s, queue->avail_gpa);
	STATE(s, queue->used_gpa);
	state_bool(s, &queue->ready);
	STATE(s, next_avail);
	if (!s->loading || s->bad || !queue->ready)
		return;
	queue->ready = virtqueue_start(device->machine, queue, &why);
	if (!queue->ready)
		state_refuse(s, why);
	queue->next_avail = next_avail;
}

/*
 * Called with the machine stopped and no request in progress (virtio_mmio_drain()). Requests that
 * have not been executed completely are still in the ring, in guest memory, and are executed after the
 * restore. Completed writes are on the disk (sync()), which is not part of the file. A write that was
 * interrupted may be there in part.
 */
void virtio_mmio_state(void *of, struct state *s)
{
	struct virtio_device *device = of;
	u64 features = device->features;

	pthread_mutex_lock(&device->io_lock);
	pthread_mutex_lock(&device->lock);
	if (device->sync && !s->loading && !device->sync(device))
		state_refuse(s, "fdatasync of a disk");
	STATE(s, device->device_id);
	STATE(s, features);
	STATE(s, device->status);
	STATE(s, device->interrupt_status);
	STATE(s, device->features_select);
	STATE(s, device->driver_features_select);
	STATE(s, device->queue_select);
	STATE(s, device->driver_features);
	queue_state(device, s);
	if (features != device->features)
		state_refuse(s, "the device had different features");
	pthread_mutex_unlock(&device->lock);
	pthread_mutex_unlock(&device->io_lock);
	if (device->state)
		device->state(device, s);
}

/*
 * Wake the device's thread: the ring may contain requests for which no further notification comes.
 */
void virtio_mmio_resume(struct virtio_device *device)
{
	kick(device);
}

/* ---- the thread ---- */

static bool can_work(const struct virtio_device *device)
{
	return device->queue.ready && device->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	       !virtio_mmio_must_yield(device);
}

/*
 * Work on the queue in batches until it is empty. io_lock is released between batches, so that even
 * if requests never end, the guest can reset the device. process() writes the used ring, so the ring
 * is logged as dirty before io_lock is released.
 */
static void work(struct virtio_device *device)
{
	/* lab 11: write work: handle batches while muted, until the unmuted ring is still empty */
	bool more;

	do {
		pthread_mutex_lock(&device->io_lock);
		more = can_work(device);
		if (more) {
			machine_wrote(device->machine, (void *)device->queue.used,
				      virtqueue_used_bytes(&device->queue));
			virtqueue_mute(&device->queue, true);
			device->process(device);
		}
		more = more && can_work(device);
		if (more) {
			virtqueue_mute(&device->queue, false);
			more = !virtqueue_empty(&device->queue);
		}
		pthread_mutex_unlock(&device->io_lock);
	} while (more);
	/* lab 11 end */
}

static void *device_thread(void *opaque)
{
	struct virtio_device *device = opaque;
	u64 count;

	for (;;) {
		if (read(device->kick, &count, sizeof(count)) == sizeof(count) &&
		    !virtio_mmio_must_yield(device)) /* if it must, another kick follows */
			work(device);
	}
	return NULL;
}

/* Let a 4-byte store of the queue's number to QueueNotify signal device->kick. */
static void add_ioeventfd(struct virtio_device *device, gpa_t base)
{
	/* lab 11: write add_ioeventfd: call KVM_IOEVENTFD, if KVM has it and the user wants it */
	struct kvm_ioeventfd ioeventfd = {
		.addr = base + VIRTIO_MMIO_QUEUE_NOTIFY,
		.len = 4,
		.datamatch = 0, /* the queue's number */
		.fd = device->kick,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	if (!device->machine->options.no_ioeventfd &&
	    kvm_capability(device->machine, KVM_CAP_IOEVENTFD))
		kvm_call(device->machine->vm_fd, KVM_IOEVENTFD, &ioeventfd);
	/* lab 11 end */
}

void virtio_mmio_add(struct virtio_device *device, struct machine *m, unsigned int slot)
{
	gpa_t base = VIRTIO_BASE(slot);

	device->machine = m;
	device->irq = VIRTIO_IRQ(slot);
	device->features |= 1ull << VIRTIO_F_VERSION_1;
	device->kick = eventfd(0, EFD_CLOEXEC);
	if (device->kick < 0)
		die(STATUS_SETUP, "eventfd: %s", strerror(errno));
	pthread_mutex_init(&device->lock, NULL);
	pthread_mutex_init(&device->io_lock, NULL);
	bus_add(&m->bus, &(struct region){
				 .name = device->name,
				 .base = base,
				 .size = VIRTIO_SIZE,
				 .device = device,
				 .read = mmio_read,
				 .write = mmio_write,
			 });
	add_ioeventfd(device, base);
	if (thread_create(&device->thread, device_thread, device))
		die(STATUS_SETUP, "cannot start %s's thread", device->name);
}
