// SPDX-License-Identifier: MIT
/* sbi_list.c - the argument of --sbi: a list of SBI extensions to enable or disable in KVM. */
#include <string.h>
#include "vmm.h"

/* Linux 6.12's headers lack the last three; these are the numbers that later headers define. */
static const struct {
	const char *name;
	unsigned int id;
} extensions[] = {
	{ "v01", KVM_RISCV_SBI_EXT_V01 },
	{ "time", KVM_RISCV_SBI_EXT_TIME },
	{ "ipi", KVM_RISCV_SBI_EXT_IPI },
	{ "rfence", KVM_RISCV_SBI_EXT_RFENCE },
	{ "srst", KVM_RISCV_SBI_EXT_SRST },
	{ "hsm", KVM_RISCV_SBI_EXT_HSM },
	{ "pmu", KVM_RISCV_SBI_EXT_PMU },
	{ "experimental", KVM_RISCV_SBI_EXT_EXPERIMENTAL },
	{ "vendor", KVM_RISCV_SBI_EXT_VENDOR },
	{ "dbcn", KVM_RISCV_SBI_EXT_DBCN },
	{ "sta", KVM_RISCV_SBI_EXT_STA },
	{ "susp", 11 },
	{ "fwft", 12 },
	{ "mpxy", 13 },
};

#define EXTENSIONS (sizeof(extensions) / sizeof(extensions[0]))

/*
 * Get the list's next word: *index is the extension's index, and *on says whether to enable it.
 * Returns false at the end of the list; exits if the word is not an extension.
 */
static bool next_word(const char **list, unsigned int *index, bool *on)
{
	size_t len;

	if (!**list)
		return false;
	*on = **list != '-';
	*list += !*on;
	len = strcspn(*list, ",");
	for (*index = 0; *index < EXTENSIONS; (*index)++) {
		if (strlen(extensions[*index].name) == len &&
		    !strncmp(extensions[*index].name, *list, len))
			break;
	}
	if (*index == EXTENSIONS)
		die(STATUS_USAGE, "--sbi: '%.*s' is no SBI extension that KVM can switch", (int)len,
		    *list);
	*list += len;
	*list += **list == ',';
	return true;
}

const char *sbi_parse_list(const char *list)
{
	const char *rest = list;
	unsigned int index;
	bool on;

	while (next_word(&rest, &index, &on))
		;
	return list;
}

void sbi_apply_list(struct vcpu *vcpu)
{
	const char *list = vcpu->machine->options.sbi;
	unsigned int index;
	bool on;

	while (list && next_word(&list, &index, &on)) {
		if (kvm_set_reg(vcpu->fd, REG_SBI(extensions[index].id), on) && on)
			die(STATUS_SETUP, "--sbi: this host's KVM does not support %s",
			    extensions[index].name);
	}
}
