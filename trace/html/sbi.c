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

/* Count a call or its result. */
void html_sbi_event(struct html_run *run, const struct html_event *event)
{
	struct html_vcpu *vcpu;
	struct html_call *call;

	if (event->kind != HTML_SBI_CALL && event->kind != HTML_SBI_RETURN)
		return;
	vcpu = event->who ? html_vcpu_of(&run->vcpus, event->who) : NULL;
	call = call_of(run, event->arg[0], function_of(event));
	if (event->kind == HTML_SBI_RETURN) {
		if (call)
			count_error(call, event->arg[2]);
		return;
	}
	if (vcpu)
		vcpu->exit.call = call;
	if (call)
		call->calls++;
	else
		run->other_calls++;
}

void html_sbi_price(struct html_call *call, u64 cost)
{
	call->priced++;
	call->sum += cost;
	if (cost > call->max)
		call->max = cost;
}
