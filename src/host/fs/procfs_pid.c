// SPDX-License-Identifier: MIT
/*
 * procfs_pid.c - /proc/self and /proc/PID: files about the calling process, and some about others.
 *
 * Inodes here are made on lookup and freed with their last reference. An inode's id is the number
 * of a process or thread, and each file looks it up again. Another process's memory and
 * descriptors may vanish at any time, so maps, smaps, clear_refs, pagemap, environ, cwd and fd
 * work only for the caller's own process.
 */
#include <linux/errno.h>
#include <asm/resource.h>
#include <linux/mman.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <string.h>
#include "sched/clock.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "proc/process_impl.h"
#include "proc/rlimit.h"
#include "procfs.h"
#include "pseudo.h"
#include "mm/uaccess.h"
#include "mm/vma.h"

int proc_number(const char *name)
{
	unsigned long value = 0;

	if (!*name || (name[0] == '0' && name[1]))
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		value = value * 10 + (unsigned long)(*name - '0');
		if (value >= TID_LIMIT) /* descriptors are lower, too */
			return -1;
	}
	return (int)value;
}

/*
 * Find a process by its own number or by that of one of its threads. Returns the process with a
 * reference, or NULL.
 */
struct process *proc_process(int id)
{
	struct process *p = process_find(id);
	struct thread *t;

	if (p)
		return p;
	spin_lock(&all_threads_lock);
	list_for_each_entry(t, &all_threads, all_link)
		if (t->tid == id && t->process) {
			p = t->process;
			process_get(p);
			break;
		}
	spin_unlock(&all_threads_lock);
	return p;
}

bool proc_is_mine(const struct inode *inode)
{
	struct process *p = proc_process((int)inode->id);
	bool mine = p && p == current_process;

	if (p)
		process_put(p);
	return mine;
}

/* ---- text files ------------------------------------------------------------------------------ */

struct thread_facts {
	char name[THREAD_NAME_LEN];
	char state;
	bool no_new_privs, filtered;
	u64 run, wait, count; /* run and wait are in ticks */
};

/* The thread may change its state meanwhile: each word is read once. */
static char state_letter(const struct thread *t)
{
	if (READ_ONCE(t->sig.stopped))
		return 'T';
	switch (READ_ONCE(t->state)) {
	case THREAD_RUNNING:
		return 'R';
	case THREAD_INTERRUPTIBLE:
		return 'S';
	case THREAD_DEAD:
		return 'Z';
	default:
		return 'D';
	}
}

static int thread_facts(int tid, struct thread_facts *facts)
{
	struct thread *t;
	int err = -ESRCH;

	spin_lock(&all_threads_lock);
	list_for_each_entry(t, &all_threads, all_link) {
		if (t->tid != tid)
			continue;
		memcpy(facts->name, t->name, sizeof(facts->name));
		facts->name[sizeof(facts->name) - 1] = '\0';
		facts->state = state_letter(t);
		facts->no_new_privs = READ_ONCE(t->no_new_privs);
		facts->filtered = READ_ONCE(t->seccomp) != NULL;
		facts->run = READ_ONCE(t->run_time);
		if (t == current)
			facts->run += hv_time() - t->run_start;
		facts->wait = READ_ONCE(t->wait_time);
		facts->count = READ_ONCE(t->run_count);
		err = 0;
		break;
	}
	spin_unlock(&all_threads_lock);
	return err;
}

/* Fill in the facts of a zombie, or of a process whose first thread is gone. */
static void facts_without_thread(struct process *p, struct thread_facts *facts)
{
	char path[PROCESS_PATH_LEN];
	const char *slash;

	process_path(p, path, sizeof(path));
	slash = strrchr(path, '/');
	*facts = (struct thread_facts){ .state = READ_ONCE(p->zombie) ? 'Z' : 'S' };
	strlcpy(facts->name, slash ? slash + 1 : path, sizeof(facts->name));
}

static int show_schedstat(struct inode *inode, struct text *t)
{
	struct thread_facts facts;
	int err = thread_facts((int)inode->id, &facts);

	if (!err)
		text_add(t, "%llu %llu %llu\n", ticks_to_ns(facts.run), ticks_to_ns(facts.wait),
			 facts.count);
	return err;
}

static int show_comm(struct inode *inode, struct text *t)
{
	struct thread_facts facts;
	int err = thread_facts((int)inode->id, &facts);

	if (!err)
		text_add(t, "%s\n", facts.name);
	return err;
}

static unsigned long mm_pages(const struct process *p)
{
	return p == current_process && p->mm ? READ_ONCE(p->mm->total_pages) : 0;
}

