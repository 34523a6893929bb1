// SPDX-License-Identifier: MIT
/*
 * restore.c - fuzz target: restore a VM from any file.
 *
 * The file is one that the machine has saved, with changes that the input chooses: of the header,
 * of sections and of pages, each with a correct or a wrong sum. It may be truncated. If the machine
 * can be restored, it is saved, restored and saved again: both saved states must be the same.
 */
#include "state.h"
#include "vmm_host.h"

#define PAGES       4 /* in the file */
#define MAX_FILE    0x10000
#define MAX_CHANGES 16

static struct choices choices;
static u8 saved[MAX_FILE], file[MAX_FILE];
static size_t saved_size;
static struct save_header header;

static u64 rnd(u64 below)
{
	return choose(&choices, below);
}

/* Describe the pages of the file `saved`. */
static void list_pages(struct pages *pages)
{
	*pages = (struct pages){
		.fd = -1, .ram = machine.ram, .nr_ram = HOST_RAM / SZ_4K, .nr = PAGES
	};
	pages->entries = snapshot_alloc(PAGES * sizeof(*pages->entries));
	for (u64 i = 0; i < PAGES; i++)
		pages->entries[i] =
			(struct page_entry){ i + (i > 1),
					     state_sum(0, saved + SAVE_PAGES + i * SZ_4K, SZ_4K) };
}

static void save(void)
{
	struct pages pages;
	struct state s = { 0 };

	memset(saved + SAVE_PAGES, 0x5a, PAGES * SZ_4K);
	list_pages(&pages);
	sections_state(&machine, &pages, &s);
	header = (struct save_header){ .magic = SAVE_MAGIC,
				       .version = SAVE_VERSION,
				       .xlen = 64,
				       .pages = PAGES,
				       .sections_at = SAVE_PAGES + PAGES * SZ_4K,
				       .sections_len = s.len,
				       .ram_base = RAM_BASE,
				       .ram_size = HOST_RAM,
				       .vcpus = HOST_VCPUS,
				       .disks = 1,
				       .devices = (1u << NR_DEVICES) - 1 };
	header.length = ALIGN_UP(header.sections_at + s.len, SZ_4K);
	CLAIM(header.length <= MAX_FILE);
	memcpy(saved + header.sections_at, s.data, s.len);
	saved_size = header.length;
	snapshot_free(s.data);
	snapshot_free(pages.entries);
}

/* Change 1 to 8 bytes. */
static void change(u8 *at, size_t size)
{
	u64 value = rnd(2) ? rnd(~0ull) : rnd(4) ? rnd(256) : ~0ull << rnd(64);
	size_t len = 1ul << rnd(4), offset = rnd(size);

	memcpy(at + offset, &value, len < size - offset ? len : size - offset);
}

/* Correct the sums of all sections up to the first whose length is wrong. */
static void correct_sums(u8 *at, size_t size)
{
	struct save_section section;

	while (size >= sizeof(section)) {
		memcpy(&section, at, sizeof(section));
		at += sizeof(section);
		size -= sizeof(section);
		if (section.len > size)
			return;
		section.sum = state_sum(0, &section, offsetof(struct save_section, sum));
		section.sum = state_sum(section.sum, at, section.len);
		memcpy(at - sizeof(section), &section, sizeof(section));
		at += section.len;
		size -= section.len;
	}
}

static void make_file(void)
{
	struct save_header *h = (struct save_header *)file;
	unsigned int changes = (unsigned int)rnd(MAX_CHANGES);

	memcpy(file, saved, saved_size);
	memcpy(file, &header, sizeof(header));
	host_file_size = saved_size;
	while (changes--) {
		switch (rnd(8)) {
		case 0:
			change(file, sizeof(*h));
			break;
		case 1:
			change(file + SAVE_PAGES, PAGES * SZ_4K);
			break;
		default:
			change(file + header.sections_at, header.sections_len);
		}
	}
	if (rnd(16) == 15)
		host_file_size = rnd(saved_size);
	if (rnd(16) != 15)
		correct_sums(file + header.sections_at, header.sections_len);
	if (rnd(16) != 15)
		h->sum = state_sum(0, h, offsetof(struct save_header, sum));
	host_file = file;
}

static void restore_file(void)
{
	struct options options = machine.options;

	restore_open(&options);
	/* main() builds the machine after this; the machine of this target is built already. */
	if (options.vcpus == HOST_VCPUS && options.ram_size == HOST_RAM)
		restore(&machine);
	else
		die(STATUS_SETUP, "another machine");
}

/* Save the restored machine, restore it from that, and save it again: both states are the same. */
static void save_again(void)
{
	struct state first = { 0 }, second = { 0 }, load;
	struct pages pages;

	list_pages(&pages);
	sections_state(&machine, &pages, &first);
	load = (struct state){ .loading = true, .data = first.data, .len = first.len };
	host_file = saved;
	host_file_size = saved_size;
	sections_state(&machine, &pages, &load);
	sections_state(&machine, &pages, &second);
	CLAIM(first.len == second.len && !memcmp(first.data, second.data, first.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!snapshot_restore()) {
		host_prepare("user_plic");
		CLAIM(host_try(save));
		snapshot_take();
	}
	choices = (struct choices){ data, size };
	make_file();
	size = rnd(4) ? 0 : choices.left / 2; /* bytes for the host's choices */
	host_choices = (struct choices){ choices.at + choices.left - size, size };
	if (host_try(restore_file)) {
		host_run_threads();
		host_choices = (struct choices){ NULL, 0 };
		CLAIM(host_try(save_again));
	}
	return 0;
}
