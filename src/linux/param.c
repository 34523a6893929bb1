// SPDX-License-Identifier: MIT
/*
 * param.c - the core's settings (toggles and others), from the module parameter `set`.
 */
#include <linux/module.h>
#include <linux/string.h>
#include "linux.h"

#define MAX_SETTINGS 32

static char *set[MAX_SETTINGS];
static int nr_set;
module_param_array(set, charp, &nr_set, 0444);
MODULE_PARM_DESC(set, "NAME=VALUE,...: initial values of toggles and of other settings");

int hv_param_register(const struct hv_param *param)
{
	size_t len = strlen(param->name);
	int i, err;

	for (i = 0; i < nr_set; i++) {
		if (strncmp(set[i], param->name, len) || set[i][len] != '=')
			continue;
		err = param->set(param, set[i] + len + 1);
		if (err)
			hv_log("%s: invalid value for %s\n", set[i], param->name);
		if (err)
			return err;
	}
	return 0;
}
