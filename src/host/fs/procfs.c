// SPDX-License-Identifier: MIT
/*
 * procfs.c - /proc: files about the machine. procfs_pid.c has those about processes.
 *
 * The only files are those that real programs read, and none of the values in them is invented.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include "platform/bootargs.h"
#include "sched/clock.h"
#include "platform/fdt.h"
#include "mm/hugetlb.h"
#include "mm/vma.h"
#include "hv/host.h"
#include "inode.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "procfs.h"
#include "pseudo.h"
#include "sched/irq.h"
#include "sched/smp.h"

static int show_version(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "Linux version %s (hyperscope) #1 SMP\n", OS_RELEASE);
	return 0;
}

static int show_uptime(struct inode *inode, struct text *t)
{
	u64 ms = clock_monotonic_ns() / 1000000, idle = 0;
	unsigned int i;

	(void)inode;
	for (i = 0; i < nr_harts; i++)
		idle += ticks_to_ns(READ_ONCE(harts[i].idle->run_time)) / 1000000;
	text_add(t, "%llu.%02llu %llu.%02llu\n", ms / 1000, ms / 10 % 100, idle / 1000,
		 idle / 10 % 100);
	return 0;
}

static int show_meminfo(struct inode *inode, struct text *t)
{
	size_t total = page_total_count() * 4, free = page_free_count() * 4;

	(void)inode;
	text_add(t, "MemTotal:       %8zu kB\nMemFree:        %8zu kB\n", total, free);
	text_add(t, "MemAvailable:   %8zu kB\n", free);
	text_add(t, "SwapTotal:             0 kB\nSwapFree:              0 kB\n");
	text_add(t, "HugePages_Total: %7zu\nHugePages_Free:  %7zu\n", huge_page_total(),
		 huge_page_free_count());
	text_add(t, "HugePages_Rsvd:        0\nHugePages_Surp:        0\n");
	text_add(t, "Hugepagesize:       2048 kB\n");
	return 0;
}

/*
 * Show the slabs in Linux's format (version 2.1). Larger allocations take whole pages, so MemFree
 * and the free objects in the slabs together are all of the free memory, to the byte.
 */
static int show_slabinfo(struct inode *inode, struct text *t)
{
	struct kmalloc_class c;
	unsigned int i;
	size_t each;

	(void)inode;
	text_add(t,
		 "slabinfo - version: 2.1\n"
		 "# name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables "
		 "<limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> "
		 "<sharedavail>\n");
	for (i = 0; kmalloc_class(i, &c); i++) {
		each = PAGE_SIZE / c.size;
		text_add(t, "kmalloc-%zu %zu %zu %zu %zu 1 : tunables 0 0 0 : slabdata %zu %zu 0\n",
			 c.size, c.used, c.pages * each, c.size, each, c.pages, c.pages);
	}
	return 0;
}

/* Show the properties of the online harts, from the device tree. */
static int show_cpuinfo(struct inode *inode, struct text *t)
{
	int cpus = fdt_path_offset(host_fdt, "/cpus"), node;
	const char *isa, *mmu;
	unsigned int i;
	u64 hartid;

	(void)inode;
	fdt_for_each_subnode(node, host_fdt, cpus)
	{
		hartid = fdt_number(node, "reg", ~0ULL);
		isa = fdt_getprop(host_fdt, node, "riscv,isa", NULL);
		mmu = fdt_getprop(host_fdt, node, "mmu-type", NULL);
		for (i = 0; i < nr_harts; i++)
			if (harts[i].hartid == hartid)
				text_add(t,
					 "processor\t: %u\nhart\t\t: %llu\nisa\t\t: %s\nmmu\t\t: "
					 "%s\n\n",
					 i, hartid, isa ? isa : "", mmu ? mmu : "");
	}
	return 0;
}

/* Show a row's number of interrupts on each hart. */
static void add_counts(struct text *t, const char *label, const unsigned long *first, size_t stride)
{
	unsigned int i;

	text_add(t, "%4s:", label);
	for (i = 0; i < nr_harts; i++)
		text_add(t, " %10lu", *(const unsigned long *)((const char *)first + i * stride));
}

