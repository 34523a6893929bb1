// SPDX-License-Identifier: MIT
/*
 * test_save.c - a saved machine is restored unchanged, or refused with a message.
 *
 * The real files of --save and --restore run here, under ASan and UBSan, with the real devices. KVM
 * is a table of registers. A refusal normally ends the VMM; here, longjmp() returns to the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/serial_reg.h>
#include <linux/virtio_mmio.h>
#include "saved_machine.h"
#include "state.h"
#include "virtio.h"

#define FILE_MAX 0x40000
#define LIES     3000

/* ---- a machine with contents ---- */

static u8 file[FILE_MAX], saved_ram[RAM_SIZE];
static size_t file_len;
static struct model saved_models[VCPUS];

static void fill(void)
{
	for (unsigned int i = 0; i < RAM_SIZE; i += 5 * SZ_4K)
		memset(machine.ram + i, 1 + i % 251, SZ_4K - 8);
	for (int v = 0; v < VCPUS; v++) {
		for (int i = 0; i < REGS; i++)
			memset(models[v].value[i], 16 * v + i + 1, width(ids[i]));
		memset(models[v].value[number_of(TIMER(frequency))], 5, 8);
		models[v].mp_state = v ? KVM_MP_STATE_STOPPED : KVM_MP_STATE_RUNNABLE;
	}
	machine.plic.priority[10] = 3;
	machine.plic.context[1].enable = 1 << 10;
	irq_set_level(&machine, 10, true);
	machine.uart.ier = 5;
	machine.uart.thre_pending = true;
}

static int build(void **state)
{
	if (machine_build(state))
		return -1;
	disk_start();
	fill();
	return 0;
}

static void read_file(void)
{
	int fd = open(machine.options.save, O_RDONLY);

	file_len = pread(fd, file, sizeof(file), 0);
	close(fd);
}

static void write_file(const void *data, size_t len)
{
	int fd = open(machine.options.save, O_WRONLY);

	assert_int_equal(pwrite(fd, data, len, 0), (ssize_t)len);
	assert_int_equal(ftruncate(fd, len), 0);
	close(fd);
}

static void save(void)
{
	save_check(&machine.options);
	assert_true(save_finish(&machine));
	read_file();
	memcpy(saved_ram, machine.ram, RAM_SIZE);
	memcpy(saved_models, models, sizeof(models));
}

static void refused_because(const char *text)
{
	assert_false(machine_restores());
	if (!strstr(why, text))
		fail_msg("'%s' is not in '%s'", text, why);
}

/* ---- the claims ---- */

static void a_restored_machine_equals_the_saved_one(void **state)
{
	(void)state;
	save();
	assert_true(machine_restores());
	assert_memory_equal(machine.ram, saved_ram, RAM_SIZE);
	for (int v = 0; v < VCPUS; v++) {
		for (int i = 0; i < REGS; i++) {
			if (ids[i] == ID(U32, KVM_REG_RISCV_FP_F, 3) ||
			    (v && ids[i] == TIMER(time)) || ids[i] == TIMER(state))
				continue; /* F is part of D; time is per VM; Sstc turns state on */
			assert_memory_equal(models[v].value[i], saved_models[v].value[i],
					    width(ids[i]));
		}
		assert_int_equal(models[v].mp_state, saved_models[v].mp_state);
	}
	assert_false(models[0].interrupted);
	assert_true(models[1].interrupted);
	assert_int_equal(machine.plic.priority[10], 3);
	assert_int_equal(machine.uart.ier, 5);
	assert_true(machine.uart.thre_pending);
	assert_int_equal(disk_reg(VIRTIO_MMIO_STATUS), 15);
	assert_int_equal(disk_reg(VIRTIO_MMIO_QUEUE_READY), 1);
	assert_ptr_equal(machine.disks[0]->queue.avail, machine.ram + DISK_AVAIL);
}

