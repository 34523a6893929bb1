// SPDX-License-Identifier: MIT
/*
 * trace.h - emit trace events, and account for exits.
 *
 * For every row EVENT(name, ...) of trace/events.def there are
 *
 *   trace_name(field, ...)     one no-op while the event is off
 *   trace_name_enabled()       for a site that must compute something first
 *
 * A record's VM and vCPU are those that trace_set_vcpu() last set for the hart. Emitting a record
 * neither locks nor waits nor allocates, and is possible in any context of the host, with
 * interrupts off. Documentation: docs/trace.md.
 */
#ifndef HV_TRACE_H
#define HV_TRACE_H

#include "hv/csr.h"
#include "hv/static_key.h"
#include "hv/trace_fields.h"
#include "hv/trace_mem.h"
#include "hv/trace_setup.h"

/* ---- events ---------------------------------------------------------------- */

#define TRACE_PARAM(kind, field) TRACE_TYPE_##kind field
#define TRACE_ARG(kind, field)   (u64) field
/* Expands to exactly five arguments: missing ones become 0. */
#define TRACE_FIRST5(a, b, c, d, e, ...) a, b, c, d, e
#define TRACE_PAD(...)                   TRACE_FIRST5(__VA_ARGS__, 0, 0, 0, 0, 0)

extern struct static_key trace_keys[TRACE_NR_EVENTS];

/* Write one record into this hart's ring. Sites call the functions below, not this one. */
#if defined(__riscv) && __SIZEOF_LONG__ == 8
/*
 * This is not a C call: a C call would give the function around every site a stack frame and make
 * it save callee-saved registers, even while the event is off. trace_emit.S preserves all registers
 * except those in the clobber list, and does not write any memory that the compiler knows of.
 * `call` itself changes t1, unless the linker makes it a jal.
 */
static inline __attribute__((always_inline)) void trace_emit(enum trace_event_nr event, u64 a0,
							     u64 a1, u64 a2, u64 a3, u64 a4)
{
	register u64 a7 __asm__("a7") = event;
	register u64 t2 __asm__("t2") = a0;
	register u64 t3 __asm__("t3") = a1;
	register u64 t4 __asm__("t4") = a2;
	register u64 t5 __asm__("t5") = a3;
	register u64 t6 __asm__("t6") = a4;

	__asm__ volatile("call	t0, trace_emit_record"
			 :
			 : "r"(a7), "r"(t2), "r"(t3), "r"(t4), "r"(t5), "r"(t6)
			 : "t0", "t1", "a4", "a5", "a6");
}
#else
void trace_emit(enum trace_event_nr event, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);
#endif

/* Linux's event kvm_userspace_exit has a field named errno, which is a macro in libc. */
#pragma push_macro("errno")
#undef errno

