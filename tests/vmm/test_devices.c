// SPDX-License-Identifier: MIT
/*
 * test_devices.c - the VMM's devices against a guest that does anything at all.
 *
 * The real device files run here, on the build machine, under ASan and UBSan. The guest is a random
 * number generator with some knowledge: it knows where registers and rings are, and builds requests
 * that are nearly valid. Guest RAM is one allocation, so an access outside it is detected. KVM is
 * replaced by a stub that records the level of each vCPU's external interrupt.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include "virtio.h"

#define RAM_SIZE  0x10000ul
#define DISK_SIZE 0x4000
#define ROUNDS    30000
#define REQUESTS  2000

/* ---- the parts of the VMM that devices need ---- */

extern unsigned int nr_complaints; /* silent.c */

static struct machine machine;
static bool interrupted[MAX_VCPUS];
static char disk_path[] = "/tmp/hs-disk-XXXXXX";

void *machine_ram(struct machine *m, gpa_t gpa, u64 len)
{
	u64 offset = gpa - RAM_BASE;

	if (gpa < RAM_BASE || offset > m->ram_size || len > m->ram_size - offset)
		return NULL;
	return m->ram + offset;
}

void machine_stop(struct machine *m, enum stop_reason reason, int status)
{
	m->stop_reason = reason;
	m->stop_status = status;
}

int kvm_call_named(int fd, unsigned long request, const char *name, unsigned long arg)
{
	const struct kvm_interrupt *interrupt = (void *)arg;

	(void)name;
	if (request == KVM_INTERRUPT)
		interrupted[fd] = interrupt->irq == (u32)KVM_INTERRUPT_SET;
	return 0;
}

/* sip, the only register that a device reads. */
int kvm_get_reg(int vcpu_fd, u64 reg, unsigned long *value)
{
	(void)reg;
	*value = interrupted[vcpu_fd] ? 1ul << IRQ_S_EXT : 0;
	return 0;
}

int kvm_capability(const struct machine *m, unsigned int capability)
{
	(void)m;
	(void)capability;
	return 0;
}

void console_write(const void *text, size_t len)
{
	volatile u8 sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += ((const u8 *)text)[i]; /* reading must not fault */
}

bool console_has_input(void)
{
	return random() % 4 == 0;
}

int console_read(void)
{
	return random() % 256;
}

void machine_wrote(struct machine *m, const void *at, u64 len)
{
	u64 offset = (const u8 *)at - m->ram;

	assert_true(offset <= m->ram_size && len <= m->ram_size - offset);
}

void die(enum exit_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	exit(status);
}

/* ---- the machine ---- */

static int build(void **state)
{
	int fd = mkstemp(disk_path);

	(void)state;
	if (fd < 0 || ftruncate(fd, DISK_SIZE) < 0 || close(fd) < 0)
		return -1;
	machine.options.vcpus = 2;
	machine.ram_size = RAM_SIZE;
	machine.ram = calloc(1, RAM_SIZE);
	machine.options.nr_disks = 1;
	for (unsigned int i = 0; i < MAX_VCPUS; i++)
		machine.vcpus[i].fd = i;
	irqchip_init(&machine);
	uart_init(&machine.uart, &machine);
	syscon_init(&machine);
	virtio_blk_add(&machine, disk_path, 0);
	plic_reset(&machine.plic);
	uart_reset(&machine.uart);
	return machine.ram ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(disk_path);
	return 0;
}

static u64 any64(void)
{
	return (u64)random() << 42 ^ (u64)random() << 21 ^ (u64)random();
}

static unsigned int any_width(void)
{
	return 1u << random() % 4;
}

static u32 reg(u64 offset)
{
	return (u32)bus_read(&machine.bus, VIRTIO_BASE(0) + offset, 4);
}

static void set_reg(u64 offset, u32 value)
{
	bus_write(&machine.bus, VIRTIO_BASE(0) + offset, value, 4);
}

static void any_access(gpa_t base, u64 size)
{
	gpa_t gpa = base + any64() % size;

	if (random() % 2)
		bus_read(&machine.bus, gpa, any_width());
	else
		bus_write(&machine.bus, gpa, any64(), any_width());
}

/* ---- a disk whose rings are in RAM's first page ---- */

enum {
	DESC = 0,
	AVAIL = 0x800,
	USED = 0xa00,
	TABLE = 0xc00,
	DATA = 0x1000,
	SIZE = 16,
};

