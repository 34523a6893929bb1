// SPDX-License-Identifier: MIT
/*
 * isa.c - the extensions that every hart of Linux has, according to the device tree.
 *
 * The device tree is read directly, because Linux itself knows only some of the extensions.
 */
#include <linux/of.h>
#include <linux/string.h>
#include <asm/cacheflush.h>
#include "linux.h"

bool hv_isa_has(const char *name)
{
	struct device_node *node;
	bool some = false, all = true;

	if (!strcmp(name, "v") && !vector_is_usable())
		return false;
	for_each_of_cpu_node(node) {
		if (!of_device_is_available(node)) /* another system's, or without an MMU */
			continue;
		some = true;
		all &= of_property_match_string(node, "riscv,isa-extensions", name) >= 0;
	}
	return some && all;
}

unsigned int hv_cbo_block_size(const char *which)
{
	if (!strcmp(which, "zicbom"))
		return riscv_cbom_block_size;
	return strcmp(which, "zicboz") ? 0 : riscv_cboz_block_size;
}