static void a_restored_machine_saves_to_the_same_file(void **state)
{
	static u8 first[FILE_MAX];

	(void)state;
	assert_true(machine_restores());
	save();
	memcpy(first, file, file_len);
	assert_true(machine_restores());
	save_check(&machine.options);
	assert_true(save_finish(&machine));
	read_file();
	assert_memory_equal(first, file, file_len);
}

/*
 * Input may raise the line after the PLIC has been written, or even after the UART. Here, the UART
 * has another cause for its interrupt.
 */
static void an_interrupt_of_the_uart_that_came_during_the_save_is_pending(void **state)
{
	struct uart *uart = &machine.uart;

	(void)state;
	for (int seen = 0; seen < 2; seen++) {
		irq_set_level(&machine, UART_IRQ, false);
		uart->irq = seen;
		uart->ier = UART_IER_THRI;
		uart->thre_pending = true;
		save_check(&machine.options);
		assert_true(save_finish(&machine));
		assert_true(machine_restores());
		assert_true(uart->irq);
		assert_true(machine.plic.pending >> UART_IRQ & 1);
	}
}

static bool read_is_slow;
static sem_t was_read;

ssize_t read(int fd, void *to, size_t len)
{
	ssize_t n = readv(fd, &(struct iovec){ to, len }, 1);

	if (fd == STDIN_FILENO && read_is_slow) {
		sem_post(&was_read);
		usleep(200000);
	}
	return n;
}

/* The VMM that restores the machine cannot read it again. Uses the thread of the test before it. */
static void input_that_was_read_before_a_save_is_saved(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	sem_init(&was_read, 0, 0);
	read_is_slow = true;
	machine.stopping = false;
	console_listen();
	assert_int_equal(write(ends[1], "y", 1), 1);
	sem_wait(&was_read);
	machine.stopping = true;
	save();
	read_is_slow = false;
	while (console_read() >= 0)
		;
	assert_true(machine_restores());
	assert_int_equal(console_read(), 'y');
	close(ends[0]);
	close(ends[1]);
}

/*
 * The VMM that restores the machine can read it, if both have the same standard input. This test and
 * the next one are the last: they open descriptors.
 */
static void input_that_arrives_during_a_save_is_not_read(void **state)
{
	int ends[2], waiting = 0;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(write(ends[1], "x", 1), 1);
	machine.options.input = true;
	console_start(&machine);
	console_listen();
	usleep(100000);
	assert_int_equal(ioctl(STDIN_FILENO, FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 1);
	machine.stopping = false;
	console_listen();
	for (int i = 0; i < 1000 && !console_has_input(); i++)
		usleep(10000);
	assert_int_equal(console_read(), 'x');
	machine.stopping = true;
	close(ends[0]);
	close(ends[1]);
}

static void a_save_at_a_time_is_not_lost_if_the_machine_is_stopped_then(void **state)
{
	(void)state;
	assert_true(machine.stopping);
	machine.options.save_at = 1;
	save_start_alarm(&machine);
	for (int i = 0; i < 1000 && !machine.save_wanted; i++)
		usleep(10000);
	assert_true(machine.save_wanted);
	machine.save_wanted = false;
	machine.options.save_at = 0;
}

static int place_in_order(const struct model *model, u64 id)
{
	for (unsigned int i = 0; i < model->sets; i++) {
		if (model->order[i] == (unsigned int)number_of(id))
			return i;
	}
	return -1; /* never set */
}

static void extensions_come_before_registers_and_compare_before_the_timer_state(void **state)
{
	const struct model *model = &models[0];

	(void)state;
	assert_true(machine_restores());
	assert_true(place_in_order(model, TIMER(time)) >= 0);
	assert_true(place_in_order(model, ISA(ZBA)) >= 0);
	assert_true(place_in_order(model, CORE(10)) >= 0);
	assert_true(place_in_order(model, TIMER(time)) < place_in_order(model, ISA(SSTC)));
	assert_true(place_in_order(model, ISA(ZBA)) < place_in_order(model, CORE(0)));
	assert_true(place_in_order(model, CORE(10)) < place_in_order(model, TIMER(compare)));
	assert_true(place_in_order(model, TIMER(compare)) < place_in_order(model, TIMER(state)));
	assert_int_equal(place_in_order(model, ID(U32, KVM_REG_RISCV_FP_F, 3)), -1);
}

static void pages_of_zeroes_are_not_saved(void **state)
{
	struct save_header header;

	(void)state;
	memcpy(&header, file, sizeof(header));
	assert_int_equal(header.pages, (RAM_SIZE / SZ_4K + 4) / 5);
	assert_int_equal(header.length, file_len);
}

static void every_truncated_file_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < file_len; len += len < 200 ? 1 : 333) {
		write_file(file, len);
		assert_false(machine_restores());
	}
	write_file(file, file_len - 1);
	refused_because("the file is truncated");
	/* Anything may follow the saved machine, such as the rest of a disk that holds it. */
	memset(file + file_len, 0xaa, SZ_4K);
	write_file(file, file_len + SZ_4K);
	assert_true(machine_restores());
	write_file(file, file_len);
}

