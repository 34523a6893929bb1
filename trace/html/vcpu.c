// SPDX-License-Identifier: MIT
/*
 * vcpu.c - count, in time bins, each vCPU's exits and the time that it spends in each state.
 *
 *              kvm_exit            kvm_userspace_exit
 *  GUEST, L2 -----------> CORE -----------------------> USER
 *       ^                 | ^  <-----------------------  |
 *       +-----------------+ |   KVM_RUN, any event of the vCPU
 *          kvm_entry        |  kvm_vcpu_block / kvm_vcpu_wakeup
 *                        BLOCKED      kvm_vcpu_put / kvm_vcpu_load
 *
 * A return from KVM_RUN also leads from CORE to USER.
 *
 * The state before a vCPU's first change of state is unknown, and so is the state between the
 * changes of state around missing records. The last state lasts until the VM is destroyed. If the
 * trace has no such event, a last state of guest or blocked lasts to the end of the run, unless a
 * ring has dropped its newest records; after any other last state, the state is unknown. All states
 * are unknown if no kvm_entry or no kvm_exit was chosen.
 */
#include <stdlib.h>
#include <string.h>
#include "html.h"

#define HASH_SIZE (2 * HTML_VCPUS)
#define NO_VCPU   0xffff
#define KVM_RUN   0xae80

int html_vcpus_alloc(struct html_vcpus *vcpus)
{
	vcpus->all = calloc(HTML_VCPUS, sizeof(*vcpus->all));
	vcpus->hash = malloc(HASH_SIZE * sizeof(*vcpus->hash));
	if (!vcpus->all || !vcpus->hash)
		return -1;
	for (size_t i = 0; i < HASH_SIZE; i++)
		vcpus->hash[i] = NO_VCPU;
	return 0;
}

struct html_vcpu *html_vcpu_of(struct html_vcpus *vcpus, u32 who)
{
	u32 at = who * 2654435761U % HASH_SIZE;

	for (; vcpus->hash[at] != NO_VCPU; at = (at + 1) % HASH_SIZE)
		if (vcpus->all[vcpus->hash[at]].who == who)
			return &vcpus->all[vcpus->hash[at]];
	if (vcpus->nr == HTML_VCPUS)
		return NULL;
	vcpus->hash[at] = (u16)vcpus->nr;
	vcpus->all[vcpus->nr] = (struct html_vcpu){ .who = who, .state = HTML_AWAY };
	return &vcpus->all[vcpus->nr++];
}

/* ---- between the passes ---- */

static int by_exits(const void *a, const void *b)
{
	const struct html_vcpu *const *x = a, *const *y = b;

	if ((*x)->exits != (*y)->exits)
		return (*x)->exits < (*y)->exits ? 1 : -1;
	return (*x)->who < (*y)->who ? -1 : 1;
}

/*
 * Give bins to the HTML_LANES vCPUs with the most exits, at most HTML_ALL_BINS per state in total.
 * Reset all vCPUs for the second pass.
 */
int html_vcpus_start(struct html_vcpus *vcpus)
{
	struct html_vcpu **order = calloc(vcpus->nr + 1, sizeof(struct html_vcpu *));
	unsigned int lanes = vcpus->nr < HTML_LANES ? vcpus->nr : HTML_LANES;

	if (!order)
		return -1;
	vcpus->nr_bins = HTML_VCPU_BINS;
	while (vcpus->nr_bins * lanes > HTML_ALL_BINS)
		vcpus->nr_bins /= 2;
	for (unsigned int i = 0; i < vcpus->nr; i++)
		order[i] = &vcpus->all[i];
	qsort(order, vcpus->nr, sizeof(order[0]), by_exits);
	for (unsigned int i = 0; i < lanes; i++) {
		order[i]->drawn = true;
		for (unsigned int state = 0; state < HTML_STATES; state++) {
			order[i]->time[state] = calloc(vcpus->nr_bins, sizeof(double));
			if (!order[i]->time[state])
				lanes = 0;
		}
	}
	free(order);
	for (unsigned int i = 0; i < vcpus->nr; i++) {
		struct html_vcpu *vcpu = &vcpus->all[i], old = *vcpu;

		*vcpu = (struct html_vcpu){ .who = old.who,
					    .drawn = old.drawn,
					    .state = HTML_AWAY };
		memcpy(vcpu->time, old.time, sizeof(vcpu->time));
	}
	return lanes || !vcpus->nr ? 0 : -1;
}

