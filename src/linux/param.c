// SPDX-License-Identifier: MIT
/*
 * param.c - the core's settings as parameters of the module, in modprobe's arguments and in
 * /sys/module/hyperscope/parameters.
 */
#include <linux/module.h>
#include <linux/string.h>
#include "linux.h"

/* The core's settings other than toggles: SETTING(name, mode of the file, description). */
#define OTHER_SETTINGS                                                             \
	SETTING(halt_poll_ns, 0644, "longest time, in ns, to poll before a sleep") \
	SETTING(halt_poll_ns_grow, 0644, "factor by which polling grows")          \
	SETTING(halt_poll_ns_grow_start, 0644, "first time, in ns, to poll")       \
	SETTING(halt_poll_ns_shrink, 0644, "divisor by which polling shrinks")     \
	SETTING(vmid_bits, 0644, "number of bits of VMIDs; 0: VMIDs are not used") \
	SETTING(vmid_generation, 0444, "1, plus how often VMIDs have been assigned anew")

enum setting_id {
#define TOGGLE(name, values, initial, question) SETTING_##name,
#define SETTING(name, mode, description)        SETTING_##name,
#include "../kvm/toggle.def"
	OTHER_SETTINGS
#undef TOGGLE
#undef SETTING
		NR_SETTINGS
};

static struct setting {
	const char *name;
	const struct hv_param *param; /* NULL before the core has registered it */
	char initial[32];             /* the module's argument; empty: none */
} settings[] = {
#define TOGGLE(name, values, initial, question) { #name },
#define SETTING(name, mode, description)        { #name },
#include "../kvm/toggle.def"
	OTHER_SETTINGS
#undef TOGGLE
#undef SETTING
};

/* Linux calls these under the module's lock for parameters. */

static int setting_set(const char *value, const struct kernel_param *kp)
{
	struct setting *setting = kp->arg;
	char word[sizeof(setting->initial)], *start;
	int err;

	if (!value || strscpy(word, value, sizeof(word)) < 0)
		return -EINVAL;
	start = strim(word); /* a file's value ends with a newline */
	if (!setting->param) {
		strscpy(setting->initial, start, sizeof(setting->initial));
		return 0;
	}
	enter_core();
	err = setting->param->set(setting->param, start);
	leave_core();
	return err;
}

static int setting_get(char *buf, const struct kernel_param *kp)
{
	const struct setting *setting = kp->arg;
	int err;

	if (!setting->param)
		return -ENODEV;
	enter_core();
	err = setting->param->get(setting->param, buf, PAGE_SIZE - 1);
	leave_core();
	if (err)
		return err;
	return strlen(strcat(buf, "\n"));
}

static const struct kernel_param_ops setting_ops = {
	.set = setting_set,
	.get = setting_get,
};

#define PARAMETER(name, mode, description)                                    \
	module_param_cb(name, &setting_ops, &settings[SETTING_##name], mode); \
	MODULE_PARM_DESC(name, description);
#define TOGGLE(name, values, initial, question) PARAMETER(name, 0644, values ": " question)
#define SETTING(name, mode, description)        PARAMETER(name, mode, description)
#include "../kvm/toggle.def"
OTHER_SETTINGS
#undef TOGGLE
#undef SETTING

int hv_param_register(const struct hv_param *param)
{
	struct setting *setting = settings;
	int err = 0;

	while (setting < settings + NR_SETTINGS && strcmp(setting->name, param->name))
		setting++;
	if (setting == settings + NR_SETTINGS) {
		hv_log("%s is missing in param.c\n", param->name);
		return -ENOENT;
	}
	if (*setting->initial)
		err = param->set ? param->set(param, setting->initial) : -EPERM;
	if (err)
		hv_log("%s=%s: invalid value%s\n", setting->name, setting->initial,
		       err == -EPERM ? ", because the parameter is read-only" : "");
	else
		setting->param = param;
	return err;
}
