// SPDX-License-Identifier: MIT
/*
 * debugfs.c - /sys/kernel/debug/hyperscope: the trace, the events that it records, and a table of
 * exits.
 *
 *   trace    trace memory, as hstrace reads it; empty before the first event is switched on
 *   events   the events that are recorded there, whether or not their tracepoints are in use. Write
 *            a list such as kvm_exit,gstage_*,!gstage_step, all, or none
 *   exits    each cause of exits with its number and costs, if the module was loaded with
 *            exitstat=time
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "linux.h"
#include "hv/trace_setup.h"
#include "trace.h"

#define MAX_LIST 4096

static struct dentry *folder;

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
	char *list;
	int err;

	if (size > MAX_LIST)
		return -E2BIG;
	list = memdup_user_nul(buf, size);
	if (IS_ERR(list))
		return PTR_ERR(list);
	err = events_record(strim(list));
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

/* A slot's exits on all harts. */
struct row {
	u64 count, priced, sum, max;
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

		row->count += exit_stat_count(tally);
		row->priced += exit_stat_count(tally) - tally->unpriced;
		row->sum += tally->sum;
		row->max = max(row->max, tally->max);
		for (i = 0; i < HIST_BUCKETS; i++)
			row->hist[i] += tally->hist[i];
	}
}

/* Return the least value of a histogram's bucket (hv/trace_mem.h). */
static u64 bucket_start(unsigned int bucket)
{
	unsigned int shift = bucket >> HIST_SUB_BITS;

	if (shift <= 1)
		return bucket;
	shift--;
	return (u64)(bucket - (shift << HIST_SUB_BITS)) << shift;
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
	return bucket_start(i);
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
		if (!row->count)
			continue;
		seq_printf(seq, "%-24s %12llu", slot_name(slot, buf, sizeof(buf)), row->count);
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

void debugfs_init(void)
{
	folder = debugfs_create_dir("hyperscope", NULL);
	debugfs_create_file("trace", 0400, folder, NULL, &trace_fops);
	debugfs_create_file("events", 0600, folder, NULL, &events_fops);
	debugfs_create_file("exits", 0400, folder, NULL, &exits_fops);
}

void debugfs_exit(void)
{
	debugfs_remove(folder);
}
