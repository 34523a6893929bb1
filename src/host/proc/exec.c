// SPDX-License-Identifier: MIT
/*
 * exec.c - execve(): replace a process's program.
 *
 * The new address space is complete before the old one is given up, so a failed execve() changes
 * nothing. Then the other threads are ended, and only then does the process change. For a `#!`
 * script, its interpreter is executed.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <asm/signal.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/csr.h"
#include "hv/trace.h"
#include "exec.h"
#include "file/file.h"
#include "fs/inode.h"
#include "platform/layout.h"
#include "mm/page.h"
#include "oom.h"
#include "process_impl.h"
#include "sched/smp.h"
#include "syscall.h"
#include "mm/uaccess.h"
#include "mm/vma.h"

#define EXEC_STRING_MAX (32 * PAGE_SIZE) /* size limit of one string, as on Linux */
#define EXEC_NEST_MAX   5                /* maximum length of a chain of scripts, as on Linux */
#define SCRIPT_LINE_MAX 256

/* ---- arguments ---- */

static int add_long_string(struct exec_args *args, unsigned long addr)
{
	char *buf = kmalloc(EXEC_STRING_MAX);
	size_t at = 0;
	long len;

	if (!buf)
		return -ENOMEM;
	do {
		len = irq_window_killable();
		if (!len)
			len = strncpy_from_user(buf + at, addr + at, PAGE_SIZE);
		at += PAGE_SIZE;
	} while (len == -ENAMETOOLONG && at < EXEC_STRING_MAX);
	if (len >= 0)
		len = exec_args_add(args, buf);
	kfree(buf);
	return len == -ENAMETOOLONG ? -E2BIG : (int)len;
}

/* buf: one page, enough for nearly every string. A larger block may not be available. */
static int add_user_string(struct exec_args *args, unsigned long addr, char *buf)
{
	long len = strncpy_from_user(buf, addr, PAGE_SIZE);

	if (len == -ENAMETOOLONG)
		return add_long_string(args, addr);
	return len < 0 ? (int)len : exec_args_add(args, buf);
}

/*
 * Add the strings of the NULL-terminated vector at user address vec; *count: their number. A vec of
 * 0 stands for an empty vector.
 */
static int add_user_vector(struct exec_args *args, unsigned long vec, char *buf,
			   unsigned int *count)
{
	unsigned long addr;
	size_t done = 0; /* bytes since the last window; a string counts as at least 64 */
	int err;

	for (*count = 0; vec; ++*count, vec += sizeof(addr)) {
		if (done > PAGE_SIZE) {
			done = 0;
			err = irq_window_killable();
			if (err < 0)
				return err;
		}
		if (get_user(addr, vec) < 0)
			return -EFAULT;
		if (!addr)
			return 0;
		done -= args->used;
		err = add_user_string(args, addr, buf);
		if (err < 0)
			return err;
		done += args->used + 64;
	}
	return 0;
}

static int args_from_user(struct exec_args *args, unsigned long argv, unsigned long envp)
{
	char *buf = kmalloc(PAGE_SIZE);
	int err;

	if (!buf)
		return -ENOMEM;
	err = add_user_vector(args, argv, buf, &args->argc);
	if (err == 0 && args->argc == 0) { /* as on Linux since 5.18: argc is never 0 */
		err = exec_args_add(args, "");
		args->argc = 1;
	}
	if (err == 0)
		err = add_user_vector(args, envp, buf, &args->envc);
	kfree(buf);
	return err;
}

/* Replace the first argument with the `count` strings of `prefix`, in order. */
static int args_replace_first(struct exec_args *args, const char *const *prefix, unsigned int count)
{
	struct exec_args next = { .argc = args->argc - 1 + count, .envc = args->envc };
	const char *s = exec_args_next(args->strings);
	const char *end = args->strings + args->used;
	unsigned int i;
	int err = 0;

	for (i = 0; i < count && err == 0; i++)
		err = exec_args_add(&next, prefix[i]);
	for (; s < end && err == 0; s = exec_args_next(s))
		err = exec_args_add(&next, s);
	if (err < 0) {
		exec_args_free(&next);
		return err;
	}
	exec_args_free(args);
	*args = next;
	return 0;
}

