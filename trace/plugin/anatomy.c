// SPDX-License-Identifier: MIT
/*
 * anatomy.c - a QEMU plugin that records each iteration of a loop, instruction by instruction.
 *
 * scripts/hyperscope anatomy loads the plugin together with a bench payload. The loop belongs to an
 * operation (src/guest/bench/bench.S): a function that does one thing n times. An iteration
 * consists of all instructions, in any privilege mode, from the loop's first instruction until the
 * loop's branch has led back to that instruction or the operation returns. A batch is one call of
 * the operation. The plugin does not change the machine: QEMU calls the plugin before each
 * instruction.
 *
 * With begin= and end= instead of the loop, an iteration is a span: it begins after one instruction
 * and ends with another one, on any hart, and a batch is `spans` of them.
 *
 * There are three phases, because a callback per instruction is slow: wait for the operation (only
 * its first instruction has a callback), record whole batches, and then do nothing. The output
 * files are text and end with a line "end", except for `paths`:
 *
 *   DIR/batches     ITERATIONS INSTRUCTIONS               a line per call of the operation
 *   DIR/iterations  BATCH PATH INSTRUCTIONS               a line per iteration
 *   DIR/paths       addresses, 64 bits each, path after path; bits 63:60 are the hart
 *   DIR/insns       ADDRESS SIZE ENCODING                 the instruction at an address
 *
 * Iterations with the same sequence of instructions share a path. A path that no longer fits into
 * `room` has number -1, and only its length is recorded.
 */
#include "harts.h"

#define HART_SHIFT    60
#define LONGEST       (1u << 24) /* instructions recorded of one iteration, at most */
#define HASH_BITS     16
#define FNV_OFFSET    0xcbf29ce484222325ull
#define FNV_PRIME     0x100000001b3ull
#define ENTRY_INSNS   2 /* compared, because other code may have been at the operation's address */
#define PATH_NOT_KEPT (-1L)

const char plugin_name[] = "anatomy";

/* Arguments: those of the loop or those of the span, and all others. */
static const char *dir;
static uint64_t entry;        /* address of the operation's first instruction */
static uint64_t entry_insns;  /* the 8 bytes at this address */
static uint64_t head, back;   /* addresses of the loop's first instruction, and of its branch */
static uint64_t ret;          /* address of the operation's return */
static uint64_t begin, end;   /* addresses of a span's instructions */
static uint64_t restarts;     /* 1: if `begin` is executed again, the span begins there */
static uint64_t spans;        /* number of spans in a batch */
static uint64_t batches_left; /* number of batches still to be recorded */
static uint64_t room;         /* space left in the file `paths`, in instructions */

struct path {
	struct path *next;
	uint64_t hash;
	size_t len;
	long number;
};
static struct path *paths[1u << HASH_BITS];
static long nr_paths;

static FILE *batches_file, *iterations_file, *paths_file, *insns_file;
static uint64_t *iteration; /* the current iteration's instructions, as in `paths` */
static size_t iteration_len;
static bool in_batch, in_loop, ended;
static bool branched; /* the loop's branch has been reached since the loop's first instruction */
static unsigned long batch, batch_iterations;
static uint64_t batch_insns;

static uint64_t hash_of(const uint64_t *words, size_t n)
{
	uint64_t hash = FNV_OFFSET;
	size_t i;

	for (i = 0; i < n; i++)
		hash = (hash ^ words[i]) * FNV_PRIME;
	return hash ^ hash >> 32;
}

/*
 * Return the number of this path, or PATH_NOT_KEPT if it does not fit or cannot be written. A new
 * path is written to the file.
 */
static long path_of(const uint64_t *words, size_t n)
{
	uint64_t hash = hash_of(words, n);
	struct path **bucket = &paths[hash >> (64 - HASH_BITS)], *path;

	for (path = *bucket; path; path = path->next)
		if (path->hash == hash && path->len == n)
			return path->number;
	if (n > room)
		return PATH_NOT_KEPT;
	path = malloc(sizeof(*path));
	if (!path || fwrite(words, sizeof(*words), n, paths_file) != n) {
		free(path);
		room = 0; /* write no more: later paths would not be where their numbers say */
		return PATH_NOT_KEPT;
	}
	room -= n;
	*path = (struct path){ .next = *bucket, .hash = hash, .len = n, .number = nr_paths++ };
	*bucket = path;
	return path->number;
}

static void end_iteration(void)
{
	fprintf(iterations_file, "%lu %ld %zu\n", batch, path_of(iteration, iteration_len),
		iteration_len);
	batch_iterations++;
	batch_insns += iteration_len;
	iteration_len = 0;
}

static void close_all(void)
{
	plugin_close(batches_file, "batches");
	plugin_close(iterations_file, "iterations");
	plugin_close(insns_file, "insns");
	fclose(paths_file); /* binary, without "end": its length follows from the iterations */
}

static void recorded(qemu_plugin_id_t id)
{
	(void)id;
	close_all();
}

static void quit(qemu_plugin_id_t id, void *userdata)
{
	(void)id;
	(void)userdata;
	close_all();
}

static qemu_plugin_id_t self;

