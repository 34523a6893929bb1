// SPDX-License-Identifier: MIT
/* levels_table.c - count exits of L2 by kind, and print them. */
#include <stdlib.h>
#include <string.h>
#include "levels.h"

void *levels_grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return realloc(array, (n ? 2 * n : 1) * size);
}

static struct levels_kind *kind_of(struct levels_table *table, const struct levels_exit *exit)
{
	struct levels_kind *kinds = table->kinds;
	const char *title = table->n < LEVELS_MAX_KINDS ? exit->title : "others";

	for (size_t i = 0; i < table->n; i++)
		if (kinds[i].by_l1 == exit->by_l1 && !strcmp(kinds[i].title, exit->title))
			return &kinds[i];
	for (size_t i = LEVELS_MAX_KINDS; i < table->n; i++)
		if (kinds[i].by_l1 == exit->by_l1)
			return &kinds[i];
	kinds = levels_grow(kinds, table->n, sizeof(*kinds));
	if (!kinds)
		return NULL;
	table->kinds = kinds;
	kinds += table->n++;
	*kinds = (struct levels_kind){ .by_l1 = exit->by_l1 };
	snprintf(kinds->title, sizeof(kinds->title), "%s", title);
	return kinds;
}

static struct levels_part *part_of(struct levels_kind *kind, const char *title)
{
	struct levels_part *parts = kind->parts;

	for (size_t i = 0; i < kind->nr_parts; i++)
		if (!strcmp(parts[i].title, title))
			return &parts[i];
	if (kind->nr_parts > LEVELS_MAX_PARTS)
		return &parts[LEVELS_MAX_PARTS];
	parts = levels_grow(parts, kind->nr_parts, sizeof(*parts));
	if (!parts)
		return NULL;
	kind->parts = parts;
	parts += kind->nr_parts++;
	*parts = (struct levels_part){ 0 };
	snprintf(parts->title, sizeof(parts->title), "%s",
		 kind->nr_parts <= LEVELS_MAX_PARTS ? title : "others");
	return parts;
}

static u64 cost_of(const struct levels_step *steps, size_t n)
{
	u64 cost = 0;

	for (size_t i = 0; i < n; i++)
		cost += steps[i].before + steps[i].cost;
	return cost;
}

u64 levels_count(const struct levels_step *steps, size_t n)
{
	u64 count = 0;

	for (size_t i = 0; i < n; i++)
		count += steps[i].count;
	return count;
}

static bool is_better(const struct levels_kind *kind, const struct levels_exit *exit)
{
	u64 count = levels_count(exit->steps, exit->nr_steps);
	u64 least = levels_count(kind->example, kind->nr_example);

	if (!kind->example || count != least)
		return !kind->example || count < least;
	return exit->priced &&
	       (!kind->example_priced ||
		cost_of(exit->steps, exit->nr_steps) < cost_of(kind->example, kind->nr_example));
}

static int offer_example(struct levels_kind *kind, const struct levels_exit *exit)
{
	size_t size = exit->nr_steps * sizeof(*kind->example);
	struct levels_step *steps;

	if (!kind->by_l1 || !size || !is_better(kind, exit))
		return 0;
	steps = realloc(kind->example, size);
	if (!steps)
		return -1;
	kind->example = memcpy(steps, exit->steps, size);
	kind->nr_example = exit->nr_steps;
	kind->example_priced = exit->priced;
	return 0;
}

int levels_add(struct levels_table *table, const struct levels_exit *exit)
{
	struct levels_kind *kind = kind_of(table, exit);

	if (!kind || offer_example(kind, exit))
		return -1;
	kind->count++;
	kind->priced += exit->priced;
	kind->steps += levels_count(exit->steps, exit->nr_steps);
	for (size_t i = 0; i < exit->nr_steps; i++) {
		const struct levels_step *step = &exit->steps[i];
		struct levels_part *part = part_of(kind, step->title);

		if (!part)
			return -1;
		part->count += step->count;
		if (!exit->priced)
			continue;
		part->cost += step->cost;
		kind->l0 += step->cost;
		kind->l1 += step->before;
	}
	return 0;
}

void levels_print_steps(const struct levels_table *table, const struct levels_exit *exit, FILE *out)
{
	for (size_t i = 0; i < exit->nr_steps; i++) {
		const struct levels_step *step = &exit->steps[i];

		if (exit->priced && step->before) {
			fputs("      L1", out); /* and L0's world switch */
			hst_print_cost(&table->unit, step->before, out);
			fputc('\n', out);
		}
		fputs("      L0", out);
		if (exit->priced)
			hst_print_cost(&table->unit, step->cost, out);
		fprintf(out, "  %s", step->title);
		if (step->count > 1)
			fprintf(out, ", %llu times", step->count);
		fputc('\n', out);
	}
}

