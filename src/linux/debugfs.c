// SPDX-License-Identifier: MIT
/*
 * debugfs.c - /sys/kernel/debug/hyperscope: the trace, the events that it records, a table of
 * exits, and counters.
 *
 *   trace    a copy of trace memory, for hstrace save; empty until that is allocated (trace.c)
 *   events   the events selected for `trace`; those whose tracepoints are in use are recorded as
 *            well, but not listed. Write a list such as kvm_exit,gstage_*,!gstage_step or all
 *   exits    the number and costs of exits, by cause, if the module was loaded with exitstat=time
 *   kvm      the core's counters, as in kvm.ko's folder: one file per counter, with the sum over
 *            all VMs, and the folder THREAD-FD of each VM with the same files for that VM. With
 *            replace_kvm=1, this folder is /sys/kernel/debug/kvm
 */
#include <linux/ctype.h>
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>
#include "linux.h"
#include "hv/trace_setup.h"
#include "trace.h"

#define MAX_LIST 4096

static struct dentry *folder, *counters;

/* ---- trace and events ------------------------------------------------------------------------ */

static ssize_t trace_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	size_t available;
	const struct trace_mem *mem = events_memory(&available);

	return mem ? simple_read_from_buffer(buf, size, pos, mem, available) : 0;
}

static const struct file_operations trace_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = trace_read,
	.llseek = default_llseek,
};

static void put_name(void *to, const char *name)
{
	seq_printf(to, "%s\n", name);
}

static int events_show(struct seq_file *seq, void *unused)
{
	events_recorded(put_name, seq);
	return 0;
}

static int events_open(struct inode *inode, struct file *file)
{
	return single_open(file, events_show, NULL);
}

static ssize_t events_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	char *list, *from, *to, c;
	int err;

	if (size > MAX_LIST)
		return -E2BIG;
	list = memdup_user_nul(buf, size);
	if (IS_ERR(list))
		return PTR_ERR(list);
	/* Put one comma between words. */
	for (from = to = list; *from; from++) {
		c = isspace(*from) ? ',' : *from;
		if (c != ',' || (to > list && to[-1] != ','))
			*to++ = c;
	}
	if (to > list && to[-1] == ',')
		to--;
	*to = '\0';
	err = events_record(list);
	kfree(list);
	return err ? err : size;
}

