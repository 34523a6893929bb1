// SPDX-License-Identifier: MIT
/*
 * test_bounds.c - out-of-range numbers from a guest or a saved file are refused or reduced to a
 * limit, a message names the attribute that KVM refuses, the VMM does not rely on what it reads from
 * guest memory, and a reboot loads the Image that the file has then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "refused.h"
#include "state.h"

static struct machine machine;
static struct save_header header;
static u8 ram[RAM_MIN], image[128];
static size_t image_size = 64;

/* ---- stubs of the rest of the VMM for doorbell.c, load.c and restore.c ---- */

int file_read(int fd, void *to, size_t len, u64 offset)
{
	const u8 *file = machine.ram ? image : (u8 *)&header;
	size_t size = machine.ram ? image_size : sizeof(header);

	(void)fd;
	assert_true(offset <= size && len <= size - offset);
	memcpy(to, file + offset, len);
	return 0;
}

void sections_state(struct machine *m, struct pages *pages, struct state *s)
{
	(void)m, (void)pages, (void)s;
}

u64 clock_now(void)
{
	static u64 now;

	return now++;
}

void *machine_ram(struct machine *m, gpa_t gpa, u64 len)
{
	u64 offset = gpa - RAM_BASE;

	return offset <= m->ram_size && len <= m->ram_size - offset ? m->ram + offset : NULL;
}

size_t fdt_build(struct machine *m, const struct layout *layout, void *buffer)
{
	(void)m, (void)layout;
	assert_false((u8 *)buffer >= ram && (u8 *)buffer < ram + sizeof(ram));
	memset(buffer, 0xd7, 100);
	return 100;
}

static char last_call[80]; /* the name for messages */

int kvm_call_named(int fd, unsigned long request, const char *name, unsigned long arg)
{
	(void)fd, (void)request, (void)arg;
	snprintf(last_call, sizeof(last_call), "%s", name);
	return 0;
}

/* ---- tests ---- */

static bool takes_memory_of(u64 size)
{
	struct options options = { .restore = "/dev/null" };

	header = (struct save_header){
		.magic = SAVE_MAGIC,
		.version = SAVE_VERSION,
		.xlen = 8 * sizeof(long),
		.pages = size / SZ_4K,
		.ram_base = RAM_BASE,
		.ram_size = size,
		.vcpus = 1,
	};
	header.sections_at = SAVE_PAGES + header.pages * SZ_4K;
	header.sum = state_sum(0, &header, offsetof(struct save_header, sum));
	if (setjmp(refused))
		return !strstr(why, "another kind of machine");
	restore_open(&options);
	return true;
}

static void an_impossible_memory_size_is_refused(void **state)
{
	(void)state;
	assert_false(takes_memory_of(-SZ_4K)); /* SAVE_PAGES + size is 2^64 */
	assert_false(takes_memory_of(RAM_MAX + SZ_4K));
	assert_false(takes_memory_of(RAM_MIN - SZ_4K));
	assert_false(takes_memory_of(0));
	/* The size is accepted: the header is refused for another reason, its length of 0. */
	assert_true(takes_memory_of(RAM_MIN));
}

static u64 steps(void)
{
	return bus_read(&machine.bus, DOORBELL_BASE + 0x20, 8);
}

/*
 * A delay is as long as the guest asks for, up to a limit. A saved file with a longer delay is
 * refused.
 */
static void a_guest_does_not_choose_how_long_the_bell_device_spins(void **state)
{
	u64 words[4] = { 0, 0, 0, ~0ull };
	struct state s = { .loading = true, .data = (u8 *)words, .len = sizeof(words) };

	(void)state;
	doorbell_init(&machine);
	bus_write(&machine.bus, DOORBELL_BASE + 0x20, 49, 8);
	assert_int_equal(steps(), 49);
	bus_write(&machine.bus, DOORBELL_BASE + 0x20, ~0ull, 8);
	assert_in_range(steps(), 50, 1000000);
	doorbell_state(&machine, &s);
	assert_non_null(s.bad);
	assert_in_range(steps(), 0, 1000000);
}

static char image_path[] = "/tmp/hs-image-XXXXXX";

/* Another thread of the VMM may write to guest memory for a guest that reboots (--doorbell). */
static void the_device_tree_is_built_outside_guest_memory(void **state)
{
	struct layout layout = { 0 };
	int fd = mkstemp(image_path);

	(void)state;
	assert_int_equal(ftruncate(fd, image_size), 0);
	memcpy(image + 48, "RISCV", 5);
	machine.ram = ram;
	machine.ram_size = sizeof(ram);
	close(fd);
	machine.options.image = image_path;
	load_open(&machine);
	load_guest(&machine, &layout);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(ram[layout.dtb - RAM_BASE + i], 0xd7);
	assert_int_equal(ram[layout.dtb - RAM_BASE + 100], 0);
}

/* The Image of the previous test becomes longer, and then shorter, while the guest runs. */
static void a_reboot_loads_the_image_that_the_file_has_now(void **state)
{
	struct layout layout = { 0 };

	(void)state;
	memset(image + 64, 0xa5, 64);
	image_size = 128;
	assert_int_equal(truncate(image_path, image_size), 0);
	load_guest(&machine, &layout);
	assert_memory_equal(ram, image, 128);
	memset(ram, 0, 128);
	image_size = 64;
	assert_int_equal(truncate(image_path, image_size), 0);
	load_guest(&machine, &layout);
	assert_memory_equal(ram, image, 64);
	assert_int_equal(ram[64], 0);
	unlink(image_path);
	machine.ram = NULL;
	machine.ram_size = 0;
}

static void a_message_names_the_attribute_that_kvm_refuses(void **state)
{
	(void)state;
	irqchip_attribute(0, KVM_SET_DEVICE_ATTR, 3, 0x28, NULL);
	assert_string_equal(last_call, "KVM_SET_DEVICE_ATTR, group 3, attribute 0x28");
	irqchip_attribute(0, KVM_GET_DEVICE_ATTR, 3, 0x28, NULL);
	assert_string_equal(last_call, "KVM_GET_DEVICE_ATTR, group 3, attribute 0x28");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_impossible_memory_size_is_refused),
		cmocka_unit_test(the_device_tree_is_built_outside_guest_memory),
		cmocka_unit_test(a_reboot_loads_the_image_that_the_file_has_now),
		cmocka_unit_test(a_message_names_the_attribute_that_kvm_refuses),
		cmocka_unit_test(a_guest_does_not_choose_how_long_the_bell_device_spins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
