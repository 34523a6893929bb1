// SPDX-License-Identifier: MIT
/*
 * memory.c - the walk's rows for memory slots and for the dirty log. If a call fails, its row also
 * says whether the outcome of a guest's loads, from an address in memory and from one outside, has
 * changed.
 */
#include "walk.h"

#define NEW_GPA  0x90000000UL
#define NEW_SIZE 0x10000UL

/*
 * An hva far from the program's mappings. A large slot elsewhere could cover the program's
 * read-only pages, and KVM refuses such a slot.
 */
#define FAR_AWAY (1UL << 44)

static void *backing;

static void delete_slot(struct walk *w, const void *arg)
{
	struct kvm_userspace_memory_region gone = *(const struct kvm_userspace_memory_region *)arg;

	gone.memory_size = 0;
	gone.flags = 0;
	ioctl(w->vm.fd, KVM_SET_USER_MEMORY_REGION, &gone);
}

static struct kvm_userspace_memory_region2 region_good(void)
{
	return (struct kvm_userspace_memory_region2){
		.slot = 5,
		.guest_phys_addr = NEW_GPA,
		.memory_size = NEW_SIZE,
		.userspace_addr = (uintptr_t)backing,
	};
}

static void regions(struct walk *w, struct call *c)
{
	typedef struct kvm_userspace_memory_region2 region;
	const void *good = c->good;
	region far;

	walk_bits(w, c, "slot", FIELD(region, slot));
	walk_bits(w, c, "flags", FIELD(region, flags));
	walk_bits(w, c, "guest_phys_addr", FIELD(region, guest_phys_addr));
	far = *(const region *)c->good;
	far.userspace_addr = FAR_AWAY;
	c->good = &far;
	walk_bits(w, c, "memory_size", FIELD(region, memory_size));
	c->good = good;
	walk_bits(w, c, "userspace_addr", FIELD(region, userspace_addr));
	walk_pointers(w, c);
	walk_command_bits(w, c);
}

struct region_row {
	const char *name;
	uint32_t slot, flags;
	uint64_t gpa, size, offset; /* offset: from the backing memory's start */
};

/* The calls are made in this order, and none is undone. */
static const struct region_row story[] = {
	{ "slot 5", 5, 0, NEW_GPA, NEW_SIZE, 0 },
	{ "slot 5 once more, unchanged", 5, 0, NEW_GPA, NEW_SIZE, 0 },
	{ "slot 6 over it", 6, 0, NEW_GPA, NEW_SIZE, 0 },
	{ "slot 6 over its last page", 6, 0, NEW_GPA + NEW_SIZE - 4096, NEW_SIZE, 0 },
	{ "slot 6 behind it", 6, 0, NEW_GPA + NEW_SIZE, NEW_SIZE, 0 },
	{ "slot 5 over slot 6", 5, 0, NEW_GPA + 4096, NEW_SIZE, 0 },
	{ "slot 5 elsewhere", 5, 0, NEW_GPA - NEW_SIZE, NEW_SIZE, 0 },
	{ "slot 5 larger", 5, 0, NEW_GPA - NEW_SIZE, 2 * NEW_SIZE, 0 },
	{ "slot 5 smaller", 5, 0, NEW_GPA - NEW_SIZE, 4096, 0 },
	{ "slot 5 on other memory", 5, 0, NEW_GPA - NEW_SIZE, NEW_SIZE, 4096 },
	{ "slot 5 read-only", 5, KVM_MEM_READONLY, NEW_GPA - NEW_SIZE, NEW_SIZE, 0 },
	{ "slot 5 logged", 5, KVM_MEM_LOG_DIRTY_PAGES, NEW_GPA - NEW_SIZE, NEW_SIZE, 0 },
	{ "slot 5 no longer logged", 5, 0, NEW_GPA - NEW_SIZE, NEW_SIZE, 0 },
	{ "slot 5 deleted", 5, 0, NEW_GPA - NEW_SIZE, 0, 0 },
	{ "slot 5 deleted a second time", 5, 0, NEW_GPA - NEW_SIZE, 0, 0 },
	{ "slot 5 read-only from the start", 5, KVM_MEM_READONLY, NEW_GPA, NEW_SIZE, 0 },
	{ "slot 5 no longer read-only", 5, 0, NEW_GPA, NEW_SIZE, 0 },
	{ "slot 5 deleted, with a flag", 5, KVM_MEM_READONLY, NEW_GPA, 0, 0 },
	{ "slot 6 deleted, at another address", 6, 0, 0, 0, 0 },
	{ "slot 32766", 32766, 0, NEW_GPA, NEW_SIZE, 0 },
	{ "slot 32766 deleted", 32766, 0, NEW_GPA, 0, 0 },
	{ "slot 32767", 32767, 0, NEW_GPA, NEW_SIZE, 0 },
	{ "slot 65536", 65536, 0, NEW_GPA, NEW_SIZE, 0 },
	{ "the last page that there is", 7, 0, (1UL << 59) - 4096, 4096, 0 },
	{ "its end", 7, 0, (1UL << 59) - 4096, 0, 0 },
	{ "a page beyond it", 7, 0, 1UL << 59, 4096, 0 },
	{ "the last page of 64 bits", 7, 0, -4096UL, 4096, 0 },
	{ "around the end of 64 bits", 7, 0, -4096UL, 8192, 0 },
	{ "of 8 TiB less a page", 7, 0, 1UL << 45, (1UL << 43) - 4096, FAR_AWAY },
	{ "deleted", 7, 0, 1UL << 45, 0, 0 },
	{ "of 8 TiB", 7, 0, 1UL << 45, 1UL << 43, FAR_AWAY },
};