static void end_batch(void)
{
	fprintf(batches_file, "%lu %lu\n", batch_iterations, (unsigned long)batch_insns);
	in_batch = in_loop = false;
	batch_iterations = 0;
	batch_insns = 0;
	batch++;
	if (--batches_left)
		return;
	ended = true;
	qemu_plugin_reset(self, recorded);
}

static void add_insn(uint64_t pc)
{
	if (in_loop && iteration_len < LONGEST)
		iteration[iteration_len++] = (pc & ((1ull << HART_SHIFT) - 1)) |
					     (uint64_t)(plugin_hart() & 15) << HART_SHIFT;
}

static void before_insn_of_span(uint64_t pc)
{
	add_insn(pc);
	if (pc == end && in_loop) {
		in_loop = false;
		end_iteration();
		if (batch_iterations == spans)
			end_batch();
	}
	if (pc == begin && (restarts || !in_loop)) {
		in_loop = true;
		iteration_len = 0;
	}
}

static void before_insn(unsigned int vcpu_index, void *userdata)
{
	uint64_t pc = (uintptr_t)userdata;

	(void)vcpu_index;
	if (ended)
		return;
	if (spans) {
		before_insn_of_span(pc);
		return;
	}
	if (pc == entry) {
		in_batch = true;
		in_loop = false;
	}
	if (!in_batch)
		return;
	if (pc == ret) {
		if (in_loop)
			end_iteration();
		end_batch();
		return;
	}
	/* Require the branch: if the first instruction faults, it begins twice in one iteration. */
	if (pc == head && (branched || !in_loop)) {
		if (in_loop)
			end_iteration();
		in_loop = true;
		branched = false;
	}
	if (pc == back)
		branched = true;
	add_insn(pc);
}

static void block_begins(unsigned int vcpu_index, void *userdata)
{
	(void)userdata;
	plugin_hart_begins(vcpu_index);
}

static void record_block(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, QEMU_PLUGIN_CB_R_REGS, NULL);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t pc = qemu_plugin_insn_vaddr(insn);

		fprintf(insns_file, "%lx %zu %x\n", (unsigned long)pc, qemu_plugin_insn_size(insn),
			plugin_word(insn));
		qemu_plugin_register_vcpu_insn_exec_cb(insn, before_insn, QEMU_PLUGIN_CB_NO_REGS,
						       (void *)(uintptr_t)pc);
	}
}

static void record(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, record_block);
	qemu_plugin_register_atexit_cb(id, quit, NULL);
}

/* On the first call of the operation, arrange to record everything from its next call on. */
static void found(unsigned int hart, void *userdata)
{
	static bool once;

	(void)hart;
	(void)userdata;
	if (once)
		return;
	once = true;
	qemu_plugin_reset(self, record);
}

static void find_entry(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (i = 0; i + ENTRY_INSNS <= n; i++) {
		struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, i);
		struct qemu_plugin_insn *second = qemu_plugin_tb_get_insn(tb, i + 1);
		size_t bits = 8 * qemu_plugin_insn_size(first);
		uint64_t words = plugin_word(first) | (uint64_t)plugin_word(second) << bits;

		bits += 8 * qemu_plugin_insn_size(second);
		/*
		 * Compare the encodings, too: before it turned its MMU on, a kernel may have run
		 * at the address `entry`.
		 */
		if (qemu_plugin_insn_vaddr(first) == entry &&
		    words == (entry_insns & ~0ull >> (64 - bits)))
			qemu_plugin_register_vcpu_insn_exec_cb(first, found, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
	}
}

static FILE *create(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return plugin_create(path);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	static const struct plugin_argument known[] = {
		{ .name = "dir=", .text = &dir },
		{ .name = "entry=", .number = &entry },
		{ .name = "insns=", .number = &entry_insns },
		{ .name = "head=", .number = &head, .optional = true },
		{ .name = "back=", .number = &back, .optional = true },
		{ .name = "ret=", .number = &ret, .optional = true },
		{ .name = "begin=", .number = &begin, .optional = true },
		{ .name = "end=", .number = &end, .optional = true },
		{ .name = "restarts=", .number = &restarts, .optional = true },
		{ .name = "spans=", .number = &spans, .optional = true },
		{ .name = "batches=", .number = &batches_left },
		{ .name = "room=", .number = &room },
	};

	self = id;
	if (!plugin_arguments(known, sizeof(known) / sizeof(known[0]), argc, argv))
		return -1;
	if (!(spans ? begin && end : head && back && ret)) {
		fprintf(stderr, "anatomy: give either head=, back= and ret=, or begin=, end= and "
				"spans=\n");
		return -1;
	}
	iteration = malloc(LONGEST * sizeof(*iteration));
	batches_file = create("batches");
	iterations_file = create("iterations");
	paths_file = create("paths");
	insns_file = create("insns");
	if (!iteration || !batches_file || !iterations_file || !paths_file || !insns_file)
		return -1;
	plugin_watch_harts(id, info, NULL, 0);
	qemu_plugin_register_vcpu_tb_trans_cb(id, find_entry);
	qemu_plugin_register_atexit_cb(id, quit, NULL);
	return 0;
}
