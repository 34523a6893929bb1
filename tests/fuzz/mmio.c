// SPDX-License-Identifier: MIT
/*
 * mmio.c - fuzz target: loads and stores of a guest to every device of the VMM, with any contents of
 * its memory.
 *
 * A step is an access to a register, a store to memory, a driver's set-up of the disk's queue, or a
 * request in that queue, most of whose fields are valid. Then the devices' threads run. The disk's
 * host may return errors and short transfers. After each step, the state of the disk's line in the
 * interrupt controller must agree with the disk's registers.
 */
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include "virtio.h"
#include "vmm_host.h"

#define MAX_STEPS 100
#define DESC      0x1000ul /* the rings, in RAM */
#define AVAIL     0x2000ul
#define USED      0x3000ul
#define DATA      0x4000ul

static struct choices choices;
static u16 queue_size, avail_idx;

static u64 rnd(u64 below)
{
	return choose(&choices, below);
}

static u64 any_address(void)
{
	switch (rnd(8)) {
	case 0:
		return rnd(~0ull);
	case 1:
		return RAM_BASE + HOST_RAM - rnd(64);
	case 2:
		return RAM_BASE + DESC + 16 * rnd(16);
	default:
		return RAM_BASE + DATA + rnd(0x4000);
	}
}

static u64 any_value(void)
{
	switch (rnd(8)) {
	case 0:
		return rnd(~0ull);
	case 1:
		return any_address();
	case 2:
		return ~0ull << rnd(64);
	case 3:
		return 1ull << rnd(64);
	default:
		return rnd(256);
	}
}

static void any_access(void)
{
	const struct region *region = &machine.bus.regions[rnd(machine.bus.nr_regions)];
	u64 offset = rnd(4) ? rnd(64) * (rnd(2) ? 8 : 4) : rnd(region->size);
	unsigned int len = 1u << rnd(4);

	/* The PLIC's registers of contexts are far from its other registers. */
	if (region->size == PLIC_SIZE && rnd(2))
		offset += rnd(2) ? 0x2000 : 0x200000 + 0x1000 * rnd(4);
	if (rnd(16) == 15)
		len = (unsigned int)rnd(9);
	if (rnd(2))
		bus_write(&machine.bus, region->base + offset, any_value(), len);
	else
		bus_read(&machine.bus, region->base + offset, len);
}

static void disk_write(u64 offset, u64 value)
{
	bus_write(&machine.bus, VIRTIO_BASE(0) + offset, value, 4);
}

static u64 nearly(u64 value)
{
	return rnd(16) == 15 ? any_value() : value;
}

static void start_queue(void)
{
	queue_size = (u16)nearly(1u << rnd(8));
	avail_idx = 0;
	disk_write(VIRTIO_MMIO_STATUS, nearly(0));
	disk_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	disk_write(VIRTIO_MMIO_DRIVER_FEATURES, nearly(1));
	disk_write(VIRTIO_MMIO_STATUS, 11);
	disk_write(VIRTIO_MMIO_QUEUE_NUM, queue_size);
	disk_write(VIRTIO_MMIO_QUEUE_DESC_LOW, nearly(RAM_BASE + DESC));
	disk_write(VIRTIO_MMIO_QUEUE_AVAIL_LOW, nearly(RAM_BASE + AVAIL));
	disk_write(VIRTIO_MMIO_QUEUE_USED_LOW, nearly(RAM_BASE + USED));
	disk_write(VIRTIO_MMIO_QUEUE_READY, 1);
	disk_write(VIRTIO_MMIO_STATUS, nearly(15));
	memset(machine.ram + AVAIL, 0, 4);
}

static void put_desc(u64 table, unsigned int index, struct vring_desc desc)
{
	memcpy(machine.ram + table + 16ul * (index % 128), &desc, sizeof(desc));
}

/* Write a chain of a header, up to four buffers and a status byte from descriptor `head` on. */
static void put_chain(u64 table, unsigned int head)
{
	u64 header[2] = { nearly((const u64[]){ 0, 1, 4, 8 }[rnd(4)]), nearly(rnd(40)) };
	unsigned int buffers = (unsigned int)rnd(5), i;
	bool in = header[0] != 1;

	memcpy(machine.ram + DATA, header, sizeof(header));
	put_desc(table, head,
		 (struct vring_desc){ nearly(RAM_BASE + DATA), (u32)nearly(16),
				      (u16)nearly(VRING_DESC_F_NEXT), (u16)nearly(head + 1) });
	for (i = 1; i <= buffers; i++)
		put_desc(table, head + i,
			 (struct vring_desc){
				 any_address(), (u32)nearly(512 * rnd(4)),
				 (u16)nearly(VRING_DESC_F_NEXT | (in ? VRING_DESC_F_WRITE : 0)),
				 (u16)nearly(head + i + 1) });
	put_desc(table, head + i,
		 (struct vring_desc){ nearly(RAM_BASE + DATA + 64), (u32)nearly(1),
				      (u16)nearly(VRING_DESC_F_WRITE), 0 });
}

static void request(void)
{
	u16 *avail = (u16 *)(machine.ram + AVAIL);
	unsigned int head = (unsigned int)rnd(16);

	if (rnd(4) == 3) { /* an indirect table */
		put_chain(DATA + 0x800, 0);
		put_desc(DESC, head,
			 (struct vring_desc){ nearly(RAM_BASE + DATA + 0x800), (u32)nearly(96),
					      (u16)nearly(VRING_DESC_F_INDIRECT), 0 });
	} else {
		put_chain(DESC, head);
	}
	avail[2 + avail_idx % (queue_size && queue_size <= 128 ? queue_size : 1)] =
		(u16)nearly(head);
	avail[1] = (u16)nearly(++avail_idx);
	if (rnd(8))
		disk_write(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static void store(void)
{
	u64 value = any_value();
	u64 at = rnd(2) ? DESC + rnd(0x3000) : DATA + rnd(0x1000);

	memcpy(machine.ram + at, &value, 1u << rnd(4));
}

/* Reboot, as the main thread does once all vCPUs are parked. */
static void reboot(void)
{
	machine.stopping = false;
	irqchip_reset(&machine);
	uart_reset(&machine.uart);
	console_reset();
	virtio_mmio_reset(machine.disks[0]);
	console_listen();
}

static void step(void)
{
	switch (rnd(8)) {
	case 0:
		start_queue();
		break;
	case 1:
	case 2:
		request();
		break;
	case 3:
		store();
		break;
	default:
		any_access();
	}
	if (rnd(2))
		host_run_threads();
	if (machine.stopping && rnd(2))
		reboot();
}

static void check_line(void)
{
	const struct virtio_device *disk = machine.disks[0];

	CLAIM((machine.plic.level >> disk->irq & 1) == (disk->interrupt_status != 0));
	CLAIM(!disk->queue.ready || (disk->queue.size && disk->queue.size <= VIRTQUEUE_SIZE));
}

static void steps(void)
{
	for (unsigned int left = MAX_STEPS; choices.left && left; left--) {
		step();
		check_line();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!snapshot_restore()) {
		host_prepare("user_plic");
		snapshot_take();
	}
	/* The first byte determines how much of the input is used for the host's choices. */
	choices = (struct choices){ data, size };
	size = rnd(256) * choices.left / 512;
	host_choices = (struct choices){ choices.at + choices.left - size, size };
	choices.left -= size;
	host_try(steps);
	return 0;
}