/* ---- opening ---- */

static struct file *open_program(const char *path, int *err)
{
	struct file *f = file_open(path, O_RDONLY, 0, err);

	if (!f)
		return NULL;
	if (f->inode && S_ISREG(f->inode->mode) && (f->inode->mode & 0111))
		return f;
	file_put(f);
	*err = -EACCES;
	return NULL;
}

/* Split "#! interpreter [argument]" in place. False: the line is not of this form. */
static bool parse_script_line(char *line, char **interp, char **arg)
{
	char *end = strchr(line, '\n');
	char *p = line + 2;

	if (line[0] != '#' || line[1] != '!' || !end)
		return false;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	while (*p == ' ' || *p == '\t')
		p++;
	*interp = p;
	while (*p && *p != ' ' && *p != '\t')
		p++;
	*arg = NULL;
	if (*p) {
		*p++ = '\0';
		while (*p == ' ' || *p == '\t')
			p++;
		*arg = p;
	}
	return **interp != '\0';
}

/*
 * If *f is a script, replace *f with its interpreter, and the first argument with the interpreter,
 * the script line's argument, if any, and `path`. Returns 1 if *f was a script, 0 if it is not one,
 * or -errno.
 */
static int resolve_script(struct file **f, const char *path, struct exec_args *args)
{
	char line[SCRIPT_LINE_MAX + 1];
	const char *prefix[3];
	char *interp, *arg;
	unsigned int n = 0;
	long got = file_kread(*f, line, SCRIPT_LINE_MAX, 0);
	struct file *next;
	int err;

	if (got < 0)
		return (int)got;
	line[got] = '\0';
	if (!parse_script_line(line, &interp, &arg))
		return 0;
	prefix[n++] = interp;
	if (arg)
		prefix[n++] = arg;
	prefix[n++] = path;
	next = open_program(interp, &err);
	if (!next)
		return err;
	file_put(*f);
	*f = next;
	err = args_replace_first(args, prefix, n);
	return err < 0 ? err : 1;
}

/*
 * Open the file to map for path: the interpreter, if path is a script. On failure, returns NULL and
 * sets *err.
 */
static struct file *open_executable(const char *path, struct exec_args *args, int *err)
{
	struct file *f = open_program(path, err);
	int depth;

	for (depth = 0; f; depth++) {
		/* From the second round on, f is an interpreter, and args begin with its name. */
		*err = resolve_script(&f, depth ? args->strings : path, args);
		if (*err == 0)
			return f;
		if (*err > 0 && depth < EXEC_NEST_MAX)
			continue;
		if (*err > 0)
			*err = -ELOOP;
		file_put(f);
		f = NULL;
	}
	return NULL;
}

/* ---- the new address space ---- */

static struct mm *build_mm(struct file *f, const struct exec_args *args, const char *path,
			   struct elf_image *image, unsigned long *sp, int *err)
{
	struct mm *mm = mm_create();

	if (!mm) {
		*err = -ENOMEM;
		return NULL;
	}
	mm->mmap_top = EXEC_STACK_TOP - 2 * MAX(exec_stack_size(), EXEC_STACK_SIZE);
	hartmask_set_all(&mm->icache_stale);
	*err = elf_load(mm, f, image);
	if (*err == 0)
		*err = mm_map_sigreturn(mm);
	if (*err == 0)
		*err = exec_build_stack(mm, args, image, path, sp);
	if (*err == 0 && !mm_is_within_limits(mm))
		*err = -ENOMEM; /* Linux detects this only later, and kills the process */
	if (*err < 0) {
		mm_put(mm);
		return NULL;
	}
	mm->brk_start = mm->brk = image->end;
	file_get(f);
	mm->exe = f;
	return mm;
}

/* ---- switching to the new program ---- */

static void set_name(struct process *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	char mapped[PROCESS_PATH_LEN];

	thread_set_name(slash ? slash + 1 : path);
	/* Store the path of the mapped file: `path` may be /proc/self/exe, or a script. */
	inode_path(p->mm->exe->inode, mapped, sizeof(mapped));
	spin_lock(&p->lock); /* /proc copies the path under it */
	strlcpy(p->path, mapped, sizeof(p->path));
	spin_unlock(&p->lock);
}

