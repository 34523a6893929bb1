// SPDX-License-Identifier: MIT
/*
 * fdt.c - fuzz target: read any device tree as the host does at boot.
 *
 * The input chooses nodes, and properties of any length and contents; libfdt makes a well-formed
 * tree of them. Each query of fdt.h and imsic_layout.h runs on each node. Malformed trees, which
 * libfdt has to refuse, are not tried.
 */
#include "platform/fdt.h"
#include "platform/imsic_layout.h"
#include "platform/layout.h"
#include "platform/run_desc.h"
#include "mm/page.h"
#include "fuzz.h"
#include "snapshot.h"

#define MAX_TREE 0x2000

static struct choices choices;
static u8 tree[MAX_TREE] __attribute__((aligned(8)));
static unsigned int nodes_left = 12; /* libfdt's queries take time quadratic in their number */

static u64 rnd(u64 below)
{
	return choose(&choices, below);
}

struct hs_run_desc run_desc;

void panic(const char *fmt, ...)
{
	fprintf(stderr, "panic: %s\n", fmt);
	abort();
}

/* ---- the tree ----------------------------------------------------------------------- */

static u32 any_cell(void)
{
	switch (rnd(8)) {
	case 0:
		return (u32)rnd(1ull << 32);
	case 1:
		return ~0u << rnd(32);
	case 2:
		return 0x80000000u + 0x1000 * (u32)rnd(16);
	default:
		return (u32)rnd(16);
	}
}

static void put_property(void)
{
	static const char *const names[] = {
		"reg",
		"#address-cells",
		"#size-cells",
		"status",
		"compatible",
		"device_type",
		"interrupts-extended",
		"interrupts",
		"interrupt-parent",
		"#interrupt-cells",
		"phandle",
		"bootargs",
		"linux,initrd-start",
		"linux,initrd-end",
		"riscv,num-ids",
		"riscv,num-guest-ids",
		"riscv,guest-index-bits",
		"riscv,hart-index-bits",
		"riscv,group-index-bits",
		"riscv,group-index-shift",
	};
	static const char *const texts[] = { "okay", "cpu", "memory", "x", "disabled", "", "cpu" };
	const char *name = names[rnd(sizeof(names) / sizeof(names[0]))];
	fdt32_t cells[8];
	unsigned int n = (unsigned int)rnd(9), i;

	if (rnd(3) == 2) {
		const char *text = texts[rnd(7)];

		fdt_property(tree, name, text, (int)(strlen(text) + (rnd(8) != 7)));
		return;
	}
	for (i = 0; i < n; i++)
		cells[i] = cpu_to_fdt32(any_cell());
	fdt_property(tree, name, cells, (int)(4 * n - (n && rnd(8) == 7 ? rnd(4) : 0)));
}

static void put_nodes(unsigned int depth)
{
	static const char *const names[] = {
		"cpus", "chosen", "reserved-memory", "memory@80000000", "cpu@0", "intc", "soc", "x"
	};
	unsigned int left;

	for (left = (unsigned int)rnd(8); left; left--)
		put_property();
	left = depth < 4 && choices.left ? (unsigned int)rnd(5) : 0;
	for (; left && nodes_left; left--) {
		nodes_left--;
		fdt_begin_node(tree, names[rnd(8)]);
		put_nodes(depth + 1);
		fdt_end_node(tree);
	}
}

static bool make_tree(void)
{
	fdt_create(tree, MAX_TREE);
	while (rnd(8) == 7)
		fdt_add_reservemap_entry(tree, rnd(~0ull), rnd(~0ull));
	fdt_finish_reservemap(tree);
	fdt_begin_node(tree, "");
	put_nodes(0);
	fdt_end_node(tree);
	return fdt_finish(tree) == 0;
}

/* ---- the queries ---------------------------------------------------------------------- */

static void range(hpa_t start, hpa_t end)
{
	CLAIM(start <= end || end <= start); /* any range; its consumer checks it */
}

static void cpu(int node, unsigned long hartid)
{
	CLAIM(node >= 0);
	fdt_hart_irq_index(node, hartid, 9);
}

static void query(int node)
{
	struct fdt_interrupt irq;
	struct imsic_layout layout;
	unsigned int files;
	hpa_t base;
	u64 size;
	int i;

	for (i = 0; i < 3; i++)
		fdt_reg(node, i, &base, &size);
	fdt_number(node, "reg", 1);
	fdt_interrupt(node, -1, &irq);
	fdt_hart_irq_index(node, rnd(4), 9);
	if (fdt_map(node, (int)rnd(3), 0x1000, &size))
		CLAIM(size >= 0x1000 && size <= LINEAR_SIZE);
	if (imsic_layout_read(node, &layout))
		return;
	CLAIM(layout.guest_bits <= 7 && layout.hart_bits <= 15 && layout.ids >= 63);
	for (i = 0; i < 4; i++)
		if (imsic_layout_find(&layout, (unsigned int)rnd(64), &base, &files)) {
			CLAIM(!(base % PAGE_SIZE) && base < LINEAR_SIZE);
			CLAIM(files && files <= 128);
			imsic_layout_number(&layout, base);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hpa_t start, end;
	u8 *blob;
	int node;

	if (!snapshot_restore())
		snapshot_take();
	choices = (struct choices){ data, size };
	if (!make_tree())
		return 0;
	blob = snapshot_alloc(fdt_totalsize(tree)); /* its end is poisoned */
	memcpy(blob, tree, fdt_totalsize(tree));
	fdt_init(va_to_pa(blob));
	fdt_bootargs();
	if (fdt_initrd(&start, &end))
		range(start, end);
	fdt_each_memory(range);
	fdt_each_reserved(range);
	fdt_each_cpu(cpu);
	for (node = fdt_next_compatible(-1, "x"); node >= 0; node = fdt_next_compatible(node, "x"))
		query(node);
	for (node = 0; node >= 0; node = fdt_next_node(blob, node, NULL))
		query(node);
	snapshot_free(blob);
	return 0;
}
