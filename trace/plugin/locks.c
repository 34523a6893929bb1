// SPDX-License-Identifier: MIT
/*
 * locks.c - a QEMU plugin that counts the instructions that the host's kernel executes under locks.
 *
 * A spinlock (hv/spinlock.h) is taken by an amoswap.w.aq that returns 0, and released by a store of
 * 0 to its word. A mutex (src/host/sched/mutex.c) is taken when the function that takes it returns,
 * and released when mutex_unlock() is entered. The plugin does not change the machine.
 *
 * Under a spinlock, every instruction of the hart is counted, including the firmware's. Under a
 * mutex, whose holder may sleep, those are counted that the holder's thread executes in the kernel
 * and the firmware. A spinlock is contended if the first amoswap.w.aq finds it taken, and a mutex
 * if its taker calls wait_for(). Counting begins when the first program does. The output file has
 * addresses as linked:
 *
 *   spin ADDRESS TIMES CONTENDED HELD LONGEST WAITED   ADDRESS: of the amoswap.w.aq
 *   mutex ADDRESS TIMES CONTENDED HELD LONGEST WAITED  ADDRESS: to which the taker returned
 *   lost N                                             locks taken twice, or too many; N must be 0
 *   end                                                the file is complete
 *
 * HELD is the sum, and LONGEST the maximum, of the instructions from the one after the amoswap.w.aq
 * to the releasing store, or from the return to the first of mutex_unlock(). WAITED counts those
 * from the first failed amoswap.w.aq to the successful one, or from wait_for() to the return.
 *
 * All counts are a hart's, and a thread runs on one hart at a time. So the plugin is also correct
 * without -icount, when QEMU runs each hart in a thread of its own.
 */
#include <pthread.h>

#include "lock_count.h"
#include "world.h"

#define THREADS 4096

#define PRIV_MASK 3
#define PRIV_M    3

#define INSN_TAKE    0x0c00202fu /* amoswap.w.aq rd, rs2, (rs1) */
#define MASK_TAKE    0xfe00707fu
#define INSN_SWAP_0  0x0800202fu /* amoswap.w rd, zero, (rs1), with any ordering */
#define MASK_SWAP_0  0xf9f0707fu
#define INSN_STORE_0 0x00002023u /* sw zero, offset(rs1) */
#define MASK_STORE_0 0x01f0707fu

const char plugin_name[] = "locks";

static const char *file;
static uint64_t switch_at; /* switch_context(prev, next) */
static uint64_t end_at;    /* host_first_exited(): after it, the machine shuts down */
static uint64_t lock_at, interruptible_at, killable_at, trylock_at, unlock_at, wait_at;

struct thread {
	uint64_t address; /* 0: unknown until the first switch */
	uint64_t ran;     /* instructions before the hart's `since` */
	struct attempt attempt;
	struct held mutexes;
};

static struct hart {
	struct attempt attempt;
	const struct insn *unread; /* an amoswap.w.aq whose result has not been read */
	struct held spinlocks;
	struct thread *thread;
	uint64_t since;      /* when the thread was switched to */
	uint64_t outside;    /* counted instructions that are neither the kernel's nor firmware */
	uint64_t outside_at; /* when such instructions began */
	bool is_outside, has_run;
} harts[MAX_HARTS];

static struct thread *threads[THREADS];
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;

/* An instruction that takes or releases a spinlock. */
struct insn {
	uint64_t address;
	uint32_t word;
};

struct block {
	uint64_t address;
	enum world world;
};

/* ---- registers ------------------------------------------------------------------------- */

enum reg {
	RA = 1,
	A0 = 10,
	PRIV = 32,
	SSTATUS,
	HSTATUS,
	REGS
};
/* In the order of enum reg; the first 32 by their number. */
static const char *const reg_names[REGS] = {
	"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2", "fp",   "s1",      "a0",      "a1",
	"a2",   "a3", "a4",  "a5",  "a6", "a7", "s2", "s3", "s4",   "s5",      "s6",      "s7",
	"s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6", "priv", "sstatus", "hstatus",
};

#define RD(word)  ((word) >> 7 & 31)
#define RS1(word) ((word) >> 15 & 31)

/* ---- instructions ------------------------------------------------------------------------- */

/* How many instructions of the kernel and the firmware the hart has begun. */
static uint64_t executed(unsigned int hart)
{
	return plugin_executed(hart) - harts[hart].outside;
}

/* How many of them the hart's current thread has begun. */
static uint64_t thread_executed(unsigned int hart)
{
	return harts[hart].thread->ran + executed(hart) - harts[hart].since;
}

