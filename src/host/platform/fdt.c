// SPDX-License-Identifier: MIT
/*
 * fdt.c - the device tree: memory, reserved ranges, harts, nodes by compatible string.
 *
 * The blob stays where the firmware put it. Its pages are reserved, and it is read through the
 * linear map. Source: Devicetree §2, §3, §5.
 */
#include "fdt.h"
#include "layout.h"
#include <string.h>
#include "hv/bits.h"
#include "hv/hartmask.h"
#include "lib/printk.h"
#include "run_desc.h"

const void *host_fdt;

/*
 * The nodes that the host asks for, found in one pass at boot. For each question about a node, libfdt
 * would search the tree, which took half of the host's boot. It still searches for nodes beyond these
 * arrays.
 */
#define MAX_DEVICES 256
#define MAX_DEPTH   8

static struct {
	int node;
	unsigned long hartid;
} cpus[HV_MAX_HARTS];
static unsigned int nr_cpus, nr_surplus_cpus; /* kept, and those for which there was no room */

static struct {
	int node, parent, len;
	const char *compatible; /* a list of strings of len bytes */
} devices[MAX_DEVICES];         /* enabled ones, by their offsets in the tree */
static unsigned int nr_devices;

static bool node_enabled(int node)
{
	const char *status = fdt_getprop(host_fdt, node, "status", NULL);

	return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

static u64 read_cells(const fdt32_t *cell, int n)
{
	u64 value = 0;

	while (n--)
		value = value << 32 | fdt32_to_cpu(*cell++);
	return value;
}

/* As fdt_reg(), with the node's parent, which libfdt finds only by a search from the root. */
static bool reg_below(int parent, int node, int index, hpa_t *base, u64 *size)
{
	int na = fdt_address_cells(host_fdt, parent), ns = fdt_size_cells(host_fdt, parent), len;
	const fdt32_t *reg = fdt_getprop(host_fdt, node, "reg", &len);

	if (!reg || na < 0 || ns < 0 || len < (index + 1) * (na + ns) * 4)
		return false;
	reg += index * (na + ns);
	*base = read_cells(reg, na);
	if (size)
		*size = read_cells(reg + na, ns);
	return true;
}

bool fdt_reg(int node, int index, hpa_t *base, u64 *size)
{
	for (unsigned int i = 0; i < nr_devices; i++)
		if (devices[i].node == node)
			return reg_below(devices[i].parent, node, index, base, size);
	return reg_below(fdt_parent_offset(host_fdt, node), node, index, base, size);
}

u32 fdt_u32(int node, const char *name, u32 fallback)
{
	int len;
	const fdt32_t *cell = fdt_getprop(host_fdt, node, name, &len);

	return cell && len >= 4 ? fdt32_to_cpu(*cell) : fallback;
}

u64 fdt_number(int node, const char *name, u64 fallback)
{
	int len;
	const fdt32_t *cell = fdt_getprop(host_fdt, node, name, &len);

	if (!cell || (len != 4 && len != 8))
		return fallback;
	return read_cells(cell, len / 4);
}

int fdt_chosen(void)
{
	return fdt_path_offset(host_fdt, "/chosen");
}

const char *fdt_bootargs(void)
{
	int len;
	const char *args = fdt_getprop(host_fdt, fdt_chosen(), "bootargs", &len);

	return args && len > 0 && args[len - 1] == '\0' ? args : "";
}

bool fdt_initrd(hpa_t *start, hpa_t *end)
{
	if (run_desc.initramfs_size) {
		*start = run_desc.initramfs_hpa;
		*end = run_desc.initramfs_hpa + run_desc.initramfs_size;
		return *end > *start;
	}
	*start = fdt_number(fdt_chosen(), "linux,initrd-start", 0);
	*end = fdt_number(fdt_chosen(), "linux,initrd-end", 0);
	return *start && *end > *start;
}

void fdt_each_memory(void (*fn)(hpa_t start, hpa_t end))
{
	hpa_t base;
	u64 size;
	int node;

	fdt_for_each_subnode(node, host_fdt, 0)
	{
		const char *type = fdt_getprop(host_fdt, node, "device_type", NULL);

		if (!type || strcmp(type, "memory") || !node_enabled(node))
			continue;
		for (int i = 0; reg_below(0, node, i, &base, &size); i++)
			fn(base, base + size);
	}
}

void fdt_each_reserved(void (*fn)(hpa_t start, hpa_t end))
{
	hpa_t dtb = va_to_pa(host_fdt), base, end;
	int reserved = fdt_path_offset(host_fdt, "/reserved-memory"), node;
	u64 size;

	fn(dtb, dtb + fdt_totalsize(host_fdt));
	if (fdt_initrd(&base, &end))
		fn(base, end);
	for (int i = 0; i < fdt_num_mem_rsv(host_fdt); i++) {
		uint64_t start, bytes;

		if (!fdt_get_mem_rsv(host_fdt, i, &start, &bytes))
			fn(start, start + bytes);
	}
	if (reserved < 0)
		return;
	fdt_for_each_subnode(node, host_fdt, reserved)
	{
		for (int i = 0; reg_below(reserved, node, i, &base, &size); i++)
			fn(base, base + size);
	}
}

unsigned long fdt_map(int node, int index, u64 least, u64 *size)
{
	hpa_t base;

	if (!fdt_reg(node, index, &base, size) || *size < least || *size > LINEAR_SIZE ||
	    base > LINEAR_SIZE - *size || (base & 3))
		return 0;
	return (unsigned long)pa_to_va(base);
}

bool fdt_interrupt(int node, int controller, struct fdt_interrupt *irq)
{
	int len, at = node;
	const fdt32_t *cell = fdt_getprop(host_fdt, node, "interrupts-extended", &len);
	u32 parent = 0;

	if (cell && len >= 8) {
		parent = fdt32_to_cpu(*cell++);
		len -= 4;
	} else {
		cell = fdt_getprop(host_fdt, node, "interrupts", &len);
		if (!cell || len < 4)
			return false;
		for (; at >= 0 && !parent; at = fdt_parent_offset(host_fdt, at))
			parent = fdt_u32(at, "interrupt-parent", 0);
	}
	irq->controller = parent ? fdt_node_offset_by_phandle(host_fdt, parent) : controller;
	irq->number = fdt32_to_cpu(cell[0]);
	irq->sense = 4;
	if (len >= 8 && irq->controller >= 0 &&
	    fdt_u32(irq->controller, "#interrupt-cells", 1) == 2)
		irq->sense = fdt32_to_cpu(cell[1]);
	return true;
}

int fdt_hart_irq_index(int node, unsigned long hartid, u32 irq)
{
	int len, i, intc, cpu;
	const fdt32_t *pair = fdt_getprop(host_fdt, node, "interrupts-extended", &len);

	for (i = 0; pair && (i + 1) * 8 <= len; i++, pair += 2) {
		if (fdt32_to_cpu(pair[1]) != irq)
			continue;
		intc = fdt_node_offset_by_phandle(host_fdt, fdt32_to_cpu(pair[0]));
		cpu = intc < 0 ? intc : fdt_parent_offset(host_fdt, intc);
		if (cpu >= 0 && fdt_number(cpu, "reg", ~0ULL) == hartid)
			return i;
	}
	return -1;
}

static void find_cpus(void)
{
	int parent = fdt_path_offset(host_fdt, "/cpus"), node;
	hpa_t hartid;

	nr_cpus = nr_surplus_cpus = 0;
	fdt_for_each_subnode(node, host_fdt, parent)
	{
		const char *type = fdt_getprop(host_fdt, node, "device_type", NULL);

		if (!type || strcmp(type, "cpu") || !node_enabled(node) ||
		    !reg_below(parent, node, 0, &hartid, NULL))
			continue;
		if (nr_cpus == ARRAY_SIZE(cpus)) {
			nr_surplus_cpus++;
			continue;
		}
		cpus[nr_cpus].node = node;
		cpus[nr_cpus++].hartid = (unsigned long)hartid;
	}
}

static void find_devices(void)
{
	int node = 0, depth = 0, len, parents[MAX_DEPTH + 1] = { 0 };

	nr_devices = 0;
	while (nr_devices < MAX_DEVICES && (node = fdt_next_node(host_fdt, node, &depth)) >= 0 &&
	       depth > 0) {
		const char *list = fdt_getprop(host_fdt, node, "compatible", &len);

		if (depth <= MAX_DEPTH)
			parents[depth] = node;
		if (!list || !node_enabled(node))
			continue;
		devices[nr_devices].parent =
			depth <= MAX_DEPTH ? parents[depth - 1] : fdt_parent_offset(host_fdt, node);
		devices[nr_devices].node = node;
		devices[nr_devices].compatible = list;
		devices[nr_devices++].len = len;
	}
}

void fdt_each_cpu(void (*fn)(int node, unsigned long hartid))
{
	for (unsigned int i = 0; i < nr_cpus; i++)
		fn(cpus[i].node, cpus[i].hartid);
}

unsigned int fdt_surplus_cpus(void)
{
	return nr_surplus_cpus;
}

int fdt_next_compatible(int from, const char *compatible)
{
	for (unsigned int i = 0; i < nr_devices; i++)
		if (devices[i].node > from &&
		    fdt_stringlist_contains(devices[i].compatible, devices[i].len, compatible))
			return devices[i].node;
	if (nr_devices < MAX_DEVICES)
		return -FDT_ERR_NOTFOUND;
	from = MAX(from, devices[MAX_DEVICES - 1].node);
	do
		from = fdt_node_offset_by_compatible(host_fdt, from, compatible);
	while (from >= 0 && !node_enabled(from));
	return from;
}

void fdt_init(hpa_t dtb)
{
	host_fdt = pa_to_va(dtb);
	if (fdt_check_header(host_fdt))
		panic("no device tree at 0x%llx", dtb);
	find_cpus();
	find_devices();
}