#define EVENT(name, meaning, behind, ...)                                                       \
	static inline __attribute__((always_inline)) bool trace_##name##_enabled(void)          \
	{                                                                                       \
		STATIC_KEY_GOTO(&trace_keys[TRACE_##name], on);                                 \
		return false;                                                                   \
on:                                                                                             \
		return true;                                                                    \
	}                                                                                       \
	static inline __attribute__((always_inline)) void trace_##name(                         \
		TRACE_MAP(TRACE_PARAM, __VA_ARGS__))                                            \
	{                                                                                       \
		if (__builtin_expect(trace_##name##_enabled(), 0))                              \
			trace_emit(TRACE_##name, TRACE_PAD(TRACE_MAP(TRACE_ARG, __VA_ARGS__))); \
	}
#include "events.def"

#pragma pop_macro("errno")

/*
 * Groups of events that share a site. A group is on while any of its events is on, so a hot path
 * needs only one no-op for all of them. TRACE_GROUP_slow_path contains the events for which an exit
 * has to take the slow path, because the fast path does not record them.
 *
 * ORDER: group_members (trace_event.c)
 */
enum trace_group {
	TRACE_GROUP_slow_path, /* while it is on, fastpath.c must not finish any exit */
	TRACE_GROUP_entry,     /* run.c, before the world switch */
	TRACE_GROUP_wakeup,    /* halt_poll.c, a wait's end */
	TRACE_GROUP_rfence,    /* sbi_rfence.c */
	TRACE_GROUP_irq,       /* exit.c, a host interrupt has ended the guest's run */
	TRACE_GROUP_look,      /* run.c, before the world switch, if TRACE_GROUP_entry is on */
	TRACE_GROUP_switch,    /* host: another thread runs */
	TRACE_GROUP_sys_exit,  /* host: a system call ends */
	TRACE_GROUP_line,      /* irq.c, an interrupt line is raised */
	TRACE_GROUP_inject,    /* irq.c, changed lines are copied to hvip */
	TRACE_NR_GROUPS
};

extern struct static_key trace_group_keys[TRACE_NR_GROUPS];

#define TRACE_GROUP(name)                                                          \
	static inline __attribute__((always_inline)) bool trace_group_##name(void) \
	{                                                                          \
		STATIC_KEY_GOTO(&trace_group_keys[TRACE_GROUP_##name], on);        \
		return false;                                                      \
on:                                                                                \
		return true;                                                       \
	}
TRACE_GROUP(slow_path)
TRACE_GROUP(entry)
TRACE_GROUP(wakeup)
TRACE_GROUP(rfence)
TRACE_GROUP(irq)
TRACE_GROUP(look)
TRACE_GROUP(switch)
TRACE_GROUP(sys_exit)
TRACE_GROUP(line)
TRACE_GROUP(inject)
#undef TRACE_GROUP

extern struct static_key trace_any_key; /* some event is on */

void trace_set_vcpu_slow(unsigned int vm, unsigned int vcpu);

static inline __attribute__((always_inline)) bool trace_any(void)
{
	STATIC_KEY_GOTO(&trace_any_key, on);
	return false;
on:
	return true;
}

/*
 * Set the VM and vCPU that this hart's records name, or none if vm is 0. Does nothing while all
 * events are off: after the first event is switched on, a hart's records do not name a vCPU until
 * the hart next loads or enters one.
 */
static inline __attribute__((always_inline)) void trace_set_vcpu(unsigned int vm, unsigned int vcpu)
{
	STATIC_KEY_GOTO(&trace_any_key, on);
	return;
on:
	trace_set_vcpu_slow(vm, vcpu);
}

/* ---- samples ------------------------------------------------------------------ */

/* Where a hart was when it was sampled. ORDER: hst_name_mode() (trace/file/names.c) */
enum sample_mode {
	SAMPLE_U,    /* a program of the host */
	SAMPLE_HS,   /* the host's kernel: pc is in the running function, often at its start */
	SAMPLE_VU,   /* a program of the guest */
	SAMPLE_VS,   /* the guest's kernel */
	SAMPLE_IDLE, /* the host's kernel, with nothing to run */
};

/* ---- exits: exact counts and what they cost ---------------------------------- */

/*
 * Part of struct kvm_vcpu. The cost of an exit is the number of instructions (instret) or the time,
 * as exitstat= selects, between its beginning, right after the world switch, and
 * its end, right before the next world switch. The cost includes user space and sleep. In
 * instructions, it does not include those with which this hart has recorded events in between. The
 * exit's class may be set at any point in between. Each hart has its own instret, so if costs are
 * in instructions and a vCPU has changed harts during an exit, the exit is counted, but has no cost
 * ("unpriced"). In both units, a vCPU's last exit has no cost, because no entry follows it. The
 * event kvm_exit_cost records each cost.
 *
 * There are two variants: a short one while costs are in instructions and all events are off, and
 * a long one while trace_exit_full_key is on. An exit may begin in one and end in the other.
 */
struct trace_exit_clock {
	u64 start;            /* instret or time, TRACE_EXIT_NONE or TRACE_EXIT_MOVED */
	unsigned long offset; /* of the open or last exit's slot in tallies: TRACE_EXIT_OFFSET() */
	char *tallies;        /* of the hart on which the vCPU was last loaded */
	/*
	 * The instructions that tracing had taken on that hart at `start`, or earlier if no event
	 * has been on since.
	 */
	u64 spent;
};

/* In place of a start. A cost computed from one of these has its highest bit set. */
#define TRACE_EXIT_NONE  (1ULL << 63)          /* no exit has begun */
#define TRACE_EXIT_MOVED (TRACE_EXIT_NONE + 1) /* the vCPU has changed harts during the exit */

#define TRACE_EXIT_OFFSET(slot) ((unsigned long)(slot) * sizeof(struct exit_tally))

extern struct static_key trace_exit_key;
/* On while some event is on, or while exit costs are measured in time. */
extern struct static_key trace_exit_full_key;
/*
 * On while exits need a class: while exits are accounted for, or while an event whose records end
 * an exit (kvm_entry, kvm_userspace_exit) is on.
 */
extern struct static_key trace_class_key;

/* The long variant, called like the short one below. Both return `clock`. */
struct trace_exit_clock *trace_exit_begin_full(struct trace_exit_clock *clock,
					       unsigned long scause);
struct trace_exit_clock *trace_exit_end_full(struct trace_exit_clock *clock);
void trace_exit_cause_slow(struct trace_exit_clock *clock, unsigned long scause);
void trace_exit_last_slow(struct trace_exit_clock *clock);
void trace_exit_load_slow(struct trace_exit_clock *clock);
void trace_exit_settle_slow(struct trace_exit_clock *clock);
/*
 * For switch_fast.S: end an exit with this offset at this instret, in the short and in the long
 * variant. Both return `clock`, so that the caller need not save it.
 */
struct trace_exit_clock *trace_exit_end_fast(struct trace_exit_clock *clock, unsigned long offset,
					     u64 instret);
struct trace_exit_clock *trace_exit_end_fast_full(struct trace_exit_clock *clock,
						  unsigned long offset, u64 instret);
/* Account for an exit that trace_exit_count() does not handle. Returns `clock`. */
struct trace_exit_clock *trace_exit_count_slow(struct trace_exit_clock *clock, u64 cost);

static inline void trace_exit_init(struct trace_exit_clock *clock)
{
	clock->start = TRACE_EXIT_NONE;
	clock->offset = 0;
}

/* True while exits are accounted for. */
static inline __attribute__((always_inline)) bool trace_exit_on(void)
{
	STATIC_KEY_GOTO(&trace_exit_key, on);
	return false;
on:
	return true;
}

static inline __attribute__((always_inline)) bool trace_exit_is_full(void)
{
	STATIC_KEY_GOTO(&trace_exit_full_key, on);
	return false;
on:
	return true;
}

/* Account for an exit. Returns `clock`, so that trace_exit_end_fast() needs no stack frame. */
static inline __attribute__((always_inline)) struct trace_exit_clock *
trace_exit_count(struct trace_exit_clock *clock, u64 cost)
{
	char *tallies = clock->tallies;
	struct exit_tally *tally = (struct exit_tally *)(tallies + clock->offset);

	if (__builtin_expect(cost > tally->limit, 0))
		return trace_exit_count_slow(clock, cost);
	tally->sum += cost;
	if (__builtin_expect(!++tally->hist[EXIT_QUICK_BUCKETS(tallies)[cost]], 0))
		tally->wraps++;
	return clock;
}

/*
 * The short variant of an exit's beginning. An interrupt gets a wrong slot here, and its handler
 * calls trace_exit_cause().
 */
static inline __attribute__((always_inline)) void
trace_exit_begin_short(struct trace_exit_clock *clock, unsigned long scause)
{
	clock->offset = TRACE_EXIT_OFFSET(scause);
	__asm__ volatile("" : : : "memory");
	clock->start = csr_instret();
}

/*
 * The short variant of an exit's end. Call it once for each beginning, and once more before the
 * first.
 */
static inline __attribute__((always_inline)) void
trace_exit_end_short(struct trace_exit_clock *clock)
{
	trace_exit_count(clock, csr_instret() - clock->start);
}

/*
 * End an exit, if one is open, call enter(arg), which enters the guest and returns the scause of
 * the next exit, and begin that exit. Returns scause. Each clock is read close to enter(), so
 * costs do not include the accounting.
 */
static inline __attribute__((always_inline)) unsigned long
trace_exit_around(struct trace_exit_clock *clock, unsigned long (*enter)(void *arg), void *arg)
{
	unsigned long scause;

	if (__builtin_expect(!trace_exit_on(), 1))
		return enter(arg);
	if (trace_exit_is_full()) {
		trace_exit_end_full(clock);
		scause = enter(arg);
		trace_exit_begin_full(clock, scause);
		return scause;
	}
	trace_exit_end_short(clock);
	scause = enter(arg);
	trace_exit_begin_short(clock, scause);
	return scause;
}

/*
 * Set the slot of an exit whose scause is an interrupt or is not below EXIT_SLOT_IRQ. Interrupt 5
 * and exception 5 have different slots.
 */
static inline void trace_exit_cause(struct trace_exit_clock *clock, unsigned long scause)
{
	if (trace_exit_on())
		trace_exit_cause_slow(clock, scause);
}

/* Set the class that the exit turned out to have. The last call before the end counts. */
static inline __attribute__((always_inline)) void trace_exit_class(struct trace_exit_clock *clock,
								   enum exit_class class)
{
	STATIC_KEY_GOTO(&trace_class_key, on);
	return;
on:
	clock->offset = TRACE_EXIT_OFFSET(class);
}

/*
 * Return the class for the record that ends an exit: that of the open exit or, after the exit's
 * end, of the last one; 0 if the exit has none. Valid while trace_class_key is on.
 */
static inline u64 trace_exit_class_of(const struct trace_exit_clock *clock)
{
	unsigned long offset = clock->offset;

	return offset >= TRACE_EXIT_OFFSET(EXIT_SLOT_CLASS) ? offset / TRACE_EXIT_OFFSET(1) : 0;
}

/*
 * Forget the last exit's class. Call this after the record that ends an exit, and after events were
 * switched on or off: while trace_class_key was off, no class was set, so the class may be that of
 * an earlier exit. While exits are accounted for, the class is always that of the current exit.
 */
static inline __attribute__((always_inline)) void trace_exit_forget(struct trace_exit_clock *clock)
{
	if (!trace_exit_on())
		clock->offset = 0;
}

/* The vCPU is being loaded on this hart, whose tallies count its exits from now on. */
static inline __attribute__((always_inline)) void trace_exit_load(struct trace_exit_clock *clock)
{
	if (trace_exit_on())
		trace_exit_load_slow(clock);
}

/*
 * Events were switched on or off. If all are off now, take the instructions that tracing has taken
 * during the open exit out of its cost: the short variant does not. Called on the hart on which the
 * vCPU is loaded. If an exit has ended between the moment when the last event was switched off and
 * this call, its cost includes records.
 */
static inline void trace_exit_settle(struct trace_exit_clock *clock)
{
	if (trace_exit_on())
		trace_exit_settle_slow(clock);
}

/* The vCPU will not run again: count its last exit, without a cost. */
static inline void trace_exit_last(struct trace_exit_clock *clock)
{
	if (trace_exit_on())
		trace_exit_last_slow(clock);
}

/* ---- the host's side: see also trace_setup.h ---- */

/*
 * On while trace_emit_slow() decides about each record: while there is a filter or a trigger, while
 * tracing_on is 0, or while full rings keep their oldest records.
 */
extern struct static_key trace_slow_key;
void trace_emit_slow(enum trace_event_nr event, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);

#endif
