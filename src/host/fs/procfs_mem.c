// SPDX-License-Identifier: MIT
/*
 * procfs_mem.c - /proc/self/maps, smaps and clear_refs: a process's own memory.
 */
#include <linux/errno.h>
#include <linux/mman.h>
#include <string.h>
#include "mm/page.h"
#include "proc/process.h"
#include "procfs.h"
#include "pseudo.h"
#include "mm/vma.h"

static void file_name(struct file *f, char *buf, size_t size)
{
	if (f->anon_name)
		strlcpy(buf, f->anon_name, size);
	else if (f->inode)
		inode_path(f->inode, buf, size);
	else
		strlcpy(buf, "anon_inode:[file]", size);
}

static void show_area(struct text *t, const struct mm *mm, const struct vma *vma, char *name)
{
	const char *what = "";

	if (vma->file) {
		file_name(vma->file, name, PATH_LEN_MAX);
		what = name;
	} else if (vma->start < mm->brk && vma->end > mm->brk_start) {
		what = "[heap]";
	} else if (vma->start <= mm->arg_start && vma->end > mm->arg_start) {
		what = "[stack]";
	}
	text_add(t, "%08lx-%08lx %c%c%c%c %08llx 00:%s %llu %s%s\n", vma->start, vma->end,
		 vma->prot & PROT_READ ? 'r' : '-', vma->prot & PROT_WRITE ? 'w' : '-',
		 vma->prot & PROT_EXEC ? 'x' : '-', vma->flags & VMA_SHARED ? 's' : 'p',
		 vma->pgoff << PAGE_SHIFT, vma->file ? "01" : "00",
		 vma->file && vma->file->inode ? vma->file->inode->ino : 0, *what ? "    " : "",
		 what);
}

static void show_counts(struct text *t, struct mm *mm, const struct vma *vma)
{
	struct mm_counts counts;

	mm_count(mm, vma, &counts);
	text_add(t,
		 "Size:           %8lu kB\nKernelPageSize:        4 kB\n"
		 "MMUPageSize:           4 kB\nRss:            %8lu kB\n"
		 "Referenced:     %8lu kB\nAnonHugePages:  %8lu kB\n",
		 (vma->end - vma->start) / 1024, counts.present * 4, counts.young * 4,
		 vma->file ? 0 : counts.huge * 4);
}

static int show(struct inode *inode, struct text *t, bool with_counts)
{
	struct mm *mm = current_process->mm;
	struct vma *vma;
	char *name;

	if (!proc_is_mine(inode))
		return -EACCES;
	name = kmalloc(PATH_LEN_MAX);
	if (!name)
		return -ENOMEM;
	mutex_lock(&mm->lock);
	list_for_each_entry(vma, &mm->vmas, link) {
		show_area(t, mm, vma, name);
		if (with_counts)
			show_counts(t, mm, vma);
		mm_walked(mm, WALK_PIECE);
	}
	mutex_unlock(&mm->lock);
	kfree(name);
	return 0;
}

int proc_show_maps(struct inode *inode, struct text *t)
{
	return show(inode, t, false);
}

int proc_show_smaps(struct inode *inode, struct text *t)
{
	return show(inode, t, true);
}

/*
 * Writing 1 clears the accessed bits in all areas; 2, in anonymous areas; and 3, in mappings of
 * files. 4 (soft-dirty) and 5 are not supported.
 */
int proc_store_clear_refs(struct inode *inode, const char *line)
{
	struct mm *mm = current_process->mm;
	struct vma *vma;

	if (!proc_is_mine(inode))
		return -EACCES;
	if (line[0] < '1' || line[0] > '3' || line[1])
		return -EINVAL;
	mutex_lock(&mm->lock);
	for_each_vma(vma, mm)
		if (line[0] == '1' || (line[0] == '2') == !vma->file)
			mm_age(mm, vma->start, vma->end);
	mutex_unlock(&mm->lock);
	return 0;
}
