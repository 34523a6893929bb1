// SPDX-License-Identifier: MIT
/*
 * virtio_blk.c - a disk: a raw file or a block device (virtio §5.2).
 *
 * A request is a header that the device reads, data, and one status byte that the device writes
 * last. The driver may divide them into buffers as it likes (§2.7.4), so the header is taken from
 * the front of all readable bytes and the status from the end of all writable ones.
 *
 * A write is complete when the host's kernel has the data; a flush is fdatasync(). For a driver that
 * has not negotiated VIRTIO_BLK_F_FLUSH, and so cannot flush, each write is followed by a flush.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state.h"
#include "virtio.h"

#define SECTOR 512u

/*
 * If its thread must yield, a request that has transferred this many bytes ends and begins again
 * later. Smaller requests are executed completely.
 */
#define LONG_REQUEST MIB

struct disk {
	struct virtio_device device; /* must be first: process() gets its address */
	const char *path;
	int fd;
	bool lost;       /* a flush has failed, and the guest does not know it yet */
	bool unfinished; /* the last request is not executed completely and must begin again */
	struct virtio_blk_config config;
	struct chain chain;
};

/* ---- buffers ---- */

static u64 bytes_in(const struct iovec *iov, unsigned int count)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < count; i++)
		sum += iov[i].iov_len;
	return sum;
}

/*
 * Copy the first `len` bytes of the buffers to `to`, and remove them from the buffers. Returns
 * false if the buffers have fewer bytes.
 */
