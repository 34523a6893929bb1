// SPDX-License-Identifier: MIT
/*
 * trace_ring.c - trace memory: per-hart rings of records, and what exits cost.
 *
 * Invariant: each hart writes its own ring and statistics only, with interrupts
 * off, so there is neither a lock nor a second writer. The ring overwrites its
 * oldest; `head` in trace memory counts every record ever written, so a reader
 * knows exactly how many are lost. Layout and what a reader may trust of a killed
 * machine: hv/trace_mem.h. Also compiled for the build machine (tests/trace).
 * Documentation: docs/trace.md
 */
#include "hv/trace.h"
#include <asm-generic/errno.h>
#include <string.h>
#include "hv/host.h"
#include "trace_hart.h"

struct trace_hart trace_harts[HV_MAX_HARTS];
static struct trace_mem *trace_mem;

struct static_key trace_keys[TRACE_NR_EVENTS];
struct static_key trace_group_keys[TRACE_NR_GROUPS];
struct static_key trace_any_key;
struct static_key trace_exit_key;
static struct static_key trace_exit_time_key; /* the clock of exits is time */

_Static_assert(TRACE_NR_EVENTS <= 1 << TRACE_EVENT_BITS, "an event number has 10 bits");
_Static_assert(sizeof(struct trace_record) == 64, "a record is one cache line");
_Static_assert(sizeof(struct exit_stat) == PAGE_SIZE, "indexed by a shift");

static inline struct trace_hart *my_trace(void)
{
	return &trace_harts[(int)TRACE_THIS_HART()]; /* signed: as lw loads it */
}

void trace_set_vcpu_slow(unsigned int vm, unsigned int vcpu)
{
	my_trace()->who = (vm & 0xffff) | vcpu << 16;
}

/* ---- exits -------------------------------------------------------------------- */

static inline u64 exit_now(void)
{
	STATIC_KEY_GOTO(&trace_exit_time_key, time);
	return csr_instret();
time:
	return csr_time();
}

void trace_exit_begin_slow(struct trace_exit_clock *clock, unsigned long scause)
{
	unsigned long code = scause << 1 >> 1, irq = scause >> (BITS_PER_LONG - 1);

	clock->start = exit_now();
	clock->hart = (int)TRACE_THIS_HART();
	if (__builtin_expect(code >= EXIT_SLOT_IRQ, 0))
		code = EXIT_SLOT_IRQ - 1;
	/* Interrupt 5 and exception 5 are different things. */
	clock->slot = (int)(code + irq * EXIT_SLOT_IRQ);
}

/* By how much a value below 2^14 is shifted, so that 6 bits remain; from its bits 13 to 6. */
static u8 hist_shift[1 << 8];

static void hist_init(void)
{
	for (unsigned int i = 1; i < sizeof(hist_shift); i++)
		hist_shift[i] = (u8)(hist_shift[i / 2] + 1);
}

static unsigned long hist_bucket_large(u64 value)
{
	unsigned long shift = 0;

	if (value >= HIST_LIMIT)
		return HIST_BUCKETS - 1;
	while (value >> shift >= 2U << HIST_SUB_BITS)
		shift++;
	return (shift << HIST_SUB_BITS) + (unsigned long)(value >> shift);
}

static inline __attribute__((always_inline)) unsigned long hist_bucket(u64 value)
{
	unsigned long shift;

	if (__builtin_expect(value >> 14 != 0, 0))
		return hist_bucket_large(value);
	shift = hist_shift[value >> 6];
	return (shift << HIST_SUB_BITS) + (unsigned long)(value >> shift);
}

unsigned long trace_hist_bucket(u64 value)
{
	return hist_bucket(value);
}

void trace_exit_end_slow(struct trace_exit_clock *clock)
{
	u64 cost = exit_now() - clock->start;
	int hart = (int)TRACE_THIS_HART();
	struct exit_stat *stat;

	if (clock->slot == TRACE_EXIT_NONE)
		return;
	stat = &trace_harts[hart].stats[clock->slot];
	clock->slot = TRACE_EXIT_NONE;
	stat->count++;
	if (hart != clock->hart && !trace_exit_time_key.enabled) {
		stat->unpriced++;
		return;
	}
	stat->sum += cost;
	if (cost > stat->max)
		stat->max = cost;
	stat->hist[hist_bucket(cost)]++;
}

