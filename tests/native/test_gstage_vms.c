// SPDX-License-Identifier: MIT
/*
 * test_gstage_vms.c - four VMs that differ in gstage_walk and gstage_huge take the same random
 * steps.
 *
 * They share the same user memory. After each access, all VMs must map the same host page. Whenever
 * the logs are read, they must show the same dirty pages. Where only the walker differs, the tables
 * must be equal entry by entry. The guests load and store. The host takes pages back, provides new
 * ones (small, large or copied on write), and ages them. User space turns logging on and off, and
 * reads the logs. HS_STEPS: number of steps; the default takes a second.
 */
#include <stdlib.h>
#include "touch.h"
#undef BASE
#include "gstage_variants.h"
#include "random.h"

#define GPA       NATIVE_GUEST_BASE
#define BLOCKS    3
#define SIZE      (BLOCKS * SZ_2M)
#define PAGES     (SIZE / PAGE_SIZE)
#define VMS       4 /* in a VM's index, bit 0: recursive walker, bit 1: no large leaves */
#define LOGS      (HVA + 32 * SZ_2M)
#define LOG_WORDS (PAGES / 64)

static struct native_vm vms[VMS];
static bool logging;

static hva_t log_hva(unsigned int i)
{
	return LOGS + i * PAGE_SIZE;
}

static u64 *log_words(unsigned int i)
{
	return native_user(log_hva(i));
}

static void make_vms(void)
{
	unsigned int i;

	native_reset();
	native_core_start();
	native_quirks.htinst = 0x2503;
	native_user_map(HVA, SIZE, NATIVE_HUGE);
	native_user_map(LOGS, VMS * PAGE_SIZE, 0);
	for (i = 0; i < VMS; i++) {
		native_param_set("gstage_walk", i & 1 ? "recursive" : "iterative");
		native_param_set("gstage_huge", i & 2 ? "off" : "on");
		native_vm_open(&vms[i]);
		assert_int_equal(native_set_slot(vms[i].vm, 0, GPA, SIZE, HVA, 0), 0);
		vms[i].vcpu = native_vcpu_make(&vms[i], 0);
	}
	native_param_set("gstage_walk", "iterative");
	native_param_set("gstage_huge", "on");
	logging = false;
}

static void free_vms(void)
{
	unsigned int i;

	for (i = 0; i < VMS; i++)
		native_vm_free(&vms[i]);
	native_user_exit();
	assert_int_equal(native_pages_in_use(), 0);
	assert_int_equal(native_maps_in_use(), 0);
	assert_int_equal(native_objects_in_use(), 0);
}

/* ---- steps, each taken on all VMs -------------------------------------------------------- */

static void access_page(u64 page, enum native_access access)
{
	gpa_t gpa = GPA + page * PAGE_SIZE;
	hva_t hva = HVA + page * PAGE_SIZE;
	unsigned int i;
	hpa_t hpa;

	for (i = 0; i < VMS; i++) {
		u64 data = page;

		vcpu_load(vms[i].vcpu);
		assert_int_equal(touch(vms[i].vcpu, gpa, access, &data), RESUME_GUEST);
		assert_int_equal(native_gstage_access(gpa, access, &hpa), 0);
		assert_ptr_equal(native_ram(hpa), native_user(hva));
		vcpu_put(vms[i].vcpu);
	}
}

/* Replace pages with others of any kind. Only whole blocks get 2M leaves. */
static void replace_pages(bool block)
{
	u64 first = rnd(PAGES), n = MIN(1 + rnd(16), PAGES - first);
	unsigned int flags = rnd(2) ? NATIVE_COW : 0;

	if (block) {
		first = ALIGN_DOWN(first, 512);
		n = 512;
		flags = rnd(4) ? NATIVE_HUGE : flags;
	}
	native_user_unmap(HVA + first * PAGE_SIZE, n * PAGE_SIZE);
	native_user_map(HVA + first * PAGE_SIZE, n * PAGE_SIZE, flags);
}

static void age_pages(void)
{
	u64 first = rnd(PAGES), n = 1 + rnd(PAGES - first);
	hva_t start = HVA + first * PAGE_SIZE, end = start + n * PAGE_SIZE;
	unsigned int i;

	for (i = 0; i < VMS; i++)
		vms[i].vm->notifier.clear_young(&vms[i].vm->notifier, start, end);
	for (i = 0; i < VMS; i++)
		assert_false(vms[i].vm->notifier.test_young(&vms[i].vm->notifier, start, end));
}