static void set_up_queue(void)
{
	set_reg(VIRTIO_MMIO_STATUS, 0);
	memset(machine.ram, 0, DATA);
	set_reg(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set_reg(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	set_reg(VIRTIO_MMIO_STATUS, 11);
	set_reg(VIRTIO_MMIO_QUEUE_NUM, SIZE);
	set_reg(VIRTIO_MMIO_QUEUE_DESC_LOW, RAM_BASE + DESC);
	set_reg(VIRTIO_MMIO_QUEUE_AVAIL_LOW, RAM_BASE + AVAIL);
	set_reg(VIRTIO_MMIO_QUEUE_USED_LOW, RAM_BASE + USED);
	set_reg(VIRTIO_MMIO_QUEUE_READY, 1);
	set_reg(VIRTIO_MMIO_STATUS, 15);
	assert_true(reg(VIRTIO_MMIO_QUEUE_READY));
}

/* Return the right value most of the time, and now and then a different one. */
static u64 nearly_valid(u64 right)
{
	switch (random() % 200) {
	case 0:
		return any64();
	case 1:
		return right + random() % 32 - 16;
	case 2:
		return RAM_BASE + RAM_SIZE - random() % 32;
	default:
		return right;
	}
}

static void random_desc(struct vring_desc *desc, unsigned int index, unsigned int last, bool writes)
{
	static const u16 flags[] = { VRING_DESC_F_NEXT,
				     VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
				     VRING_DESC_F_WRITE,
				     VRING_DESC_F_INDIRECT,
				     0,
				     0xffff };

	desc->addr = nearly_valid(RAM_BASE + DATA + random() % 0x8000);
	desc->len = (u32)nearly_valid(index == 0 ? 16 : index == last ? 1 : 512 * (random() % 8));
	desc->flags = (writes ? VRING_DESC_F_WRITE : 0) | (index < last ? VRING_DESC_F_NEXT : 0);
	if (random() % 30 == 0)
		desc->flags = flags[random() % ARRAY_SIZE(flags)];
	desc->next = (u16)nearly_valid(index + 1);
}

static void any_chain(struct vring_desc *table, unsigned int entries)
{
	unsigned int last = random() % entries, first_in = last ? 1 + random() % last : 0;

	for (unsigned int i = 0; i <= last; i++)
		random_desc(&table[i], i, last, i >= first_in);
}

/* If gpa is aligned and in RAM, write a request header there with a random type and sector. */
static void any_header(gpa_t gpa)
{
	u32 *header = machine_ram(&machine, gpa, 16);

	if (!header || gpa % 4)
		return;
	header[0] = random() % 10;
	header[2] = random() % 64;
	header[3] = random() % 20 ? 0 : random();
}

static void wait_for_disk(void)
{
	struct virtio_device *disk = machine.disks[0];
	volatile u16 *avail = (volatile u16 *)(machine.ram + AVAIL);

	for (int i = 0; i < 200000; i++) {
		pthread_mutex_lock(&disk->io_lock);
		bool idle = !disk->queue.ready || disk->queue.next_avail == avail[1];
		pthread_mutex_unlock(&disk->io_lock);
		if (idle)
			return;
		usleep(5);
	}
	fail_msg("the disk's thread is stuck");
}

/* ---- the claims ---- */

static void random_accesses_to_every_register_do_no_harm(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < ROUNDS; i++) {
		any_access(PLIC_BASE, random() % 2 ? 0x3000 : PLIC_SIZE);
		any_access(UART_BASE, UART_SIZE);
		any_access(SYSCON_BASE, SYSCON_SIZE);
		any_access(VIRTIO_BASE(0), random() % 2 ? 0x140 : VIRTIO_SIZE);
		any_access(any64(), 0x1000);
	}
}

static void nearly_right_requests_stay_within_ram(void **state)
{
	struct vring_desc *desc = (void *)(machine.ram + DESC);
	volatile u16 *avail = (volatile u16 *)(machine.ram + AVAIL);
	unsigned int served = 0, broken = 0;

	(void)state;
	srandom(2);
	set_up_queue();
	for (int i = 0; i < REQUESTS; i++) {
		u16 before = *(volatile u16 *)(machine.ram + USED + 2);

		if (random() % 3 == 0) {
			any_chain((void *)(machine.ram + TABLE), SIZE);
			any_header(((struct vring_desc *)(machine.ram + TABLE))->addr);
			desc->addr = nearly_valid(RAM_BASE + TABLE);
			desc->len = (u32)nearly_valid(16 * (1 + random() % SIZE));
			desc->flags = VRING_DESC_F_INDIRECT;
		} else {
			any_chain(desc, SIZE);
			any_header(desc->addr);
		}
		avail[2 + avail[1] % SIZE] = (u16)nearly_valid(0);
		avail[1] = random() % 100 ? avail[1] + 1 : (u16)random();
		set_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		wait_for_disk();
		served += *(volatile u16 *)(machine.ram + USED + 2) != before;
		if (reg(VIRTIO_MMIO_STATUS) & 0x40) {
			broken++;
			set_up_queue();
		}
	}
	print_message("# %u requests served, %u rings broken\n", served, broken);
	/*
	 * The generator must produce both outcomes; otherwise, the test would not prove anything.
	 */
	assert_in_range(served, REQUESTS / 10, REQUESTS);
	assert_in_range(broken, REQUESTS / 20, REQUESTS);
}

/* Let the disk execute a chain of `bytes` bytes, which use the same GiB of memory again and again. */
static void submit_bytes(u64 bytes)
{
	struct vring_desc *desc = (void *)(machine.ram + DESC);
	unsigned int last = 0;

	set_up_queue();
	desc[0] = (struct vring_desc){ RAM_BASE + DATA, 16, VRING_DESC_F_NEXT, 1 };
	for (bytes -= 16 + 1; bytes; bytes -= desc[last].len) {
		u32 len = bytes < machine.ram_size ? (u32)bytes : (u32)machine.ram_size;

		last++;
		desc[last] =
			(struct vring_desc){ RAM_BASE, len, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
					     last + 1 };
	}
	desc[last + 1] = (struct vring_desc){ RAM_BASE + DATA + 0x400, 1, VRING_DESC_F_WRITE, 0 };
	((volatile u16 *)(machine.ram + AVAIL))[1] = 1;
	set_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	wait_for_disk();
}

/* Most of the memory is never touched: the chain is longer than the disk. */
static void a_chain_of_more_than_4_gib_is_refused(void **state)
{
	u8 *ram = machine.ram;

	(void)state;
	machine.ram_size = 1ul << 30;
	machine.ram = mmap(NULL, machine.ram_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(machine.ram, MAP_FAILED);
	submit_bytes(1ull << 32);
	assert_int_equal(reg(VIRTIO_MMIO_STATUS), 15);
	assert_int_equal(machine.ram[DATA + 0x400], 1); /* VIRTIO_BLK_S_IOERR */
	submit_bytes((1ull << 32) + 1);
	assert_int_equal(reg(VIRTIO_MMIO_STATUS), 15 | 0x40);
	assert_int_equal(*(u16 *)(machine.ram + USED + 2), 0);
	set_reg(VIRTIO_MMIO_STATUS, 0);
	munmap(machine.ram, machine.ram_size);
	machine.ram = ram;
	machine.ram_size = RAM_SIZE;
}

/*
 * With a truncated disk file, the guest gets an error for each request. The messages go through
 * guest_error(), which prints only the first ones, not through complain().
 */
static void errors_of_a_disk_do_not_fill_the_log(void **state)
{
	struct vring_desc *desc = (void *)(machine.ram + DESC);
	volatile u16 *avail = (volatile u16 *)(machine.ram + AVAIL);
	u8 *status = machine.ram + DATA + 0x400;
	u32 *header = (u32 *)(machine.ram + DATA);
	unsigned int before;

	(void)state;
	set_up_queue();
	memset(header, 0, 16);
	desc[0] = (struct vring_desc){ RAM_BASE + DATA, 16, VRING_DESC_F_NEXT, 1 };
	desc[1] = (struct vring_desc){ RAM_BASE + DATA + 0x200, 512,
				       VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 2 };
	desc[2] = (struct vring_desc){ RAM_BASE + DATA + 0x400, 1, VRING_DESC_F_WRITE, 0 };
	assert_int_equal(truncate(disk_path, 0), 0);
	before = nr_complaints;
	for (int i = 0; i < 50; i++) {
		*status = 0xff;
		avail[2 + avail[1] % SIZE] = 0;
		avail[1] = avail[1] + 1;
		set_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		wait_for_disk();
		assert_int_equal(*status, 1); /* VIRTIO_BLK_S_IOERR */
	}
	assert_int_equal(nr_complaints, before);
	assert_int_equal(truncate(disk_path, DISK_SIZE), 0);
}

static void rings_changed_while_in_use_stay_within_ram(void **state)
{
	(void)state;
	srandom(3);
	for (int i = 0; i < REQUESTS / 10; i++) {
		set_up_queue();
		for (int j = 0; j < 20; j++) {
			any_chain((void *)(machine.ram + DESC), SIZE);
			any_header(RAM_BASE + DATA);
			((volatile u16 *)(machine.ram + AVAIL))[1] += 1;
			set_reg(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
			any_access(VIRTIO_BASE(0), 0x140);
		}
	}
	set_reg(VIRTIO_MMIO_STATUS, 0);
}

static void a_level_that_stays_high_interrupts_again_after_completion(void **state)
{
	gpa_t claim = PLIC_BASE + 0x201004;

	(void)state;
	plic_reset(&machine.plic);
	bus_write(&machine.bus, PLIC_BASE + 4 * 5, 1, 4);
	bus_write(&machine.bus, PLIC_BASE + 0x2080, 1 << 5, 4);
	assert_false(interrupted[0]);
	irq_set_level(&machine, 5, true);
	assert_true(interrupted[0]);
	assert_false(interrupted[1]);
	assert_int_equal(bus_read(&machine.bus, claim, 4), 5);
	assert_false(interrupted[0]);
	bus_write(&machine.bus, claim, 5, 4);
	assert_true(interrupted[0]);
	irq_set_level(&machine, 5, false);
	assert_false(interrupted[0]);
}

static void of_equal_priorities_the_lowest_source_is_claimed_first(void **state)
{
	gpa_t claim = PLIC_BASE + 0x203004; /* vCPU 1 */

	(void)state;
	plic_reset(&machine.plic);
	for (unsigned int source = 1; source < PLIC_SOURCES; source++) {
		bus_write(&machine.bus, PLIC_BASE + 4 * source, source == 31 ? 3 : 2, 4);
		irq_set_level(&machine, source, true);
	}
	bus_write(&machine.bus, PLIC_BASE + 0x2180, ~0u, 4);
	assert_true(interrupted[1]);
	assert_int_equal(bus_read(&machine.bus, claim, 4), 31);
	for (unsigned int source = 1; source < 31; source++)
		assert_int_equal(bus_read(&machine.bus, claim, 4), source);
	assert_int_equal(bus_read(&machine.bus, claim, 4), 0);
}

static void a_finisher_failure_never_exits_with_0(void **state)
{
	(void)state;
	bus_write(&machine.bus, SYSCON_BASE, 0x5555, 4);
	assert_int_equal(machine.stop_status, 0);
	bus_write(&machine.bus, SYSCON_BASE, 7 << 16 | 0x3333, 4);
	assert_int_equal(machine.stop_status, 7);
	bus_write(&machine.bus, SYSCON_BASE, 0x100 << 16 | 0x3333, 4);
	assert_int_equal(machine.stop_status, 255);
	bus_write(&machine.bus, SYSCON_BASE, 0x7777, 4);
	assert_int_equal(machine.stop_reason, STOP_REBOOT);
}

static void debug_console_calls_with_any_address_stay_within_ram(void **state)
{
	struct kvm_run run;
	struct vcpu vcpu = { .machine = &machine, .run = &run };

	(void)state;
	srandom(4);
	for (int i = 0; i < ROUNDS; i++) {
		run.riscv_sbi.extension_id = random() % 4 ? 0x4442434e : random() % 20;
		run.riscv_sbi.function_id = random() % 4;
		run.riscv_sbi.args[0] = nearly_valid(random() % RAM_SIZE);
		run.riscv_sbi.args[1] = nearly_valid(RAM_BASE + random() % RAM_SIZE);
		run.riscv_sbi.args[2] = random() % 10 ? 0 : any64();
		sbi_handle(&vcpu);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_level_that_stays_high_interrupts_again_after_completion),
		cmocka_unit_test(of_equal_priorities_the_lowest_source_is_claimed_first),
		cmocka_unit_test(a_finisher_failure_never_exits_with_0),
		cmocka_unit_test(random_accesses_to_every_register_do_no_harm),
		cmocka_unit_test(debug_console_calls_with_any_address_stay_within_ram),
		cmocka_unit_test(nearly_right_requests_stay_within_ram),
		cmocka_unit_test(a_chain_of_more_than_4_gib_is_refused),
		cmocka_unit_test(errors_of_a_disk_do_not_fill_the_log),
		cmocka_unit_test(rings_changed_while_in_use_stay_within_ram),
	};

	return cmocka_run_group_tests_name("vmm devices", tests, build, tear_down);
}