void html_vcpus_free(struct html_vcpus *vcpus)
{
	for (unsigned int i = 0; i < vcpus->nr; i++) {
		for (unsigned int state = 0; state < HTML_STATES; state++)
			free(vcpus->all[i].time[state]);
		for (unsigned int slot = 0; slot < HTML_CAUSES; slot++)
			free(vcpus->all[i].exit_bins[slot]);
	}
	free(vcpus->all);
	free(vcpus->hash);
}

/* ---- time ---- */

/* Add the time from `since` to `now` to the bins of the vCPU's present state. */
static void account_bins(const struct html_run *run, struct html_vcpu *vcpu, u64 now)
{
	unsigned int bins = run->vcpus.nr_bins, first, last;
	double width = (double)run->span / bins, from = (double)vcpu->since, to = (double)now;
	double *time;

	time = vcpu->time[vcpu->state];
	first = html_bin(run, vcpu->since, bins);
	last = html_bin(run, now, bins);
	if (first == last) {
		time[first] += to - from;
		return;
	}
	time[first] += (first + 1) * width - from;
	for (unsigned int i = first + 1; i < last; i++)
		time[i] += width;
	time[last] += to - last * width;
}

static void account(const struct html_run *run, struct html_vcpu *vcpu, u64 now)
{
	if (now <= vcpu->since)
		return;
	vcpu->ticks[vcpu->state] += now - vcpu->since;
	if (vcpu->drawn)
		account_bins(run, vcpu, now);
}

static void enter(const struct html_run *run, struct html_vcpu *vcpu, enum html_state state,
		  u64 now)
{
	if (vcpu->state != HTML_AWAY)
		account(run, vcpu, now);
	else if (!vcpu->since)
		vcpu->before = now;
	else if (now > vcpu->since)
		vcpu->lost += now - vcpu->since;
	vcpu->state = state;
	/*
	 * A record's time may precede that of the one before it, which was written on another
	 * hart.
	 */
	if (now > vcpu->since)
		vcpu->since = now;
}

/* Change the vCPU's state according to this event. */
static void change_state(const struct html_run *run, struct html_vcpu *vcpu,
			 const struct html_event *event)
{
	enum html_state state = vcpu->state;

	switch (event->kind) {
	case HTML_ENTRY:
		state = event->seen->nesting == 2 ? HTML_L2 : HTML_GUEST;
		break;
	case HTML_EXIT:
	case HTML_WAKEUP:
		state = HTML_CORE;
		break;
	case HTML_IOCTL:
		if (state == HTML_USER && event->arg[0] == KVM_RUN)
			state = HTML_CORE;
		break;
	case HTML_IOCTL_RETURN: /* a KVM_RUN that does not run the guest has no other event */
		if (state == HTML_CORE && event->arg[0] == KVM_RUN)
			state = HTML_USER;
		break;
	case HTML_LOAD:
		state = HTML_CORE;
		break;
	case HTML_BLOCK:
		state = HTML_BLOCKED;
		break;
	case HTML_PUT: /* descheduled; on the way to user space, the state is already USER */
		if (state == HTML_CORE)
			state = HTML_BLOCKED;
		break;
	case HTML_USERSPACE_EXIT:
		state = HTML_USER;
		break;
	default:
		/* An event with a VM and vCPU means that the VMM has entered KVM_RUN again. */
		if (state == HTML_USER && event->seen->vm >= 0)
			state = HTML_CORE;
	}
	if (state != vcpu->state)
		enter(run, vcpu, state, event->time);
}

/* ---- exits ---- */

