// SPDX-License-Identifier: MIT
/*
 * saved_machine.c - build, reset and restore the machine of saved_machine.h.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_mmio.h>
#include "saved_machine.h"
#include "state.h"
#include "virtio.h"

#define DISK_SIZE 0x400000

/* A refused restore leaks its memory. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static char disk_path[] = "/tmp/hs-disk-XXXXXX", file_path[] = "/tmp/hs-save-XXXXXX";
int next_fd;

/* ---- the disk ---- */

u32 disk_reg(u64 offset)
{
	const struct region *region = &machine.bus.regions[machine.bus.nr_regions - 1];

	return (u32)region->read(region->device, offset, 4);
}

void set_disk_reg(u64 offset, u32 value)
{
	const struct region *region = &machine.bus.regions[machine.bus.nr_regions - 1];

	region->write(region->device, offset, value, 4);
}

void disk_start(void)
{
	set_disk_reg(VIRTIO_MMIO_STATUS, 3);
	set_disk_reg(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set_disk_reg(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	set_disk_reg(VIRTIO_MMIO_STATUS, 11);
	set_disk_reg(VIRTIO_MMIO_QUEUE_NUM, 8);
	set_disk_reg(VIRTIO_MMIO_QUEUE_DESC_LOW, RAM_BASE + DISK_DESC);
	set_disk_reg(VIRTIO_MMIO_QUEUE_AVAIL_LOW, RAM_BASE + DISK_AVAIL);
	set_disk_reg(VIRTIO_MMIO_QUEUE_USED_LOW, RAM_BASE + DISK_USED);
	set_disk_reg(VIRTIO_MMIO_QUEUE_READY, 1);
	set_disk_reg(VIRTIO_MMIO_STATUS, 15);
}

/* ---- the machine ---- */

static bool create_file(char *path, long size)
{
	int fd = mkstemp(path);

	return fd >= 0 && ftruncate(fd, size) == 0 && close(fd) == 0;
}

int machine_build(void **state)
{
	(void)state;
	if (!create_file(disk_path, DISK_SIZE) || !create_file(file_path, 0))
		return -1;
	machine.options.vcpus = VCPUS;
	machine.options.device[DEVICE_testdev] = true;
	machine.options.save = file_path;
	machine.options.restore = file_path;
	machine.ram_size = machine.options.ram_size = RAM_SIZE;
	machine.ram = aligned_alloc(SZ_4K, RAM_SIZE);
	machine.stopping = true;
	for (int i = 0; i < VCPUS; i++) {
		machine.vcpus[i].fd = i;
		machine.vcpus[i].machine = &machine;
	}
	machine.vm_fd = -1;
	irqchip_init(&machine);
	uart_init(&machine.uart, &machine);
	testdev_init(&machine);
	machine.options.nr_disks = 1;
	virtio_blk_add(&machine, disk_path, 0);
	machine_reset();
	next_fd = dup(0);
	close(next_fd);
	return 0;
}

int machine_remove(void **state)
{
	(void)state;
	unlink(disk_path);
	unlink(file_path);
	return 0;
}

void machine_reset(void)
{
	memset(machine.ram, 0, RAM_SIZE);
	for (int v = 0; v < VCPUS; v++) {
		struct model *model = &models[v];

		memset(model, 0, sizeof(*model));
		memset(model->value[number_of(TIMER(frequency))], 5, 8);
	}
	plic_reset(&machine.plic);
	uart_reset(&machine.uart);
	virtio_mmio_reset(machine.disks[0]);
}

bool machine_restores(void)
{
	const struct options options = machine.options;

	machine_reset();
	if (setjmp(refused)) {
		machine.options = options;
		close(next_fd);
		return false;
	}
	restore_open(&machine.options);
	restore(&machine);
	machine.options = options;
	return true;
}
