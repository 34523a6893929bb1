// SPDX-License-Identifier: MIT
/*
 * test_save_disk.c - a machine is saved or stops while its disk executes requests: none is lost,
 * and none delays the save.
 */
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include "saved_machine.h"
#include "state.h"
#include "virtio.h"

#define DATA      0x6e00 /* offsets in RAM */
#define ANSWER    0x9000 /* the request's status byte */
#define NO_ANSWER 0xff

static volatile u16 *used_ring(void)
{
	return (u16 *)(machine.ram + DISK_USED);
}

/* Put a request to read a sector into the ring of a disk that was just started. */
static void put_request(void)
{
	static const struct vring_desc chain[3] = {
		{ RAM_BASE + 0x4000, 16, VRING_DESC_F_NEXT, 1 },
		{ RAM_BASE + DATA, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 2 },
		{ RAM_BASE + ANSWER, 1, VRING_DESC_F_WRITE, 0 },
	};
	u16 *avail = (u16 *)(machine.ram + DISK_AVAIL);

	machine_reset();
	disk_start();
	memcpy(machine.ram + DISK_DESC, chain, sizeof(chain));
	machine.ram[ANSWER] = NO_ANSWER;
	avail[1] = 1;
}

/* KVM's dirty log covers only what vCPUs write; the disk's thread has to record its own writes. */
static void pages_written_by_a_disk_are_dirty(void **state)
{
	volatile u16 *used = used_ring();
	struct dirty *dirty;

	(void)state;
	put_request();
	dirty = dirty_start(&machine);
	assert_non_null(dirty);
	assert_int_equal(dirty_take(dirty), 0);
	machine.stopping = false;
	set_disk_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	for (int i = 0; i < 1000 && used[1] != 1; i++)
		usleep(10000);
	assert_int_equal(used[1], 1);
	machine.stopping = true;
	/* The disk wrote the used ring, the page of data and the status; it only read the rest. */
	assert_int_equal(dirty_take(dirty), 3);
	assert_int_equal(dirty_pages(dirty)[0], 1 << 3 | 1 << 6 | 1 << 9);
	dirty_written(dirty);
	assert_int_equal(dirty_take(dirty), 0);
	dirty_end(dirty);
}

/* ---- requests that keep the disk busy ---- */

static void (*on_read)(void); /* called before each read of a file; or NULL */
static atomic_uint reads;

ssize_t pread(int fd, void *to, size_t len, off_t offset)
{
	if (on_read) {
		reads++;
		on_read();
	}
	return preadv(fd, &(struct iovec){ to, len }, 1, offset);
}

static void stop_at_second_read(void)
{
	if (reads == 2)
		machine.stopping = true;
}

static void a_long_request_delays_no_stop_and_begins_again(void **state)
{
	struct vring_desc *desc = (void *)(machine.ram + DISK_DESC);

	(void)state;
	put_request();
	for (unsigned int i = 1; i <= 6; i++)
		desc[i] = (struct vring_desc){ RAM_BASE + RAM_SIZE / 2, RAM_SIZE / 2,
					       VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, i + 1 };
	desc[7] = (struct vring_desc){ RAM_BASE + ANSWER, 1, VRING_DESC_F_WRITE, 0 };
	reads = 0;
	on_read = stop_at_second_read;
	machine.stopping = false;
	set_disk_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	for (int i = 0; i < 1000 && !machine.stopping; i++)
		usleep(10000);
	virtio_mmio_drain(&machine);
	assert_int_equal(reads, 2);
	assert_int_equal(machine.ram[ANSWER], NO_ANSWER);
	assert_int_equal(used_ring()[1], 0);
	assert_int_equal(machine.disks[0]->queue.next_avail, 0);
	on_read = NULL;
	machine.stopping = false;
	virtio_mmio_resume(machine.disks[0]);
	for (int i = 0; i < 1000 && used_ring()[1] != 1; i++)
		usleep(10000);
	machine.stopping = true;
	assert_int_equal(used_ring()[1], 1);
	assert_int_equal(machine.ram[ANSWER], 0);
}

static void request_again(void)
{
	((volatile u16 *)(machine.ram + DISK_AVAIL))[1]++;
	usleep(1000);
}