void process_path(struct process *p, char *path, size_t size)
{
	spin_lock(&p->lock);
	strlcpy(path, p->path, size);
	spin_unlock(&p->lock);
}

/* Trace the exec. If the name is too long for the event, only its last characters are traced. */
static void trace_exec(const struct process *p, const struct elf_image *image)
{
	const char *name = strrchr(p->path, '/') ? strrchr(p->path, '/') + 1 : p->path;
	u64 words[3] = { 0 };
	size_t len = strlen(name), skip = len > sizeof(words) ? len - sizeof(words) : 0;

	memcpy(words, name + skip, len - skip);
	trace_sched_process_exec((u64)p->pid, image->prog_entry, words[0], words[1], words[2]);
}

static void reset_thread(struct trap_frame *frame, unsigned long entry, unsigned long sp)
{
	memset(frame, 0, sizeof(*frame));
	frame->epc = entry;
	frame->sp = sp;
	frame->status = SSTATUS_SPIE; /* to user mode, FP off until first use */
	current->clear_child_tid = NULL;
	current->robust_list = 0;
	current->sig.altstack_size = 0;
	current->sig.altstack_sp = 0;
	rseq_reset();
	memset(&current->fp, 0, sizeof(current->fp));
	fpu_discard(current);
}

static void switch_mm(struct process *p, struct mm *mm)
{
	struct mm *old;

	sched_hook_drop();
	spin_lock(&p->lock);
	old = p->mm;
	p->mm = mm;
	spin_unlock(&p->lock);
	mm_activate(mm);
	process_vfork_done(p);
	if (old)
		mm_put(old);
}

#define COPY_TRIES 100 /* while much memory is free */

/*
 * Give p its own descriptor table, then close its close-on-exec descriptors. In a shared table,
 * they would also be closed for the other process. The exec can no longer fail, so wait until there
 * is memory for the table. If memory stays too fragmented for a large table, p is killed.
 */
static void unshare_files(struct process *p)
{
	struct fd_table *shared = p->fds, *own = NULL;
	unsigned int tries = 0;

	if (fd_table_is_shared(shared)) {
		while (!own) {
			own = fd_table_copy(shared);
			if (!own && page_is_plenty() && ++tries == COPY_TRIES)
				process_end(p, SIGKILL);
			if (!own && !oom_wait("an execve"))
				return; /* the process is ending */
		}
		spin_lock(&p->lock);
		p->fds = own;
		spin_unlock(&p->lock);
		fd_table_put(shared);
	}
	fd_table_exec(p->fds);
}

int exec_program(const char *path, struct exec_args *args, struct trap_frame *frame)
{
	struct process *p = current_process;
	struct elf_image image = { 0 };
	struct mm *mm = NULL;
	unsigned long sp = 0;
	int err;
	struct file *f = open_executable(path, args, &err);

	if (!f)
		return err;
	mm = build_mm(f, args, path, &image, &sp, &err);
	file_put(f);
	if (!mm)
		return err;
	err = process_kill_other_threads(p);
	if (err < 0) {
		mm_put(mm);
		return err;
	}
	futex_thread_exit(current); /* in the old memory: mark robust locks, wake waiters */
	switch_mm(p, mm);
	unshare_files(p);
	signal_exec(p);
	WRITE_ONCE(p->exit_signal, SIGCHLD); /* clone() may have set another signal, or none */
	set_name(p, path);
	if (trace_sched_process_exec_enabled())
		trace_exec(p, &image);
	reset_thread(frame, image.entry, sp);
	return 0;
}

long sys_execve(struct trap_frame *frame)
{
	struct exec_args args = { 0 };
	char *path = kmalloc(PATH_LEN_MAX);
	long err;

	if (!path)
		return -ENOMEM;
	err = strncpy_from_user(path, frame->a0, PATH_LEN_MAX);
	if (err >= 0)
		err = *path ? args_from_user(&args, frame->a1, frame->a2) : -ENOENT;
	if (err >= 0)
		err = exec_program(path, &args, frame);
	exec_args_free(&args);
	kfree(path);
	return err;
}