static const struct file_operations events_fops = {
	.owner = THIS_MODULE,
	.open = events_open,
	.read = seq_read,
	.write = events_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ---- exits --------------------------------------------------------------------------------- */

/* A slot of all harts together. priced: exits whose cost is known. */
struct row {
	u64 priced, unpriced, sum, max;
	u64 hist[HIST_BUCKETS];
};

static const char *const class_titles[] = {
#define EXIT_CLASS(name, title, when) title,
#include "hv/exit_class.def"
#undef EXIT_CLASS
};

static const char *slot_name(unsigned int slot, char *buf, size_t size)
{
	if (slot >= EXIT_SLOT_CLASS)
		return class_titles[slot - EXIT_SLOT_CLASS];
	switch (slot) {
#define EXCEPTION(id, number, name, description, source) \
	case number:                                     \
		return name;
#define INTERRUPT(id, number, name, description, source) \
	case EXIT_SLOT_IRQ + number:                     \
		return name;
#include "hv/cause.def"
	}
	snprintf(buf, size, "%s_%u", slot < EXIT_SLOT_IRQ ? "exception" : "irq",
		 slot % EXIT_SLOT_IRQ);
	return buf;
}

static void add_slot(struct row *row, const struct trace_mem *mem, unsigned int slot)
{
	unsigned int hart, i;

	memset(row, 0, sizeof(*row));
	for (hart = 0; hart < mem->nr_harts; hart++) {
		const char *area = (const char *)mem + mem->harts_offset + hart * mem->hart_stride;
		const struct exit_tally *tally =
			(const struct exit_tally *)(area + mem->stats_offset) + slot;

		row->priced += (u64)tally->wraps << 32;
		row->unpriced += tally->unpriced;
		row->sum += tally->sum;
		row->max = max(row->max, tally->max);
		for (i = 0; i < HIST_BUCKETS; i++) {
			u64 n = READ_ONCE(tally->hist[i]);

			row->hist[i] += n;
			row->priced += n;
		}
	}
}

/* Return the middle of a histogram's bucket (hv/trace_mem.h), as hstrace does. */
static u64 bucket_middle(unsigned int bucket)
{
	unsigned int shift = bucket >> HIST_SUB_BITS;

	if (shift <= 1)
		return bucket;
	shift--;
	return ((u64)(bucket - (shift << HIST_SUB_BITS)) << shift) + (1ULL << shift) / 2;
}

static u64 percentile(const struct row *row, unsigned int percent)
{
	u64 wanted = div_u64(row->priced * percent + 99, 100), seen = 0;
	unsigned int i;

	for (i = 0; i < HIST_BUCKETS - 1; i++) {
		seen += row->hist[i];
		if (seen >= wanted)
			break;
	}
	return min(bucket_middle(i), row->max);
}

static u64 to_ns(const struct trace_mem *mem, u64 ticks)
{
	return mul_u64_u64_div_u64(ticks, NSEC_PER_SEC, mem->timebase_hz);
}

static int exits_show(struct seq_file *seq, void *unused)
{
	size_t size;
	const struct trace_mem *mem = events_memory(&size);
	struct row *row;
	unsigned int slot;
	char buf[24];

	if (!mem || mem->exit_unit != EXIT_UNIT_TIME) {
		seq_puts(seq, "Exits are not accounted for: load the module with exitstat=time.\n");
		return 0;
	}
	row = kmalloc(sizeof(*row), GFP_KERNEL);
	if (!row)
		return -ENOMEM;
	seq_printf(seq, "%-24s %12s %10s %10s %10s %10s\n", "cause", "count", "mean ns", "p50 ns",
		   "p99 ns", "max ns");
	for (slot = 0; slot < mem->nr_slots; slot++) {
		add_slot(row, mem, slot);
		if (!row->priced && !row->unpriced)
			continue;
		seq_printf(seq, "%-24s %12llu", slot_name(slot, buf, sizeof(buf)),
			   row->priced + row->unpriced);
		if (row->priced)
			seq_printf(seq, " %10llu %10llu %10llu %10llu",
				   to_ns(mem, div64_u64(row->sum, row->priced)),
				   to_ns(mem, percentile(row, 50)), to_ns(mem, percentile(row, 99)),
				   to_ns(mem, row->max));
		seq_putc(seq, '\n');
	}
	kfree(row);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(exits);

/* ---- counters ------------------------------------------------------------------------------ */

/* The data of a counter's file: the VM's number (0: all VMs) and the counter's number. */
#define COUNTER_BITS 16

static DEFINE_XARRAY(vm_folders); /* by the VM's number */

static int counter_access(void *data, u64 *value, bool clear)
{
	unsigned long id = (unsigned long)data;
	int err;

	enter_core();
	err = kvm_debug_value(id >> COUNTER_BITS, id & (BIT(COUNTER_BITS) - 1), value, clear);
	leave_core();
	return err;
}

static int counter_get(void *data, u64 *value)
{
	return counter_access(data, value, false);
}

static int counter_clear(void *data, u64 value)
{
	return value ? -EINVAL : counter_access(data, &value, true);
}

DEFINE_DEBUGFS_ATTRIBUTE(counter_fops, counter_get, counter_clear, "%llu\n");
DEFINE_DEBUGFS_ATTRIBUTE(state_fops, counter_get, NULL, "%llu\n");

static void add_counters(struct dentry *to, unsigned long vm)
{
	const char *name;
	unsigned long i;
	bool writable;

	for (i = 0; (name = kvm_debug_counter(i, &writable)); i++)
		debugfs_create_file(name, writable ? 0644 : 0444, to,
				    (void *)(vm << COUNTER_BITS | i),
				    writable ? &counter_fops : &state_fops);
}

static bool counters_have(const char *name)
{
	struct dentry *of_vm = debugfs_lookup(name, counters);

	if (IS_ERR_OR_NULL(of_vm)) /* an error: this Linux has no debugfs */
		return false;
	dput(of_vm);
	return true;
}

/*
 * Once a VM's descriptor is closed, another VM may have the same name while the first one exists. The
 * second one has no folder: debugfs would log a message for each attempt to create it.
 */
void hv_debug_vm(unsigned int vm, const char *name)
{
	struct dentry *of_vm;

	leave_core();
	if (name && !counters_have(name)) {
		of_vm = debugfs_create_dir(name, counters);
		if (!IS_ERR(of_vm) && xa_err(xa_store(&vm_folders, vm, of_vm, GFP_KERNEL)))
			debugfs_remove(of_vm);
		else if (!IS_ERR(of_vm))
			add_counters(of_vm, vm);
	} else if (!name) {
		debugfs_remove(xa_erase(&vm_folders, vm));
	}
	enter_core();
}

void debugfs_init(void)
{
	folder = debugfs_create_dir("hyperscope", NULL);
	debugfs_create_file("trace", 0400, folder, NULL, &trace_fops);
	debugfs_create_file("events", 0600, folder, NULL, &events_fops);
	debugfs_create_file("exits", 0400, folder, NULL, &exits_fops);
	counters = debugfs_create_dir("kvm", replace_kvm ? NULL : folder);
	add_counters(counters, 0);
}

void debugfs_exit(void)
{
	debugfs_remove(counters);
	debugfs_remove(folder);
}