/* Return the parent's pid, or 0. Takes all_processes_lock: the parent may exit at any time. */
static int parent_of(const struct process *p)
{
	int pid;

	spin_lock(&all_processes_lock);
	pid = p->parent ? p->parent->pid : 0;
	spin_unlock(&all_processes_lock);
	return pid;
}

static int show_stat(struct inode *inode, struct text *t)
{
	struct process *p = proc_process((int)inode->id);
	struct thread_facts f;
	int i;

	if (!p)
		return -ESRCH;
	if (thread_facts((int)inode->id, &f))
		facts_without_thread(p, &f);
	text_add(t, "%d (%s) %c %d %d %d 0 -1 0 0 0 0 0 %llu 0 0 0 20 0 %u 0 0 0 %lu",
		 (int)inode->id, f.name, f.state, parent_of(p), READ_ONCE(p->pgid),
		 READ_ONCE(p->sid), ticks_to_ns(f.run) / 10000000, READ_ONCE(p->nr_threads),
		 mm_pages(p));
	for (i = 25; i <= 52; i++) /* 0 for values that the host does not know */
		text_add(t, " 0");
	text_add(t, "\n");
	process_put(p);
	return 0;
}

static int show_status(struct inode *inode, struct text *t)
{
	struct process *p = proc_process((int)inode->id);
	struct thread_facts f;

	if (!p)
		return -ESRCH;
	if (thread_facts((int)inode->id, &f))
		facts_without_thread(p, &f);
	text_add(t, "Name:\t%s\nUmask:\t%04o\nState:\t%c\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n", f.name,
		 READ_ONCE(p->umask), f.state, p->pid, (int)inode->id, parent_of(p));
	text_add(t, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t%lu\n",
		 MIN(READ_ONCE(p->rlimits[RLIMIT_NOFILE][0]), (unsigned long)FD_MAX));
	text_add(t, "VmRSS:\t%8lu kB\nThreads:\t%u\n", mm_pages(p) * 4, READ_ONCE(p->nr_threads));
	text_add(t, "SigPnd:\t%016llx\nSigBlk:\t%016llx\n", READ_ONCE(p->pending),
		 p == current_process ? current->sig.blocked : 0ULL);
	text_add(t, "NoNewPrivs:\t%d\nSeccomp:\t%d\n", f.no_new_privs,
		 f.filtered ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED);
	process_put(p);
	return 0;
}

/* Add text from the caller's own memory, such as its arguments. */
static int add_user_bytes(struct text *t, unsigned long from, unsigned long to)
{
	char buf[128];
	size_t n, i;

	for (; from < to && to - from < (1UL << 20); from += n) {
		n = MIN(to - from, sizeof(buf));
		if (copy_from_user(buf, from, n))
			return -EFAULT;
		for (i = 0; i < n; i++)
			text_add(t, "%c", buf[i]);
		irq_window();
	}
	return 0;
}

static int show_cmdline(struct inode *inode, struct text *t)
{
	char path[PROCESS_PATH_LEN];
	struct process *p;

	if (proc_is_mine(inode))
		return add_user_bytes(t, current_process->mm->arg_start,
				      current_process->mm->arg_end);
	p = proc_process((int)inode->id);
	if (!p)
		return -ESRCH;
	process_path(p, path, sizeof(path));
	text_add(t, "%s%c", path, '\0');
	process_put(p);
	return 0;
}

static int show_environ(struct inode *inode, struct text *t)
{
	if (!proc_is_mine(inode))
		return -EACCES;
	return add_user_bytes(t, current_process->mm->env_start, current_process->mm->env_end);
}

/* ---- the directories ------------------------------------------------------------------------- */

struct pid_entry {
	const char *name;
	u32 mode; /* 0: a text file */
	const struct inode_ops *ops;
	struct pseudo_file file;
};

static const struct inode_ops task_dir_ops;

static const struct pid_entry pid_entries[] = {
	{ .name = "maps", .file.show = proc_show_maps },
	{ .name = "smaps", .file.show = proc_show_smaps },
	{ .name = "clear_refs", .file = { .store = proc_store_clear_refs, .mode = 0200 } },
	{ .name = "pagemap", .mode = S_IFREG | 0400, .ops = &proc_pagemap_ops },
	{ .name = "stat", .file.show = show_stat },
	{ .name = "status", .file.show = show_status },
	{ .name = "cmdline", .file.show = show_cmdline },
	{ .name = "environ", .file.show = show_environ },
	{ .name = "comm", .file.show = show_comm },
	{ .name = "limits", .file.show = rlimits_show },
	{ .name = "schedstat", .file.show = show_schedstat },
	{ .name = "exe", .mode = S_IFLNK | 0777, .ops = &proc_exe_ops },
	{ .name = "cwd", .mode = S_IFLNK | 0777, .ops = &proc_cwd_ops },
	{ .name = "fd", .mode = S_IFDIR | 0500, .ops = &proc_fd_dir_ops },
	/* Must be last: task/TID has all entries but this one. */
	{ .name = "task", .mode = S_IFDIR | 0555, .ops = &task_dir_ops },
};