/* ---- spinlocks --------------------------------------------------------------------------- */

static void on_take(unsigned int vcpu_index, void *userdata)
{
	const struct insn *insn = userdata;
	unsigned int hart = plugin_hart();
	struct hart *h = &harts[hart];
	uint64_t lock = plugin_reg(hart, RS1(insn->word));

	(void)vcpu_index;
	if (h->attempt.lock != lock || h->attempt.address != insn->address)
		h->attempt = (struct attempt){ .lock = lock, .address = insn->address };
	h->attempt.at = executed(hart);
	h->unread = insn;
}

/* The instruction after an amoswap.w.aq begins: did it take the lock? */
static void read_result(unsigned int hart)
{
	struct hart *h = &harts[hart];
	const struct insn *insn = h->unread;

	if (!insn)
		return;
	h->unread = NULL;
	if (plugin_reg(hart, RD(insn->word)) == 0) {
		lock_taken(hart, SPIN, &h->spinlocks, &h->attempt, h->attempt.at);
	} else if (!h->attempt.contended) {
		h->attempt.contended = true;
		h->attempt.first = h->attempt.at;
	}
}

static void after_take(unsigned int vcpu_index, void *userdata)
{
	(void)vcpu_index;
	(void)userdata;
	read_result(plugin_hart());
}

static void on_store(unsigned int vcpu_index, void *userdata)
{
	const struct insn *insn = userdata;
	unsigned int hart = plugin_hart();
	struct hart *h = &harts[hart];
	uint64_t offset = 0;

	(void)vcpu_index;
	if (h->spinlocks.nr == 0)
		return;
	if ((insn->word & MASK_STORE_0) == INSN_STORE_0)
		offset = (uint64_t)((int64_t)(int32_t)insn->word >> 25) << 5 | RD(insn->word);
	lock_released(hart, SPIN, &h->spinlocks, plugin_reg(hart, RS1(insn->word)) + offset,
		      executed(hart));
}

/* ---- mutexes ----------------------------------------------------------------------------- */

static void on_mutex_take(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart();
	struct attempt *attempt = &harts[hart].thread->attempt;

	(void)vcpu_index;
	if (attempt->lock) /* mutex_lock() may call mutex_trylock() */
		return;
	*attempt = (struct attempt){ .lock = plugin_reg(hart, A0),
				     .address = plugin_reg(hart, RA),
				     .taker = *(uint64_t *)userdata };
}

static void on_mutex_wait(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart();
	struct attempt *attempt = &harts[hart].thread->attempt;

	(void)vcpu_index;
	(void)userdata;
	attempt->contended = true;
	attempt->first = thread_executed(hart);
}

/* A block begins at the address to which a function that takes a mutex returns. */
static void mutex_taker_returned(unsigned int hart)
{
	struct hart *h = &harts[hart];
	struct attempt *attempt = &h->thread->attempt;
	uint64_t result = plugin_reg(hart, A0);

	if (attempt->taker == trylock_at ? !result : attempt->taker != lock_at && result)
		attempt->lock = 0;
	else
		lock_taken(hart, MUTEX, &h->thread->mutexes, attempt, thread_executed(hart));
}

static void on_mutex_unlock(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart();

	(void)vcpu_index;
	(void)userdata;
	lock_released(hart, MUTEX, &harts[hart].thread->mutexes, plugin_reg(hart, A0),
		      thread_executed(hart));
}

/* ---- harts and threads ------------------------------------------------------------------- */

static void block_begins(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart_begins(vcpu_index);
	struct block *block = userdata;
	struct hart *h = &harts[hart];

	if (h->is_outside)
		h->outside += plugin_executed(hart) - h->outside_at;
	h->is_outside =
		block->world == BELOW_KERNEL && (plugin_reg(hart, PRIV) & PRIV_MASK) != PRIV_M;
	if (h->is_outside)
		h->outside_at = plugin_executed(hart);
	if (!h->thread)
		h->thread = plugin_need(calloc(1, sizeof(*h->thread)));
	read_result(hart);
	if (h->thread->attempt.lock && block->address == h->thread->attempt.address)
		mutex_taker_returned(hart);
}

/* A program begins with the first return from the kernel to user mode. */
static void on_return(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart();

	(void)vcpu_index;
	(void)userdata;
	if (harts[hart].has_run)
		return;
	if ((plugin_reg(hart, HSTATUS) & HSTATUS_SPV) || (plugin_reg(hart, SSTATUS) & SSTATUS_SPP))
		return;
	harts[hart].has_run = true;
	lock_counting(true);
}

