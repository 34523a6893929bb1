// SPDX-License-Identifier: MIT
/*
 * ad_updates.c - a module for Linux whose parameter `on` is 1 if the firmware lets hardware update the A
 * and D bits of Linux's own tables (SBI FWFT, menvcfg.ADUE), and 0 if not.
 */
#include <linux/module.h>
#include <asm/sbi.h>

#define FWFT                0x46574654
#define FWFT_GET            1
#define FWFT_AD_HW_UPDATING 4

static int on_get(char *buf, const struct kernel_param *param)
{
	struct sbiret ret = sbi_ecall(FWFT, FWFT_GET, FWFT_AD_HW_UPDATING, 0, 0, 0, 0, 0);

	return ret.error ? -EIO : sysfs_emit(buf, "%ld\n", ret.value);
}

static const struct kernel_param_ops on_ops = { .get = on_get };

module_param_cb(on, &on_ops, NULL, 0444);
MODULE_DESCRIPTION("Shows whether hardware updates the A and D bits of Linux's tables");
MODULE_LICENSE("Dual MIT/GPL");
