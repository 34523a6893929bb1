// SPDX-License-Identifier: MIT
/*
 * trace.c - switch events on and off, and record them, in the module.
 *
 * An event is on while it is on the list of debugfs's file `events` or while Linux's tracepoint of
 * the same name is in use. It is then recorded in trace memory, which has the layout of the
 * bare-metal host, so that hstrace reads it. The memory is allocated when the first event is
 * switched on, or when the module is loaded with exitstat=time.
 */
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include <asm/delay.h>
#include "linux.h"
#include "hv/trace_setup.h"
#include "trace.h"
#define TRACE_THIS_HART() hv_hart()
#include "trace_hart.h"

static char *exitstat = "0";
module_param(exitstat, charp, 0444);
MODULE_PARM_DESC(exitstat, "time: count exits and measure their costs; 0: do neither");

#define MAX_RING (256UL << 20)

static unsigned long trace_size = 1UL << 20;
module_param(trace_size, ulong, 0444);
MODULE_PARM_DESC(trace_size, "size of each hart's ring of records, in bytes");

/* True for the events of the core. Only the bare-metal host emits the others. */
static const bool of_core[TRACE_NR_EVENTS] = {
#define EVENTS_OF_CORE
#define EVENT(name, meaning, behind, ...) [TRACE_##name] = true,
#include "events.def"
#undef EVENTS_OF_CORE
};

/*
 * Protects the variables below. Linux calls event_use() with its lock for tracepoints held, so code
 * that holds this mutex must not call functions that take that lock.
 */
static DEFINE_MUTEX(events_mutex);
static bool recorded[TRACE_NR_EVENTS]; /* selected in debugfs's file `events` */
static bool used[TRACE_NR_EVENTS];     /* their tracepoints are in use; read by harts */
static bool exiting;                   /* the module is being unloaded */
static void *memory;                   /* trace_mem's, for vfree() */

static_assert(IS_ENABLED(CONFIG_JUMP_LABEL), "the core's branches for events are patched");

void static_key_set(struct static_key *key, bool enabled)
{
	if (enabled)
		static_key_enable(key);
	else
		static_key_disable(key);
}

void static_keys_set(struct static_key *keys, unsigned int nr, const bool *enabled)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		static_key_set(&keys[i], enabled[i]);
}

void __kprobes events_emit(unsigned int event, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	const u64 args[TRACE_ARGS] = { a0, a1, a2, a3, a4 };
	const struct trap_csrs csrs = trap_csrs_save();
	struct trace_hart *th = trace_harts[hv_hart()];

	trace_write(th, event, args);
	if (READ_ONCE(used[event]))
		tracepoint_emit(event, th->who, args);
	trap_csrs_restore(&csrs);
}

/*
 * Linux lets a hart fault once at the first access to new memory of vmalloc(). The core's
 * accounting for exits must not fault, so drop what the harts have cached about these addresses.
 */
static void forget_addresses(void *unused)
{
	asm volatile("sfence.vma" : : : "memory");
}

static bool trace_size_is_valid(void)
{
	return trace_size >= PAGE_SIZE && trace_size <= MAX_RING;
}

/* A tracepoint may be used before events_init() has checked trace_size. */
static int allocate(void)
{
	size_t size;
	int err;

	if (memory)
		return 0;
	if (!trace_size_is_valid())
		return -EINVAL;
	size = trace_mem_size(nr_cpu_ids, trace_size);
	memory = __vmalloc(size, GFP_KERNEL | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!memory)
		return -ENOMEM;
	on_each_cpu(forget_addresses, NULL, 1);
	err = trace_mem_init(memory, size, nr_cpu_ids, riscv_timebase, false);
	if (err) {
		vfree(memory);
		memory = NULL;
	}
	return err;
}

/* Switch on exactly the events that are selected in debugfs or whose tracepoint is in use. */
static int apply(void)
{
	bool chosen[TRACE_NR_EVENTS], any = false;
	unsigned int i;
	int err;

	for (i = 0; i < TRACE_NR_EVENTS; i++) {
		chosen[i] = recorded[i] || used[i];
		any |= chosen[i];
	}
	if (!any && !memory)
		return 0;
	err = allocate();
	if (err)
		return err;
	trace_apply(chosen);
	enter_core();
	kvm_trace_changed();
	leave_core();
	return 0;
}

int event_use(unsigned int event, bool use)
{
	int err = 0;

	mutex_lock(&events_mutex);
	WRITE_ONCE(used[event], use);
	if (!exiting)
		err = apply();
	if (err)
		WRITE_ONCE(used[event], false);
	mutex_unlock(&events_mutex);
	return err;
}

int events_record(const char *list)
{
	bool chosen[TRACE_NR_EVENTS], before[TRACE_NR_EVENTS];
	bool any = false, none = true;
	const char *bad;
	unsigned int i;
	int err = trace_choose(list, chosen, &bad);

	if (err) {
		hv_log("there is no event '%.*s'\n", (int)strcspn(bad, ","), bad);
		return err;
	}
	for (i = 0; i < TRACE_NR_EVENTS; i++) {
		any |= chosen[i];
		chosen[i] &= of_core[i];
		none &= !chosen[i];
	}
	if (any && none) {
		hv_log("%s: only the bare-metal host has these events\n", list);
		return -EINVAL;
	}
	mutex_lock(&events_mutex);
	memcpy(before, recorded, sizeof(before));
	memcpy(recorded, chosen, sizeof(recorded));
	err = apply();
	if (err)
		memcpy(recorded, before, sizeof(recorded));
	mutex_unlock(&events_mutex);
	return err;
}

void events_recorded(void (*put)(void *to, const char *name), void *to)
{
	unsigned int i;

	mutex_lock(&events_mutex);
	for (i = 0; i < TRACE_NR_EVENTS; i++)
		if (recorded[i])
			put(to, trace_event_name(i));
	mutex_unlock(&events_mutex);
}

const struct trace_mem *events_memory(size_t *size)
{
	const struct trace_mem *mem;

	mutex_lock(&events_mutex);
	mem = trace_mem;
	*size = mem ? mem->size : 0;
	mutex_unlock(&events_mutex);
	return mem;
}

int events_init(void)
{
	int err;

	if (!trace_size_is_valid()) {
		pr_err("hyperscope: trace_size=%lu: must be %lu to %lu\n", trace_size, PAGE_SIZE,
		       MAX_RING);
		return -EINVAL;
	}
	if (!strcmp(exitstat, "0"))
		return 0;
	if (strcmp(exitstat, "time")) {
		pr_err("hyperscope: exitstat=%s: choose time or 0\n", exitstat);
		return -EINVAL;
	}
	mutex_lock(&events_mutex);
	err = allocate();
	if (!err)
		trace_exit_account(EXIT_UNIT_TIME);
	mutex_unlock(&events_mutex);
	return err;
}

void events_exit(void)
{
	mutex_lock(&events_mutex);
	exiting = true;
	mutex_unlock(&events_mutex);
	vfree(memory);
}
