// SPDX-License-Identifier: MIT
/*
 * irqs_off.c - a QEMU plugin that measures how long a hart runs without taking an interrupt.
 *
 * The host's kernel never sets sstatus.SIE (src/host/sched/trap.c). Interrupts are taken while a
 * program or a guest runs, where the kernel reads sip, and where it waits in WFI. A span is what
 * the hart runs between two points at which interrupts are taken. The length of a span is counted
 * in instructions, including the firmware's. The plugin does not change the machine: QEMU calls the
 * plugin and counts the instructions.
 *
 * A span belongs to a path: the reason for which the hart, or the thread that it has switched to,
 * entered the kernel. For each path, the longest span is kept, with the blocks of instructions that
 * ran in it. The output file has addresses as linked:
 *
 *   path KIND A B SPANS LONGEST FROM TO  SPANS: number of spans; LONGEST: length of the longest
 *   block ADDRESS INSTRUCTIONS TIMES     a block of the path's longest span; address 0: firmware
 *   sie N                                SIE was 1 at N reads of sip or WFIs; N must be 0
 *   end                                  the file is complete
 *
 * KIND A B is the reason (A and B are 0 if they are not named here):
 *
 *   boot                                 the boot
 *   thread                               a kernel thread
 *   firmware                             a trap that the firmware handled alone
 *   call NUMBER COMMAND                  a system call; COMMAND is that of ioctl()
 *   user SCAUSE                          any other trap from a program
 *   guest SCAUSE EXTENSION               a guest's trap; EXTENSION is that of an SBI call
 *
 * FROM and TO are where the longest span began and ended: entry, window (a read of sip), wfi, user
 * or guest.
 */
#include <inttypes.h>

#include "harts.h"
#include "hv/cause.h"
#include "world.h"

#define MAX_PATHS 1024
#define THREADS   4096

#define CAUSE_IRQ   (1ull << 63)
#define SYS_IOCTL   29
#define SSTATUS_SIE (1u << 1)
#define PRIV_MASK   3
#define PRIV_M      3

#define INSN_CSRR_SIP 0x14402073u /* csrrs rd, sip, x0 */
#define INSN_RD       0x00000f80u

const char plugin_name[] = "irqs_off";

static const char *file;
static uint64_t switch_at; /* switch_context(prev, next) */
static uint64_t end_at;    /* host_first_exited(): after it, the machine shuts down */

struct block {
	uint64_t address;
	uint64_t insns;
	enum world world;
	struct {
		uint64_t span; /* the span to which `times` belongs */
		uint64_t times;
	} in[MAX_HARTS];
};

struct key {
	const char *kind;
	uint64_t a, b;
};

struct visit {
	uint64_t address, insns, times;
};

struct path {
	struct key key;
	uint64_t spans, longest;
	const char *from, *to;
	struct visit *visits;
	size_t nr_visits;
};
static struct path paths[MAX_PATHS];
static size_t nr_paths;

static struct hart {
	bool open;      /* a span has begun and has not ended */
	bool in_kernel; /* the kernel was entered, and `key` is the reason */
	bool booted;
	uint64_t span; /* the span's number, which is unique */
	uint64_t begin;
	const char *from;
	struct key key;
	struct block **seen; /* the blocks of this span */
	size_t nr_seen, max_seen;
} harts[MAX_HARTS];

static struct {
	uint64_t thread;
	struct key key;
} threads[THREADS];

static uint64_t nr_spans, with_sie;
static bool ended;

/* ---- registers ------------------------------------------------------------------------- */

enum reg {
	SCAUSE,
	SSTATUS,
	HSTATUS,
	PRIV,
	A0,
	A1,
	A7,
	REGS
};
static const char *const reg_names[REGS] = {
	[SCAUSE] = "scause", [SSTATUS] = "sstatus", [HSTATUS] = "hstatus", [PRIV] = "priv",
	[A0] = "a0",         [A1] = "a1",           [A7] = "a7",
};

/* ---- spans ------------------------------------------------------------------------------ */

static struct path *path_of(const struct key *key)
{
	struct path *path;

