// SPDX-License-Identifier: MIT
/*
 * memory_model.h - the model of memory_random.c: what each page of an arena must hold and allow.
 *
 * Pages with the same area number belong to one mapping. Pages with different numbers may, too,
 * because the kernel may merge mappings.
 */
#ifndef ABI_MEMORY_MODEL_H
#define ABI_MEMORY_MODEL_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include "tap.h"

#define PAGE    4096UL
#define BLOCK   512U /* small pages in a huge page, or in a large leaf */
#define PAGES   (4 * BLOCK)
#define OBJECTS 8 /* 0: a file to write to, 1: an unchanged file, 2-7: shared anonymous memory */
#define WORKERS 2
#define EDGES   8
#define RW      (PROT_READ | PROT_WRITE)

struct page {
	bool mapped, private;
	bool own; /* private page with its own value, not the object's */
	uint8_t prot;
	int8_t object;  /* -1: none */
	uint32_t index; /* in the object */
	uint32_t area;  /* pages with the same number are in one mapping */
	uint64_t value;
};

struct arena {
	char *base, *away;  /* away: a second range, used only within a step */
	unsigned int grain; /* BLOCK for huge pages, otherwise 1 */
	int flags;          /* MAP_HUGETLB */
	int fd[2];          /* of objects 0 and 1 */
	unsigned int file_pages, nr_pages;
	uint64_t (*values)[PAGES]; /* of the objects; in shared memory */
	struct page page[PAGES];
};

struct worker {
	unsigned int id, step;
	uint64_t random;
	uint32_t areas;
	bool is_child, private_only; /* private_only: use no shared pages, as the parent runs too */
	pid_t child;                 /* a child that runs at the same time, or 0 */
	struct arena arena[2];
	unsigned int nr_arenas;
	const char *doing;
	unsigned int edge[EDGES], nr_edges; /* pages to check after the step */
};

struct span {
	unsigned int at, n;
};

static uint64_t seed = 5;
static volatile bool failed;

static unsigned int rnd(struct worker *w, unsigned int below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (unsigned int)(w->random >> 20) % below;
}

static bool fail(const struct worker *w, const char *format, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dprintf(1, "# seed %llu, thread %u%s, step %u (%s): %s\n", (unsigned long long)seed, w->id,
		w->is_child ? "'s child" : "", w->step, w->doing, text);
	failed = true;
	return false;
}

/* ---- faults ---- */

static __thread sigjmp_buf jump;
static __thread volatile bool expects_fault;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (expects_fault)
		siglongjmp(jump, 1);
	dprintf(1, "# seed %llu: signal %d at %p\n", (unsigned long long)seed, signo,
		info->si_addr);
	_exit(99);
}

static bool faults(volatile uint64_t *word, bool write)
{
	bool faulted = true;

	expects_fault = true;
	if (!sigsetjmp(jump, 0)) {
		if (write)
			*word = 1;
		else
			(void)*word;
		faulted = false;
	}
	expects_fault = false;
	return faulted;
}

/* ---- the model ---- */

static char *address(const struct arena *a, unsigned int at)
{
	return a->base + at * PAGE;
}

static uint64_t expected(const struct arena *a, const struct page *p)
{
	return p->object < 0 || (p->private && p->own) ? p->value : a->values[p->object][p->index];
}

static void set_value(struct arena *a, struct page *p, uint64_t value)
{
	if (p->private) {
		p->own = true;
		p->value = value;
	} else {
		a->values[p->object][p->index] = value;
	}
}

static bool check_page(struct worker *w, const struct arena *a, const struct page *p,
		       const char *where)
{
	const volatile uint64_t *word = (const volatile uint64_t *)where;
	uint64_t want;

	if (!p->mapped || !(p->prot & PROT_READ) || (w->private_only && !p->private))
		return true;
	want = expected(a, p);
	if (word[0] == want && word[511] == want)
		return true;
	return fail(w, "%p holds %llx and %llx, not %llx", where, (unsigned long long)word[0],
		    (unsigned long long)word[511], (unsigned long long)want);
}