static void region_story(struct walk *w)
{
	struct kvm_userspace_memory_region region;
	struct call c = { "SET_USER_MEMORY_REGION", w->vm.fd, KVM_SET_USER_MEMORY_REGION, &region,
			  sizeof(region) };

	for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++) {
		region = (struct kvm_userspace_memory_region){
			.slot = story[i].slot,
			.flags = story[i].flags,
			.guest_phys_addr = story[i].gpa,
			.memory_size = story[i].size,
			.userspace_addr = (uintptr_t)backing + story[i].offset,
		};
		call_with(w, &c, &region, "%s", story[i].name);
	}
}

void chapter_memory(void)
{
	struct walk w = walk_new();
	struct kvm_userspace_memory_region2 good;
	struct call c = { "SET_USER_MEMORY_REGION",
			  w.vm.fd,
			  KVM_SET_USER_MEMORY_REGION,
			  &good,
			  sizeof(struct kvm_userspace_memory_region),
			  .undo = delete_slot };
	struct call c2 = { "SET_USER_MEMORY_REGION2",
			   w.vm.fd,
			   KVM_SET_USER_MEMORY_REGION2,
			   &good,
			   sizeof(good),
			   .undo = delete_slot };

	/*
	 * The address must be the same on every host, because some rows flip its bits. Linux places the
	 * heap in the first GiB after the program.
	 */
	backing = mmap((void *)0x60000000UL, 2 * NEW_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	must(backing == (void *)0x60000000UL, "mmap");
	good = region_good();
	w.probing = true;
	regions(&w, &c);
	regions(&w, &c2);
	walk_bits(&w, &c2, "guest_memfd_offset",
		  FIELD(struct kvm_userspace_memory_region2, guest_memfd_offset));
	walk_bits(&w, &c2, "guest_memfd", FIELD(struct kvm_userspace_memory_region2, guest_memfd));
	walk_bits(&w, &c2, "pad1", FIELD(struct kvm_userspace_memory_region2, pad1));
	walk_bits(&w, &c2, "pad2", offsetof(struct kvm_userspace_memory_region2, pad2), 64);
	region_story(&w);
	munmap(backing, 2 * NEW_SIZE);
	walk_free(&w);
}

/* ---- the dirty log ------------------------------------------------------------------------ */

static void get_log(struct walk *w, const char *name)
{
	static uint64_t bitmap[64];
	struct kvm_dirty_log log = { .slot = 5, .dirty_bitmap = bitmap };
	struct call c = { name, w->vm.fd, KVM_GET_DIRTY_LOG, &log, sizeof(log) };

	call_with(w, &c, &log, "as it should be");
	for (int bit = 0; bit < 32; bit++) {
		log.slot = 5 ^ 1u << bit;
		call_with(w, &c, &log, "slot bit %d", bit);
	}
	log.slot = 5;
	walk_bits(w, &c, "padding1", FIELD(struct kvm_dirty_log, padding1));
	log.dirty_bitmap = NULL;
	call_with(w, &c, &log, "bitmap at NULL");
	log.dirty_bitmap = (void *)-8UL;
	call_with(w, &c, &log, "bitmap in the kernel");
	log.dirty_bitmap = (uint8_t *)bitmap + 1;
	call_with(w, &c, &log, "bitmap at an odd address");
	log.dirty_bitmap = bitmap;
	walk_pointers(w, &c);
}

static void clear_log(struct walk *w, const char *name)
{
	static uint64_t bitmap[64];
	struct kvm_clear_dirty_log log = { .slot = 5, .num_pages = 64, .dirty_bitmap = bitmap };
	struct call c = { name, w->vm.fd, KVM_CLEAR_DIRTY_LOG, &log, sizeof(log) };
	static const struct {
		uint64_t first;
		uint32_t pages;
	} ranges[] = {
		{ 0, 0 },    { 0, 1 },      { 0, 63 },    { 0, 64 },       { 0, 100 }, { 0, 65 },
		{ 0, 128 },  { 1, 63 },     { 32, 32 },   { 64, 36 },      { 64, 35 }, { 64, 37 },
		{ 64, 64 },  { 64, 0 },     { 128, 0 },   { 100, 0 },      { 101, 0 }, { 128, 64 },
		{ ~0UL, 1 }, { ~63UL, 64 }, { ~63UL, 0 }, { 0, 1u << 31 }, { 0, ~0u }, { 64, ~63u },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		log.first_page = ranges[i].first;
		log.num_pages = ranges[i].pages;
		call_with(w, &c, &log, "from %ld, %u pages", (long)log.first_page, log.num_pages);
	}
	log.first_page = 0;
	log.num_pages = 64;
	for (int bit = 0; bit < 32; bit++) {
		log.slot = 5 ^ 1u << bit;
		call_with(w, &c, &log, "slot bit %d", bit);
	}
	log.slot = 5;
	for (int bit = 0; bit < 64; bit++) {
		log.first_page = 1UL << bit;
		call_with(w, &c, &log, "first_page bit %d", bit);
	}
	log.first_page = 0;
	log.dirty_bitmap = NULL;
	call_with(w, &c, &log, "bitmap at NULL");
	log.dirty_bitmap = (void *)-8UL;
	call_with(w, &c, &log, "bitmap in the kernel");
	log.dirty_bitmap = bitmap;
	walk_pointers(w, &c);
}

void chapter_dirty_log(void)
{
	struct walk w = walk_new();
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 } };

	must(vm_set_slot(&w.vm, 5, NEW_GPA, 100 * 4096, w.vm.mem + 0x100000, 0) == 0, "slot");
	w.probing = true;
	get_log(&w, "GET_DIRTY_LOG of a slot not logged,");
	clear_log(&w, "CLEAR_DIRTY_LOG of a slot not logged,");
	must(vm_set_slot(&w.vm, 5, NEW_GPA, 100 * 4096, w.vm.mem + 0x100000,
			 KVM_MEM_LOG_DIRTY_PAGES) == 0,
	     "slot");
	get_log(&w, "GET_DIRTY_LOG of a slot logged,");
	clear_log(&w, "CLEAR_DIRTY_LOG of a slot logged,");
	must(ioctl(w.vm.fd, KVM_ENABLE_CAP, &cap) == 0, "manual");
	get_log(&w, "GET_DIRTY_LOG of a slot logged by hand,");
	clear_log(&w, "CLEAR_DIRTY_LOG of a slot logged by hand,");
	walk_free(&w);
}
