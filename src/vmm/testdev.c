// SPDX-License-Identifier: MIT
/*
 * testdev.c - a device for payloads that test the hypervisor (--testdev).
 *
 *   0x000 - 0x7ff  memory, at any width: what was stored is read back
 *   0x800 LEN      length of the last access to that memory, in bytes
 *   0x808 OFFSET   offset of the last access
 *   0x810 WRITE    1 if the last access was a store
 *   0x818 VALUE    the value that the last access stored or loaded
 *   0x820 COUNT    number of accesses to that memory; a store to COUNT sets it
 *   0x828 MAGIC    the letters "testdev"
 *   0x830 ZAP      store a gpa: the host drops the page there, which then reads as zeroes
 *   0x838 IRQ      the level of the device's interrupt line
 *   0x840 NOTIFY   4 bytes: a store signals an eventfd that no thread waits for, without an exit to
 *                  the VMM (KVM_IOEVENTFD); reads as 1 if KVM supports this
 *   0x848 SIGNALS  how often the eventfd was signaled since the last load of this register
 *   0x850 SAVE     a store requests a save of the machine; without --save, a store does nothing
 *   0x858 MSI      4 bytes: a store signals an irqfd without an exit to the VMM, which sends an MSI with
 *                  identity 30 to the first vCPU; reads as 1 if the machine has an AIA
 *
 * Locks: testdev.lock, taken before the PLIC's lock.
 */
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "state.h"

#define MEMORY_SIZE 0x800
#define MAGIC       0x0076656474736574ull
#define MSI_ID      30
#define MSI_GSI     1

enum testdev_register {
	REG_LEN = 0x800,
	REG_OFFSET = 0x808,
	REG_WRITE = 0x810,
	REG_VALUE = 0x818,
	REG_COUNT = 0x820,
	REG_MAGIC = 0x828,
	REG_ZAP = 0x830,
	REG_IRQ = 0x838,
	REG_NOTIFY = 0x840,
	REG_SIGNALS = 0x848,
	REG_SAVE = 0x850,
	REG_MSI = 0x858,
};

struct testdev {
	struct machine *machine;
	struct lock lock;
	u8 memory[MEMORY_SIZE];
	u64 len, offset, write, value, count, level;
	int notify; /* an eventfd, or -1 */
	int msi;    /* an eventfd, or -1 */
};

static struct testdev testdev = { .notify = -1, .msi = -1 };

static bool in_memory(u64 offset, unsigned int len)
{
	return offset < MEMORY_SIZE && len <= MEMORY_SIZE - offset;
}

static void record(struct testdev *dev, u64 offset, u64 value, unsigned int len, bool write)
{
	dev->len = len;
	dev->offset = offset;
	dev->write = write;
	dev->value = value;
	dev->count++;
}

static u64 take_signals(struct testdev *dev)
{
	u64 count;

	return read(dev->notify, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/*
 * Create the eventfd that a store to `offset` signals. Returns the eventfd, or -1 if it cannot be
 * created or KVM refuses it. It is optional: without it, only some rows of the benchmark are
 * missing.
 */
static int make_notify(struct machine *m, u64 offset)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct kvm_ioeventfd bind = { .addr = TESTDEV_BASE + offset, .len = 4, .fd = fd };

	if (fd >= 0 && kvm_try(m->vm_fd, KVM_IOEVENTFD, (unsigned long)&bind) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * Create MSI's eventfd, which is also an irqfd. The VMM needs no other route: KVM_IRQ_LINE names
 * sources. Returns the eventfd, or -1.
 */
static int make_msi(struct machine *m)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = { .head.nr = 1,
		     .entry = { .gsi = MSI_GSI,
				.type = KVM_IRQ_ROUTING_MSI,
				.u.msi = { .address_lo = IMSIC_BASE, .data = MSI_ID } } };
	struct kvm_irqfd irqfd = { .gsi = MSI_GSI };
	int fd;

	if (!m->irqchip->imsics ||
	    kvm_try(m->vm_fd, KVM_SET_GSI_ROUTING, (unsigned long)&routes) < 0)
		return -1;
	fd = make_notify(m, REG_MSI);
	irqfd.fd = (u32)fd;
	if (fd >= 0 && kvm_try(m->vm_fd, KVM_IRQFD, (unsigned long)&irqfd) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static u64 read_register(struct testdev *dev, u64 offset)
{
	switch (offset) {
	case REG_LEN:
		return dev->len;
	case REG_OFFSET:
		return dev->offset;
	case REG_WRITE:
		return dev->write;
	case REG_VALUE:
		return dev->value;
	case REG_COUNT:
		return dev->count;
	case REG_MAGIC:
		return MAGIC;
	case REG_IRQ:
		return dev->level;
	case REG_NOTIFY:
		return dev->notify >= 0;
	case REG_SIGNALS:
		return take_signals(dev);
	case REG_MSI:
		return dev->msi >= 0;
	default:
		return 0;
	}
}

static u64 testdev_read(void *device, u64 offset, unsigned int len)
{
	struct testdev *dev = device;
	u64 value = 0;

	lock_take(&dev->lock);
	if (in_memory(offset, len)) {
		memcpy(&value, dev->memory + offset, len);
		record(dev, offset, value, len, false);
	} else {
		value = read_register(dev, offset);
	}
	lock_release(&dev->lock);
	return value;
}

static void write_register(struct testdev *dev, u64 offset, u64 value)
{
	void *page;

	switch (offset) {
	case REG_COUNT:
		dev->count = value;
		break;
	case REG_ZAP:
		page = machine_ram(dev->machine, ALIGN_DOWN(value, SZ_4K), SZ_4K);
		if (page) {
			madvise(page, SZ_4K, MADV_DONTNEED);
			machine_wrote(dev->machine, page, SZ_4K);
		}
		break;
	case REG_IRQ:
		dev->level = value & 1;
		irq_set_level(dev->machine, TESTDEV_IRQ, dev->level);
		break;
	case REG_SAVE:
		save_request(dev->machine);
		break;
	}
}

static void testdev_write(void *device, u64 offset, u64 value, unsigned int len)
{
	struct testdev *dev = device;

	lock_take(&dev->lock);
	if (in_memory(offset, len)) {
		memcpy(dev->memory + offset, &value, len);
		record(dev, offset, value, len, true);
	} else {
		write_register(dev, offset, value);
	}
	lock_release(&dev->lock);
}

void testdev_state(void *of, struct state *s)
{
	struct testdev *dev = &testdev;

	(void)of;
	lock_take(&dev->lock);
	STATE(s, dev->memory);
	STATE(s, dev->len);
	STATE(s, dev->offset);
	STATE(s, dev->write);
	STATE(s, dev->value);
	STATE(s, dev->count);
	STATE(s, dev->level);
	lock_release(&dev->lock);
}

void testdev_init(struct machine *m)
{
	testdev.machine = m;
	testdev.notify = make_notify(m, REG_NOTIFY);
	testdev.msi = make_msi(m);
	bus_add(&m->bus, &(struct region){
				 .name = "testdev",
				 .base = TESTDEV_BASE,
				 .size = TESTDEV_SIZE,
				 .device = &testdev,
				 .read = testdev_read,
				 .write = testdev_write,
			 });
}
