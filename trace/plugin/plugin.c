// SPDX-License-Identifier: MIT
/*
 * plugin.c - what our plugins share: arguments, memory, instructions, registers, their count.
 */
#include "plugin.h"

int qemu_plugin_version = QEMU_PLUGIN_API;

static const char *const *reg_names;
static unsigned int nr_regs;
static struct qemu_plugin_register **regs[MAX_HARTS];
static struct qemu_plugin_bytes *bytes;
static struct qemu_plugin_scoreboard *score;

static bool take(const struct plugin_argument *known, const char *text)
{
	size_t len = strlen(known->name);

	if (strncmp(text, known->name, len) != 0)
		return false;
	if (known->number)
		*known->number = strtoull(text + len, NULL, 0);
	else
		*known->text = text + len;
	return true;
}

bool plugin_arguments(const struct plugin_argument *known, size_t n, int argc, char **argv)
{
	size_t k;
	int i;

	for (i = 0; i < argc; i++) {
		for (k = 0; k < n && !take(&known[k], argv[i]); k++)
			;
		if (k == n) {
			fprintf(stderr, "%s: unknown argument %s\n", plugin_name, argv[i]);
			return false;
		}
	}
	return true;
}

void *plugin_need(void *p)
{
	if (!p) {
		fprintf(stderr, "%s: out of memory\n", plugin_name);
		exit(1);
	}
	return p;
}

uint32_t plugin_word(const struct qemu_plugin_insn *insn)
{
	const void *at = qemu_plugin_insn_haddr(insn);
	size_t size = qemu_plugin_insn_size(insn);
	uint32_t word = 0;

	if (at)
		memcpy(&word, at, size < sizeof(word) ? size : sizeof(word));
	return word;
}

/* ---- registers, and how many instructions each hart has begun ---- */

static void find_registers(qemu_plugin_id_t id, unsigned int hart)
{
	struct qemu_plugin_array *list = qemu_plugin_get_registers();
	const struct qemu_plugin_reg_descriptor *all = list->data;
	unsigned int i, r;

	(void)id;
	if (hart >= MAX_HARTS) {
		fprintf(stderr, "%s: more than %d harts\n", plugin_name, MAX_HARTS);
		exit(1);
	}
	regs[hart] = plugin_need(calloc(nr_regs, sizeof(struct qemu_plugin_register *)));
	for (i = 0; i < list->len; i++)
		for (r = 0; r < nr_regs; r++)
			if (!strcmp(all[i].name, reg_names[r]))
				regs[hart][r] = all[i].handle;
}

void plugin_watch_harts(qemu_plugin_id_t id, const char *const *names, unsigned int n)
{
	reg_names = names;
	nr_regs = n;
	bytes = plugin_need(g_byte_array_new());
	score = plugin_need(qemu_plugin_scoreboard_new(sizeof(uint64_t)));
	qemu_plugin_register_vcpu_init_cb(id, find_registers);
}

uint64_t plugin_reg(unsigned int hart, unsigned int which)
{
	uint64_t value = 0;

	g_byte_array_set_size(bytes, 0);
	if (regs[hart][which])
		qemu_plugin_read_register(regs[hart][which], bytes);
	memcpy(&value, bytes->data, bytes->len < sizeof(value) ? bytes->len : sizeof(value));
	return value;
}

void plugin_count(struct qemu_plugin_insn *insn)
{
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
		insn, QEMU_PLUGIN_INLINE_ADD_U64, (struct qemu_plugin_u64){ score, 0 }, 1);
}

uint64_t plugin_executed(unsigned int hart)
{
	return *(uint64_t *)qemu_plugin_scoreboard_find(score, hart);
}