void trace_exit_last_slow(struct trace_exit_clock *clock)
{
	struct exit_stat *stat;

	if (clock->slot == TRACE_EXIT_NONE)
		return;
	stat = &my_trace()->stats[clock->slot];
	clock->slot = TRACE_EXIT_NONE;
	stat->count++;
	stat->unpriced++;
}

/* ---- the table of events, as text for readers ---------------------------------- */

struct event_info {
	const char *name;
	const char *meaning;
	const char *field[TRACE_ARGS]; /* "kind:name" */
};

#define TRACE_TEXT(kind, field) #kind ":" #field

static const struct event_info events[] = {
#define EVENT(name, meaning, ...) { #name, meaning, { TRACE_MAP(TRACE_TEXT, __VA_ARGS__) } },
#include "events.def"
#undef EVENT
};

static const struct {
	const char *title;
	const char *when;
} classes[] = {
#define EXIT_CLASS(name, title, when) { title, when },
#include "classes.def"
#undef EXIT_CLASS
};

/* Appends to a text of which only the length may be wanted (buf NULL). */
static size_t text_add(char *buf, size_t at, const char *s)
{
	for (; *s; s++, at++)
		if (buf)
			buf[at] = *s;
	return at;
}

static size_t formats_write(char *buf)
{
	size_t n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++) {
		n = text_add(buf, n, "event ");
		n = text_add(buf, n, events[i].name);
		for (unsigned int f = 0; f < TRACE_ARGS && events[i].field[f]; f++) {
			n = text_add(buf, n, " ");
			n = text_add(buf, n, events[i].field[f]);
		}
		n = text_add(buf, n, " # ");
		n = text_add(buf, n, events[i].meaning);
		n = text_add(buf, n, "\n");
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(classes); i++) {
		n = text_add(buf, n, "class ");
		n = text_add(buf, n, classes[i].title);
		n = text_add(buf, n, " # ");
		n = text_add(buf, n, classes[i].when);
		n = text_add(buf, n, "\n");
	}
	return n;
}

/* ---- set-up -------------------------------------------------------------------- */

static u64 stats_offset(void)
{
	return ALIGN_UP(sizeof(struct trace_hart_mem), PAGE_SIZE);
}

static u64 ring_offset(void)
{
	return ALIGN_UP(stats_offset() + EXIT_NR_SLOTS * sizeof(struct exit_stat), PAGE_SIZE);
}

static u64 harts_offset(void)
{
	return ALIGN_UP(sizeof(struct trace_mem) + formats_write(NULL), PAGE_SIZE);
}

size_t trace_mem_size(unsigned int nr_harts, size_t ring)
{
	return harts_offset() + nr_harts * (ring_offset() + ALIGN_UP(ring, PAGE_SIZE));
}

static void hart_init(unsigned int hart, struct trace_mem *mem)
{
	char *area = (char *)mem + mem->harts_offset + hart * mem->hart_stride;
	struct trace_hart *th = &trace_harts[hart];

	memset(area, 0, mem->ring_offset); /* the ring itself stays as it is: head says 0 */
	th->mem = (struct trace_hart_mem *)area;
	th->stats = (struct exit_stat *)(area + mem->stats_offset);
	th->ring = (struct trace_record *)(area + mem->ring_offset);
	th->mask = mem->ring_records - 1;
	th->who = 0;
}

int trace_mem_init(void *memory, size_t size, unsigned int nr_harts, unsigned long timebase_hz,
		   bool instret_exact)
{
	struct trace_mem *mem = memory;
	u64 stride, room;

	if (!nr_harts || nr_harts > HV_MAX_HARTS || size < trace_mem_size(nr_harts, PAGE_SIZE))
		return -EINVAL;
	stride = ALIGN_DOWN((size - harts_offset()) / nr_harts, PAGE_SIZE);
	room = (stride - ring_offset()) / sizeof(struct trace_record);

	hist_init();
	memset(mem, 0, sizeof(*mem));
	mem->version = TRACE_MEM_VERSION;
	mem->header_size = sizeof(*mem);
	mem->size = size;
	mem->nr_harts = nr_harts;
	mem->nr_events = TRACE_NR_EVENTS;
	mem->nr_slots = EXIT_NR_SLOTS;
	mem->record_size = sizeof(struct trace_record);
	mem->stat_size = sizeof(struct exit_stat);
	mem->hist_buckets = HIST_BUCKETS;
	mem->formats_offset = sizeof(*mem);
	mem->formats_size = formats_write((char *)(mem + 1));
	mem->harts_offset = harts_offset();
	mem->hart_stride = stride;
	mem->stats_offset = stats_offset();
	mem->ring_offset = ring_offset();
	mem->ring_records = 1;
	while (mem->ring_records * 2 <= room)
		mem->ring_records *= 2;
	mem->timebase_hz = timebase_hz;
	mem->instret_exact = instret_exact;
	mem->start_time = csr_time();
	mem->start_instret = csr_instret();
	for (unsigned int i = 0; i < nr_harts; i++)
		hart_init(i, mem);
	mem->magic = TRACE_MEM_MAGIC; /* last: a reader that finds it finds the rest */
	trace_mem = mem;
	return 0;
}

