// SPDX-License-Identifier: MIT
/*
 * virtio_blk.c - disks: /dev/vda and so on, as block device files.
 *
 * There is no cache: data moves between the device and the caller's own pages, which stay
 * referenced meanwhile. When write() returns, the device has the data; fsync() makes it durable
 * (VIRTIO_BLK_T_FLUSH, if the device supports it). A sector that is transferred only in part goes
 * through a buffer here. edge_lock is held meanwhile, so that two such writes to the same sector do
 * not undo each other's changes.
 *
 * Locks: edge_lock (sleeping) > lock (spin, the queue). Source: virtio §5.2.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <string.h>
#include "sched/clock.h"
#include "fs/devfs.h"
#include "hv/host.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "proc/syscall.h"
#include "sched/thread.h"
#include "mm/uaccess.h"
#include "virtio.h"

#define SECTOR     512UL
#define DISKS_MAX  26
#define DISK_MAJOR 254
#define SEGS_MAX   (VIRTQ_MAX - 2) /* data segments, besides header and status */

struct disk {
	struct virtio_dev *dev;
	struct virtq vq;
	struct spinlock lock;
	struct waitq wait;
	struct mutex edge_lock;
	u8 *edge; /* one sector */
	u64 size; /* bytes */
	unsigned int segs;
	bool read_only, can_flush;
	char name[8];
	struct device node;
};

struct request { /* accessed by the device, so physically contiguous */
	struct virtio_blk_outhdr header;
	u8 status;
	bool done;
};

static struct disk *disks[DISKS_MAX];
static unsigned int nr_disks;

/* ---- one request ----------------------------------------------------------------------------- */

static void disk_interrupt(struct virtio_dev *dev)
{
	struct disk *d = dev->priv;
	struct request *r;
	u32 len;

	spin_lock(&d->lock);
	while ((r = virtq_get(&d->vq, &len)))
		__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
	spin_unlock(&d->lock);
	waitq_wake_all(&d->wait);
}

static bool is_done(struct request *r)
{
	return __atomic_load_n(&r->done, __ATOMIC_ACQUIRE);
}

static bool has_room(struct disk *d, unsigned int n)
{
	return READ_ONCE(d->vq.num_free) >= n;
}

/*
 * A signal does not end the wait: the device owns the caller's pages until it answers. Wake up
 * periodically to poll the device, which may have no interrupt. This also bounds a jump of the
 * clock: under QEMU's -icount sleep=off, the clock of an idle machine may jump to the next timer,
 * however far away, while the disk works.
 */
#define disk_wait(d, cond)                                                                    \
	do {                                                                                  \
		u64 __period = ns_to_ticks((d)->dev->has_irq ? 1000000 : 100000);             \
		while (__wait_event(&(d)->wait, cond, THREAD_SLEEPING, hv_time() + __period)) \
			virtio_poll((d)->dev);                                                \
	} while (0)

static int status_error(u8 status)
{
	return status == VIRTIO_BLK_S_OK ? 0 : status == VIRTIO_BLK_S_UNSUPP ? -EOPNOTSUPP : -EIO;
}

/* Submit a request and wait for it. segs[1 .. n] are the data; [0] and [n + 1] are set here. */
static int submit(struct disk *d, u32 type, u64 sector, struct virtq_seg *segs, unsigned int n)
{
	struct request *r = kmalloc(sizeof(*r));
	bool to_disk = type == VIRTIO_BLK_T_OUT, added = false;
	int err;

	if (!r)
		return -ENOMEM;
	r->header.type = type;
	r->header.sector = sector;
	r->status = VIRTIO_BLK_S_IOERR;
	segs[0] = (struct virtq_seg){ va_to_pa(&r->header), sizeof(r->header) };
	segs[n + 1] = (struct virtq_seg){ va_to_pa(&r->status), 1 };
	while (!added) {
		disk_wait(d, has_room(d, n + 2));
		spin_lock(&d->lock);
		added = virtq_add(&d->vq, segs, to_disk ? n + 1 : 1, to_disk ? 1 : n + 1, r);
		if (added)
			virtq_kick(&d->vq);
		spin_unlock(&d->lock);
	}
	disk_wait(d, is_done(r));
	err = status_error(READ_ONCE(r->status));
	kfree(r);
	return err;
}

/* ---- transfers ------------------------------------------------------------------------------- */