static void each_changed_byte_is_refused(void **state)
{
	struct save_header header;
	size_t end;

	(void)state;
	memcpy(&header, file, sizeof(header));
	end = header.sections_at + header.sections_len;
	for (size_t at = 0; at < end;) {
		file[at] ^= 0x10;
		write_file(file, file_len);
		if (machine_restores())
			fail_msg("a change of byte %zu of %zu is not detected", at, end);
		file[at] ^= 0x10;
		/* Take small steps in the header and the sections, large ones in pages. */
		at += at < sizeof(header) ? 1 : at < header.sections_at ? 1021 : 7;
		if (at >= sizeof(header) && at < SAVE_PAGES)
			at = SAVE_PAGES;
	}
	write_file(file, file_len);
	assert_true(machine_restores());
}

static void put_sum(void)
{
	struct save_header header;

	memcpy(&header, file, sizeof(header));
	header.sum = state_sum(0, &header, offsetof(struct save_header, sum));
	memcpy(file, &header, sizeof(header));
}

/* Correct the sums of the sections, up to the first section whose length is invalid. */
static void put_section_sums(void)
{
	struct save_header header;
	struct save_section section;
	u64 at, end;

	memcpy(&header, file, sizeof(header));
	at = header.sections_at;
	end = at + header.sections_len;
	while (at + sizeof(section) <= end && end <= file_len) {
		memcpy(&section, file + at, sizeof(section));
		if (section.len > end - at - sizeof(section))
			return;
		section.sum = state_sum(0, &section, offsetof(struct save_section, sum));
		section.sum = state_sum(section.sum, file + at + sizeof(section), section.len);
		memcpy(file + at, &section, sizeof(section));
		at += sizeof(section) + section.len;
	}
}

/* Invalid header fields with a valid checksum: each must be refused. */
static void an_invalid_header_is_refused(void **state)
{
	static const u64 lies[] = { 0, 1, 7, 0x1000, 0x7fffffffffffffff, ~0ull, 1ull << 40 };
	u8 whole[SAVE_PAGES];

	(void)state;
	memcpy(whole, file, sizeof(whole));
	for (size_t at = 8; at < offsetof(struct save_header, sum); at += 4) {
		for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
			memcpy(file + at, &lies[i], 4);
			if (at % 8 == 0 && at > 8)
				memcpy(file + at, &lies[i], 8);
			if (memcmp(file, whole, sizeof(whole)) == 0)
				continue;
			if (at == offsetof(struct save_header, nested) && lies[i] == 1) {
				memcpy(file, whole, sizeof(whole));
				continue; /* valid: the registers then switch H off */
			}
			put_sum();
			write_file(file, file_len);
			if (machine_restores())
				fail_msg("an invalid header field at %zu is accepted", at);
			memcpy(file, whole, sizeof(whole));
		}
	}
	write_file(file, file_len);
}

