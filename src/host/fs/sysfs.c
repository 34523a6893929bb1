// SPDX-License-Identifier: MIT
/*
 * sysfs.c - the parts of /sys that programs read: CPUs, huge pages, and the core's parameters.
 *
 * hv_param_register() applies a parameter's boot argument kvm.NAME=VALUE, and makes the parameter
 * appear as /sys/module/kvm/parameters/NAME.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include <string.h>
#include "platform/bootargs.h"
#include "hv/host.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "pseudo.h"

#define VALUE_MAX 128

static int show_cpus(struct inode *inode, struct text *t)
{
	(void)inode;
	if (hv_nr_harts() > 1)
		text_add(t, "0-%u\n", hv_nr_harts() - 1);
	else
		text_add(t, "0\n");
	return 0;
}

/* Large anonymous and shared mappings get 2M pages wherever possible. */
static int show_thp_enabled(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "[always] madvise never\n");
	return 0;
}

static int show_pmd_size(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%lu\n", SZ_2M);
	return 0;
}

static const struct pseudo_file files[] = {
	{ .path = "/sys/devices/system/cpu/online", .show = show_cpus },
	{ .path = "/sys/devices/system/cpu/possible", .show = show_cpus },
	{ .path = "/sys/devices/system/cpu/present", .show = show_cpus },
	{ .path = "/sys/kernel/mm/transparent_hugepage/enabled", .show = show_thp_enabled },
	{ .path = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", .show = show_pmd_size },
};

/* ---- parameters ---------------------------------------------------------------------------- */

struct param {
	struct pseudo_file file;
	const struct hv_param *hv;
	char path[80];
	struct list_head link;
};

static struct list_head params = LIST_HEAD_INIT(params);
static bool tree_ready;

static int param_show(struct inode *inode, struct text *t)
{
	const struct pseudo_file *pf = inode->priv;
	const struct param *p = pf->data;
	char value[VALUE_MAX];
	int err = p->hv->get(p->hv, value, sizeof(value));

	if (err < 0)
		return err;
	value[sizeof(value) - 1] = '\0';
	text_add(t, "%s\n", value);
	return 0;
}

static int param_store(struct inode *inode, const char *line)
{
	const struct pseudo_file *pf = inode->priv;
	const struct param *p = pf->data;

	return p->hv->set(p->hv, line);
}

static void param_from_bootargs(const struct hv_param *hv)
{
	char name[80];
	const char *value;

	snprintf(name, sizeof(name), "kvm.%s", hv->name);
	value = bootarg_get(name);
	if (!value || !hv->set)
		return;
	/* With another value than the requested one, measurements would be wrong. */
	if (hv->set(hv, value))
		panic("%s=%s: no such value", name, value);
}

int hv_param_register(const struct hv_param *hv)
{
	struct param *p = kmalloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	snprintf(p->path, sizeof(p->path), "/sys/module/kvm/parameters/%s", hv->name);
	p->hv = hv;
	p->file.path = p->path;
	p->file.show = param_show;
	p->file.store = hv->set ? param_store : NULL;
	p->file.data = p;
	list_add_tail(&p->link, &params);
	param_from_bootargs(hv);
	if (tree_ready)
		pseudo_make(&p->file);
	return 0;
}

void sysfs_init(void)
{
	struct param *p;
	size_t i;

	tree_make("/sys", S_IFDIR | 0555, &fixed_dir_ops);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		pseudo_make(&files[i]);
	tree_make("/sys/module/kvm/parameters", S_IFDIR | 0755, &fixed_dir_ops);
	list_for_each_entry(p, &params, link)
		pseudo_make(&p->file);
	tree_ready = true;
	frames_init();
	debugfs_init();
	tracefs_init();
}