static void put_pages(struct hv_user_page *pages, unsigned int n)
{
	while (n)
		hv_user_page_put(&pages[--n]);
}

struct transfer {
	struct virtq_seg segs[VIRTQ_MAX];
	struct hv_user_page pages[VIRTQ_MAX];
};

/*
 * Move as many whole sectors as one request can carry. Returns the number of bytes moved, 0 if not
 * even one sector fits, or -errno. On a read, the device writes to the pages, so they are faulted
 * in for writing.
 */
static long move_sectors(struct disk *d, struct transfer *t, bool write, unsigned long buf,
			 size_t size, u64 pos)
{
	struct hv_mm *mm = hv_mm_hold_current();
	size_t done = 0, part;
	unsigned int n = 0;
	int err = 0;

	while (done < size && n < d->segs) {
		part = MIN(size - done, PAGE_SIZE - ((buf + done) & (PAGE_SIZE - 1)));
		err = hv_user_page_get(mm, buf + done, !write, &t->pages[n]);
		if (err)
			break;
		n++;
		t->segs[n] = (struct virtq_seg){
			.pa = t->pages[n - 1].pa + ((buf + done) & (PAGE_SIZE - 1)),
			.len = (u32)part,
		};
		done += part;
	}
	/* If the last sector is incomplete, end the request before it. */
	for (part = done % SECTOR; part && n; part = part > t->segs[n].len ? part : 0) {
		if (t->segs[n].len > part) {
			t->segs[n].len -= (u32)part;
			done -= part;
			break;
		}
		part -= t->segs[n].len;
		done -= t->segs[n].len;
		hv_user_page_put(&t->pages[--n]);
	}
	if (done)
		err = submit(d, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, pos / SECTOR, t->segs,
			     n);
	put_pages(t->pages, n);
	hv_mm_release(mm);
	return done && !err ? (long)done : err;
}

/*
 * Move all or part of one sector through d->edge. Returns the number of bytes moved, or -errno. User
 * memory is copied without the lock: a page fault can wait for another program without limit.
 */
static long move_edge(struct disk *d, bool write, unsigned long buf, size_t size, u64 pos)
{
	struct virtq_seg segs[3];
	size_t at = pos % SECTOR, n = MIN(size, SECTOR - at);
	u8 bytes[SECTOR];
	int err = 0;

	if (write)
		err = copy_from_user(bytes, buf, n);
	if (err)
		return err;
	mutex_lock(&d->edge_lock);
	segs[1] = (struct virtq_seg){ va_to_pa(d->edge), SECTOR };
	err = submit(d, VIRTIO_BLK_T_IN, pos / SECTOR, segs, 1);
	if (!err && write) {
		memcpy(d->edge + at, bytes, n);
		err = submit(d, VIRTIO_BLK_T_OUT, pos / SECTOR, segs, 1);
	}
	memcpy(bytes, d->edge + at, n);
	mutex_unlock(&d->edge_lock);
	if (!err && !write)
		err = copy_to_user(buf, bytes, n);
	return err ? err : (long)n;
}

static long disk_io(struct disk *d, bool write, unsigned long buf, size_t size, u64 *pos)
{
	struct transfer *t;
	size_t done = 0, whole;
	long n = 0;

	size = *pos < d->size ? MIN(size, (size_t)(d->size - *pos)) : 0;
	t = size >= SECTOR ? kmalloc(sizeof(*t)) : NULL;
	if (size >= SECTOR && !t)
		return -ENOMEM;
	while (done < size) {
		whole = (size - done) & ~(SECTOR - 1);
		if (*pos % SECTOR || !whole || !t)
			n = move_edge(d, write, buf + done, size - done, *pos);
		else
			n = move_sectors(d, t, write, buf + done, whole, *pos);
		if (!n) /* the device accepts too few segments for a sector that spans two pages */
			n = move_edge(d, write, buf + done, size - done, *pos);
		if (n <= 0)
			break;
		done += (size_t)n;
		*pos += (size_t)n;
		if (READ_ONCE(current->sig.kill))
			break;
	}
	kfree(t);
	return done ? (long)done : n;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int disk_flush(struct disk *d)
{
	struct virtq_seg segs[2];

	return d->can_flush ? submit(d, VIRTIO_BLK_T_FLUSH, 0, segs, 0) : 0;
}

static long disk_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	return disk_io(f->priv, false, buf, size, pos);
}