static struct thread *thread_at(uint64_t address)
{
	size_t i = address / 64 % THREADS;

	while (threads[i] && threads[i]->address != address)
		i = (i + 1) % THREADS;
	if (!threads[i]) {
		threads[i] = plugin_need(calloc(1, sizeof(*threads[i])));
		threads[i]->address = address;
	}
	return threads[i];
}

static void on_switch(unsigned int vcpu_index, void *userdata)
{
	unsigned int hart = plugin_hart();
	struct hart *h = &harts[hart];
	uint64_t now = executed(hart);

	(void)vcpu_index;
	(void)userdata;
	pthread_mutex_lock(&threads_lock);
	if (!h->thread->address) { /* the hart's first thread */
		struct thread *prev = thread_at(plugin_reg(hart, A0));

		h->thread->address = prev->address;
		*prev = *h->thread;
		h->thread = prev;
	}
	h->thread->ran += now - h->since;
	h->thread = thread_at(plugin_reg(hart, A0 + 1));
	pthread_mutex_unlock(&threads_lock);
	h->since = now;
}

static void on_end(unsigned int vcpu_index, void *userdata)
{
	(void)vcpu_index;
	(void)userdata;
	lock_counting(false);
}

/* ---- translation ------------------------------------------------------------------------- */

static void watch(struct qemu_plugin_insn *insn, uint64_t address)
{
	static const struct {
		uint64_t *address;
		qemu_plugin_vcpu_udata_cb_t cb;
	} functions[] = {
		{ &lock_at, on_mutex_take },     { &interruptible_at, on_mutex_take },
		{ &killable_at, on_mutex_take }, { &trylock_at, on_mutex_take },
		{ &unlock_at, on_mutex_unlock }, { &wait_at, on_mutex_wait },
		{ &switch_at, on_switch },       { &end_at, on_end },
	};
	uint32_t word = plugin_word(insn);
	/*
	 * If rd is the zero register, the instruction is a store with ordering, and takes no lock.
	 */
	bool takes = (word & MASK_TAKE) == INSN_TAKE && RD(word) != 0;
	struct insn *own;
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (address == *functions[i].address)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, functions[i].cb, QEMU_PLUGIN_CB_R_REGS, functions[i].address);
	if (word == INSN_SRET)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_return, QEMU_PLUGIN_CB_R_REGS,
						       NULL);
	if (!takes && (word & MASK_SWAP_0) != INSN_SWAP_0 && (word & MASK_STORE_0) != INSN_STORE_0)
		return;
	own = plugin_need(malloc(sizeof(*own)));
	*own = (struct insn){ address, word };
	qemu_plugin_register_vcpu_insn_exec_cb(insn, takes ? on_take : on_store,
					       QEMU_PLUGIN_CB_R_REGS, own);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct block *block;
	uint64_t address;
	bool after = false;

	(void)id;
	block = plugin_need(calloc(1, sizeof(*block)));
	block->world = world_of(qemu_plugin_tb_get_insn(tb, 0), &block->address);
	if (block->world == ELSEWHERE) {
		free(block);
		return;
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, QEMU_PLUGIN_CB_R_REGS, block);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		plugin_count(insn);
		if (world_of(insn, &address) != KERNEL)
			continue;
		if (after)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, after_take,
							       QEMU_PLUGIN_CB_R_REGS, NULL);
		after = (plugin_word(insn) & MASK_TAKE) == INSN_TAKE;
		watch(insn, address);
	}
}

/* ---- arguments and results ----------------------------------------------------------------- */

static void quit(qemu_plugin_id_t id, void *userdata)
{
	FILE *out = plugin_create(file);

	(void)id;
	(void)userdata;
	if (!out)
		return;
	lock_write(out);
	plugin_close(out, file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	static const struct plugin_argument known[] = {
		{ .name = "out=", .text = &file },
		WORLD_ARGUMENTS,
		{ .name = "switch=", .number = &switch_at },
		{ .name = "end=", .number = &end_at },
		{ .name = "lock=", .number = &lock_at },
		{ .name = "interruptible=", .number = &interruptible_at },
		{ .name = "killable=", .number = &killable_at },
		{ .name = "trylock=", .number = &trylock_at },
		{ .name = "unlock=", .number = &unlock_at },
		{ .name = "wait=", .number = &wait_at },
	};

	if (!plugin_arguments(known, sizeof(known) / sizeof(known[0]), argc, argv))
		return -1;
	plugin_watch_harts(id, info, reg_names, REGS);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, quit, NULL);
	return 0;
}