/* Check that an access faults if the model forbids it. */
static bool check_rights(struct worker *w, const struct arena *a, unsigned int at)
{
	const struct page *p = &a->page[at];
	uint64_t *word = (uint64_t *)address(a, at);

	if (!(p->mapped && (p->prot & PROT_READ)) && !faults(word, false))
		return fail(w, "%p can be read", (void *)word);
	if (!(p->mapped && (p->prot & PROT_WRITE)) && !faults(word, true))
		return fail(w, "%p can be written", (void *)word);
	return true;
}

static bool check_all(struct worker *w)
{
	bool good = true;
	unsigned int i;

	for (struct arena *a = w->arena; a < w->arena + w->nr_arenas && good; a++) {
		for (i = 0; i < a->nr_pages && good; i++)
			good = check_page(w, a, &a->page[i], address(a, i));
		for (i = 0; i < 24 && good; i++)
			good = check_rights(w, a, rnd(w, a->nr_pages));
	}
	return good;
}

/* Note the pages at a range's ends and next to them, where a mistake would show. */
static void watch_edges(struct worker *w, struct span s)
{
	const unsigned int at[] = { s.at ? s.at - 1 : 0, s.at, s.at + s.n - 1, s.at + s.n };
	unsigned int i;

	for (i = 0; i < 4 && w->nr_edges < EDGES; i++)
		w->edge[w->nr_edges++] = at[i];
}

static bool check_edges(struct worker *w, const struct arena *a)
{
	bool good = true;
	unsigned int i, at;

	for (i = 0; i < w->nr_edges && good; i++) {
		at = w->edge[i] < a->nr_pages ? w->edge[i] : rnd(w, a->nr_pages);
		good = check_page(w, a, &a->page[at], address(a, at)) && check_rights(w, a, at);
	}
	w->nr_edges = 0;
	return good;
}

/* Return a random range: often whole blocks, or one page more or less. */
static struct span any_span(struct worker *w, const struct arena *a)
{
	static const unsigned int sizes[] = { 1, 2, 9, 100, 511, 512, 513, 1024, 1024, 1030 };
	struct span s = { .at = rnd(w, a->nr_pages), .n = sizes[rnd(w, 10)] };

	if (rnd(w, 3) == 0)
		s.n = 1 + rnd(w, s.n);
	if (a->grain > 1 || rnd(w, 2))
		s.at -= s.at % BLOCK;
	s.n = (s.n + a->grain - 1) / a->grain * a->grain;
	if (s.n > a->nr_pages - s.at)
		s.n = a->nr_pages - s.at;
	return s;
}

/* Return a random range in one mapping, often from a block's start to its end. n may be 0. */
static struct span mapped_span(struct worker *w, const struct arena *a)
{
	struct span s = any_span(w, a);
	unsigned int n = 0;

	if (rnd(w, 2)) {
		s.at -= s.at % BLOCK;
		s.n = a->nr_pages - s.at;
	}
	while (n < s.n && a->page[s.at].mapped && a->page[s.at + n].area == a->page[s.at].area)
		n++;
	s.n = n;
	return s;
}

static void set_unmapped(struct arena *a, struct span s)
{
	memset(&a->page[s.at], 0, s.n * sizeof(struct page));
}

/*
 * Give the span a new area number, and the pages of the same area after it another one: after a
 * change of attributes, they may be separate areas.
 */
static void split_area(struct worker *w, struct arena *a, struct span s)
{
	unsigned int end = s.at + s.n, i, area;

	if (end < a->nr_pages && (area = a->page[end].area) == a->page[end - 1].area && area) {
		w->areas++;
		for (i = end; i < a->nr_pages && a->page[i].area == area; i++)
			a->page[i].area = w->areas;
	}
	w->areas++;
	for (i = s.at; i < end; i++)
		a->page[i].area = w->areas;
}

/* Return the state of page i of a range after a move or a resize; pages from old_n on are new. */
static struct page page_after(const struct page *first, unsigned int old_n, unsigned int i)
{
	struct page p = i < old_n ? first[i] : first[0];

	if (i >= old_n) {
		p.own = p.object < 0;
		p.value = 0;
		p.index = first[0].index + i;
	}
	return p;
}

#endif
