// SPDX-License-Identifier: MIT
/*
 * harts.c - the running hart, its registers, and how many instructions it has begun (from QEMU 9
 * on).
 *
 * With one hart, translated code counts instructions inline, without a callback. With several
 * harts, QEMU 10 breaks this inline code. The hart's number is a constant in the code, and each
 * inline counter multiplies this constant in place by the size of its element. So the block's next
 * counter adds to a wrong place in QEMU's memory, and other uses of the constant in the block get a
 * wrong value (accel/tcg/plugin-gen.c, gen_plugin_u64_ptr; a constant of 0 stays 0). Besides, the
 * constant is not the number of the hart that runs the block. So with several harts, every
 * instruction has a callback.
 */
#include <inttypes.h>

#include "harts.h"

static const char *const *reg_names;
static unsigned int nr_regs; /* without mhartid, which comes after them in regs[] */
static unsigned int nr_harts;
static _Thread_local unsigned int running; /* with -icount, all harts run in one thread */
static struct qemu_plugin_register **regs[MAX_HARTS];
static _Thread_local struct qemu_plugin_bytes *bytes;
static struct qemu_plugin_scoreboard *score; /* the count, with one hart */
static uint64_t begun[MAX_HARTS];            /* the counts, with several harts */

static const char *reg_name(unsigned int which)
{
	return which < nr_regs ? reg_names[which] : "mhartid";
}

static void find_registers(qemu_plugin_id_t id, unsigned int hart)
{
	struct qemu_plugin_array *list = qemu_plugin_get_registers();
	const struct qemu_plugin_reg_descriptor *all = list->data;
	unsigned int i, r;

	(void)id;
	if (hart >= MAX_HARTS) {
		fprintf(stderr, "%s: the machine has more than %d harts\n", plugin_name, MAX_HARTS);
		exit(1);
	}
	regs[hart] = plugin_need(calloc(nr_regs + 1, sizeof(struct qemu_plugin_register *)));
	for (i = 0; i < list->len; i++)
		for (r = 0; r <= nr_regs; r++)
			if (!strcmp(all[i].name, reg_name(r)))
				regs[hart][r] = all[i].handle;
}

void plugin_watch_harts(qemu_plugin_id_t id, const struct qemu_info *info, const char *const *names,
			unsigned int n)
{
	reg_names = names;
	nr_regs = n;
	nr_harts = info->system.smp_vcpus;
	score = plugin_need(qemu_plugin_scoreboard_new(sizeof(uint64_t)));
	qemu_plugin_register_vcpu_init_cb(id, find_registers);
}

uint64_t plugin_reg(unsigned int hart, unsigned int which)
{
	uint64_t value = 0;

	if (!bytes)
		bytes = plugin_need(g_byte_array_new());
	g_byte_array_set_size(bytes, 0);
	if (regs[hart][which])
		qemu_plugin_read_register(regs[hart][which], bytes);
	memcpy(&value, bytes->data, bytes->len < sizeof(value) ? bytes->len : sizeof(value));
	return value;
}

unsigned int plugin_hart_begins(unsigned int vcpu_index)
{
	uint64_t id = nr_harts > 1 ? plugin_reg(vcpu_index, nr_regs) : vcpu_index;

	if (id >= nr_harts) {
		fprintf(stderr, "%s: mhartid %" PRIu64 " is invalid with %u harts\n", plugin_name,
			id, nr_harts);
		exit(1);
	}
	running = id;
	return running;
}

unsigned int plugin_hart(void)
{
	return running;
}

static void insn_begins(unsigned int vcpu_index, void *userdata)
{
	(void)vcpu_index;
	(void)userdata;
	begun[running]++;
}

void plugin_count(struct qemu_plugin_insn *insn)
{
	if (nr_harts > 1) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, insn_begins, QEMU_PLUGIN_CB_NO_REGS,
						       NULL);
		return;
	}
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
		insn, QEMU_PLUGIN_INLINE_ADD_U64, (struct qemu_plugin_u64){ score, 0 }, 1);
}

uint64_t plugin_executed(unsigned int hart)
{
	return nr_harts > 1 ? begun[hart] : *(uint64_t *)qemu_plugin_scoreboard_find(score, hart);
}