/* Wait until the disk has executed more requests. */
static void is_busy(void)
{
	unsigned int before = reads;

	for (int i = 0; i < 1000 && reads < before + 3; i++)
		usleep(10000);
	assert_true(reads >= before + 3);
}

static void requests_without_end_delay_no_round_of_a_save(void **state)
{
	struct dirty *dirty;
	unsigned int before;

	(void)state;
	put_request();
	on_read = request_again;
	machine.stopping = false;
	set_disk_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	is_busy();
	before = reads;
	dirty = dirty_start(&machine);
	assert_in_range(reads, before, before + 2);
	is_busy();
	before = reads;
	dirty_take(dirty);
	assert_in_range(reads, before, before + 2);
	is_busy();
	dirty_end(dirty);
	is_busy();
	machine.stopping = true;
	virtio_mmio_drain(&machine);
	on_read = NULL;
}

static void (*execute)(struct virtio_device *device);
static sem_t begun;

/* Execute requests, but take a while. */
static void execute_slowly(struct virtio_device *device)
{
	sem_post(&begun);
	usleep(300000);
	execute(device);
}

/* Save with `rounds` rounds while the disk executes a request; then restore. */
static void save_during_a_request(unsigned int rounds)
{
	struct virtio_device *device = machine.disks[0];

	put_request();
	sem_init(&begun, 0, 0);
	execute = device->process;
	device->process = execute_slowly;
	machine.options.save_rounds = rounds;
	save_check(&machine.options);
	machine.stopping = false;
	set_disk_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	sem_wait(&begun);
	if (rounds)
		save_live(&machine);
	machine.stopping = true;
	assert_true(save_finish(&machine));
	device->process = execute;
	assert_true(machine_restores());
}

