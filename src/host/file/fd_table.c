// SPDX-License-Identifier: MIT
/*
 * fd_table.c - descriptor tables.
 *
 * A table starts with room for a few descriptors. It grows when a descriptor needs it, at least to
 * twice its size, and never shrinks. `used` is above every open descriptor, and no descriptor below
 * `lowest` is free. So fork, exec and exit look no further than the highest open descriptor, and
 * opening the thousandth file does not search the first 999 descriptors. `open` has one bit for
 * each open descriptor: a search skips 64 descriptors at once.
 *
 * Lock: fd_table.lock guards everything. Arrays are allocated and freed without it, and references
 * are dropped without it.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <asm/resource.h>
#include <string.h>
#include "hv/bits.h"
#include "file.h"
#include "fs/inode.h"
#include "mm/page.h"
#include "proc/process.h"
#include "proc/rlimit.h"
#include "sched/thread.h"

#define FD_FEW 64
#define PIECE  256 /* descriptors between two calls to irq_window(); a multiple of 64 */

struct fd_table {
	u32 refs;
	struct spinlock lock;
	int size;   /* capacity, in descriptors; a multiple of 64 */
	int used;   /* highest open descriptor + 1; 0: none is open */
	int lowest; /* every descriptor below this one is open */
	struct file **files;
	/* One bit per descriptor; after files, in the same allocation. */
	u64 *cloexec, *reserved, *open;
	struct file *few_files[FD_FEW];
	u64 few_cloexec[FD_FEW / 64], few_reserved[FD_FEW / 64], few_open[FD_FEW / 64];
};

struct fd_table *fd_table_create(void)
{
	struct fd_table *t = kmalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->refs = 1;
	t->size = FD_FEW;
	t->files = t->few_files;
	t->cloexec = t->few_cloexec;
	t->reserved = t->few_reserved;
	t->open = t->few_open;
	return t;
}

/* Make room for descriptor fd < FD_MAX, unless another thread has done so. Returns 0 or -ENOMEM. */
static int make_room(struct fd_table *t, int fd)
{
	int size = MIN(MAX(READ_ONCE(t->size) * 2, ALIGN_UP(fd + 1, 64)), FD_MAX);
	struct file **files = kmalloc((size_t)size * sizeof(void *) + (size_t)size / 8 * 3);
	struct file **old = files;
	u64 *bits;

	if (!files)
		return -ENOMEM;
	if (size > PIECE)
		irq_window(); /* clearing the new arrays took as long as copying will take */
	spin_lock(&t->lock);
	if (size > t->size) {
		old = t->files;
		bits = (u64 *)(files + size);
		memcpy(files, t->files, (size_t)t->size * sizeof(void *));
		memcpy(bits, t->cloexec, (size_t)t->size / 8);
		memcpy(bits + size / 64, t->reserved, (size_t)t->size / 8);
		memcpy(bits + size / 64 * 2, t->open, (size_t)t->size / 8);
		t->files = files;
		t->cloexec = bits;
		t->reserved = bits + size / 64;
		t->open = bits + size / 64 * 2;
		t->size = size;
	}
	spin_unlock(&t->lock);
	if (old != t->few_files)
		kfree(old);
	return 0;
}

/* Copy the descriptors [fd, end), where fd is a multiple of 64. from->lock is held. */
static void copy_piece(struct fd_table *t, const struct fd_table *from, int fd, int end)
{
	size_t word = (size_t)fd / 64, size = (size_t)ALIGN_UP(end - fd, 64) / 8;

	/* Reserved descriptors are not copied: in the child they are free, as on Linux. */
	memcpy(t->cloexec + word, from->cloexec + word, size);
	memcpy(t->open + word, from->open + word, size);
	for (; fd < end; fd++) {
		t->files[fd] = from->files[fd];
		if (!t->files[fd]) {
			t->lowest = MIN(t->lowest, fd);
			continue;
		}
		file_get(t->files[fd]);
		t->used = fd + 1;
	}
}

/*
 * A table may have a quarter of a million descriptors, so interrupts are taken on the way. If it
 * has more than PIECE, and other threads change it meanwhile, not all of the copy is from the same
 * moment.
 */
struct fd_table *fd_table_copy(struct fd_table *from)
{
	struct fd_table *t = fd_table_create();
	int fd, end, used;