static int count_exit(struct html_run *run, struct html_vcpu *vcpu)
{
	unsigned int slot = hst_exit_slot(run->file, &vcpu->exit.is);

	run->slot_exits[slot]++;
	run->level_exits[slot][vcpu->exit.nesting]++;
	if (!vcpu->drawn)
		return 0;
	if (!vcpu->exit_bins[slot])
		vcpu->exit_bins[slot] = calloc(run->vcpus.nr_bins, sizeof(u32));
	if (!vcpu->exit_bins[slot])
		return -1;
	vcpu->exit_bins[slot][html_bin(run, vcpu->exit.time, run->vcpus.nr_bins)]++;
	return 0;
}

/*
 * Track the vCPU's exits. The first pass looks for the slowest exits; the second one counts exits
 * into bins.
 */
static int follow_exit(struct html_run *run, struct html_vcpu *vcpu, const struct html_event *event)
{
	struct html_exit *exit = &vcpu->exit;
	bool second = run->vcpus.nr_bins != 0;
	u64 cost;

	if (event->kind == HTML_EXIT) {
		if (second && exit->is.open && count_exit(run, vcpu))
			return -1;
		vcpu->exits++;
		exit->time = event->time;
		exit->call = NULL;
		exit->nesting = event->seen->nesting;
		exit->irq_work = HTML_IRQ_NONE;
		hst_exit_begin(&exit->is, event->seen, event->arg[0]);
		return 0;
	}
	if (!exit->is.open)
		return 0;
	hst_exit_event(run->file, &exit->is, event->seen);
	cost = hst_exit_end(run->file, &exit->is, event->seen, run->unit);
	if (cost == HST_NOT_ENDED)
		return 0;
	if (!second && cost != HST_NO_COST)
		html_windows_offer(run, vcpu, event->time, cost);
	if (second && cost != HST_NO_COST && exit->call)
		html_sbi_price(exit->call, cost);
	if (second)
		html_irqchip_price(run, exit->irq_work, cost);
	return second ? count_exit(run, vcpu) : 0;
}

int html_vcpu_event(struct html_run *run, struct html_vcpu *vcpu, const struct html_event *event)
{
	if (run->vcpus.nr_bins && run->has_states && !vcpu->gone)
		change_state(run, vcpu, event);
	return follow_exit(run, vcpu, event);
}

int html_vcpus_forget(struct html_run *run)
{
	for (unsigned int i = 0; i < run->vcpus.nr; i++) {
		struct html_vcpu *vcpu = &run->vcpus.all[i];

		if (run->vcpus.nr_bins && vcpu->exit.is.open && count_exit(run, vcpu))
			return -1;
		vcpu->exit.is.open = false;
		if (!vcpu->gone)
			vcpu->state = HTML_AWAY;
	}
	return 0;
}

void html_vcpus_destroy(struct html_run *run, const struct html_event *event)
{
	for (unsigned int i = 0; event->kind == HTML_DESTROY_VM && i < run->vcpus.nr; i++) {
		struct html_vcpu *vcpu = &run->vcpus.all[i];

		if (TRACE_VM_OF(vcpu->who) != event->arg[0] || vcpu->state == HTML_AWAY)
			continue;
		enter(run, vcpu, vcpu->state, event->time);
		vcpu->gone = true;
	}
}

static void end_state(const struct html_run *run, struct html_vcpu *vcpu)
{
	bool lasts =
		vcpu->state == HTML_GUEST || vcpu->state == HTML_L2 || vcpu->state == HTML_BLOCKED;

	if (vcpu->state == HTML_AWAY && !vcpu->since)
		vcpu->before = run->span;
	else if (lasts && !vcpu->gone && !run->keeps_first)
		account(run, vcpu, run->span);
	else
		vcpu->after = run->span - vcpu->since;
}

/* Count exits without a following entry, and the time to the end of the run. */
int html_vcpus_end(struct html_run *run)
{
	int err = 0;

	for (unsigned int i = 0; i < run->vcpus.nr; i++) {
		struct html_vcpu *vcpu = &run->vcpus.all[i];

		end_state(run, vcpu);
		if (vcpu->exit.is.open)
			err |= count_exit(run, vcpu);
	}
	return err;
}
