// SPDX-License-Identifier: MIT
/*
 * memory_steps.h - the steps of memory_random.c: each changes the memory and updates the model.
 *
 * A step that fails prints the reason and returns false.
 */
#ifndef ABI_MEMORY_STEPS_H
#define ABI_MEMORY_STEPS_H

#include <fcntl.h>
#include "memory_model.h"

static int unused_object(const struct arena *a)
{
	bool used[OBJECTS] = { false };
	int i;

	for (const struct page *p = a->page; p < a->page + a->nr_pages; p++)
		if (p->mapped && p->object >= 0)
			used[p->object] = true;
	for (i = 2; i < OBJECTS && used[i]; i++)
		;
	return i < OBJECTS ? i : -1;
}

static bool do_map(struct worker *w, struct arena *a)
{
	static const int prots[] = { RW, RW, RW, RW, RW, PROT_READ, PROT_NONE, PROT_WRITE | RW };
	struct span s = any_span(w, a);
	struct page p = { .mapped = true, .object = -1, .private = true, .own = true };
	int flags = MAP_FIXED | a->flags | (rnd(w, 5) ? 0 : MAP_STACK), fd = -1;
	unsigned int how = rnd(w, 6), i;

	if (w->private_only && how != 3)
		how = 0;
	if (how == 1 && !w->is_child)
		p.object = (int8_t)unused_object(a);
	if (how == 2 || how == 3) {
		p.object = (int8_t)(how - 2);
		fd = a->fd[p.object];
		s.n = s.n < a->file_pages ? s.n : a->file_pages;
		p.index = rnd(w, a->file_pages - s.n + 1) / a->grain * a->grain;
	}
	p.private = p.object < 0 || how == 3;
	p.own = p.object < 0;
	p.prot = (uint8_t)prots[rnd(w, 8)];
	p.area = ++w->areas;
	flags |= (p.private ? MAP_PRIVATE : MAP_SHARED) | (fd < 0 ? MAP_ANONYMOUS : 0) |
		 (rnd(w, 6) ? 0 : MAP_POPULATE);
	if (p.object >= 2)
		memset(a->values[p.object], 0, sizeof(a->values[0]));
	if (mmap(address(a, s.at), s.n * PAGE, p.prot, flags, fd, (off_t)(p.index * PAGE)) !=
	    address(a, s.at))
		return fail(w, "mmap of %u pages at %u: %s", s.n, s.at, strerror(errno));
	for (i = 0; i < s.n; i++, p.index++)
		a->page[s.at + i] = p;
	watch_edges(w, s);
	return true;
}

static bool do_unmap(struct worker *w, struct arena *a)
{
	struct span s = any_span(w, a);

	if (munmap(address(a, s.at), s.n * PAGE))
		return fail(w, "munmap of %u pages at %u: %s", s.n, s.at, strerror(errno));
	set_unmapped(a, s);
	watch_edges(w, s);
	return true;
}

static bool do_protect(struct worker *w, struct arena *a)
{
	static const int prots[] = { PROT_NONE, PROT_READ, RW, RW, RW };
	struct span s = mapped_span(w, a);
	int prot = prots[rnd(w, 5)];
	unsigned int i;

	if (!s.n)
		return true;
	if (mprotect(address(a, s.at), s.n * PAGE, prot))
		return fail(w, "mprotect of %u pages at %u: %s", s.n, s.at, strerror(errno));
	split_area(w, a, s);
	for (i = s.at; i < s.at + s.n; i++)
		a->page[i].prot = (uint8_t)prot;
	watch_edges(w, s);
	return true;
}

static bool do_advise(struct worker *w, struct arena *a)
{
	static const int known_advice[] = { MADV_DONTNEED,      MADV_DONTNEED,
					    MADV_NOHUGEPAGE,    MADV_HUGEPAGE,
					    20 /* MADV_COLD */, 25 /* MADV_COLLAPSE */ };
	struct span s = mapped_span(w, a);
	int advice = known_advice[rnd(w, 6)];
	unsigned int i;

	if (!s.n)
		return true;
	/* Only advice that drops pages must succeed. */
	if (madvise(address(a, s.at), s.n * PAGE, advice) && advice == MADV_DONTNEED)
		return fail(w, "MADV_DONTNEED of %u pages at %u: %s", s.n, s.at, strerror(errno));
	if (advice != MADV_DONTNEED)
		split_area(w, a, s);
	for (i = s.at; i < s.at + s.n && advice == MADV_DONTNEED; i++)
		if (a->page[i].private) {
			a->page[i].own = a->page[i].object < 0;
			a->page[i].value = 0;
		}
	return true;
}

