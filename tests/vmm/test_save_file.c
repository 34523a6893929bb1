// SPDX-License-Identifier: MIT
/*
 * test_save_file.c - the file of a save belongs to one VMM, a save that lacks memory can be repeated, saves
 * that fail do not fill the log, and a machine that ends does not wait for a save.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "saved_machine.h"
#include "state.h"

static u8 contents(unsigned int at)
{
	return (u8)(at / SZ_4K % 5 ? at / SZ_4K + at : 0);
}

static int allocations = -1; /* how many succeed; -1: all */

static bool allocate(void)
{
	if (allocations > 0)
		allocations--;
	else if (allocations == 0)
		return false;
	return true;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return allocate() ? __real_calloc(count, size) : NULL;
}

void *__real_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size)
{
	return allocate() ? __real_realloc(at, size) : NULL;
}

/* Save while only `most` allocations succeed. */
static bool saves(unsigned int rounds, int most)
{
	bool saved;

	machine.options.save_rounds = rounds;
	allocations = most;
	if (setjmp(refused))
		fail_msg("the VMM ends: %s", why);
	machine.stopping = false;
	if (rounds)
		save_live(&machine);
	machine.stopping = true;
	saved = save_finish(&machine);
	allocations = -1;
	machine.options.save_rounds = 0;
	return saved;
}

/* Repeat a save with memory for one more allocation each time, until it succeeds. */
static void a_save_that_lacks_memory_fails_and_can_be_repeated(void **state)
{
	(void)state;
	for (unsigned int rounds = 0; rounds < 2; rounds++) {
		int most = 0;

		machine_reset();
		for (unsigned int i = 0; i < RAM_SIZE; i++)
			machine.ram[i] = contents(i);
		save_check(&machine.options);
		while (!saves(rounds, most))
			most++;
		assert_true(most > 5);
		assert_true(machine_restores());
		for (unsigned int i = 0; i < RAM_SIZE; i++)
			assert_int_equal(machine.ram[i], contents(i));
	}
}

static unsigned int writes, last = ~0u; /* at the last write, the machine ends */

ssize_t __real_pwrite(int fd, const void *from, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *from, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *from, size_t len, off_t offset)
{
	if (++writes == last)
		machine.stopping = true;
	return __real_pwrite(fd, from, len, offset);
}

static void a_machine_that_ends_does_not_wait_for_a_save(void **state)
{
	(void)state;
	machine_reset();
	machine.options.save_rounds = 1;
	for (unsigned int i = 0; i < RAM_SIZE; i++)
		machine.ram[i] = contents(i);
	save_check(&machine.options);
	machine.stopping = false;
	machine.stop_reason = STOP_POWEROFF;
	writes = 0;
	last = 5;
	save_live(&machine);
	assert_true(machine.stopping);
	assert_in_range(writes, last, last + 1);
	save_abandon(&machine);
	machine.options.save_rounds = 0;
}

extern unsigned int nr_complaints, nr_informed; /* silent.c */

static void saves_that_fail_without_end_do_not_fill_the_log(void **state)
{
	unsigned int complaints = nr_complaints, informed = nr_informed;

	(void)state;
	machine_reset();
	save_check(&machine.options);
	for (int i = 0; i < 60; i++)
		assert_false(saves(0, 3));
	for (int i = 0; i < 60; i++) {
		machine.options.save_rounds = 1;
		machine.stopping = false;
		save_live(&machine);
		machine.stopping = true;
		machine.stop_reason = STOP_REBOOT;
		save_abandon(&machine);
	}
	machine.options.save_rounds = 0;
	assert_in_range(nr_complaints, complaints, complaints + 20);
	assert_int_equal(nr_informed, informed);
	/* The end of the guest is reported in any case. */
	complaints = nr_complaints;
	machine.stop_reason = STOP_POWEROFF;
	save_abandon(&machine);
	assert_int_equal(nr_complaints, complaints + 1);
}

#define MANY 16384 /* pages */