static long disk_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct disk *d = f->priv;
	long ret;
	int err;

	if (!size)
		return 0;
	if (*pos >= d->size)
		return -ENOSPC;
	ret = disk_io(d, true, buf, size, pos);
	if (ret > 0 && (f->flags & O_DSYNC)) {
		err = disk_flush(d);
		ret = err ? err : ret;
	}
	return ret;
}

static long disk_seek(struct file *f, s64 offset, int whence)
{
	struct disk *d = f->priv;

	if (whence == SEEK_CUR)
		offset += (s64)f->pos;
	else if (whence == SEEK_END)
		offset += (s64)d->size;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0 || (u64)offset > d->size)
		return -EINVAL;
	f->pos = (u64)offset;
	return offset;
}

static long disk_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct disk *d = f->priv;

	switch (cmd) {
	case BLKGETSIZE64:
		return put_user((u64)d->size, arg);
	case BLKGETSIZE:
		return put_user((unsigned long)(d->size / SECTOR), arg);
	case BLKSSZGET:
		return put_user((int)SECTOR, arg);
	case BLKPBSZGET:
		return put_user((unsigned int)SECTOR, arg);
	case BLKBSZGET:
		return put_user((int)PAGE_SIZE, arg);
	case BLKROGET:
		return put_user((int)d->read_only, arg);
	case BLKFLSBUF:
		return disk_flush(d);
	default:
		return -ENOTTY;
	}
}

static int disk_fsync(struct file *f)
{
	return disk_flush(f->priv);
}

static const struct file_ops disk_ops = {
	.read = disk_read,
	.write = disk_write,
	.ioctl = disk_ioctl,
	.seek = disk_seek,
	.fsync = disk_fsync,
};

static int disk_open(struct device *node, struct file *f)
{
	struct disk *d = node->priv;

	if (d->read_only && (f->flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	f->ops = &disk_ops;
	f->priv = d;
	return 0;
}

long sys_sync(struct trap_frame *frame)
{
	unsigned int i;

	(void)frame;
	for (i = 0; i < nr_disks; i++)
		disk_flush(disks[i]);
	return 0;
}

/* ---- the device ------------------------------------------------------------------------------ */

static int disk_setup(struct disk *d)
{
	struct virtio_dev *dev = d->dev;
	u32 seg_max = SEGS_MAX;
	int err;

	err = virtio_negotiate(dev, 1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_RO |
					    1ULL << VIRTIO_BLK_F_FLUSH);
	if (!err)
		err = virtq_setup(dev, &d->vq, 0, VIRTQ_MAX);
	if (err)
		return err;
	if (dev->features & 1ULL << VIRTIO_BLK_F_SEG_MAX)
		seg_max = virtio_config32(dev, offsetof(struct virtio_blk_config, seg_max));
	d->segs = MIN(MIN(seg_max ? seg_max : 1, (u32)SEGS_MAX), d->vq.size - 2);
	d->size = virtio_config64(dev, offsetof(struct virtio_blk_config, capacity)) * SECTOR;
	d->read_only = dev->features & 1ULL << VIRTIO_BLK_F_RO;
	d->can_flush = dev->features & 1ULL << VIRTIO_BLK_F_FLUSH;
	return 0;
}

int virtio_blk_probe(struct virtio_dev *dev)
{
	struct disk *d;
	int err;

	if (nr_disks == DISKS_MAX)
		return -ENXIO;
	d = kmalloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->dev = dev;
	dev->priv = d;
	dev->interrupt = disk_interrupt;
	waitq_init(&d->wait);
	mutex_init(&d->edge_lock);
	d->edge = kmalloc(SECTOR);
	err = d->edge ? disk_setup(d) : -ENOMEM;
	if (err) {
		kfree(d->edge);
		kfree(d);
		return err;
	}
	snprintf(d->name, sizeof(d->name), "vd%c", 'a' + (int)nr_disks);
	d->node = (struct device){
		.name = d->name,
		.mode = S_IFBLK | 0660,
		.number = DEV_NUMBER(DISK_MAJOR, 16 * nr_disks),
		.open = disk_open,
		.priv = d,
	};
	disks[nr_disks++] = d;
	virtio_ready(dev);
	devfs_add(&d->node);
	printk("host: /dev/%s: %llu KiB%s\n", d->name, d->size / 1024,
	       d->read_only ? ", read-only" : "");
	return 0;
}