	for (path = paths; path < paths + nr_paths; path++)
		if (path->key.kind == key->kind && path->key.a == key->a && path->key.b == key->b)
			return path;
	if (nr_paths == MAX_PATHS)
		return &paths[MAX_PATHS - 1];
	nr_paths++;
	path->key = *key;
	return path;
}

static void keep(struct path *path, const struct hart *h, unsigned int hart)
{
	size_t i;

	free(path->visits);
	path->visits = plugin_need(malloc((h->nr_seen + 1) * sizeof(*path->visits)));
	path->nr_visits = h->nr_seen;
	for (i = 0; i < h->nr_seen; i++)
		path->visits[i] = (struct visit){ h->seen[i]->address, h->seen[i]->insns,
						  h->seen[i]->in[hart].times };
}

static void begin_span(unsigned int hart, const char *from)
{
	struct hart *h = &harts[hart];

	h->open = true;
	h->span = ++nr_spans;
	h->begin = plugin_executed(hart);
	h->from = from;
	h->nr_seen = 0;
}

static void end_span(unsigned int hart, const char *to)
{
	struct hart *h = &harts[hart];
	uint64_t length = plugin_executed(hart) - h->begin;
	struct path *path;

	h->open = false;
	if (ended)
		return;
	path = path_of(&h->key);
	path->spans++;
	if (length <= path->longest)
		return;
	path->longest = length;
	path->from = h->from;
	path->to = to;
	keep(path, h, hart);
}

static void count_block(unsigned int hart, struct block *block)
{
	struct hart *h = &harts[hart];

	if (block->in[hart].span == h->span) {
		block->in[hart].times++;
		return;
	}
	block->in[hart].span = h->span;
	block->in[hart].times = 1;
	if (h->nr_seen == h->max_seen) {
		h->max_seen = h->max_seen ? 2 * h->max_seen : 1024;
		h->seen = plugin_need(realloc(h->seen, h->max_seen * sizeof(struct block *)));
	}
	h->seen[h->nr_seen++] = block;
}

/* Return the reason for which the kernel was just entered. */
static struct key entered_for(unsigned int hart)
{
	uint64_t cause = plugin_reg(hart, SCAUSE), number = 0, command = 0;

	if (!harts[hart].booted) {
		harts[hart].booted = true;
		return (struct key){ "boot", 0, 0 };
	}
	if (plugin_reg(hart, HSTATUS) & HSTATUS_SPV) {
		if (cause == EXC_ECALL_VS)
			number = plugin_reg(hart, A7);
		return (struct key){ "guest", cause, number };
	}
	if (cause != EXC_ECALL_U)
		return (struct key){ "user", cause, 0 };
	number = plugin_reg(hart, A7);
	if (number == SYS_IOCTL)
		command = plugin_reg(hart, A1);
	return (struct key){ "call", number, command };
}

static void block_begins(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart_begins(vcpu_index);
	struct block *block = userdata;
	struct hart *h = &harts[hart];

	/*
	 * QEMU never shares a translation between modes, so the mode of the block's first run tells
	 * the block's world.
	 */
	if (block->world == BELOW_KERNEL)
		block->world =
			(plugin_reg(hart, PRIV) & PRIV_MASK) == PRIV_M ? FIRMWARE : ELSEWHERE;
	if (block->world == ELSEWHERE) {
		if (h->open)
			end_span(hart, "user"); /* by the firmware's mret; sret: see on_return() */
		h->in_kernel = false;
		return;
	}
	if (!h->open) {
		begin_span(hart, "entry");
		h->key = (struct key){ "firmware", 0, 0 };
	}
	if (block->world == KERNEL && !h->in_kernel) {
		h->in_kernel = true;
		h->key = entered_for(hart);
	}
	count_block(hart, block);
}

/* End a span and begin the next: the kernel takes pending interrupts, or waits for them. */
static void split_span(unsigned int hart, const char *kind)
{
	if (!harts[hart].open)
		return;
	if (plugin_reg(hart, SSTATUS) & SSTATUS_SIE)
		with_sie++;
	end_span(hart, kind);
	begin_span(hart, kind);
}

