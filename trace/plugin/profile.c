// SPDX-License-Identifier: MIT
/*
 * profile.c - a QEMU plugin that counts how often each instruction ran, by world and call chain.
 *
 * QEMU calls the plugin before each block of instructions, and counts the instructions of the block
 * that begin. If a trap cuts a block short, only the part that ran is counted. An instruction that
 * a trap takes back is not counted, as in instret. Whenever the machine reads instret or cycle, the
 * increase since the hart's previous read is compared with the increase of the count of all blocks.
 * The plugin does not change the machine.
 *
 * profile_stack.c finds the chains of calls. The output file has these lines; SITE, PC and WORD are
 * hexadecimal, other numbers decimal:
 *
 *   all COUNTED                          instructions from reset to the first program's end
 *   read TIMES DIFFERED LAST             reads of instret or cycle that were compared with the
 *                                        previous read; how many of them differed from our count;
 *                                        our count at the last of these reads
 *   node NUMBER PARENT WORLD SITE        a call at SITE, in chain PARENT (0: its world's root)
 *   block NUMBER WORLD PC WORD...        instructions
 *   times NODE WORLD BLOCK INSNS TIMES   the first INSNS of BLOCK, in chain NODE, ran TIMES times
 *   full                                 there were too many chains
 *   end                                  the file is complete
 */
#include <inttypes.h>

#include "profile.h"

#define TVEC_MODE 3ull

#define MSTATUS_MPP 11
#define MSTATUS_MPV 39
#define PAIR_BITS   20

const char plugin_name[] = "profile";

static const char *file;
static uint64_t switch_at;      /* the host's switch_context(prev, next) */
static uint64_t task_switch_at; /* a Linux guest's __switch_to(prev, next), or 0 */
static uint64_t end_at;         /* host_first_exited() */
/*
 * Count from the first block in from_world, once a program of the host has begun (if WORLD_UNKNOWN:
 * from reset), to the next block in to_world (if WORLD_UNKNOWN: to the first program's end).
 */
static uint64_t from_world = WORLD_UNKNOWN, to_world = WORLD_UNKNOWN;
static uint64_t while_at, while_world; /* if set: count only while this function or a callee runs */

struct pair {
	struct pair *next;
	struct node *node;
	struct block *block;
	uint32_t insns;
	uint64_t times;
};
static struct pair *pairs[1u << PAIR_BITS];

static struct hart harts[MAX_HARTS];
static unsigned int turn; /* the hart that ran last */
static uint64_t counted;  /* instructions since reset on all harts, without their current blocks */
static bool over;         /* the first program has ended: the machine shuts down */
static uint64_t reads, differed, last_read;
static uint32_t nr_blocks;
static bool user_ran, begun, ended;

/* ---- registers ------------------------------------------------------------------------- */

enum reg {
	PRIV,
	SCAUSE,
	SEPC,
	STVAL,
	SSTATUS,
	STVEC,
	HSTATUS,
	MCAUSE,
	MEPC,
	MTVAL,
	MSTATUS,
	MTVEC,
	X0,
	REGS = X0 + 32
};
#define X_A0 10
#define X_A7 17
static const char *const reg_names[REGS] = {
	[PRIV] = "priv",       [SCAUSE] = "scause", [SEPC] = "sepc",       [STVAL] = "stval",
	[SSTATUS] = "sstatus", [STVEC] = "stvec",   [HSTATUS] = "hstatus", [MCAUSE] = "mcause",
	[MEPC] = "mepc",       [MTVAL] = "mtval",   [MSTATUS] = "mstatus", [MTVEC] = "mtvec",
	[X0] = "zero",         [X0 + 1] = "ra",     [X0 + 2] = "sp",       [X0 + 3] = "gp",
	[X0 + 4] = "tp",       [X0 + 5] = "t0",     [X0 + 6] = "t1",       [X0 + 7] = "t2",
	[X0 + 8] = "fp",       [X0 + 9] = "s1",     [X0 + 10] = "a0",      [X0 + 11] = "a1",
	[X0 + 12] = "a2",      [X0 + 13] = "a3",    [X0 + 14] = "a4",      [X0 + 15] = "a5",
	[X0 + 16] = "a6",      [X0 + 17] = "a7",    [X0 + 18] = "s2",      [X0 + 19] = "s3",
	[X0 + 20] = "s4",      [X0 + 21] = "s5",    [X0 + 22] = "s6",      [X0 + 23] = "s7",
	[X0 + 24] = "s8",      [X0 + 25] = "s9",    [X0 + 26] = "s10",     [X0 + 27] = "s11",
	[X0 + 28] = "t3",      [X0 + 29] = "t4",    [X0 + 30] = "t5",      [X0 + 31] = "t6",
};

