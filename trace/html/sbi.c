// SPDX-License-Identifier: MIT
/*
 * sbi.c - count the guest's SBI calls, their results and their costs.
 */
#include <string.h>
#include "html.h"
#include "hv/sbi.h"

static struct html_call *call_of(struct html_run *run, u64 ext, u64 fid)
{
	struct html_call *call = run->calls;

	for (; call < run->calls + run->nr_calls; call++)
		if (call->ext == ext && call->fid == fid)
			return call;
	if (run->nr_calls == HTML_CALLS)
		return NULL;
	run->nr_calls++;
	*call = (struct html_call){ .ext = ext, .fid = fid };
	return call;
}

static void count_error(struct html_call *call, u64 error)
{
	for (unsigned int i = 0; i < HTML_ERRORS; i++) {
		if (call->errors[i] && call->error[i] != error)
			continue;
		call->error[i] = error;
		call->errors[i]++;
		return;
	}
	call->other_errors++;
}

/* Legacy extensions (before SBI 0.2) have no functions: ignore the value of a6. */
static u64 function_of(const struct html_event *event)
{
	return event->arg[0] <= SBI_LEGACY_SHUTDOWN ? 0 : event->arg[1];
}

static void answer(struct html_run *run, struct html_open_call *open,
		   const struct html_event *event)
{
	struct html_call *call = call_of(run, event->arg[0], function_of(event));
	u64 cost;

	if (!call)
		return;
	count_error(call, event->arg[2]);
	if (!open || !open->open || open->ext != call->ext || open->fid != call->fid)
		return;
	open->open = false;
	if (run->unit == HST_UNIT_INSTRUCTIONS && open->hart != event->seen->hart)
		return;
	cost = html_cost(run, open->time, open->work, event);
	call->returns++;
	call->sum += cost;
	if (cost > call->max)
		call->max = cost;
}

void html_sbi_event(struct html_run *run, const struct html_event *event)
{
	struct html_open_call *open = NULL;
	struct html_vcpu *vcpu;
	struct html_call *call;

	if (event->kind != HTML_SBI_CALL && event->kind != HTML_SBI_RETURN)
		return;
	vcpu = event->who ? html_vcpu_of(&run->vcpus, event->who) : NULL;
	if (vcpu)
		open = &run->call_open[vcpu - run->vcpus.all];
	if (event->kind == HTML_SBI_RETURN) {
		answer(run, open, event);
		return;
	}
	call = call_of(run, event->arg[0], function_of(event));
	if (!call) {
		run->other_calls++;
		return;
	}
	call->calls++;
	if (open)
		*open = (struct html_open_call){ .open = true,
						 .ext = call->ext,
						 .fid = call->fid,
						 .time = event->time,
						 .work = event->seen->work,
						 .hart = event->seen->hart };
}
