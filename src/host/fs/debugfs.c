// SPDX-License-Identifier: MIT
/*
 * debugfs.c - /sys/kernel/debug/kvm: the core's counters, for all VMs together and for each VM.
 *
 * VMs come and go, so nothing is kept here: inodes are made on lookup. The id of a VM's directory
 * is the VM's number. A file's id has the VM's number (0: all VMs) in its upper bits and the
 * counter's number in its lower bits.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include <string.h>
#include "hv/core.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "mm/shortage.h"
#include "pseudo.h"

#define COUNTER_BITS 16
#define VM_COOKIES   (1UL << COUNTER_BITS) /* the VMs' entries come after the counters */

static unsigned long file_id(unsigned int vm, unsigned int counter)
{
	return (unsigned long)vm << COUNTER_BITS | counter;
}

static int value_of(const struct inode *inode, u64 *value, bool clear)
{
	return kvm_debug_value((unsigned int)(inode->id >> COUNTER_BITS),
			       (unsigned int)(inode->id & (BIT(COUNTER_BITS) - 1)), value, clear);
}

static int show(struct inode *inode, struct text *t)
{
	u64 value;
	int err = value_of(inode, &value, false);

	if (!err)
		text_add(t, "%llu\n", value);
	return err;
}

/* Writing 0 clears the counter. Nothing else can be written. */
static int store(struct inode *inode, const char *line)
{
	u64 value;

	return strcmp(line, "0") ? -EINVAL : value_of(inode, &value, true);
}

static const struct pseudo_file counter = { .show = show, .store = store };
static const struct pseudo_file state = { .show = show };

void hv_debug_vm(unsigned int vm, const char *name)
{
	(void)vm; /* directories are made on lookup */
	(void)name;
}

static struct inode *find_counter(unsigned int vm, const char *name)
{
	const char *other;
	unsigned int i;
	bool writable;

	for (i = 0; (other = kvm_debug_counter(i, &writable)); i++) {
		if (!strcmp(name, other))
			return pseudo_inode(writable ? &counter : &state, file_id(vm, i));
	}
	return NULL;
}

static bool counter_item(const struct inode *dir, u64 from, struct dir_item *item)
{
	bool writable;
	const char *name =
		from < VM_COOKIES ? kvm_debug_counter((unsigned int)from, &writable) : NULL;

	if (!name)
		return false;
	*item = (struct dir_item){ .cookie = from, .ino = dir->ino + from + 1, .mode = S_IFREG };
	strlcpy(item->name, name, sizeof(item->name));
	return true;
}

static struct inode *vm_lookup(struct inode *dir, const char *name)
{
	return find_counter((unsigned int)dir->id, name);
}

static bool vm_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	return counter_item(dir, from, item);
}

static const struct inode_ops vm_dir_ops = { .lookup = vm_lookup, .readdir = vm_readdir };

static struct inode *root_lookup(struct inode *dir, const char *name)
{
	struct inode *inode = find_counter(0, name);
	char other[HV_DEBUG_NAME];
	unsigned int vm = 0;

	while (!inode && (vm = kvm_debug_vm(vm + 1, other))) {
		if (strcmp(name, other))
			continue;
		inode = inode_alloc(S_IFDIR | 0755, &vm_dir_ops);
		if (!inode)
			return NULL;
		inode->id = vm;
		inode->nlink = 1;
		inode->parent = dir;
		inode_get(dir);
	}
	return inode;
}

static bool root_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	char name[HV_DEBUG_NAME];
	unsigned int vm;

	if (counter_item(dir, from, item))
		return true;
	vm = kvm_debug_vm(from < VM_COOKIES ? 1 : (unsigned int)(from - VM_COOKIES), name);
	if (!vm)
		return false;
	*item = (struct dir_item){ .cookie = VM_COOKIES + vm, .mode = S_IFDIR };
	item->ino = dir->ino + VM_COOKIES + vm;
	strlcpy(item->name, name, sizeof(item->name));
	return true;
}

static const struct inode_ops root_ops = { .lookup = root_lookup, .readdir = root_readdir };

void debugfs_init(void)
{
	tree_make("/sys/kernel/debug/kvm", S_IFDIR | 0755, &root_ops);
	shortage_init();
}