/* ---- properties of blocks and traps -------------------------------------------------------- */

static void set_world(struct block *b, unsigned int hart)
{
	uint64_t vector;

	b->world = plugin_reg(hart, PRIV) & 7;
	vector = plugin_reg(hart, b->world == WORLD_M ? MTVEC : STVEC) & ~TVEC_MODE;
	b->vector = b->pc == vector && b->world != WORLD_U && b->world != WORLD_VU;
}

static struct trap trap_of(unsigned int hart, enum world to)
{
	struct trap trap = { .from = WORLD_U };
	uint64_t status;

	if (to == WORLD_M) {
		status = plugin_reg(hart, MSTATUS);
		trap.cause = plugin_reg(hart, MCAUSE);
		trap.epc = plugin_reg(hart, MEPC);
		trap.tval = plugin_reg(hart, MTVAL);
		trap.from = status >> MSTATUS_MPP & 3;
		if (trap.from != WORLD_M && status >> MSTATUS_MPV & 1)
			trap.from |= WORLD_V;
	} else {
		trap.cause = plugin_reg(hart, SCAUSE);
		trap.epc = plugin_reg(hart, SEPC);
		trap.tval = plugin_reg(hart, STVAL);
		trap.from = plugin_reg(hart, SSTATUS) & SSTATUS_SPP ? WORLD_HS : WORLD_U;
		if (to == WORLD_VS || plugin_reg(hart, HSTATUS) & HSTATUS_SPV)
			trap.from |= WORLD_V;
	}
	trap.a7 = plugin_reg(hart, X0 + X_A7);
	return trap;
}

/* ---- counting ------------------------------------------------------------------------------ */

static uint64_t *times_of(struct node *node, struct block *b, uint32_t insns)
{
	uint64_t hash = ((uint64_t)(uintptr_t)node * 31 + (uint64_t)(uintptr_t)b + insns) *
			0x9e3779b97f4a7c15ull;
	struct pair **bucket = &pairs[hash >> (64 - PAIR_BITS)], *pair;

	for (pair = *bucket; pair; pair = pair->next)
		if (pair->node == node && pair->block == b && pair->insns == insns)
			return &pair->times;
	pair = plugin_need(calloc(1, sizeof(*pair)));
	*pair = (struct pair){ *bucket, node, b, insns, 0 };
	*bucket = pair;
	if (!b->number)
		b->number = ++nr_blocks;
	return &pair->times;
}

/* Count the first `insns` instructions of this hart's block, which have run. */
static void count(struct hart *h, uint32_t insns)
{
	struct block *b = h->block;
	struct node *node;

	if (over)
		return;
	counted += insns;
	if (!h->counts || !insns)
		return;
	node = profile_node(h, b->world);
	if (insns != b->n) {
		++*times_of(node, b, insns);
		return;
	}
	if (b->counted.node != node) {
		b->counted.node = node;
		b->counted.times = times_of(node, b, insns);
	}
	++*b->counted.times;
}