/* Only the pages that were read, or written, are resident. */
static void a_machine_that_ends_does_not_wait_for_a_scan_of_zeroes(void **state)
{
	static unsigned char resident[MANY];
	struct machine many = { .ram_size = MANY * SZ_4K };
	struct pages pages;
	unsigned int read = 0;

	(void)state;
	many.ram = mmap(NULL, many.ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	assert_ptr_not_equal(many.ram, MAP_FAILED);
	madvise(many.ram, many.ram_size, MADV_NOHUGEPAGE);
	assert_int_equal(pages_begin(&pages, &many, -1), 0);
	pages.live = &many;
	many.stopping = true;
	assert_int_equal(pages_write(&pages, NULL), 0);
	pages_end(&pages);
	assert_int_equal(mincore(many.ram, many.ram_size, resident), 0);
	for (unsigned int i = 0; i < MANY; i++)
		read += resident[i] & 1;
	assert_in_range(read, 1, 512);
	munmap(many.ram, many.ram_size);
}

static char part[64], other[64]; /* FILE.part, and the name to which another VMM renames it */

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void a_second_vmm_cannot_save_to_the_same_file(void **state)
{
	int fd = save_file_open(machine.options.save);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "some", 4), 4);
	snprintf(part, sizeof(part), "%s.part", machine.options.save);
	assert_int_equal(save_file_open(machine.options.save), -EWOULDBLOCK);
	assert_int_equal(size_of(part), 4);
	if (!setjmp(refused)) {
		save_check(&machine.options);
		fail_msg("the file is not refused");
	}
	assert_non_null(strstr(why, "another VMM"));
	/* Once the first VMM has removed its file, a second one can begin, before the first has ended. */
	assert_int_equal(save_file_end(false), 0);
	close(fd);
	assert_int_equal(size_of(part), -1);
	fd = save_file_open(machine.options.save);
	assert_true(fd >= 0);
	assert_int_equal(save_file_end(false), 0);
	close(fd);
}

static bool renames; /* another VMM completes its save before flock() */

int flock(int fd, int operation)
{
	int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");

	if (renames)
		assert_int_equal(rename(part, other), 0);
	renames = false;
	return real(fd, operation);
}

static void a_file_that_another_vmm_completes_meanwhile_is_not_overwritten(void **state)
{
	int fd = open(part, O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_int_equal(write(fd, "complete", 8), 8);
	close(fd);
	snprintf(other, sizeof(other), "%s.other", machine.options.save);
	renames = true;
	fd = save_file_open(machine.options.save);
	assert_true(fd >= 0);
	assert_false(renames);
	assert_int_equal(size_of(other), 8);
	assert_int_equal(size_of(part), 0);
	assert_int_equal(save_file_end(false), 0);
	close(fd);
	unlink(other);
}

/*
 * Calls of fsync() for a folder when FILE has its name, in memory that is shared with the second
 * process; or NULL.
 */
static unsigned int *folders_synced;

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	struct stat st;

	if (folders_synced && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		*folders_synced += size_of(machine.options.save) > 0 && size_of(part) < 0;
	return real(fd);
}

static void the_name_of_a_saved_file_is_durable(void **state)
{
	(void)state;
	folders_synced =
		mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(folders_synced, MAP_FAILED);
	save_check(&machine.options);
	assert_true(saves(0, -1));
	assert_int_equal(*folders_synced, 1);
	munmap(folders_synced, SZ_4K);
	folders_synced = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_save_that_lacks_memory_fails_and_can_be_repeated),
		cmocka_unit_test(a_machine_that_ends_does_not_wait_for_a_save),
		cmocka_unit_test(a_machine_that_ends_does_not_wait_for_a_scan_of_zeroes),
		cmocka_unit_test(a_second_vmm_cannot_save_to_the_same_file),
		cmocka_unit_test(a_file_that_another_vmm_completes_meanwhile_is_not_overwritten),
		cmocka_unit_test(the_name_of_a_saved_file_is_durable),
		cmocka_unit_test(saves_that_fail_without_end_do_not_fill_the_log),
	};

	return cmocka_run_group_tests_name("files of saved machines", tests, machine_build,
					   machine_remove);
}
