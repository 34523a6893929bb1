// SPDX-License-Identifier: MIT
/* windows.c - select the slowest exits, and keep their events and the last events of the run. */
#include <stdlib.h>
#include <string.h>
#include "html.h"

static int make_lines(struct html_window *window, size_t n)
{
	window->lines = calloc(n, sizeof(*window->lines));
	return window->lines ? 0 : -1;
}

int html_windows_start(struct html_run *run)
{
	run->slowest = calloc(HTML_CAUSES, sizeof(*run->slowest));
	return run->slowest ? make_lines(&run->last, HTML_LAST) : -1;
}

void html_windows_free(struct html_run *run)
{
	for (unsigned int slot = 0; run->slowest && slot < HTML_CAUSES; slot++)
		for (unsigned int i = 0; i < HTML_SLOWEST; i++)
			free(run->slowest[slot][i].lines);
	free(run->slowest);
	free(run->chosen);
	free(run->last.lines);
}

/* Return how many windows of slowest exits a slot has. */
static unsigned int html_windows_of(const struct html_run *run, unsigned int slot)
{
	unsigned int n = 0;

	while (n < HTML_SLOWEST && run->slowest[slot][n].cost)
		n++;
	return n;
}

void html_windows_offer(struct html_run *run, const struct html_vcpu *vcpu, u64 now, u64 cost)
{
	unsigned int slot = hst_exit_slot(run->file, &vcpu->exit.is), at = HTML_SLOWEST;
	struct html_window *windows = run->slowest[slot];

	while (at > 0 && cost > windows[at - 1].cost)
		at--;
	if (at == HTML_SLOWEST)
		return;
	memmove(&windows[at + 1], &windows[at], (HTML_SLOWEST - 1 - at) * sizeof(windows[0]));
	windows[at] = (struct html_window){
		.slot = slot, .who = vcpu->who, .from = vcpu->exit.time, .to = now, .cost = cost
	};
}

static void write_line(const struct html_event *event, struct html_line *line)
{
	const struct hst_seen *seen = event->seen;
	char buf[HST_NAME_SIZE];
	size_t len = 0;

	line->time = event->time;
	line->hart = seen->hart;
	line->event_nr = seen->event_nr;
	line->vm = seen->vm;
	line->vcpu = seen->vcpu;
	line->text[0] = '\0';
	for (unsigned int i = 0; i < seen->event->nr_fields && len < sizeof(line->text); i++)
		len += (size_t)snprintf(line->text + len, sizeof(line->text) - len, "%s%s=%s",
					i ? " " : "", seen->event->field[i].name,
					hst_field_text(seen->event, i, seen->record->arg[i], buf));
}

/* Between the passes: collect the windows to be filled. Returns -1 if out of memory. */
int html_windows_choose(struct html_run *run)
{
	run->chosen = calloc(HTML_CAUSES * HTML_SLOWEST, sizeof(struct html_window *));
	if (!run->chosen)
		return -1;
	for (unsigned int slot = 0; slot < HTML_CAUSES; slot++)
		for (unsigned int i = 0; i < html_windows_of(run, slot); i++) {
			if (make_lines(&run->slowest[slot][i], HTML_WINDOW))
				return -1;
			run->chosen[run->nr_chosen++] = &run->slowest[slot][i];
		}
	return 0;
}

/*
 * Keep the event if it is one of the run's last, and add it to the windows that it belongs to. A
 * window has its vCPU's events, and the events without a vCPU that the vCPU's hart wrote meanwhile.
 * number reaches run->events only if the file has changed since the first pass.
 */
void html_windows_event(struct html_run *run, const struct html_event *event, u64 number)
{
	if (number < run->events && run->events - number <= HTML_LAST)
		write_line(event, &run->last.lines[run->last.nr_lines++]);
	for (unsigned int i = 0; event->who && i < run->nr_chosen; i++) {
		struct html_window *window = run->chosen[i];

		if (event->who != window->who || event->time < window->from ||
		    event->time > window->to)
			continue;
		if (window->nr_lines < HTML_WINDOW)
			write_line(event, &window->lines[window->nr_lines]);
		window->nr_lines++;
	}
}
