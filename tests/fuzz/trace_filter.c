// SPDX-License-Identifier: MIT
/*
 * trace_filter.c - fuzz target: hstrace's filter rules, applied to every event and many values.
 *
 * The input's first four bytes are a seed for field values, and the rest is the rule. Every rule is
 * either refused, or evaluated with the same result each time for the same event.
 */
#include <unistd.h>
#include "file/hst.h"
#include "fuzz.h"

static const char table[] =
	"event kvm_exit hex:sepc cause:scause hex:stval dec:signed err:errno # e\n"
	"event kvm_sbi_call sbi:ext num:fid sbierr:error mmio:type flag:flag # s\n"
	"event kvm_csr csr:csr sys:id reason:reason hex:val num:vm # c\n"
	"event kvm_wfi flag:pending # w\n";

static void make_file(struct hst_file *file)
{
	file->path = "file";
	file->formats = strdup(table);
	CLAIM(file->formats && hst_formats_parse(file) == 0);
}

static void see_all(const struct hst_filter *filter, const struct hst_file *file, uint64_t seed)
{
	for (unsigned int i = 0; i < 64; i++) {
		struct trace_record record = { .time = i };
		struct hst_seen seen = { .hart = i % 4, .event_nr = i % (file->nr_events + 1) };

		for (unsigned int f = 0; f < TRACE_ARGS; f++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			record.arg[f] =
				(seed >> 40) % 3 ? seed >> (40 + f * 4) : ~0ULL << (seed >> 59);
		}
		seen.event = &file->events[seen.event_nr];
		seen.record = &record;
		seen.vm = (int)(i % 3) - 1;
		seen.vcpu = seen.vm;
		CLAIM(hst_filter_has(filter, &seen) == hst_filter_has(filter, &seen));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hst_file file;
	struct choices c = { data, size };
	struct hst_filter *filter = NULL;
	uint64_t seed = choose(&c, 1ULL << 32);
	char *text = malloc(c.left + 1);

	if (!file.formats)
		make_file(&file);
	CLAIM(text);
	memcpy(text, c.at, c.left);
	text[c.left] = '\0';
	if (hst_filter_add(&filter, text) == 0 && hst_filter_bind(filter, &file) == 0)
		see_all(filter, &file, seed);
	hst_filter_free(filter);
	free(text);
	return 0;
}
