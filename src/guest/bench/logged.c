// SPDX-License-Identifier: MIT
/*
 * logged.c - rows of the dirty log: the first write to a page, and reading the log.
 *
 * The VMM's --logdev device switches the log on and reads it; without that device, these rows are
 * missing. A guest hypervisor has a row of its own (hypervisor.c).
 */
#include "bench.h"
#include "logdev.h"

#define BLOCKS    64 /* of 2 MiB */
#define PER_SPLIT 8
#define PER_WRITE 256
#define BLOCK     (SZ_2M / SZ_4K)

/*
 * For each block, write all its pages, and then measure the cost of reading the whole log, which
 * clears it and write-protects the pages again.
 */
static void harvest_each(unsigned long block)
{
	int i;

	row_begin();
	for (i = 0; i < BLOCKS; i++, block += SZ_2M) {
		op_store_4k(BLOCK, block);
		sample_start();
		op_mmio_write(1, logdev + LOGDEV_GET);
		sample_stop();
	}
	row_end("dirty_harvest", 1);
}

void bench_logged(void)
{
	unsigned long first, i;

	if (!logdev_find() || isa_has("h"))
		return;
	first = ALIGN_DOWN(memory_end(), SZ_2M) - BLOCKS * SZ_2M;
	for (i = 0; i < BLOCKS * BLOCK; i++) /* map all pages, with leaves of any size */
		set(first + i * SZ_4K, 1);
	logdev_set(LOGDEV_LOG, 1);
	if (wanted("dirty_split"))
		bench_steps("dirty_split", op_store_2m, first, PER_SPLIT, BLOCKS / PER_SPLIT,
			    PER_SPLIT * SZ_2M);
	else
		op_store_2m(BLOCKS, first);
	bench_steps("dirty_write", op_store_4k, first + SZ_4K, PER_WRITE, BLOCKS, SZ_2M);
	logdev_set(LOGDEV_GET, 0);
	if (wanted("dirty_harvest"))
		harvest_each(first);
	/*
	 * The log stays on. Linux 7.2 and 7.3 never make a page writable again that was protected
	 * when the log was switched off, if it is in a transparent huge page and not its first page
	 * (docs/caveats.md): the next store would fault forever.
	 */
}