/* Invalid contents with correct sums may be refused or accepted, but must not do any harm. */
static void invalid_sections_do_no_harm(void **state)
{
	static u8 whole[FILE_MAX];
	struct save_header header;
	unsigned int taken = 0;

	(void)state;
	memcpy(whole, file, file_len);
	memcpy(&header, file, sizeof(header));
	srandom(1);
	for (int i = 0; i < LIES; i++) {
		for (int n = 1 + random() % 4; n; n--)
			file[header.sections_at + random() % header.sections_len] =
				random() % 3 ? (u8)random() : 0xff;
		put_section_sums();
		write_file(file, file_len);
		taken += machine_restores();
		memcpy(file, whole, file_len);
	}
	print_message("# %u of %u invalid files were accepted\n", taken, LIES);
	assert_in_range(taken, 1, LIES - 1);
	write_file(file, file_len);
}

static void a_file_of_a_different_machine_is_refused(void **state)
{
	struct options whole = machine.options;

	(void)state;
	machine.options.vcpus = 3;
	refused_because("it has 2 vCPUs, not 3");
	machine.options = whole;
	machine.options.ram_size = 2 * RAM_SIZE;
	refused_because("it has 1024 KiB of memory, not 2048");
	machine.options = whole;
	machine.options.nr_disks = 2;
	refused_because("it has 1 disks, not 2");
	machine.options = whole;
	machine.options.restore = "/nowhere";
	refused_because("/nowhere: No such file");
	machine.options = whole;
	write_file("no machine", 10);
	refused_because("the file is truncated");
	write_file(saved_ram, sizeof(saved_ram));
	refused_because("not a saved machine");
	write_file(file, file_len);
	/* Options that are not given are taken from the file. */
	machine.options.vcpus = 0;
	machine.options.ram_size = 0;
	machine.options.device[DEVICE_testdev] = false;
	restore_open(&machine.options);
	close(next_fd);
	assert_int_equal(machine.options.vcpus, VCPUS);
	assert_int_equal(machine.options.ram_size, RAM_SIZE);
	assert_true(machine.options.device[DEVICE_testdev]);
	machine.options = whole;
}

static void a_host_without_the_files_features_refuses_it(void **state)
{
	int zba = number_of(ISA(ZBA));
	u64 off = 0;

	(void)state;
	absent = ISA(ZBA);
	refused_because("ISA_EXT");
	absent = 0;
	fixed = TIMER(frequency);
	assert_true(machine_restores());
	fixed = CORE(1);
	refused_because("CORE 1");
	fixed = 0;
	/* An extension that the guest lacked need not exist here; if it does, it is disabled. */
	assert_true(machine_restores());
	for (int v = 0; v < VCPUS; v++)
		memcpy(models[v].value[zba], &off, sizeof(off));
	save();
	absent = ISA(ZBA);
	assert_true(machine_restores());
	save();
	absent = 0;
	assert_true(machine_restores());
	assert_memory_equal(models[1].value[zba], &off, sizeof(off));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restored_machine_equals_the_saved_one),
		cmocka_unit_test(an_interrupt_of_the_uart_that_came_during_the_save_is_pending),
		cmocka_unit_test(a_restored_machine_saves_to_the_same_file),
		cmocka_unit_test(
			extensions_come_before_registers_and_compare_before_the_timer_state),
		cmocka_unit_test(pages_of_zeroes_are_not_saved),
		cmocka_unit_test(every_truncated_file_is_refused),
		cmocka_unit_test(each_changed_byte_is_refused),
		cmocka_unit_test(an_invalid_header_is_refused),
		cmocka_unit_test(invalid_sections_do_no_harm),
		cmocka_unit_test(a_file_of_a_different_machine_is_refused),
		cmocka_unit_test(a_host_without_the_files_features_refuses_it),
		cmocka_unit_test(a_save_at_a_time_is_not_lost_if_the_machine_is_stopped_then),
		cmocka_unit_test(input_that_arrives_during_a_save_is_not_read),
		cmocka_unit_test(input_that_was_read_before_a_save_is_saved),
	};

	return cmocka_run_group_tests_name("saved machines", tests, build, machine_remove);
}