/* Return the number of instructions that the hart has begun in its current block. */
static uint64_t insns_begun(unsigned int hart)
{
	return harts[hart].block ? plugin_executed(hart) - harts[hart].at : 0;
}

/*
 * Do not compare the next read of either counter with an earlier one. After a wait, reads cannot be
 * compared: QEMU then advances its clock, and instret with it. QEMU also counts the instructions
 * after the WFI in the WFI's block, although they have not run.
 */
static void forget_counters(void)
{
	unsigned int hart;

	for (hart = 0; hart < MAX_HARTS; hart++)
		harts[hart].counters[0].known = harts[hart].counters[1].known = false;
}

/*
 * Switch to another hart. If the last hart waits, or its block was cut short by a trap that may yet
 * take an instruction back, QEMU may not have counted all instructions that the last hart has
 * begun. In this case, do not compare the next read of a counter with an earlier one.
 */
static void begin_turn(unsigned int hart)
{
	struct hart *last = &harts[turn];

	if (last->block && (last->block->waits || insns_begun(turn) < last->block->n)) {
		last->unsure = true;
		forget_counters();
	}
	turn = hart;
}

/* After a block that reads a counter: compare the increases of the counter and of our count. */
static void compare(struct hart *h, unsigned int hart)
{
	uint32_t word = h->block->words[h->block->n - 1];
	unsigned int which = word >> 21 & 1; /* cycle 0xc00, instret 0xc02 */
	uint64_t offset = counted - plugin_reg(hart, X0 + (word >> 7 & 31));
	unsigned int other;

	if (h->block->counter_written) {
		forget_counters();
		return;
	}
	/*
	 * QEMU has one counter for all harts. It includes the instructions that other harts have
	 * begun in their current blocks.
	 */
	for (other = 0; other < MAX_HARTS; other++)
		if (other != hart)
			offset += insns_begun(other);
	if (h->counters[which].known) {
		differed += h->counters[which].offset != offset;
		reads++;
		last_read = counted;
	}
	h->counters[which].known = true;
	h->counters[which].offset = offset;
}

/* The block before `to` has run: count it, and follow its call, return or trap. */
static void follow_block(struct hart *h, unsigned int hart, const struct block *to)
{
	struct block *by = h->block;
	uint32_t insns = insns_begun(hart);
	struct trap trap;

	if (by->waits || h->unsure)
		forget_counters();
	h->unsure = false;
	if (to->vector) {
		trap = trap_of(hart, to->world);
		insns -= profile_taken_back(&trap, by, insns);
		count(h, insns);
		profile_trap(h, to->world, &trap);
		return;
	}
	count(h, insns);
	if (by->counter_used && insns == by->n && !over)
		compare(h, hart);
	if (by->world != to->world || by->ending == END_TRAP_RETURN)
		profile_trap_return(h, by, to);
	else if (by->ending == END_CALL && insns == by->n)
		profile_call(h, by);
	else if (by->ending == END_RETURN && insns == by->n)
		profile_return(h, by, to->pc);
}

/* Return whether to count the block that runs now, according to from=, to= and while=. */
static bool wanted(struct hart *h, const struct block *b)
{
	struct stack *s;

	/* For from=, ignore the guest of redirect_probe(), which runs before the first program. */
	user_ran = user_ran || b->world == WORLD_U;
	if (from_world == WORLD_UNKNOWN || (b->world == from_world && user_ran))
		begun = true;
	over = over || (b->world == WORLD_HS && b->pc == end_at);
	ended = ended || over || (begun && b->world == to_world);
	if (!begun || ended)
		return false;
	if (!while_at)
		return true;
	s = profile_stack(h, b->world);
	if (s->within && s->depth < s->within_depth)
		profile_leave(s);
	if (!s->within && b->pc == while_at && b->world == while_world)
		profile_enter(h, s);
	return h->within;
}