/* A large leaf makes 512 pages young, so only VMs with the same leaf sizes must agree. */
static void compare_young_pages(void)
{
	hva_t start = HVA + rnd(PAGES) * PAGE_SIZE;
	unsigned int i;
	bool young[VMS];

	for (i = 0; i < VMS; i++)
		young[i] = vms[i].vm->notifier.test_young(&vms[i].vm->notifier, start,
							  start + PAGE_SIZE);
	assert_true(young[0] == young[1] && young[2] == young[3]);
}

static void set_logging(bool on)
{
	u32 flags = on ? KVM_MEM_LOG_DIRTY_PAGES : 0;
	unsigned int i;

	for (i = 0; i < VMS; i++)
		assert_int_equal(native_set_slot(vms[i].vm, 0, GPA, SIZE, HVA, flags), 0);
	logging = on;
}

static void read_logs(void)
{
	unsigned int i;

	for (i = 0; i < VMS; i++) {
		struct kvm_dirty_log log = { .slot = 0 };

		log.dirty_bitmap = (void *)(uintptr_t)log_hva(i);
		memset(log_words(i), 0x55, LOG_WORDS * sizeof(u64));
		assert_int_equal(kvm_vm_ioctl_get_dirty_log(vms[i].vm, &log), 0);
		assert_memory_equal(log_words(0), log_words(i), LOG_WORDS * sizeof(u64));
	}
}

/* ---- what must agree ----------------------------------------------------------------------- */

static void assert_maps_the_host(struct gstage *gs, u64 page)
{
	struct gstage_leaf leaf;
	gpa_t gpa = GPA + page * PAGE_SIZE;

	if (gstage_find(gs, gpa, &leaf) == 0)
		assert_ptr_equal(native_ram(gstage_leaf_hpa(&leaf, gpa)),
				 native_user(HVA + page * PAGE_SIZE));
}

static void compare(void)
{
	struct gstage *gs[VMS];
	unsigned int i;
	u64 page;

	for (i = 0; i < VMS; i++)
		gs[i] = &vms[i].vm->gstage;
	assert_same_table(gs[0]->root, gs[1]->root, gs[0]->levels - 1, 2048);
	assert_same_table(gs[2]->root, gs[3]->root, gs[2]->levels - 1, 2048);
	for (page = 0; page < PAGES; page++) {
		struct gstage_leaf leaf[2];

		assert_maps_the_host(gs[0], page);
		assert_maps_the_host(gs[2], page);
		if (gstage_find(gs[0], GPA + page * PAGE_SIZE, &leaf[0]) != 0 ||
		    gstage_find(gs[2], GPA + page * PAGE_SIZE, &leaf[1]) != 0)
			continue; /* may differ: a large leaf maps and unmaps 512 pages at once */
		assert_int_equal(leaf[1].level, 0);
		assert_int_equal(leaf[0].pte & PTE_W, leaf[1].pte & PTE_W);
	}
}

static void step(void)
{
	switch (rnd(40)) {
	case 0:
		replace_pages(rnd(2));
		break;
	case 1:
		replace_pages(true);
		break;
	case 2:
		age_pages();
		break;
	case 3:
		compare_young_pages();
		break;
	case 4:
		if (logging)
			read_logs();
		break;
	case 5:
		if (rnd(logging ? 3 : 8) == 0)
			set_logging(!logging);
		break;
	default:
		access_page(rnd(PAGES), rnd(2) ? NATIVE_STORE : NATIVE_LOAD);
	}
}

static void vms_of_all_variants_end_in_the_same_state(void **state)
{
	const char *wanted = getenv("HS_STEPS");
	unsigned long i, steps = wanted ? strtoul(wanted, NULL, 0) : 20000;
	unsigned int large = 0, split;
	struct gstage_leaf leaf;

	(void)state;
	random_state = 0x2545f4914f6cdd1dULL;
	make_vms();
	for (i = 0; i < steps; i++) {
		step();
		if (i % 512)
			continue;
		compare();
		large += gstage_find(&vms[0].vm->gstage, GPA, &leaf) == 0 && leaf.level == 1;
	}
	compare();
	/* The test is useful only if there were large leaves, and some were split. */
	split = native_events(TRACE_gstage_split);
	print_message("# %lu steps, large leaves at %u of %lu checks, %u splits\n", steps, large,
		      steps / 512, split);
	assert_true(large > 0 && split > 0);
	free_vms();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vms_of_all_variants_end_in_the_same_state),
	};

	return cmocka_run_group_tests_name("G-stage, VMs of all variants", tests, NULL, NULL);
}
