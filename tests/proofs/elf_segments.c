// SPDX-License-Identifier: MIT
/*
 * elf_segments.c - bounded proof of src/host/proc/elf.c: all segments of a file are mapped together.
 *
 * Proved, for a file with any number of headers: load_one() finds the span of the headers that it has
 * read, chooses the address of this span, and with this address maps each segment of the span exactly
 * once, in the order of the headers, up to the first that fails. It reports the end of this span.
 * With the claims of elf.c about find_span(), choose_bias() and map_segment(), what elf.c proves for
 * one segment holds for every segment of a file whose span it proves.
 * Bounds: none: up to PHDRS_MAX (64) headers.
 * Models: the four functions that load_one() calls, which may fail. Their arguments are checked.
 *
 * Folder: host
 * Calls: proc/elf.c:read_headers=any_headers
 * Calls: proc/elf.c:find_span=any_span
 * Calls: proc/elf.c:choose_bias=any_bias
 * Calls: proc/elf.c:map_segment=map_next
 * Options: --unwind 65
 */
#include <linux/elf.h>
#include "proof.h"
#include "mm/mm.h"

struct elf;
static int any_headers(struct elf *elf);
static int any_span(const struct elf *elf, unsigned long *start, unsigned long *end);
static int any_bias(struct mm *mm, struct elf *elf, unsigned long start, unsigned long end,
		    bool interp);
static int map_next(struct mm *mm, const struct elf *elf, const Elf64_Phdr *ph);

#include "proc/elf.c"

static struct mm mm;
static struct elf elf;
static Elf64_Phdr phdrs[PHDRS_MAX];
static unsigned long span_start, span_end, bias;
static bool interp, failed;
static unsigned int headers_read, spans, biases;
static unsigned int next; /* the header after the last one that was mapped */
static unsigned int any;  /* a header */
static bool any_was_mapped;

static int result(void)
{
	bool fails;
	int err = fails ? -ENOMEM : 0;

	failed = err != 0;
	return err;
}

static int any_headers(struct elf *e)
{
	claim(e == &elf && !headers_read++, "the headers are read once");
	havoc_array(phdrs);
	havoc(&e->header);
	suppose(e->header.e_phnum >= 1 && e->header.e_phnum <= PHDRS_MAX);
	e->phdrs = phdrs;
	return result();
}

static int any_span(const struct elf *e, unsigned long *start, unsigned long *end)
{
	claim(e == &elf && headers_read && !spans++ && !failed,
	      "the span is found once, after the headers were read");
	*start = span_start;
	*end = span_end;
	return result();
}

static int any_bias(struct mm *m, struct elf *e, unsigned long start, unsigned long end,
		    bool is_interp)
{
	claim(m == &mm && e == &elf && spans && !biases++ && !failed,
	      "an address is chosen once, after the span was found");
	claim(start == span_start && end == span_end && is_interp == interp,
	      "the address is chosen for this span");
	e->bias = bias;
	return result();
}

static int map_next(struct mm *m, const struct elf *e, const Elf64_Phdr *ph)
{
	unsigned int i = (unsigned int)(ph - phdrs);

	claim(m == &mm && e == &elf && biases && !failed,
	      "segments are mapped after the address was chosen");
	claim(e->bias == bias, "a segment is mapped with the address of the span");
	claim(i >= next && i < e->header.e_phnum,
	      "segments are mapped in the order of the headers");
	claim(is_mapped(&phdrs[i]), "only segments of the span are mapped");
	any_was_mapped |= i == any;
	next = i + 1;
	return result();
}

void prove_order(void)
{
	unsigned long end;
	int err;

	havoc(&span_start);
	havoc(&span_end);
	havoc(&bias);
	havoc(&interp);
	havoc(&any);
	err = load_one(&mm, &elf, interp, &end);
	claim((err != 0) == failed, "the first error is returned");
	suppose(any < elf.header.e_phnum);
	if (err)
		return;
	claim(end == span_end, "the end of the span is returned");
	claim(any_was_mapped == is_mapped(&phdrs[any]), "all segments are mapped");
	reached(any == PHDRS_MAX - 1 && any_was_mapped);
	reached(next == 0);
}
