// SPDX-License-Identifier: MIT
/*
 * virtio_mmio.c - finding virtio devices, and their transport, modern and legacy.
 *
 * The three parts of a queue are in one block, laid out as the legacy interface requires (with the
 * used ring on its own page). A modern device is told the three addresses.
 */
#include "virtio.h"
#include <linux/errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include "drivers.h"
#include "platform/fdt.h"
#include "sched/irq.h"
#include "mm/page.h"
#include "port.h"
#include "lib/printk.h"

#define MAGIC       0x74726976
#define QUEUE_ALIGN PAGE_SIZE

static u32 rd(const struct virtio_dev *dev, unsigned int reg)
{
	return mmio_read32(dev->regs, reg);
}

static void wr(const struct virtio_dev *dev, unsigned int reg, u32 value)
{
	mmio_write32(dev->regs, reg, value);
}

static void status_add(struct virtio_dev *dev, u32 bits)
{
	wr(dev, VIRTIO_MMIO_STATUS, rd(dev, VIRTIO_MMIO_STATUS) | bits);
}

int virtio_negotiate(struct virtio_dev *dev, u64 wanted)
{
	u64 offered;

	wr(dev, VIRTIO_MMIO_STATUS, 0);
	status_add(dev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	status_add(dev, VIRTIO_CONFIG_S_DRIVER);
	wr(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	offered = rd(dev, VIRTIO_MMIO_DEVICE_FEATURES);
	if (dev->version >= 2) {
		wr(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
		offered |= (u64)rd(dev, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
		wanted |= 1ULL << VIRTIO_F_VERSION_1;
	}
	dev->features = offered & wanted;
	wr(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	wr(dev, VIRTIO_MMIO_DRIVER_FEATURES, (u32)dev->features);
	if (dev->version < 2) {
		wr(dev, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE_SIZE);
		return 0;
	}
	wr(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	wr(dev, VIRTIO_MMIO_DRIVER_FEATURES, (u32)(dev->features >> 32));
	status_add(dev, VIRTIO_CONFIG_S_FEATURES_OK);
	return rd(dev, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK ? 0 : -ENODEV;
}

u32 virtio_config32(struct virtio_dev *dev, unsigned int offset)
{
	return rd(dev, VIRTIO_MMIO_CONFIG + offset);
}

u64 virtio_config64(struct virtio_dev *dev, unsigned int offset)
{
	u32 low, high, before = 0, after = 0;

	do { /* two reads: repeat them if a modern device changed the generation meanwhile */
		if (dev->version >= 2)
			before = rd(dev, VIRTIO_MMIO_CONFIG_GENERATION);
		low = virtio_config32(dev, offset);
		high = virtio_config32(dev, offset + 4);
		if (dev->version >= 2)
			after = rd(dev, VIRTIO_MMIO_CONFIG_GENERATION);
	} while (before != after);
	return (u64)high << 32 | low;
}

static void virtio_fail(struct virtio_dev *dev)
{
	status_add(dev, VIRTIO_CONFIG_S_FAILED);
}

/* ---- queues ---------------------------------------------------------------------------- */

static void write_address(struct virtio_dev *dev, unsigned int low, unsigned int high, hpa_t pa)
{
	wr(dev, low, (u32)pa);
	wr(dev, high, (u32)(pa >> 32));
}

static void write_queue(struct virtq *vq, hpa_t pa)
{
	struct virtio_dev *dev = vq->dev;

	wr(dev, VIRTIO_MMIO_QUEUE_NUM, vq->size);
	if (dev->version < 2) {
		wr(dev, VIRTIO_MMIO_QUEUE_ALIGN, QUEUE_ALIGN);
		wr(dev, VIRTIO_MMIO_QUEUE_PFN, (u32)(pa >> PAGE_SHIFT));
		return;
	}
	write_address(dev, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
		      va_to_pa(vq->desc));
	write_address(dev, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
		      va_to_pa(vq->avail));
	write_address(dev, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_HIGH,
		      va_to_pa(vq->used));
	wr(dev, VIRTIO_MMIO_QUEUE_READY, 1);
}

int virtq_setup(struct virtio_dev *dev, struct virtq *vq, unsigned int index, unsigned int most)
{
	u32 max;
	hpa_t pa;
	u8 *va;
	unsigned int i;

	wr(dev, VIRTIO_MMIO_QUEUE_SEL, index);
	max = rd(dev, VIRTIO_MMIO_QUEUE_NUM_MAX);
	if (!max)
		return -ENOENT;
	memset(vq, 0, sizeof(*vq));
	vq->dev = dev;
	vq->index = index;
	for (vq->size = VIRTQ_MAX; vq->size > max || vq->size > most;)
		vq->size /= 2;
	/* 64 entries need 1024 + 134 bytes, and 518 bytes on the next page. */
	pa = page_alloc_zeroed(1);
	if (!pa)
		return -ENOMEM;
	va = pa_to_va(pa);
	vq->desc = (struct vring_desc *)va;
	vq->avail = (struct vring_avail *)(va + vq->size * sizeof(struct vring_desc));
	vq->used = (struct vring_used *)(va + QUEUE_ALIGN);
	for (i = 0; i < vq->size; i++)
		vq->desc[i].next = (u16)(i + 1);
	vq->num_free = (u16)vq->size;
	write_queue(vq, pa);
	return 0;
}

bool virtq_add(struct virtq *vq, const struct virtq_seg *segs, unsigned int nr_out,
	       unsigned int nr_in, void *token)
{
	unsigned int n = nr_out + nr_in, i;
	u16 head = vq->free_head, at = head;

	if (n == 0 || n > vq->num_free)
		return false;
	for (i = 0; i < n; i++) {
		struct vring_desc *d = &vq->desc[at];

		d->addr = segs[i].pa;
		d->len = segs[i].len;
		d->flags = (i + 1 < n ? VRING_DESC_F_NEXT : 0) |
			   (i >= nr_out ? VRING_DESC_F_WRITE : 0);
		at = d->next; /* the free list continues after the chain */
	}
	vq->free_head = at;
	vq->num_free -= (u16)n;
	vq->token[head] = token;
	vq->avail->ring[vq->avail->idx % vq->size] = head;
	/* The device must see the entry before the index (2.7.13.2). */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(vq->avail->idx, (u16)(vq->avail->idx + 1));
	return true;
}

void virtq_kick(struct virtq *vq)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(READ_ONCE(vq->used->flags) & VRING_USED_F_NO_NOTIFY))
		wr(vq->dev, VIRTIO_MMIO_QUEUE_NOTIFY, vq->index);
}

bool virtq_has_used(const struct virtq *vq)
{
	return READ_ONCE(vq->used->idx) != vq->last_used;
}

void *virtq_get(struct virtq *vq, u32 *len)
{
	struct vring_used_elem *e;
	u16 head, at, n = 1;
	void *token;

	if (!virtq_has_used(vq))
		return NULL;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	e = &vq->used->ring[vq->last_used % vq->size];
	vq->last_used++;
	head = (u16)READ_ONCE(e->id);
	if (head >= vq->size || !vq->token[head])
		return NULL; /* the device is broken: this is not one of our chains */
	*len = READ_ONCE(e->len);
	for (at = head; vq->desc[at].flags & VRING_DESC_F_NEXT; n++)
		at = vq->desc[at].next;
	vq->desc[at].next = vq->free_head;
	vq->free_head = head;
	vq->num_free += n;
	token = vq->token[head];
	vq->token[head] = NULL;
	return token;
}

void virtq_want_interrupt(struct virtq *vq, bool want)
{
	WRITE_ONCE(vq->avail->flags, want ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* ---- interrupts, finding ----------------------------------------------------------------- */

void virtio_poll(struct virtio_dev *dev)
{
	u32 why = rd(dev, VIRTIO_MMIO_INTERRUPT_STATUS);

	if (why)
		wr(dev, VIRTIO_MMIO_INTERRUPT_ACK, why);
	dev->interrupt(dev);
}

static void virtio_interrupt(void *arg)
{
	virtio_poll(arg);
}

void virtio_ready(struct virtio_dev *dev)
{
	dev->has_irq = !irq_register(dev->node, dev->name, virtio_interrupt, dev);
	status_add(dev, VIRTIO_CONFIG_S_DRIVER_OK);
}

static void probe(int node)
{
	static unsigned int nr_devices;
	struct virtio_dev *dev;
	unsigned long regs;
	hpa_t pa;
	int err;

	if (!fdt_reg(node, 0, &pa, NULL) || pa >= LINEAR_SIZE)
		return;
	regs = (unsigned long)pa_to_va(pa);
	if (mmio_read32(regs, VIRTIO_MMIO_MAGIC_VALUE) != MAGIC ||
	    !mmio_read32(regs, VIRTIO_MMIO_DEVICE_ID))
		return;
	dev = kmalloc(sizeof(*dev));
	if (!dev)
		return;
	dev->regs = regs;
	dev->version = mmio_read32(regs, VIRTIO_MMIO_VERSION);
	dev->device_id = mmio_read32(regs, VIRTIO_MMIO_DEVICE_ID);
	dev->node = node;
	snprintf(dev->name, sizeof(dev->name), "virtio%u", nr_devices++);
	if (dev->device_id == VIRTIO_ID_CONSOLE)
		err = virtio_console_probe(dev);
	else if (dev->device_id == VIRTIO_ID_BLOCK)
		err = virtio_blk_probe(dev);
	else
		err = -ENXIO; /* no driver here: leave it alone */
	if (err && err != -ENXIO) {
		printk("host: virtio device %u at 0x%llx: error %d\n", dev->device_id, pa, -err);
		virtio_fail(dev);
	}
	if (err)
		kfree(dev);
}

/*
 * Probe the devices in the order of their addresses, so that the disk at the lowest address is vda
 * whatever the order in the device tree (QEMU lists the highest address first).
 */
void virtio_init(void)
{
	hpa_t last = 0, best, pa;
	int node, best_node;
	bool first = true;

	for (;; first = false, last = best) {
		best = ~0ULL;
		best_node = -1;
		for (node = fdt_next_compatible(-1, "virtio,mmio"); node >= 0;
		     node = fdt_next_compatible(node, "virtio,mmio"))
			if (fdt_reg(node, 0, &pa, NULL) && (first || pa > last) && pa < best) {
				best = pa;
				best_node = node;
			}
		if (best_node < 0)
			return;
		probe(best_node);
	}
}