/* ---- the table ------------------------------------------------------------------------------ */

/* Most frequent first; equal ones by title, so that the same trace always gives the same table. */
static int order(u64 count, u64 other_count, const char *title, const char *other_title)
{
	if (count != other_count)
		return count < other_count ? 1 : -1;
	return strcmp(title, other_title);
}

static int compare_kinds(const void *a, const void *b)
{
	const struct levels_kind *x = a, *y = b;

	if (x->by_l1 != y->by_l1)
		return x->by_l1 ? -1 : 1;
	return order(x->count, y->count, x->title, y->title);
}

static int compare_parts(const void *a, const void *b)
{
	const struct levels_part *x = a, *y = b;

	return order(x->count, y->count, x->title, y->title);
}

void levels_sort(struct levels_table *table)
{
	if (table->n)
		qsort(table->kinds, table->n, sizeof(*table->kinds), compare_kinds);
	for (size_t i = 0; i < table->n; i++) {
		struct levels_kind *kind = &table->kinds[i];

		if (kind->nr_parts)
			qsort(kind->parts, kind->nr_parts, sizeof(*kind->parts), compare_parts);
	}
}

static void print_mean(const struct levels_table *table, u64 sum, u64 n, FILE *out)
{
	if (table->unit.unit == HST_UNIT_NONE)
		return;
	if (n)
		hst_print_cost(&table->unit, (sum + n / 2) / n, out);
	else
		fprintf(out, " %9s", "-");
}

static double per_exit(const struct levels_kind *kind, u64 n)
{
	return (double)n / (double)kind->count;
}

static void print_kind(const struct levels_table *table, const struct levels_kind *kind, FILE *out)
{
	fprintf(out, "%-30.30s %8llu %8.1f", kind->title, kind->count, per_exit(kind, kind->steps));
	print_mean(table, kind->l0, kind->priced, out);
	if (kind->by_l1)
		print_mean(table, kind->l1, kind->priced, out);
	fputc('\n', out);
	if (!kind->by_l1)
		return; /* its only part is the exit itself */
	for (size_t i = 0; i < kind->nr_parts; i++) {
		const struct levels_part *part = &kind->parts[i];

		fprintf(out, "   %-36.36s %8.1f", part->title, per_exit(kind, part->count));
		print_mean(table, part->cost, kind->priced, out);
		fputc('\n', out);
	}
}

static void print_heading(const struct levels_table *table, bool selected, FILE *out)
{
	static const char *const units[] = {
		[HST_UNIT_NONE] = "exits to L0, without costs",
		[HST_UNIT_INSTRUCTIONS] = "exits to L0, and their cost in instructions",
		[HST_UNIT_TIME] = "exits to L0, and their cost in microseconds (indicative)",
	};
	u64 all = 0, by_l1 = 0, steps = 0;

	for (size_t i = 0; i < table->n; i++) {
		const struct levels_kind *kind = &table->kinds[i];

		all += kind->count;
		by_l1 += kind->by_l1 ? kind->count : 0;
		steps += kind->by_l1 ? kind->steps : 0;
	}
	if (!all) {
		fprintf(out, "exits of L2: none %s\n",
			selected ? "among the selected events" : "in the trace");
		return;
	}
	fprintf(out, "exits of L2: %llu; L1 handles %llu of them", all, by_l1);
	if (by_l1)
		fprintf(out, ", with %.1f exits to L0 on average", (double)steps / (double)by_l1);
	fprintf(out, "\nmeans per exit of L2: %s", units[table->unit.unit]);
	if (table->unit.unit == HST_UNIT_NONE)
		fprintf(out, " (%s)", table->no_costs);
	fputc('\n', out);
}

void levels_print(const struct levels_table *table, bool selected, FILE *out)
{
	bool priced = table->unit.unit != HST_UNIT_NONE;

	print_heading(table, selected, out);
	for (size_t i = 0; i < table->n; i++) {
		bool by_l1 = table->kinds[i].by_l1;

		if (!i || table->kinds[i - 1].by_l1 != by_l1)
			fprintf(out, "\n%-30s %8s %8s%s%s\n",
				by_l1 ? "handled by L1" : "handled by L0", "count", "exits",
				priced ? "     in L0" : "", priced && by_l1 ? "   between" : "");
		print_kind(table, &table->kinds[i], out);
	}
	if (table->n)
		fputc('\n', out);
}

void levels_free(struct levels_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		free(table->kinds[i].parts);
		free(table->kinds[i].example);
	}
	free(table->kinds);
}