static bool take_front(struct iovec *iov, unsigned int count, void *to, size_t len)
{
	for (unsigned int i = 0; i < count && len; i++) {
		size_t n = iov[i].iov_len < len ? iov[i].iov_len : len;

		memcpy(to, iov[i].iov_base, n);
		iov[i].iov_base = (u8 *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
		to = (u8 *)to + n;
		len -= n;
	}
	return !len;
}

/*
 * The reverse of take_front(): copy `len` bytes to the front of the buffers and remove that space
 * from them. If fewer bytes fit, copy only those and return false.
 */
static bool put_front(struct iovec *iov, unsigned int count, const void *from, size_t len)
{
	/* lab 11: write put_front: the reverse of take_front, which also removes the bytes */
	for (unsigned int i = 0; i < count && len; i++) {
		size_t n = iov[i].iov_len < len ? iov[i].iov_len : len;

		memcpy(iov[i].iov_base, from, n);
		iov[i].iov_base = (u8 *)iov[i].iov_base + n;
		iov[i].iov_len -= n;
		from = (const u8 *)from + n;
		len -= n;
	}
	return !len;
	/* lab 11 end */
}

/* Remove the last writable byte from the buffers and return its address; NULL if there is none. */
static u8 *take_last_byte(struct iovec *iov, unsigned int count)
{
	for (unsigned int i = count; i-- > 0;) {
		if (iov[i].iov_len)
			return (u8 *)iov[i].iov_base + --iov[i].iov_len;
	}
	return NULL;
}

/* ---- requests ---- */

static ssize_t transfer(int fd, const struct iovec *iov, u64 offset, bool write)
{
	size_t len = iov->iov_len < LONG_REQUEST ? iov->iov_len : LONG_REQUEST;
	ssize_t n;

	do {
		n = write ? pwrite(fd, iov->iov_base, len, offset)
			  : pread(fd, iov->iov_base, len, offset);
	} while (n < 0 && errno == EINTR);
	return n;
}

/*
 * Returns true if the `len` bytes that start at `sector` are whole sectors of the disk. The guest
 * chose both values.
 */
static bool on_disk(const struct disk *disk, u64 sector, u64 len)
{
	/* lab 11: write on_disk: are the sectors on the disk? Let no sum or product overflow */
	return len % SECTOR == 0 && sector <= disk->config.capacity &&
	       len / SECTOR <= disk->config.capacity - sector;
	/* lab 11 end */
}

/*
 * Transfer all buffers from or to the disk, starting at `sector`. Returns a VIRTIO_BLK_S status, or
 * sets disk->unfinished.
 */
static u8 transfer_all(struct disk *disk, struct iovec *iov, unsigned int count, u64 sector,
		       bool write)
{
	u64 offset = sector * SECTOR;

	if (!on_disk(disk, sector, bytes_in(iov, count)))
		return VIRTIO_BLK_S_IOERR;
	for (unsigned int i = 0; i < count; i++) {
		while (iov[i].iov_len) {
			ssize_t n;

			if (offset - sector * SECTOR >= LONG_REQUEST &&
			    virtio_mmio_must_yield(&disk->device)) {
				disk->unfinished = true;
				return VIRTIO_BLK_S_IOERR;
			}
			n = transfer(disk->fd, &iov[i], offset, write);
			if (n <= 0) {
				guest_error("%s: %s at sector %llu: %s", disk->path,
					    write ? "write" : "read", (unsigned long long)sector,
					    n ? strerror(errno) : "unexpected end");
				return VIRTIO_BLK_S_IOERR;
			}
			iov[i].iov_base = (u8 *)iov[i].iov_base + n;
			iov[i].iov_len -= n;
			offset += n;
		}
	}
	return VIRTIO_BLK_S_OK;
}

static u8 flush(struct disk *disk)
{
	bool lost = disk->lost;
	int err;

	disk->lost = false;
	do
		err = fdatasync(disk->fd);
	while (err < 0 && errno == EINTR);
	if (!err)
		return lost ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	guest_error("%s: fdatasync: %s", disk->path, strerror(errno));
	return VIRTIO_BLK_S_IOERR;
}

/* Also make the data durable if the driver cannot flush. */
static u8 write_all(struct disk *disk, u64 sector)
{
	u8 status = transfer_all(disk, disk->chain.out, disk->chain.nr_out, sector, true);

	if (status != VIRTIO_BLK_S_OK || disk->device.driver_features >> VIRTIO_BLK_F_FLUSH & 1)
		return status;
	return flush(disk);
}

static u8 get_id(struct disk *disk, struct iovec *iov, unsigned int count)
{
	char id[VIRTIO_BLK_ID_BYTES] = { 0 };

	snprintf(id, sizeof(id), "%s", disk->device.name);
	put_front(iov, count, id, sizeof(id)); /* truncated to the driver's buffer */
	return VIRTIO_BLK_S_OK;
}

static u8 execute(struct disk *disk, const struct virtio_blk_outhdr *header)
{
	struct chain *chain = &disk->chain;

	switch (header->type) {
	case VIRTIO_BLK_T_IN:
		return transfer_all(disk, chain->in, chain->nr_in, header->sector, false);
	case VIRTIO_BLK_T_OUT:
		return write_all(disk, header->sector);
	case VIRTIO_BLK_T_FLUSH:
		return flush(disk);
	case VIRTIO_BLK_T_GET_ID:
		return get_id(disk, chain->in, chain->nr_in);
	}
	return VIRTIO_BLK_S_UNSUPP;
}

static void mark_begin(const struct disk *disk, const struct virtio_blk_outhdr *header)
{
	const char *what = header->type == VIRTIO_BLK_T_IN      ? "read"
			   : header->type == VIRTIO_BLK_T_OUT   ? "write"
			   : header->type == VIRTIO_BLK_T_FLUSH ? "flush"
								: "other";
	u64 out = bytes_in(disk->chain.out, disk->chain.nr_out);
	u64 in = bytes_in(disk->chain.in, disk->chain.nr_in);

	marker("%s begin %s 0x%llx %llu", disk->device.name, what,
	       (unsigned long long)header->sector, (unsigned long long)(out ? out : in));
}

/*
 * Execute a request, with markers around it if they are on. The header and the status byte have
 * already been removed from the chain.
 */
static u8 execute_marked(struct disk *disk, const struct virtio_blk_outhdr *header)
{
	u8 status;

	if (markers_on)
		mark_begin(disk, header);
	status = execute(disk, header);
	if (markers_on)
		marker("%s end %u", disk->device.name, status);
	return status;
}

/*
 * Execute a chain, which is one request: its header is at the front of the readable bytes, and its
 * status is the last writable byte. Returns NULL, or the reason why the chain is not a request. An
 * executed chain is put into the used ring with the number of its writable bytes, including the
 * status. Nothing is reported to the driver if disk->unfinished is set.
 */
static const char *answer(struct disk *disk)
{
	/* lab 11: write answer: take header and status byte, execute_marked, return the chain */
	struct chain *chain = &disk->chain;
	u64 writable = bytes_in(chain->in, chain->nr_in);
	struct virtio_blk_outhdr header;
	u8 *status, result;

	if (!take_front(chain->out, chain->nr_out, &header, sizeof(header)))
		return "a request is shorter than its header";
	status = take_last_byte(chain->in, chain->nr_in);
	if (!status)
		return "a request has no writable byte for its status";
	result = execute_marked(disk, &header);
	if (disk->unfinished)
		return NULL;
	*status = result;
	virtqueue_push(&disk->device.queue, chain, (u32)writable);
	return NULL;
	/* lab 11 end */
}

/*
 * The interrupt does not wait for the end of the batch: the next request may take long, above all a
 * flush. While the driver handles an interrupt, it normally wants no other one.
 */
static void process(struct virtio_device *device)
{
	struct disk *disk = (struct disk *)device;
	struct virtqueue *queue = &device->queue;
	const char *why = NULL;
	unsigned int answered = 0;

	while (answered < VIRTQUEUE_SIZE &&
	       virtqueue_pop(device->machine, queue, &disk->chain, &why) > 0) {
		disk->unfinished = false;
		why = answer(disk);
		if (disk->unfinished) {
			virtqueue_unpop(queue);
		} else if (!why) {
			answered++;
			if (virtqueue_wants_irq(queue))
				virtio_mmio_used_buffer(device);
		}
		if (why || disk->unfinished || virtio_mmio_must_yield(device))
			break;
	}
	if (why)
		virtio_mmio_broken(device, why);
}

/* ---- saved and restored ---- */

/*
 * Make durable all writes that were reported to the guest as done. The host's kernel reports an error
 * only once. If the guest continues after a save that has failed, its own next flush fails.
 */
static bool sync_disk(struct virtio_device *device)
{
	struct disk *disk = (struct disk *)device;

	disk->lost = flush(disk) != VIRTIO_BLK_S_OK;
	return !disk->lost;
}

static void disk_state(struct virtio_device *device, struct state *s)
{
	struct disk *disk = (struct disk *)device;
	u64 capacity = disk->config.capacity;

	STATE(s, capacity);
	if (capacity != disk->config.capacity)
		state_refuse(s, "the disk had a different size");
}

/* ---- opening ---- */

static u64 size_of(int fd, const char *path)
{
	struct stat st;
	u64 size = 0;
	off_t end;

	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &size) == 0)
		return size;
	end = lseek(fd, 0, SEEK_END);
	if (end < 0)
		die(STATUS_SETUP, "disk %s: cannot determine its size: %s", path, strerror(errno));
	return end;
}

