// SPDX-License-Identifier: MIT
/* tree.c - remove the files that a sequence leaves. */
#include "fs/inode.h"
#include "invariants.h"
#include "machine.h"

static void clear(struct inode *dir)
{
	struct dentry *d;

	while (!list_empty(&dir->children)) {
		d = list_first_entry(&dir->children, struct dentry, link);
		if ((d->inode->mode & 0170000) == 0040000)
			clear(d->inode);
		dir_remove(d);
	}
}

void tree_clear(void)
{
	struct walk w = { 0 };

	mutex_lock(&tree_lock);
	if (path_walk(root_inode, "/w", 0, &w))
		machine_fail("/w is gone");
	clear(w.inode);
	inode_put(w.inode);
	mutex_unlock(&tree_lock);
}