static void block_begins(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart_begins(vcpu_index);
	struct hart *h = &harts[hart];
	struct block *b = userdata;

	if (b->world == WORLD_UNKNOWN)
		set_world(b, hart);
	profile_stack(h, b->world);
	if (hart != turn)
		begin_turn(hart);
	if (h->block)
		follow_block(h, hart, b);
	if (b->world == WORLD_HS && b->pc == switch_at)
		profile_switch_thread(h, plugin_reg(hart, X0 + X_A0),
				      plugin_reg(hart, X0 + X_A0 + 1));
	else if (b->world == WORLD_VS && b->pc == task_switch_at)
		profile_switch_task(h, plugin_reg(hart, X0 + X_A0),
				    plugin_reg(hart, X0 + X_A0 + 1));
	h->block = b;
	h->at = plugin_executed(hart);
	h->counts = wanted(h, b);
}

/* ---- translation ------------------------------------------------------------------------- */

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct block *b = plugin_need(calloc(1, sizeof(*b)));
	struct qemu_plugin_insn *insn = NULL;

	(void)id;
	b->n = n;
	b->world = WORLD_UNKNOWN;
	b->words = plugin_need(calloc(n, sizeof(*b->words)));
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		b->words[i] = plugin_word(insn);
		b->waits |= b->words[i] == INSN_WFI;
		if (!i)
			b->pc = qemu_plugin_insn_vaddr(insn);
		plugin_count(insn);
	}
	b->last = qemu_plugin_insn_vaddr(insn);
	b->behind = b->last + qemu_plugin_insn_size(insn);
	b->ending = profile_ending(b->words[n - 1], qemu_plugin_insn_size(insn));
	profile_know_counters(b);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, QEMU_PLUGIN_CB_R_REGS, b);
}

/* ---- arguments and results ----------------------------------------------------------------- */

/*
 * Write a block's line. Called once per block, before the first line that has the block's number.
 */
static void write_block(FILE *out, struct block *b)
{
	uint32_t i;

	fprintf(out, "block %u %d %" PRIx64, b->number, b->world, b->pc);
	for (i = 0; i < b->n; i++)
		fprintf(out, " %x", b->words[i]);
	fprintf(out, "\n");
	free(b->words);
	b->words = NULL;
}

static void write_pairs(FILE *out)
{
	const struct pair *pair;
	size_t i;

	for (i = 0; i < 1u << PAIR_BITS; i++)
		for (pair = pairs[i]; pair; pair = pair->next) {
			if (pair->block->words)
				write_block(out, pair->block);
			fprintf(out, "times %u %d %u %u %" PRIu64 "\n", pair->node->number,
				pair->block->world, pair->block->number, pair->insns, pair->times);
		}
}

static void quit(qemu_plugin_id_t id, void *userdata)
{
	FILE *out = plugin_create(file);
	unsigned int hart;

	(void)id;
	(void)userdata;
	if (!out)
		return;
	for (hart = 0; hart < MAX_HARTS; hart++)
		if (harts[hart].block)
			count(&harts[hart], insns_begun(hart));
	fprintf(out, "all %" PRIu64 "\nread %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counted, reads,
		differed, last_read);
	profile_write_nodes(out);
	write_pairs(out);
	plugin_close(out, file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	static const struct plugin_argument known[] = {
		{ .name = "out=", .text = &file },
		{ .name = "switch=", .number = &switch_at },
		{ .name = "task_switch=", .number = &task_switch_at, .optional = true },
		{ .name = "end=", .number = &end_at },
		{ .name = "from=", .number = &from_world, .optional = true },
		{ .name = "to=", .number = &to_world, .optional = true },
		{ .name = "while=", .number = &while_at, .optional = true },
		{ .name = "while_world=", .number = &while_world, .optional = true },
	};

	if (!plugin_arguments(known, sizeof(known) / sizeof(known[0]), argc, argv))
		return -1;
	plugin_watch_harts(id, info, reg_names, REGS);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, quit, NULL);
	return 0;
}
