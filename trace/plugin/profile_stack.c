// SPDX-License-Identifier: MIT
/*
 * profile_stack.c - part of profile.so: the chain of calls in each world, thread and task.
 *
 * The machine's memory is not read: stacks follow from calls, returns and traps alone. A return
 * removes the frame with its target address and all frames above it, so longjmp() and unwinding by
 * an exception are handled. A return to an unknown address leaves the stack as it is. A signal
 * handler begins when a trap returns to an address other than the one at which the trap was taken.
 * The handler ends when a later trap returns to the address at which that first trap was taken.
 */
#include "hv/cause.h"
#include "profile.h"

#define NODE_BITS   20
#define MAX_NODES   (4u << 20) /* beyond that, calls count for their callers */
#define KEY_BITS    10
#define KEY_SHIFT   6
#define TRAP_LENGTH 4 /* the longest instruction that a trap handler may skip, in bytes */

#define CAUSE_IRQ    (1ull << 63)
#define SYS_EXECVE   221
#define SYS_EXECVEAT 281

static struct node *nodes[1u << NODE_BITS];
static struct node **order; /* by number */
static uint32_t nr_nodes;
static size_t order_size;
static struct node roots[WORLD_UNKNOWN];
static struct thread *threads[1u << KEY_BITS];
static struct task *tasks[1u << KEY_BITS];

/* ---- chains of calls ------------------------------------------------------------------------- */

static struct node *root(enum world world)
{
	roots[world].world = world;
	return &roots[world];
}

static struct node *new_node(struct node *parent, uint64_t site)
{
	struct node *node = plugin_need(malloc(sizeof(*node)));

	if (nr_nodes == order_size) {
		order_size = order_size ? 2 * order_size : 4096;
		order = plugin_need(realloc(order, order_size * sizeof(struct node *)));
	}
	*node = (struct node){ .parent = parent, .site = site, .world = parent->world };
	order[nr_nodes++] = node;
	node->number = nr_nodes;
	return node;
}

/*
 * Return the chain `parent` extended by a call at `site`, or `parent` itself if there are too many
 * chains.
 */
static struct node *child(struct node *parent, uint64_t site)
{
	uint64_t hash = ((uint64_t)(uintptr_t)parent ^ site * 0x9e3779b97f4a7c15ull) *
			0x9e3779b97f4a7c15ull;
	struct node **bucket = &nodes[hash >> (64 - NODE_BITS)], *node;

	for (node = *bucket; node; node = node->next)
		if (node->parent == parent && node->site == site)
			return node;
	if (nr_nodes == MAX_NODES)
		return parent;
	node = new_node(parent, site);
	node->next = *bucket;
	*bucket = node;
	return node;
}