static int open_disk(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(STATUS_SETUP, "disk %s: %s", path, strerror(errno));
	/*
	 * Any other error, such as that of a file system without locks: use the disk unlocked.
	 */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		die(STATUS_SETUP, "disk %s is in use by another process, or named twice", path);
	return fd;
}

void virtio_blk_add(struct machine *m, const char *path, unsigned int slot)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	struct virtio_device *device = &disk->device;
	u64 size;

	if (!disk)
		die(STATUS_SETUP, "no memory for disk %s", path);
	disk->path = path;
	disk->fd = open_disk(path);
	size = size_of(disk->fd, path);
	if (size < SECTOR)
		die(STATUS_SETUP, "disk %s has %llu bytes, less than a sector", path,
		    (unsigned long long)size);
	disk->config.capacity = size / SECTOR;
	disk->config.seg_max = CHAIN_MAX - 2; /* header and status */
	disk->config.blk_size = SECTOR;

	snprintf(device->name, sizeof(device->name), "disk%u", slot);
	device->device_id = VIRTIO_ID_BLOCK;
	device->features = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
			   1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_RING_F_INDIRECT_DESC;
	device->config = &disk->config;
	device->config_len = sizeof(disk->config);
	device->process = process;
	device->sync = sync_disk;
	device->state = disk_state;
	m->disks[slot] = device;
	virtio_mmio_add(device, m, slot);
}
