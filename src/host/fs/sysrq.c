// SPDX-License-Identifier: MIT
/*
 * sysrq.c - /proc/sysrq-trigger: a panic, or the last events, on demand.
 *
 * As on Linux, `c` crashes the host, and `z` dumps the trace (here, only the last events of each
 * hart). `o` overflows the writer's kernel stack (on Linux, `o` powers off the machine). Other
 * letters do nothing. The file exists only with the boot argument sysrq=1: every program on this
 * host is root, including a VMM, and must not be able to bring down the machine unless the
 * machine's user allows that at boot.
 */
#include <string.h>
#include "platform/bootargs.h"
#include "platform/power.h"
#include "lib/printk.h"
#include "procfs.h"
#include "pseudo.h"

/*
 * The recursive call must not be a tail call, which would become a loop. So each level uses its
 * bytes after the call.
 */
static __attribute__((noinline)) unsigned int overflow(unsigned int depth)
{
	volatile u8 bytes[256] = { 0 };

	bytes[depth % sizeof(bytes)] = (u8)depth;
	return depth == ~0U ? 0 : overflow(depth + 1) + bytes[(depth + 1) % sizeof(bytes)];
}

static int sysrq_store(struct inode *inode, const char *line)
{
	(void)inode;
	if (*line == 'c')
		panic("sysrq: a crash was requested");
	if (*line == 'o')
		overflow(0);
	if (*line == 'z')
		log_last_events();
	return 0;
}

static const struct pseudo_file sysrq_file = {
	.path = "/proc/sysrq-trigger",
	.store = sysrq_store,
	.mode = 0200,
};

void sysrq_init(void)
{
	const char *arg = bootarg_get("sysrq");

	if (arg && !strcmp(arg, "1"))
		pseudo_make(&sysrq_file);
}