void profile_write_nodes(FILE *out)
{
	uint32_t i;

	for (i = 0; i < nr_nodes; i++)
		fprintf(out, "node %u %u %d %llx\n", order[i]->number, order[i]->parent->number,
			order[i]->world, (unsigned long long)order[i]->site);
	if (nr_nodes == MAX_NODES)
		fprintf(out, "full\n");
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static void clear(struct stack *s)
{
	s->node = NULL;
	s->left = 0;
	s->depth = 0;
	s->beyond = 0;
	s->exec = false;
}

static void push(struct stack *s, enum world world, uint64_t resume, struct node *node, bool trap)
{
	struct node *before = s->node ? s->node : root(world);

	if (s->depth == MAX_FRAMES) {
		s->beyond++;
		return;
	}
	s->frames[s->depth++] = (struct frame){ resume, before, trap };
	s->node = node;
}

static void cut(struct stack *s, unsigned int depth)
{
	s->depth = depth;
	s->beyond = 0;
	s->node = s->frames[depth].node;
}

static bool resumes(uint64_t pc, uint64_t left)
{
	return pc - left <= TRAP_LENGTH;
}

/* If pc resumes what a trap interrupted, cut the trap's frame and all above it, and return true. */
static bool cut_trap(struct stack *s, uint64_t pc)
{
	unsigned int i;

	for (i = s->depth; i-- > 0;)
		if (s->frames[i].trap && resumes(pc, s->frames[i].resume)) {
			cut(s, i);
			return true;
		}
	return false;
}

/*
 * For a trap that returns to an address at which no trap was taken: remove the last trap's frame
 * and all above it, or all frames if none belongs to a trap.
 */
static void cut_last_trap(struct stack *s)
{
	while (s->depth) {
		cut(s, s->depth - 1);
		if (s->frames[s->depth].trap)
			return;
	}
}

static unsigned int bucket_of(uint64_t key)
{
	return (key >> KEY_SHIFT) & ((1u << KEY_BITS) - 1);
}

static struct thread *thread_of(uint64_t key)
{
	struct thread *t;

	for (t = threads[bucket_of(key)]; t; t = t->next)
		if (t->key == key)
			return t;
	return plugin_need(calloc(1, sizeof(*t)));
}

static void add_thread(struct thread *t, uint64_t key)
{
	if (t->key || !key)
		return;
	t->key = key;
	t->next = threads[bucket_of(key)];
	threads[bucket_of(key)] = t;
}

static struct task *task_of(uint64_t key)
{
	struct task *t;

	for (t = tasks[bucket_of(key)]; t; t = t->next)
		if (t->key == key)
			return t;
	return plugin_need(calloc(1, sizeof(*t)));
}

static void add_task(struct task *t, uint64_t key)
{
	if (t->key || !key)
		return;
	t->key = key;
	t->next = tasks[bucket_of(key)];
	tasks[bucket_of(key)] = t;
}

static struct task *task(struct hart *h)
{
	if (!h->thread->task)
		h->thread->task = plugin_need(calloc(1, sizeof(struct task)));
	return h->thread->task;
}

struct stack *profile_stack(struct hart *h, enum world world)
{
	if (!h->thread)
		h->thread = plugin_need(calloc(1, sizeof(struct thread)));
	switch (world) {
	case WORLD_HS:
		return &h->thread->hs;
	case WORLD_U:
		return &h->thread->u;
	case WORLD_VS:
		return &task(h)->vs;
	case WORLD_VU:
		return &task(h)->vu;
	default:
		return &h->m;
	}
}

struct node *profile_node(struct hart *h, enum world world)
{
	struct stack *s = profile_stack(h, world);

	return s->node ? s->node : root(world);
}

/* ---- calls, returns, traps ------------------------------------------------------------------- */

void profile_call(struct hart *h, struct block *by)
{
	struct stack *s = profile_stack(h, by->world);
	struct node *from = s->node ? s->node : root(by->world);

	if (by->called.from != from) {
		by->called.from = from;
		by->called.to = child(from, by->last);
	}
	push(s, by->world, by->behind, by->called.to, false);
}

/* Clear the stacks of a new thread or task: its first return after the switch has no frame. */
static void clear_stacks(struct hart *h, enum world world)
{
	if (world == WORLD_HS) {
		clear(&h->thread->hs);
		clear(&h->thread->u);
		h->thread->task = NULL;
	} else if (world == WORLD_VS) {
		clear(&task(h)->vs);
		clear(&task(h)->vu);
	}
}

void profile_return(struct hart *h, const struct block *by, uint64_t pc)
{
	struct stack *s = profile_stack(h, by->world);
	bool first = h->switched;
	unsigned int i;

	h->switched = false;
	if (s->beyond && s->frames[s->depth - 1].resume == pc) {
		s->beyond--;
		return;
	}
	for (i = s->depth; i-- > 0 && !s->frames[i].trap;)
		if (s->frames[i].resume == pc) {
			cut(s, i);
			return;
		}
	if (first)
		clear_stacks(h, by->world);
}

void profile_trap(struct hart *h, enum world to, const struct trap *trap)
{
	struct stack *from = profile_stack(h, trap->from), *s = profile_stack(h, to);

	if (trap->from == to) {
		/* An interrupt is not called by the code that it interrupts. */
		push(s, to, trap->epc,
		     trap->cause & CAUSE_IRQ ? root(to)
					     : child(s->node ? s->node : root(to), trap->epc),
		     true);
		return;
	}
	from->left = trap->epc;
	from->exec =
		trap->cause == EXC_ECALL_U && (trap->a7 == SYS_EXECVE || trap->a7 == SYS_EXECVEAT);
	/* A guest's exit returns to the function that entered the guest: keep the stack. */
	if (to != WORLD_HS || !(trap->from & WORLD_V))
		clear(s);
}

void profile_trap_return(struct hart *h, const struct block *by, const struct block *to)
{
	struct stack *s = profile_stack(h, to->world);
	uint64_t left = s->left;

	if (by->world == to->world) {
		if (!cut_trap(s, to->pc))
			cut_last_trap(s);
		return;
	}
	s->left = 0;
	if (resumes(to->pc, left) || cut_trap(s, to->pc))
		return;
	if (!left || s->exec || s->depth == MAX_FRAMES ||
	    (to->world != WORLD_U && to->world != WORLD_VU)) {
		clear(s); /* a program, thread or hart that begins, or no room for another frame */
		return;
	}
	push(s, to->world, left, child(s->node ? s->node : root(to->world), left), true);
}

/* ---- the function that while= names ---------------------------------------------------------- */

static void run_on(struct stack *s, struct hart *h)
{
	if (s->within)
		s->within->within--;
	s->within = h;
	if (h)
		h->within++;
}

void profile_enter(struct hart *h, struct stack *s)
{
	s->within_depth = s->depth;
	run_on(s, h);
}

void profile_leave(struct stack *s)
{
	run_on(s, NULL);
}

/* If the function that while= names runs on this stack, it now runs on this hart. */
static void move_to_hart(struct hart *h, struct stack *s)
{
	if (s->within)
		run_on(s, h);
}

static void move_task_to_hart(struct hart *h)
{
	if (!h->thread->task)
		return;
	move_to_hart(h, &h->thread->task->vs);
	move_to_hart(h, &h->thread->task->vu);
}

void profile_switch_thread(struct hart *h, uint64_t prev, uint64_t next)
{
	add_thread(h->thread, prev); /* for a hart's first thread, to which it never switched */
	h->thread = thread_of(next);
	add_thread(h->thread, next);
	h->switched = true;
	move_to_hart(h, &h->thread->hs);
	move_to_hart(h, &h->thread->u);
	move_task_to_hart(h);
}

void profile_switch_task(struct hart *h, uint64_t prev, uint64_t next)
{
	add_task(task(h), prev);
	h->thread->task = task_of(next);
	add_task(h->thread->task, next);
	h->switched = true;
	move_task_to_hart(h);
}