/* Move a range of one mapping to `to` and resize it to n pages; store their new state in `page`. */
static bool move(struct worker *w, struct arena *a, struct span s, char *to, unsigned int n,
		 struct page *page)
{
	struct page *first = &a->page[s.at];
	char *got =
		mremap(address(a, s.at), s.n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	unsigned int i;

	if (got != to)
		return fail(w, "mremap of %u pages at %u to %u at %p: %s", s.n, s.at, n, (void *)to,
			    strerror(errno));
	w->areas++;
	for (i = 0; i < n; i++) {
		page[i] = page_after(first, s.n, i);
		page[i].area = w->areas;
	}
	set_unmapped(a, s);
	return true;
}

/*
 * Return a random new size for the span. In an arena of huge pages, it is a multiple of the grain
 * and never larger than the span. Otherwise it may be larger, but not beyond the end of a file, and
 * not for shared anonymous memory.
 */
static unsigned int new_size(struct worker *w, const struct arena *a, struct span s)
{
	const struct page *p = &a->page[s.at];
	unsigned int n = rnd(w, 3) ? 1 + rnd(w, s.n) : s.n + rnd(w, 600), most = a->nr_pages;

	if (p->object >= 0)
		most = (p->object < 2 ? a->file_pages : p->index + s.n) - p->index;
	if (a->grain > 1)
		most = s.n;
	n = (n + a->grain - 1) / a->grain * a->grain;
	return n < most ? n : most;
}

static bool do_move(struct worker *w, struct arena *a)
{
	static struct page moved[WORKERS][PAGES];
	struct span s = mapped_span(w, a), to = any_span(w, a);
	struct page *page = moved[w->id];
	unsigned int n, i, back;

	if (!s.n)
		return true;
	n = new_size(w, a, s);
	if (n > a->nr_pages - to.at)
		return true;
	if (rnd(w, 3) == 0) { /* move to a->away first, and then into the arena */
		char *away = a->away + rnd(w, 3) * a->grain * PAGE;

		if (!move(w, a, s, away, n, page))
			return false;
		for (i = 0; i < n; i++)
			if (!check_page(w, a, &page[i], away + i * PAGE))
				return false;
		back = (1 + rnd(w, n) + a->grain - 1) / a->grain * a->grain;
		if (mremap(away, n * PAGE, back * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   address(a, to.at)) != address(a, to.at))
			return fail(w, "mremap back to %u: %s", to.at, strerror(errno));
		n = back;
	} else if (s.at < to.at + n && to.at < s.at + s.n) {
		if (mremap(address(a, s.at), s.n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   address(a, to.at)) != MAP_FAILED ||
		    errno != EINVAL)
			return fail(w, "mremap from %u to %u overlaps", s.at, to.at);
		return true;
	} else if (!move(w, a, s, address(a, to.at), n, page)) {
		return false;
	}
	memcpy(&a->page[to.at], page, n * sizeof(*page));
	watch_edges(w, s);
	watch_edges(w, (struct span){ to.at, n });
	return true;
}

/* Call mremap() without flags: shrink in place, or grow if the pages after the span are free. */
static bool do_resize(struct worker *w, struct arena *a)
{
	struct span s = mapped_span(w, a);
	unsigned int n, i, end = s.at + s.n;
	bool fits = true;
	char *got;

	if (!s.n)
		return true;
	n = new_size(w, a, s);
	if (n > a->nr_pages - s.at)
		return true;
	for (i = end; i < s.at + n; i++)
		fits &= !a->page[i].mapped;
	got = mremap(address(a, s.at), s.n * PAGE, n * PAGE, 0);
	if (!fits && got == MAP_FAILED && errno == ENOMEM)
		return true;
	if (!fits || got != address(a, s.at))
		return fail(w, "mremap of %u pages at %u to %u: %s", s.n, s.at, n, strerror(errno));
	if (n < s.n)
		set_unmapped(a, (struct span){ s.at + n, s.n - n });
	for (i = s.n; i < n; i++)
		a->page[s.at + i] = page_after(&a->page[s.at], s.n, i);
	watch_edges(w, (struct span){ s.at, n });
	return true;
}

static bool do_write(struct worker *w, struct arena *a)
{
	struct span s = any_span(w, a);
	unsigned int i;

	for (i = s.at; i < s.at + s.n; i++) {
		struct page *p = &a->page[i];
		uint64_t *word = (uint64_t *)address(a, i), value;

		if (!p->mapped || !(p->prot & PROT_WRITE) || (w->private_only && !p->private))
			continue;
		value = (uint64_t)(w->id + 1) << 60 | (uint64_t)w->is_child << 56 |
			(uint64_t)w->step << 16 | i;
		word[0] = word[511] = value;
		set_value(a, p, value);
	}
	return true;
}

/* pread() into a page succeeds if and only if the program may write to the page. */
static bool do_read_file(struct worker *w, struct arena *a)
{
	unsigned int at = rnd(w, a->nr_pages), index = rnd(w, a->file_pages);
	struct page *p = &a->page[at];
	bool may = p->mapped && (p->prot & PROT_WRITE);
	long got;

	if (w->private_only && !p->private)
		return true;
	got = pread(a->fd[1], address(a, at), PAGE, (off_t)(index * PAGE));
	if (may ? got != (long)PAGE : got != -1 || errno != EFAULT)
		return fail(w, "pread to page %u: %ld, %s", at, got, strerror(errno));
	if (may)
		set_value(a, p, a->values[1][index]);
	return true;
}

static bool do_punch(struct worker *w, struct arena *a)
{
	unsigned int at = rnd(w, a->file_pages) / a->grain * a->grain, n, i;

	if (w->private_only)
		return true;
	n = (1 + rnd(w, a->file_pages - at) + a->grain - 1) / a->grain * a->grain;
	if (fallocate(a->fd[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(at * PAGE),
		      (off_t)(n * PAGE)))
		return fail(w, "a hole of %u pages at %u: %s", n, at, strerror(errno));
	for (i = at; i < at + n; i++)
		a->values[0][i] = 0;
	return true;
}

/*
 * Calls whose address, offset or size is not a multiple of a huge page, and a call that would grow
 * a mapping of huge pages, must fail with EINVAL and change nothing. A misaligned hint is rounded.
 */
static bool do_misaligned(struct worker *w, struct arena *a)
{
	struct span s = mapped_span(w, a);
	char *at = address(a, s.at), *hint = a->away + PAGE * (1 + rnd(w, 511)), *got;
	size_t len = s.n * PAGE;
	unsigned int which = rnd(w, 7);
	bool bad;

	if (a->grain == 1 || !s.n)
		return true;
	errno = 0;
	switch (which) {
	case 0:
		bad = mmap(at + PAGE, len, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | a->flags,
			   -1, 0) != MAP_FAILED;
		break;
	case 1:
		bad = mmap(NULL, len, RW, MAP_SHARED, a->fd[0], PAGE) != MAP_FAILED;
		break;
	case 2:
		bad = munmap(at, len - PAGE) == 0;
		break;
	case 3:
		/* The permissions must differ: otherwise, Linux splits nothing and succeeds. */
		bad = mprotect(at + PAGE, len - PAGE, a->page[s.at].prot ^ RW) == 0;
		break;
	case 4:
		bad = mremap(at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, hint) != MAP_FAILED;
		break;
	case 5:
		bad = mremap(at, len, len + BLOCK * PAGE, MREMAP_MAYMOVE) != MAP_FAILED;
		break;
	default: /* a hint is rounded */
		got = mmap(hint, BLOCK * PAGE, RW,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | a->flags, -1, 0);
		bad = got == MAP_FAILED || (uintptr_t)got % (BLOCK * PAGE) ||
		      munmap(got, BLOCK * PAGE);
		errno = bad ? errno : EINVAL;
	}
	return !bad && errno == EINVAL ? true : fail(w, "attempt %u: %s", which, strerror(errno));
}

static bool do_proc(struct worker *w, struct arena *a)
{
	static const char *const names[] = { "/proc/self/maps", "/proc/self/smaps" };
	int fd = open(names[rnd(w, 2)], O_RDONLY);
	char text[1000];

	(void)a;
	while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	return true;
}

#endif
