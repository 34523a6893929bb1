// SPDX-License-Identifier: MIT
/*
 * mmio.c - count MMIO accesses by register and time.
 *
 * kvm_mmio is emitted once per access: for a load, when the value has arrived; for a store, when
 * the store is made.
 */
#include <string.h>
#include "html.h"

#define HASH_SIZE  (2 * HTML_REGISTERS)
#define MMIO_WRITE 2

static struct html_register *register_of(struct html_run *run, u64 gpa)
{
	u32 at = (u32)((gpa * 0x9e3779b97f4a7c15ULL) >> 40) % HASH_SIZE;

	for (; run->register_hash[at]; at = (at + 1) % HASH_SIZE)
		if (run->registers[run->register_hash[at] - 1].gpa == gpa)
			return &run->registers[run->register_hash[at] - 1];
	if (run->nr_registers == HTML_REGISTERS)
		return NULL;
	run->register_hash[at] = (u16)(run->nr_registers + 1);
	run->registers[run->nr_registers].gpa = gpa;
	return &run->registers[run->nr_registers++];
}

void html_mmio_event(struct html_run *run, const struct html_event *event)
{
	struct html_register *reg;

	if (event->kind != HTML_MMIO)
		return;
	reg = register_of(run, event->arg[1]);
	if (!reg) {
		run->other_accesses++;
		return;
	}
	if (event->arg[0] == MMIO_WRITE)
		reg->writes++;
	else
		reg->reads++;
	reg->bins[html_bin(run, event->time, HTML_MMIO_BINS)]++;
}

/* ---- names of registers, for devices that have a name (trace/hstrace/device.c) ---- */

struct name {
	u32 offset;
	const char *name;
};

static const struct name uart_names[] = {
	{ 0, "RBR/THR" }, { 1, "IER" }, { 2, "IIR/FCR" }, { 3, "LCR" },
	{ 4, "MCR" },     { 5, "LSR" }, { 6, "MSR" },     { 7, "SCR" },
};

static const struct name virtio_names[] = {
	{ 0x00, "MagicValue" },      { 0x04, "Version" },           { 0x08, "DeviceID" },
	{ 0x0c, "VendorID" },        { 0x10, "DeviceFeatures" },    { 0x14, "DeviceFeaturesSel" },
	{ 0x20, "DriverFeatures" },  { 0x24, "DriverFeaturesSel" }, { 0x30, "QueueSel" },
	{ 0x34, "QueueNumMax" },     { 0x38, "QueueNum" },          { 0x44, "QueueReady" },
	{ 0x50, "QueueNotify" },     { 0x60, "InterruptStatus" },   { 0x64, "InterruptACK" },
	{ 0x70, "Status" },          { 0x80, "QueueDescLow" },      { 0x84, "QueueDescHigh" },
	{ 0x90, "QueueDriverLow" },  { 0x94, "QueueDriverHigh" },   { 0xa0, "QueueDeviceLow" },
	{ 0xa4, "QueueDeviceHigh" }, { 0xfc, "ConfigGeneration" },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool find_name(const struct name *table, size_t n, u64 offset, char *reg)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].offset == offset) {
			snprintf(reg, HST_NAME_SIZE, "%s", table[i].name);
			return true;
		}
	return false;
}

/* RISC-V PLIC: priorities, pending bits, and each context's enable bits, threshold and claim. */
static void plic_name(u64 offset, char *reg)
{
	if (offset < 0x1000)
		snprintf(reg, HST_NAME_SIZE, "priority %llu", offset / 4);
	else if (offset < 0x2000)
		snprintf(reg, HST_NAME_SIZE, "pending %llu", (offset - 0x1000) / 4);
	else if (offset < 0x200000)
		snprintf(reg, HST_NAME_SIZE, "context %llu enable %llu", (offset - 0x2000) / 0x80,
			 offset % 0x80 / 4);
	else if (offset % 0x1000 == 0)
		snprintf(reg, HST_NAME_SIZE, "context %llu threshold",
			 (offset - 0x200000) / 0x1000);
	else if (offset % 0x1000 == 4)
		snprintf(reg, HST_NAME_SIZE, "context %llu claim", (offset - 0x200000) / 0x1000);
	else
		snprintf(reg, HST_NAME_SIZE, "+0x%llx", offset);
}

void html_device_name(const struct hst_file *file, u64 gpa, char *device, char *reg)
{
	u64 offset = gpa - hst_device(file, gpa, device, HST_NAME_SIZE);

	snprintf(reg, HST_NAME_SIZE, "+0x%llx", offset);
	if (!strcmp(device, "plic"))
		plic_name(offset, reg);
	else if (!strcmp(device, "uart"))
		find_name(uart_names, COUNT(uart_names), offset, reg);
	else if (!strncmp(device, "virtio", 6) &&
		 !find_name(virtio_names, COUNT(virtio_names), offset, reg) && offset >= 0x100)
		snprintf(reg, HST_NAME_SIZE, "Config +0x%llx", offset - 0x100);
}
