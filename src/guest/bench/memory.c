// SPDX-License-Identifier: MIT
/*
 * memory.c - rows of the first touch of memory.
 *
 * The rows store_*_loaded are the first stores to the memory that touch_* has loaded from.
 *
 * A batch covers 2 MiB (in fault_new_table, 16 MiB), so all batches of a row cost the same, whether
 * the hypervisor maps 4 KiB pages or 2 MiB leaves. The rows fault_* need options of the VMM:
 * --small-pages, and --populate if the host must already have every page. So they are measured only
 * if selected by name.
 */
#include "bench.h"

#define MEMORY_BATCHES 64
#define FAR_BATCHES    16
#define FAR_PER_BATCH  8

/*
 * Measure the first load from each of `per_batch` pages of each 2 MiB, and then the first store to
 * each of them. The loads are needed even if only the stores are measured.
 */
static void load_then_store(const char *const name[2], op_fn load, op_fn store, unsigned long at,
			    unsigned long per_batch)
{
	bench_steps(name[0], load, at, per_batch, MEMORY_BATCHES, SZ_2M);
	if (wanted(name[1]))
		load(per_batch * MEMORY_BATCHES, at);
	bench_steps(name[1], store, at, per_batch, MEMORY_BATCHES, SZ_2M);
}

unsigned long memory_end(void)
{
	struct fdt_reg mem;

	return fdt_memory(&mem) ? mem.base + mem.size - (64UL << 20) : 0;
}

void bench_memory(void)
{
	unsigned long fresh = ALIGN_UP((unsigned long)_end, SZ_2M) + SZ_2M;

	if (fresh + 3 * MEMORY_BATCHES * SZ_2M > memory_end())
		return;
	if (asked_for("fault_4k_fresh"))
		bench_steps("fault_4k_fresh", op_touch_4k, fresh, SZ_2M / SZ_4K, MEMORY_BATCHES,
			    SZ_2M);
	if (asked_for("fault_4k_present"))
		bench_steps("fault_4k_present", op_touch_4k, fresh, SZ_2M / SZ_4K, MEMORY_BATCHES,
			    SZ_2M);
	/* Each of these faults needs its own new table, one level down. */
	if (asked_for("fault_new_table"))
		bench_steps("fault_new_table", op_touch_2m, fresh + MEMORY_BATCHES * SZ_2M,
			    FAR_PER_BATCH, FAR_BATCHES, FAR_PER_BATCH * SZ_2M);
	if (asked_for("fault_4k_fresh") || asked_for("fault_4k_present"))
		return;
	load_then_store((const char *[]){ "touch_4k", "store_4k_loaded" }, op_touch_4k, op_store_4k,
			fresh, SZ_2M / SZ_4K);
	load_then_store((const char *[]){ "touch_2m", "store_2m_loaded" }, op_touch_2m, op_store_2m,
			fresh + MEMORY_BATCHES * SZ_2M, 1);
}