static void on_sip_read(unsigned int vcpu_index, void *userdata)
{
	(void)vcpu_index;
	(void)userdata;
	split_span(plugin_hart(), "window");
}

static void on_wfi(unsigned int vcpu_index, void *userdata)
{
	(void)vcpu_index;
	(void)userdata;
	split_span(plugin_hart(), "wfi");
}

static void on_return(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart();
	bool guest = plugin_reg(hart, HSTATUS) & HSTATUS_SPV;

	(void)vcpu_index;
	(void)userdata;
	if (!guest && (plugin_reg(hart, SSTATUS) & SSTATUS_SPP))
		return; /* from a trap in the kernel back to the kernel */
	/* A kernel thread enters a guest only at boot, in redirect_probe() (redirect.S). */
	if (guest && !strcmp(harts[hart].key.kind, "thread"))
		harts[hart].key = (struct key){ "boot", 0, 0 };
	if (harts[hart].open)
		end_span(hart, guest ? "guest" : "user");
	harts[hart].in_kernel = false;
}

/* On a switch of threads, save the old thread's reason and restore the new one's. */
static void on_switch(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart();
	uint64_t prev = plugin_reg(hart, A0), next = plugin_reg(hart, A1);
	size_t p = prev / 64 % THREADS, n = next / 64 % THREADS;

	(void)vcpu_index;
	(void)userdata;
	threads[p].thread = prev;
	threads[p].key = harts[hart].key;
	harts[hart].key =
		threads[n].thread == next ? threads[n].key : (struct key){ "thread", 0, 0 };
}

static void on_end(unsigned int vcpu_index, void *userdata)
{
	(void)vcpu_index;
	(void)userdata;
	ended = true;
}

/* ---- translation ------------------------------------------------------------------------- */

static void watch(struct qemu_plugin_insn *insn, uint64_t address)
{
	qemu_plugin_vcpu_udata_cb_t cb = NULL;
	uint32_t word = plugin_word(insn);

	if (word == INSN_SRET)
		cb = on_return;
	else if (word == INSN_WFI)
		cb = on_wfi;
	else if ((word & ~INSN_RD) == INSN_CSRR_SIP)
		cb = on_sip_read;
	else if (address == switch_at)
		cb = on_switch;
	else if (address == end_at)
		cb = on_end;
	if (cb)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, QEMU_PLUGIN_CB_R_REGS, NULL);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct block *block;
	uint64_t address;

	(void)id;
	block = plugin_need(calloc(1, sizeof(*block)));
	block->world = world_of(qemu_plugin_tb_get_insn(tb, 0), &block->address);
	block->insns = n;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, QEMU_PLUGIN_CB_R_REGS, block);
	if (block->world == ELSEWHERE)
		return;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		plugin_count(insn);
		if (world_of(insn, &address) == KERNEL)
			watch(insn, address);
	}
}

/* ---- arguments and results ----------------------------------------------------------------- */

static void quit(qemu_plugin_id_t id, void *userdata)
{
	FILE *out = plugin_create(file);
	const struct path *path;
	size_t i;

	(void)id;
	(void)userdata;
	if (!out)
		return;
	for (path = paths; path < paths + nr_paths; path++) {
		fprintf(out, "path %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, path->key.kind,
			path->key.a, path->key.b, path->spans, path->longest);
		fprintf(out, " %s %s\n", path->from, path->to);
		for (i = 0; i < path->nr_visits; i++)
			fprintf(out, "block %" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
				path->visits[i].address, path->visits[i].insns,
				path->visits[i].times);
	}
	fprintf(out, "sie %" PRIu64 "\n", with_sie);
	plugin_close(out, file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	static const struct plugin_argument known[] = {
		{ .name = "out=", .text = &file },
		WORLD_ARGUMENTS,
		{ .name = "switch=", .number = &switch_at },
		{ .name = "end=", .number = &end_at },
	};

	if (!plugin_arguments(known, sizeof(known) / sizeof(known[0]), argc, argv))
		return -1;
	plugin_watch_harts(id, info, reg_names, REGS);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, quit, NULL);
	return 0;
}
