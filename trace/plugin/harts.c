// SPDX-License-Identifier: MIT
/*
 * harts.c - for plugins: registers of each hart, and how many instructions it has begun (QEMU 9).
 */
#include "harts.h"

static const char *const *reg_names;
static unsigned int nr_regs;
static struct qemu_plugin_register **regs[MAX_HARTS];
static struct qemu_plugin_bytes *bytes;
static struct qemu_plugin_scoreboard *score;

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
