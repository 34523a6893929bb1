// SPDX-License-Identifier: MIT
/*
 * select.c - the options that choose events, shared by all subcommands that read a trace file.
 */
#include <stdlib.h>
#include <string.h>
#include "hst.h"

const char hst_select_help[] =
	"  --events LIST   select events by name: names and globs separated by commas, !\n"
	"                  removes: 'kvm_*,!kvm_entry'\n"
	"  --filter RULE   select by fields: 'kvm_exit: scause == ecall_vs && vm == 1';\n"
	"                  operators: ==, !=, <, <=, >, >=, &, !, &&, ||, (); may be\n"
	"                  repeated: an event has to match one of the rules\n"
	"  --vm N          select events of this VM\n"
	"  --vcpu N        select events of this vCPU (with --vm: of that VM)\n"
	"  --hart N        select events recorded by this hart\n"
	"  --from T        start at time T, in seconds since tracing was set up (0.0015)\n"
	"  --until T       end at time T, inclusive\n"
	"  --last N        take only the last N of the selected events\n";

/* Parse an option's value, a number from least to max. Returns -1 after printing an error. */
static long long number(const char *option, const char *text, u64 least, u64 max)
{
	char what[100], *end;
	u64 value = strtoull(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && value >= least && value <= max)
		return (long long)value;
	snprintf(what, sizeof(what), "%s takes a number from %llu to %llu, not", option, least,
		 max);
	hst_wrong_use(what, text);
	return -1;
}

static int set_number(int *what, const char *option, const char *text)
{
	long long value = number(option, text, 0, 65535);

	*what = (int)value;
	return value < 0 ? -1 : 2;
}

/*
 * Parse seconds into units of 1/HST_TIME_UNITS s (100 ns), because the length of a tick is not
 * known before a file is open.
 */
static int set_time(u64 *what, const char *option, const char *text)
{
	u64 seconds = 0, part = 0, unit = HST_TIME_UNITS;
	const char *p = text;
	char what_wrong[64];

	for (; *p >= '0' && *p <= '9' && seconds < 1000000000; p++)
		seconds = seconds * 10 + (u64)(*p - '0');
	if (p != text && *p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++)
			if (unit > 1) {
				unit /= 10;
				part += unit * (u64)(*p - '0');
			}
	if (p == text || *p) {
		snprintf(what_wrong, sizeof(what_wrong), "%s takes a time in seconds (1.25), not",
			 option);
		hst_wrong_use(what_wrong, text);
		return -1;
	}
	*what = seconds * HST_TIME_UNITS + part;
	return 2;
}

static int set_period(struct hst_select *select, u64 *what, const char *option, const char *text)
{
	int used = set_time(what, option, text);

	if (used > 0 && select->from > select->to) {
		hst_wrong_use("--from is later than --until", NULL);
		return -1;
	}
	return used;
}

int hst_select_option(struct hst_select *select, int argc, char **argv)
{
	static const char *const options[] = { "--events", "--vm",    "--vcpu",   "--hart",
					       "--from",   "--until", "--filter", "--last" };
	const char *option = argv[0], *value = argc > 1 ? argv[1] : NULL;
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(option, options[i]))
			break;
	if (i == sizeof(options) / sizeof(options[0]))
		return 0;
	if (!value) {
		hst_wrong_use("no value given for", option);
		return -1;
	}
	switch (i) {
	case 0:
		select->events = value;
		return 2;
	case 1:
		return set_number(&select->vm, option, value);
	case 2:
		return set_number(&select->vcpu, option, value);
	case 3:
		return set_number(&select->hart, option, value);
	case 4:
	case 5:
		return set_period(select, i == 4 ? &select->from : &select->to, option, value);
	case 6:
		return hst_filter_add(&select->filter, value) ? -1 : 2;
	default:
		select->last = (u64)number(option, value, 1, 1ULL << 40);
		return select->last == ~0ULL ? -1 : 2;
	}
}

static int put_number(char *p, size_t size, const char *option, int value)
{
	return value < 0 ? 0 : snprintf(p, size, " %s %d", option, value);
}

void hst_select_none(struct hst_file *file, const struct hst_select *select)
{
	char by[160] = "", *p = by, *end = by + sizeof(by);
	u64 events = 0;

	for (unsigned int i = 0; i < HST_MAX_HARTS; i++)
		events += file->ring[i].count;
	p += snprintf(p, (size_t)(end - p), "%s%s%s%s", select->events ? " --events" : "",
		      select->filter ? " --filter" : "", select->from ? " --from" : "",
		      select->to != ~0ULL ? " --until" : "");
	p += put_number(p, (size_t)(end - p), "--vm", select->vm);
	p += put_number(p, (size_t)(end - p), "--vcpu", select->vcpu);
	put_number(p, (size_t)(end - p), "--hart", select->hart);
	if (events && *by && !file->told_none)
		hst_error(file->path, "none of its %llu events matches%s", events, by);
	file->told_none = true;
}

void hst_select_free(struct hst_select *select)
{
	hst_filter_free(select->filter);
	*select = HST_SELECT_ALL;
}