static struct inode *child_inode(struct inode *dir, u32 mode, const struct inode_ops *ops,
				 unsigned long id)
{
	struct inode *inode = inode_alloc(mode, ops);

	if (!inode)
		return NULL;
	inode->id = id;
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	if (S_ISDIR(mode)) {
		inode->parent = dir;
		inode_get(dir);
	}
	return inode;
}

static struct inode *entry_lookup(struct inode *dir, const char *name, size_t entries)
{
	size_t i;

	for (i = 0; i < entries; i++) {
		const struct pid_entry *e = &pid_entries[i];

		if (strcmp(e->name, name) != 0)
			continue;
		return e->mode ? child_inode(dir, e->mode, e->ops, dir->id)
			       : pseudo_inode(&e->file, dir->id);
	}
	return NULL;
}

static bool entry_readdir(struct inode *dir, u64 from, struct dir_item *item, size_t entries)
{
	if (from >= entries)
		return false;
	*item = (struct dir_item){ .cookie = from, .ino = dir->ino + from + 1 };
	item->mode = pid_entries[from].mode ? pid_entries[from].mode : S_IFREG;
	strlcpy(item->name, pid_entries[from].name, sizeof(item->name));
	return true;
}

static struct inode *pid_lookup(struct inode *dir, const char *name)
{
	return entry_lookup(dir, name, ARRAY_SIZE(pid_entries));
}

static bool pid_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	return entry_readdir(dir, from, item, ARRAY_SIZE(pid_entries));
}

/*
 * PID/task/TID has the same entries as PID, except `task`: if it had that entry too, a walk of the
 * tree would never end.
 */
static struct inode *tid_lookup(struct inode *dir, const char *name)
{
	return entry_lookup(dir, name, ARRAY_SIZE(pid_entries) - 1);
}

static bool tid_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	return entry_readdir(dir, from, item, ARRAY_SIZE(pid_entries) - 1);
}

static const struct inode_ops tid_dir_ops = { .lookup = tid_lookup, .readdir = tid_readdir };
static const struct inode_ops pid_dir_ops = { .lookup = pid_lookup, .readdir = pid_readdir };

/* Return the lowest thread number >= from in a process, or -1 if there is none. */
static int next_tid(int pid, int from)
{
	struct process *p = proc_process(pid);
	struct thread *t;
	int best = -1;

	if (!p)
		return -1;
	spin_lock(&p->lock);
	list_for_each_entry(t, &p->threads, process_link)
		if (t->tid >= from && (best < 0 || t->tid < best))
			best = t->tid;
	spin_unlock(&p->lock);
	process_put(p);
	return best;
}

static struct inode *task_lookup(struct inode *dir, const char *name)
{
	int tid = proc_number(name);

	if (tid < 0 || next_tid((int)dir->id, tid) != tid)
		return NULL;
	return child_inode(dir, S_IFDIR | 0555, &tid_dir_ops, (unsigned long)tid);
}

static bool item_of_number(int number, struct dir_item *item)
{
	if (number < 0)
		return false;
	*item = (struct dir_item){ .cookie = (u64)number, .ino = (u64)number + 100000 };
	item->mode = S_IFDIR;
	snprintf(item->name, sizeof(item->name), "%d", number);
	return true;
}

static bool task_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	return from < INT32_MAX && item_of_number(next_tid((int)dir->id, (int)from), item);
}

static const struct inode_ops task_dir_ops = { .lookup = task_lookup, .readdir = task_readdir };

static struct inode *root_lookup(struct inode *dir, const char *name)
{
	int id = proc_number(name);
	struct process *p = id > 0 ? proc_process(id) : NULL;

	if (!p)
		return NULL;
	process_put(p);
	return child_inode(dir, S_IFDIR | 0555, &pid_dir_ops, (unsigned long)id);
}

static bool root_readdir(struct inode *dir, u64 from, struct dir_item *item)
{
	struct process *p;
	int best = -1;

	(void)dir;
	spin_lock(&all_processes_lock);
	list_for_each_entry(p, &all_processes, all_link)
		if ((u64)p->pid >= from && p->pid > 0 && (best < 0 || p->pid < best))
			best = p->pid;
	spin_unlock(&all_processes_lock);
	return item_of_number(best, item);
}

const struct inode_ops proc_root_ops = { .lookup = root_lookup, .readdir = root_readdir };