	if (!t)
		return NULL;
	t->lowest = FD_MAX;
	spin_lock(&from->lock);
	for (fd = 0; fd < from->used; fd = end) {
		used = from->used;
		end = MIN(used, fd + PIECE);
		if (end <= t->size) {
			copy_piece(t, from, fd, end);
			if (end == used)
				break;
		} else {
			end = fd; /* once more, with room */
		}
		spin_unlock(&from->lock);
		irq_window();
		if (used > t->size && make_room(t, used - 1) < 0) {
			fd_table_put(t);
			return NULL;
		}
		spin_lock(&from->lock);
	}
	spin_unlock(&from->lock);
	t->lowest = MIN(t->lowest, t->used);
	return t;
}

void fd_table_get(struct fd_table *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void fd_table_put(struct fd_table *t)
{
	int fd;

	if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (fd = 0; fd < t->used; fd++) {
		file_put(t->files[fd]);
		if (fd % PIECE == PIECE - 1)
			irq_window();
	}
	if (t->files != t->few_files)
		kfree(t->files);
	kfree(t);
}

bool fd_table_is_shared(struct fd_table *t)
{
	return __atomic_load_n(&t->refs, __ATOMIC_ACQUIRE) > 1;
}

/* ---- with t->lock held ---------------------------------------------------------------- */

static void bit_set(u64 *bits, int fd, bool on)
{
	u64 bit = 1ULL << (fd % 64);

	if (on)
		bits[fd / 64] |= bit;
	else
		bits[fd / 64] &= ~bit;
}

static bool bit_get(const u64 *bits, int fd)
{
	return bits[fd / 64] >> (fd % 64) & 1;
}

static struct file *file_at(const struct fd_table *t, int fd)
{
	return fd >= 0 && fd < t->used ? t->files[fd] : NULL;
}

/*
 * Take the open descriptor fd out of the table. The caller gets the table's reference to the file.
 */
static struct file *take(struct fd_table *t, int fd)
{
	struct file *f = t->files[fd];

	t->files[fd] = NULL;
	bit_set(t->cloexec, fd, false);
	bit_set(t->open, fd, false);
	t->lowest = MIN(t->lowest, fd);
	while (t->used && !t->files[t->used - 1])
		t->used -= t->used % 64 || t->open[t->used / 64 - 1] ? 1 : 64;
	return f;
}

static void put_in(struct fd_table *t, int fd, struct file *f, bool cloexec)
{
	t->files[fd] = f;
	bit_set(t->cloexec, fd, cloexec);
	bit_set(t->open, fd, true);
	t->used = MAX(t->used, fd + 1);
	while (t->lowest < t->used && t->files[t->lowest])
		t->lowest += t->lowest % 64 || ~t->open[t->lowest / 64] ? 1 : 64;
}

static bool is_reserved(const struct fd_table *t, int fd)
{
	return fd < t->size && bit_get(t->reserved, fd);
}

/* Return the lowest free descriptor >= `from`, which may be beyond the end of the table. */
static int find_free(const struct fd_table *t, int from)
{
	int fd = MAX(from, t->lowest);

	while ((fd < t->used && t->files[fd]) || is_reserved(t, fd))
		fd += fd % 64 || ~(t->open[fd / 64] | t->reserved[fd / 64]) ? 1 : 64;
	return fd;
}

/* ---- the interface -------------------------------------------------------------------- */

void fd_table_exec(struct fd_table *t)
{
	struct file *f;
	int fd = 0;

	while ((fd = fd_table_next(t, fd)) >= 0) {
		spin_lock(&t->lock);
		f = file_at(t, fd) && bit_get(t->cloexec, fd) ? take(t, fd) : NULL;
		spin_unlock(&t->lock);
		file_put(f);
		if (fd++ % PIECE == PIECE - 1)
			irq_window();
	}
}

int fd_table_next(struct fd_table *t, int from)
{
	int fd;

	spin_lock(&t->lock);
	for (fd = from; fd < t->used && !t->files[fd];)
		fd += fd % 64 || t->open[fd / 64] ? 1 : 64;
	fd = fd < t->used ? fd : -1;
	spin_unlock(&t->lock);
	return fd;
}

/*
 * Choose a descriptor as described at fd_table_install(), make room for it, and return it with
 * t->lock held. Returns -errno, without the lock, on failure.
 */
static int lock_with_room(struct fd_table *t, int from, int limit, bool exact)
{
	int fd, err;

	for (;;) {
		spin_lock(&t->lock);
		fd = exact ? from : find_free(t, from);
		if (fd < 0 || fd >= limit)
			err = exact ? -EBADF : -EMFILE;
		else if (exact && is_reserved(t, fd))
			err = -EBUSY;
		else if (fd < t->size)
			return fd;
		else
			err = 0;
		spin_unlock(&t->lock);
		if (!err)
			err = make_room(t, fd);
		if (err < 0)
			return err;
	}
}

int fd_table_install(struct fd_table *t, struct file *f, int from, int limit, bool exact,
		     bool cloexec)
{
	int fd = lock_with_room(t, from, limit, exact);
	struct file *old;

	if (fd < 0)
		return fd;
	old = file_at(t, fd);
	put_in(t, fd, f, cloexec);
	spin_unlock(&t->lock);
	file_put(old);
	return fd;
}

int fd_limit(void)
{
	unsigned long soft = rlimit(RLIMIT_NOFILE);

	return (int)MIN(soft, (unsigned long)FD_MAX);
}

/*
 * Return the file of descriptor fd with a reference, or NULL. Called with t->lock held; releases
 * the lock.
 */
static inline struct file *get_and_unlock(struct fd_table *t, int fd)
{
	struct file *f = file_at(t, fd);

	if (f)
		file_get(f);
	spin_unlock(&t->lock);
	return f;
}

static __attribute__((noinline)) struct file *get_later(struct fd_table *t, int fd)
{
	spin_lock(&t->lock);
	return get_and_unlock(t, fd);
}

/*
 * Every system call on a file calls this function. It makes only tail calls, so it need not save
 * registers.
 */
struct file *fd_get(int fd)
{
	struct fd_table *t = current_process->fds;

	return spin_trylock(&t->lock) ? get_and_unlock(t, fd) : get_later(t, fd);
}

int fd_look(int fd, struct inode **inode, char *name, size_t size)
{
	struct fd_table *t = current_process->fds;
	struct file *f;

	spin_lock(&t->lock);
	f = file_at(t, fd);
	if (f) {
		*inode = f->inode;
		if (f->inode)
			inode_get(f->inode);
		/*
		 * Copy the name: it may be stored in the file, and would then be freed with the
		 * file.
		 */
		strlcpy(name,
			f->anon_name ? f->anon_name
			: f->inode   ? ""
				     : "anon_inode:[file]",
			size);
	}
	spin_unlock(&t->lock);
	return f ? 0 : -EBADF;
}

int fd_install(struct file *f, bool cloexec)
{
	return fd_table_install(current_process->fds, f, 0, fd_limit(), false, cloexec);
}

int fd_install_new(struct file *f, bool cloexec)
{
	int fd = fd_install(f, cloexec);

	if (fd < 0)
		file_put(f);
	return fd;
}

int fd_reserve(void)
{
	struct fd_table *t = current_process->fds;
	int fd = lock_with_room(t, 0, fd_limit(), false);

	if (fd < 0)
		return fd;
	bit_set(t->reserved, fd, true);
	spin_unlock(&t->lock);
	return fd;
}

int fd_fill(int fd, struct file *f, bool cloexec)
{
	struct fd_table *t = current_process->fds;

	spin_lock(&t->lock);
	bit_set(t->reserved, fd, false);
	if (f)
		put_in(t, fd, f, cloexec);
	spin_unlock(&t->lock);
	return fd;
}

void fd_unreserve(int fd)
{
	fd_fill(fd, NULL, false);
}

int fd_close(int fd)
{
	struct fd_table *t = current_process->fds;
	struct file *f;

	spin_lock(&t->lock);
	f = file_at(t, fd) ? take(t, fd) : NULL;
	spin_unlock(&t->lock);
	if (!f)
		return -EBADF;
	file_put(f);
	return 0;
}

int fd_flags_get(int fd)
{
	struct fd_table *t = current_process->fds;
	int flags = -EBADF;

	spin_lock(&t->lock);
	if (file_at(t, fd))
		flags = bit_get(t->cloexec, fd) ? FD_CLOEXEC : 0;
	spin_unlock(&t->lock);
	return flags;
}

int fd_flags_set(int fd, bool cloexec)
{
	struct fd_table *t = current_process->fds;
	int err = -EBADF;

	spin_lock(&t->lock);
	if (file_at(t, fd)) {
		bit_set(t->cloexec, fd, cloexec);
		err = 0;
	}
	spin_unlock(&t->lock);
	return err;
}