/* Show the interrupts that each hart has taken, in Linux's format. */
static int show_interrupts(struct inode *inode, struct text *t)
{
	struct irq_source *s;
	unsigned int i;
	char label[12];

	(void)inode;
	text_add(t, "%11s", "");
	for (i = 0; i < nr_harts; i++)
		text_add(t, "CPU%-8u", i);
	text_add(t, "\n");
	add_counts(t, "1", &harts[0].timer_irqs, sizeof(harts[0]));
	text_add(t, "  RISC-V INTC  %4d Edge      riscv-timer\n", IRQ_S_TIMER);
	for (i = 0; (s = irq_source(i)); i++) {
		snprintf(label, sizeof(label), "%u", i + 2);
		add_counts(t, label, s->count, sizeof(s->count[0]));
		text_add(t, "  %-11s  %4u %s %s\n", s->polled ? "polled" : irq_chip->name,
			 s->number,
			 s->sense & (IRQ_LEVEL_HIGH | IRQ_LEVEL_LOW) ? "Level    " : "Edge     ",
			 s->name);
	}
	add_counts(t, "IPI0", &harts[0].ipis, sizeof(harts[0]));
	text_add(t, "  Rescheduling interrupts by %s\n", ipi_method->name);
	return 0;
}

static int show_cmdline(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%s\n", fdt_bootargs());
	return 0;
}

static int show_filesystems(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "nodev\ttmpfs\nnodev\tproc\nnodev\tsysfs\n");
	return 0;
}

static int show_mounts(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "rootfs / tmpfs rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n");
	return 0;
}

static void add_times(struct text *t, const char *name, u64 busy, u64 idle)
{
	/* user nice system idle iowait irq softirq steal guest guest_nice, in 1/100 s */
	text_add(t, "%s %llu 0 0 %llu 0 0 0 0 0 0\n", name, busy, idle);
}

/* The idle time of a hart, in 1/100 s. */
static u64 idle_time(unsigned int hart)
{
	return ticks_to_ns(READ_ONCE(harts[hart].idle->run_time)) / 10000000;
}

static int show_stat(struct inode *inode, struct text *t)
{
	u64 up = clock_monotonic_ns() / 10000000, idle, all = 0;
	unsigned int i;
	char name[16];

	(void)inode;
	for (i = 0; i < nr_harts; i++)
		all += MIN(idle_time(i), up);
	add_times(t, "cpu ", up * nr_harts - all, all);
	for (i = 0; i < nr_harts; i++) {
		snprintf(name, sizeof(name), "cpu%u", i);
		idle = MIN(idle_time(i), up);
		add_times(t, name, up - idle, idle);
	}
	text_add(t, "btime %llu\n", boot_realtime_ns / 1000000000);
	return 0;
}

static int show_last_pid(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%d\n", thread_last_tid());
	return 0;
}

static int store_last_pid(struct inode *inode, const char *line)
{
	unsigned long wanted;

	(void)inode;
	if (pseudo_number(line, TID_LIMIT - 1, &wanted))
		return -EINVAL;
	thread_set_last_tid((int)wanted);
	return 0;
}

/* Show a file that consists of one number or word. */
static int show_word(struct inode *inode, struct text *t)
{
	const struct pseudo_file *pf = inode->priv;

	text_add(t, "%s\n", (const char *)pf->data);
	return 0;
}

#define WORD_FILE(p, value)                                                        \
	{                                                                          \
		.path = (p), .show = show_word, .data = (void *)(uintptr_t)(value) \
	}

static const struct pseudo_file files[] = {
	{ .path = "/proc/version", .show = show_version },
	{ .path = "/proc/uptime", .show = show_uptime },
	{ .path = "/proc/meminfo", .show = show_meminfo },
	{ .path = "/proc/slabinfo", .show = show_slabinfo, .mode = 0400 },
	{ .path = "/proc/cpuinfo", .show = show_cpuinfo },
	{ .path = "/proc/interrupts", .show = show_interrupts },
	{ .path = "/proc/cmdline", .show = show_cmdline },
	{ .path = "/proc/filesystems", .show = show_filesystems },
	{ .path = "/proc/mounts", .show = show_mounts },
	{ .path = "/proc/stat", .show = show_stat },
	WORD_FILE("/proc/sys/kernel/osrelease", OS_RELEASE),
	WORD_FILE("/proc/sys/kernel/ostype", "Linux"),
	WORD_FILE("/proc/sys/kernel/pid_max", "4194304"), /* TID_LIMIT */
	{ .path = "/proc/sys/kernel/ns_last_pid", .show = show_last_pid, .store = store_last_pid },
	WORD_FILE("/proc/sys/kernel/randomize_va_space", "0"),
	WORD_FILE("/proc/sys/vm/overcommit_memory", "1"),
	WORD_FILE("/proc/sys/fs/nr_open", "262144"),
};

void procfs_init(void)
{
	size_t i;

	tree_make("/proc", S_IFDIR | 0555, &proc_root_ops);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		pseudo_make(&files[i]);
	procfs_link_init();
	sysrq_init();
	hugetlb_files_init();
	mm_limits_init();
}
