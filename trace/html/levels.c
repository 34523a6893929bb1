// SPDX-License-Identifier: MIT
/* levels.c - write the exits of L2, and those to L0 that each of them causes. */
#include "html.h"

#define MAX_STEPS 256 /* of an example; further ones are only counted */

static void write_parts(const struct levels_kind *kind, FILE *out)
{
	fputs(",\"parts\":[", out);
	for (size_t i = 0; i < kind->nr_parts; i++) {
		fputs(i ? ",[" : "[", out);
		json_string(out, kind->parts[i].title);
		fprintf(out, ",%llu,%llu]", kind->parts[i].count, kind->parts[i].cost);
	}
	fputc(']', out);
}

static void write_example(const struct levels_kind *kind, FILE *out)
{
	fprintf(out, ",\"length\":%llu,\"examplePriced\":%s,\"example\":[",
		levels_count(kind->example, kind->nr_example),
		kind->example_priced ? "true" : "false");
	for (size_t i = 0; i < kind->nr_example && i < MAX_STEPS; i++) {
		fputs(i ? ",[" : "[", out);
		json_string(out, kind->example[i].title);
		fprintf(out, ",%llu,%llu]", kind->example[i].before, kind->example[i].cost);
	}
	fputc(']', out);
}

void html_levels_write(const struct html_run *run, FILE *out)
{
	const struct levels_table *table = &run->levels;

	if (!run->has_l2) {
		fputs("\"levels\":null,\n", out);
		return;
	}
	fprintf(out, "\"levels\":{\"unfinished\":%llu,\"gaps\":%s,\"kinds\":[", table->unfinished,
		table->gaps ? "true" : "false");
	for (size_t i = 0; i < table->n; i++) {
		const struct levels_kind *kind = &table->kinds[i];

		fprintf(out, "%s{\"byL1\":%s,\"title\":", i ? ",\n" : "",
			kind->by_l1 ? "true" : "false");
		json_string(out, kind->title);
		fprintf(out,
			",\"count\":%llu,\"priced\":%llu,\"steps\":%llu,\"l0\":%llu,\"l1\":%llu",
			kind->count, kind->priced, kind->steps, kind->l0, kind->l1);
		write_parts(kind, out);
		write_example(kind, out);
		fputc('}', out);
	}
	fputs("]},\n", out);
}