void trace_exit_account(enum exit_unit unit)
{
	if (!trace_mem)
		return;
	static_key_set(&trace_exit_key, false);
	static_key_set(&trace_exit_time_key, unit == EXIT_UNIT_TIME);
	trace_mem->exit_unit = unit;
	static_key_set(&trace_exit_key, unit != EXIT_UNIT_NONE);
}

/* ---- choosing events by name ---------------------------------------------------- */

/* Does name match the pattern (* and ?) of len characters? Backtracks to the last *. */
static bool glob_match(const char *pattern, size_t len, const char *name)
{
	size_t p = 0, star = len; /* len: no * seen */
	const char *resume = name;

	while (*name) {
		if (p < len && (pattern[p] == '?' || (pattern[p] == *name && *name != '*'))) {
			p++;
			name++;
		} else if (p < len && pattern[p] == '*') {
			star = p++;
			resume = name;
		} else if (star < len) {
			p = star + 1;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (p < len && pattern[p] == '*')
		p++;
	return p == len;
}

/* One word of the list into the choice so far; false: it names no event. */
static bool select_word(bool *chosen, const char *word, size_t len)
{
	bool on = *word != '!', known = false;

	if (!on) {
		word++;
		len--;
	}
	if (len == 4 && !memcmp(word, "none", 4)) {
		memset(chosen, 0, TRACE_NR_EVENTS);
		return on;
	}
	if (len == 3 && !memcmp(word, "all", 3)) {
		word = "*";
		len = 1;
	}
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		if (glob_match(word, len, events[i].name)) {
			chosen[i] = on;
			known = true;
		}
	return known;
}

/* ORDER: enum trace_group. An event has number 0, too: lists end with TRACE_NR_EVENTS. */
static const u16 group_members[TRACE_NR_GROUPS][4] = {
	{ TRACE_kvm_request, TRACE_kvm_exit_handled, TRACE_kvm_irq_take, TRACE_NR_EVENTS },
	{ TRACE_kvm_entry, TRACE_kvm_irq_take, TRACE_NR_EVENTS },
	{ TRACE_kvm_vcpu_wakeup, TRACE_kvm_vcpu_wake, TRACE_NR_EVENTS },
	{ TRACE_kvm_remote_fence, TRACE_kvm_fence_i, TRACE_NR_EVENTS },
};

/* Groups and trace_any_key are on while a member is. */
static void set_groups(const bool *chosen)
{
	bool any = false;

	for (unsigned int g = 0; g < TRACE_NR_GROUPS; g++) {
		const u16 *member = group_members[g];
		bool on = false;

		for (; *member != TRACE_NR_EVENTS; member++)
			on |= chosen[*member];
		static_key_set(&trace_group_keys[g], on);
	}
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		any |= chosen[i];
	static_key_set(&trace_any_key, any);
}

void trace_apply(const bool *chosen)
{
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++)
		if (chosen[i] != (trace_keys[i].enabled != 0))
			static_key_set(&trace_keys[i], chosen[i]);
	set_groups(chosen);
}

int trace_select(const char *list, const char **bad)
{
	bool chosen[TRACE_NR_EVENTS] = { false };

	if (!trace_mem)
		return -ENOMEM;
	for (const char *word = list; *word;) {
		const char *end = strchr(word, ',');
		size_t len = end ? (size_t)(end - word) : strlen(word);

		if (!len || !select_word(chosen, word, len)) {
			*bad = word;
			return -EINVAL;
		}
		word += len + (end != NULL);
	}
	trace_apply(chosen);
	return 0;
}