static void is_answered(void)
{
	assert_int_equal(machine.disks[0]->queue.next_avail, 1);
	assert_int_equal(used_ring()[1], 1);
	assert_int_equal(machine.ram[ANSWER], 0);
	assert_int_equal(disk_reg(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	assert_true(machine.plic.pending >> VIRTIO_IRQ(0) & 1);
}

static void a_request_in_progress_is_not_lost_if_the_guest_is_stopped(void **state)
{
	(void)state;
	save_during_a_request(0);
	is_answered();
}

static void a_request_in_progress_is_not_lost_if_the_guest_runs(void **state)
{
	(void)state;
	save_during_a_request(1);
	is_answered();
}

static bool writes_are_lost;
static unsigned int signals;  /* each interrupts one call of fdatasync() or fsync() */
static unsigned int syncs;    /* calls of fdatasync() before the driver gets an answer */
static u32 interrupt_at_sync; /* the disk's InterruptStatus at the last call */

int fdatasync(int fd)
{
	(void)fd;
	syncs += machine.ram[ANSWER] == NO_ANSWER;
	interrupt_at_sync = machine.disks[0]->interrupt_status; /* a save holds the lock here */
	if (signals) {
		signals--;
		errno = EINTR;
		return -1;
	}
	errno = EIO;
	return writes_are_lost ? -1 : 0;
}

int fsync(int fd)
{
	(void)fd;
	errno = EINTR;
	return signals && signals-- ? -1 : 0;
}

/* Let the guest flush the disk, or write a sector. Returns the status of the request. */
static u8 guest_requests(u8 type)
{
	const struct vring_desc chain[3] = {
		{ RAM_BASE + 0x4000, 16, VRING_DESC_F_NEXT, type == VIRTIO_BLK_T_OUT ? 1 : 2 },
		{ RAM_BASE + DATA, 512, VRING_DESC_F_NEXT, 2 },
		{ RAM_BASE + ANSWER, 1, VRING_DESC_F_WRITE, 0 },
	};
	u16 *avail = (u16 *)(machine.ram + DISK_AVAIL);

	memcpy(machine.ram + DISK_DESC, chain, sizeof(chain));
	machine.ram[0x4000] = type;
	machine.ram[ANSWER] = NO_ANSWER;
	avail[1]++;
	machine.stopping = false;
	set_disk_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	for (int i = 0; i < 1000 && used_ring()[1] != avail[1]; i++)
		usleep(10000);
	machine.stopping = true;
	return machine.ram[ANSWER];
}

/* The host's kernel reports a failed write once, here to the save. */
static void a_save_fails_if_the_disk_loses_writes_and_the_guest_learns_it(void **state)
{
	(void)state;
	machine_reset();
	disk_start();
	machine.options.save_rounds = 0;
	save_check(&machine.options);
	machine.stopping = true;
	writes_are_lost = true;
	assert_false(save_finish(&machine));
	writes_are_lost = false;
	assert_int_equal(guest_requests(VIRTIO_BLK_T_FLUSH), VIRTIO_BLK_S_IOERR);
	assert_int_equal(guest_requests(VIRTIO_BLK_T_FLUSH), VIRTIO_BLK_S_OK);
}

static void a_driver_without_flush_gets_its_writes_reported_when_they_are_durable(void **state)
{
	(void)state;
	machine_reset();
	disk_start();
	syncs = 0;
	assert_int_equal(guest_requests(VIRTIO_BLK_T_OUT), VIRTIO_BLK_S_OK);
	assert_int_equal(syncs, 1);
	writes_are_lost = true;
	assert_int_equal(guest_requests(VIRTIO_BLK_T_OUT), VIRTIO_BLK_S_IOERR);
	writes_are_lost = false;
}

static void a_driver_with_flush_flushes_its_writes_itself(void **state)
{
	(void)state;
	machine_reset();
	set_disk_reg(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set_disk_reg(VIRTIO_MMIO_DRIVER_FEATURES, 1 << VIRTIO_BLK_F_FLUSH);
	disk_start();
	syncs = 0;
	assert_int_equal(guest_requests(VIRTIO_BLK_T_OUT), VIRTIO_BLK_S_OK);
	assert_int_equal(syncs, 0);
	assert_int_equal(guest_requests(VIRTIO_BLK_T_FLUSH), VIRTIO_BLK_S_OK);
	assert_int_equal(syncs, 1);
}

static void a_signal_makes_neither_a_flush_nor_a_save_fail(void **state)
{
	(void)state;
	machine_reset();
	disk_start();
	signals = 2;
	assert_int_equal(guest_requests(VIRTIO_BLK_T_FLUSH), VIRTIO_BLK_S_OK);
	assert_int_equal(signals, 0);
	machine.options.save_rounds = 0; /* the file is open since the save that failed */
	signals = 2;
	assert_true(save_finish(&machine));
	assert_int_equal(signals, 0);
}

/* A flush may take long. */
static void a_request_is_reported_before_the_next_one_begins(void **state)
{
	const struct vring_desc chain[2] = {
		{ RAM_BASE + 0x4010, 16, VRING_DESC_F_NEXT, 4 },
		{ RAM_BASE + ANSWER, 1, VRING_DESC_F_WRITE, 0 },
	};
	u16 *avail = (u16 *)(machine.ram + DISK_AVAIL);

	(void)state;
	put_request();
	memcpy(machine.ram + DISK_DESC + 3 * sizeof(*chain), chain, sizeof(chain));
	machine.ram[0x4010] = VIRTIO_BLK_T_FLUSH;
	avail[3] = 3;
	avail[1] = 2;
	interrupt_at_sync = 0;
	machine.stopping = false;
	set_disk_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	for (int i = 0; i < 1000 && used_ring()[1] != 2; i++)
		usleep(10000);
	machine.stopping = true;
	assert_int_equal(used_ring()[1], 2);
	assert_int_equal(interrupt_at_sync, VIRTIO_MMIO_INT_VRING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_written_by_a_disk_are_dirty),
		cmocka_unit_test(a_long_request_delays_no_stop_and_begins_again),
		cmocka_unit_test(requests_without_end_delay_no_round_of_a_save),
		cmocka_unit_test(a_request_in_progress_is_not_lost_if_the_guest_is_stopped),
		cmocka_unit_test(a_request_in_progress_is_not_lost_if_the_guest_runs),
		cmocka_unit_test(a_save_fails_if_the_disk_loses_writes_and_the_guest_learns_it),
		cmocka_unit_test(a_signal_makes_neither_a_flush_nor_a_save_fail),
		cmocka_unit_test(
			a_driver_without_flush_gets_its_writes_reported_when_they_are_durable),
		cmocka_unit_test(a_driver_with_flush_flushes_its_writes_itself),
		cmocka_unit_test(a_request_is_reported_before_the_next_one_begins),
	};

	return cmocka_run_group_tests_name("disks of saved machines", tests, machine_build,
					   machine_remove);
}
