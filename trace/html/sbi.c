// SPDX-License-Identifier: MIT
/*
 * sbi.c - the guest's calls of its SBI: how often, how they ended, how long they took.
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

/* The extensions before SBI 0.2 have no functions: whatever a6 holds is no part of the call. */
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
	cost = html_cost(run, open->time, open->instret, event);
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
						 .instret = event->seen->instret,
						 .hart = event->seen->hart };
}

/* ---- names ---- */

static const struct {
	u32 ext;
	const char *names; /* of functions 0, 1, ... */
} functions[] = {
	{ SBI_EXT_BASE, "get_spec_version get_impl_id get_impl_version probe_extension "
			"get_mvendorid get_marchid get_mimpid" },
	{ SBI_EXT_TIME, "set_timer" },
	{ SBI_EXT_IPI, "send_ipi" },
	{ SBI_EXT_RFENCE, "remote_fence_i remote_sfence_vma remote_sfence_vma_asid "
			  "remote_hfence_gvma_vmid remote_hfence_gvma remote_hfence_vvma_asid "
			  "remote_hfence_vvma" },
	{ SBI_EXT_HSM, "hart_start hart_stop hart_get_status hart_suspend" },
	{ SBI_EXT_SRST, "system_reset" },
	{ SBI_EXT_PMU, "num_counters counter_get_info counter_config_matching counter_start "
		       "counter_stop counter_fw_read counter_fw_read_hi snapshot_set_shmem" },
	{ SBI_EXT_DBCN, "console_write console_read console_write_byte" },
	{ SBI_EXT_SUSP, "system_suspend" },
	{ SBI_EXT_STA, "set_shmem" },
	{ SBI_EXT_FWFT, "set get" },
};

const char *html_call_name(u64 ext, u64 fid, char *buf)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const char *name = functions[i].names;

		if (functions[i].ext != ext)
			continue;
		for (u64 n = fid; n && *name; n--) {
			name += strcspn(name, " ");
			name += *name == ' ';
		}
		if (!*name)
			break;
		snprintf(buf, HST_NAME_SIZE, "%.*s", (int)strcspn(name, " "), name);
		return buf;
	}
	if (ext <= SBI_LEGACY_SHUTDOWN)
		return "";
	snprintf(buf, HST_NAME_SIZE, "function %llu", fid);
	return buf;
}
