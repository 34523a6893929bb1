/* SPDX-License-Identifier: MIT */
/*
 * lab08_turns.h - compare turns under a policy of toggle fp with a model of the policy
 *
 * If a claim fails, the first wrong turn is printed before it.
 */
#ifndef GUEST_TEST_LAB08_TURNS_H
#define GUEST_TEST_LAB08_TURNS_H

#include "hv/turn.h"
#include "provoke.h"
#include "random.h"

#define WARM_UP   64
#define MOST_BASE 0x4000000000000000UL

void fp_fill(unsigned long base, unsigned long fcsr);
unsigned long fp_changed(unsigned long base, unsigned long fcsr);
unsigned long fp_any(void);
void fp_set_fcsr(unsigned long value);
void fp_read(unsigned long arg);
void fp_write(unsigned long arg);
void vec_read(unsigned long arg);
void vec_write(unsigned long arg);

static unsigned long policy;

static void fs_set(unsigned long fs)
{
	csr_clear(sstatus, SSTATUS_FS);
	csr_set(sstatus, FIELD_PREP(SSTATUS_FS, fs));
}

/* ---- the register values that each vCPU has written last ---- */

static struct registers {
	unsigned long base, fcsr;
} mine[MAX_HARTS];

static void fill_anew(struct registers *regs)
{
	regs->base = MOST_BASE + (below(1UL << 30) << 20);
	regs->fcsr = below(0x100) & ~0x80UL; /* any flags, and a rounding mode from 0 to 3 */
	fp_fill(regs->base, regs->fcsr);
}

static unsigned long are_wrong(const struct registers *regs)
{
	return fp_changed(regs->base, regs->fcsr) != 0;
}

/* ---- turns ---- */

enum use {
	USE_NONE,
	USE_READ,
	USE_WRITE,
	USE_FCSR,
	USE_ILLEGAL, /* illegal instruction with all units Off in the guest: first_use loads them */
	NR_USES
};

static const char *const use_names[] = { "not used", "registers read", "registers written",
					 "only fcsr written",
					 "Off in the guest at an illegal instruction" };

/* A model of the policy that the handout describes. */
struct model {
	bool in;       /* the registers are in the unit */
	bool expected; /* the policy expects a use in the next turn */
	bool vs_in;    /* the vector registers are in their unit, which no other thread uses */
	unsigned long history, with, without;
};

struct told {
	bool saved_all, saved_fcsr, loaded;
};

static bool window(struct model *m, bool evidence)
{
	unsigned long length = boot_need("rule0"), i, count = 0;

	m->history = m->history << 1 | evidence;
	for (i = 0; i < length; i++)
		count += m->history >> i & 1;
	return count >= boot_need("rule1") || (m->expected && count >= boot_need("rule2"));
}

static bool counter(struct model *m, bool evidence)
{
	unsigned long most = boot_need("rule0"), down = boot_need("rule2");

	if (evidence)
		m->history = MIN(m->history + boot_need("rule1"), most);
	else
		m->history -= MIN(m->history, down);
	return m->history >= boot_need("rule3");
}

static bool streak(struct model *m, bool evidence)
{
	m->with = evidence ? m->with + 1 : 0;
	m->without = evidence ? 0 : m->without + 1;
	return m->with >= boot_need("rule0") || (m->expected && m->without < boot_need("rule1"));
}

static bool expects(struct model *m, bool dirty, bool trapped)
{
	static bool (*const rules[])(struct model * m, bool evidence) = { window, counter, streak };

	if (policy == POLICY_LAZY_TRAP)
		return dirty;
	if (policy == POLICY_ADAPTIVE)
		return rules[boot_need("rule") % ARRAY_SIZE(rules)](
			m, dirty || (trapped && boot_need("evidence")));
	return true;
}

/*
 * Return what a put has to save when FS is `fs`, and whether FP has to be in the unit after the
 * next load. trapped: a use in this turn caused a trap. taken: another thread uses the unit between
 * put and load.
 */
static struct told model_turn(struct model *m, unsigned long fs, bool trapped, bool taken)
{
	struct told told = { 0 };
	bool here = m->in && !taken;

	if (fs != FS_OFF) {
		told.saved_fcsr = true;
		told.saved_all = fs == FS_DIRTY || policy == POLICY_EAGER;
	}
	m->expected = expects(m, fs == FS_DIRTY, trapped);
	m->in = m->expected || here;
	told.loaded = m->in;
	return told;
}

static const char *what_is_saved(bool all, bool some, bool fcsr)
{
	if (all)
		return fcsr ? "f0 to f31 and fcsr" : "f0 to f31 without fcsr";
	if (some)
		return "some of f0 to f31";
	return fcsr ? "only fcsr" : "nothing";
}

static unsigned long turns_had;
static bool disturbed;

static unsigned long tell(bool taken)
{
	struct sbiret ret = sbi_call(SBI_EXT_TURN, TURN_TELL, taken, 0, 0);
	unsigned long count = FIELD_GET(TURN_COUNT, (unsigned long)ret.value);

	if (ret.error)
		bail("the SBI call for a turn is refused: %ld", ret.error);
	/* If another thread ran on the hart in between, the model has missed a put and a load. */
	disturbed |= count != (turns_had + 1) % 0x10000;
	turns_had = count;
	return (unsigned long)ret.value;
}

/* A turn: what the guest did, what the call returned, and what the model expects. */
struct turn {
	unsigned long n, bits;
	enum use use, vs_use;
	bool taken, was_in, vs_was_in; /* was_in: loaded at the put */
	struct told want;
};

enum part {
	PART_FS,
	PART_SAVED,
	PART_LOADED,
	PART_UNIT,
	PART_VECTOR,
	NR_PARTS
};

/* For each part of the result: how often it was wrong, and the first turn in which it was. */
static struct wrong {
	unsigned long count;
	struct turn first;
} wrong[NR_PARTS];
static unsigned long wrong_values;

static void is_wrong(enum part part, const struct turn *turn)
{
	if (!wrong[part].count++)
		wrong[part].first = *turn;
}

/* Return true if FS says that the registers are loaded, but the host records another owner. */
static bool is_no_owner(unsigned long bits)
{
	return FIELD_GET(TURN_FS_LOADED, bits) != FS_OFF && !(bits & TURN_OWNER);
}

/* Return true if no unit was Off at the put, so that illegal instructions had to be delegated. */
static bool all_in(unsigned long bits)
{
	return FIELD_GET(TURN_FS_USED, bits) != FS_OFF &&
	       (!isa_has("v") || FIELD_GET(TURN_VS_USED, bits) != FS_OFF);
}

static unsigned long vs_wanted(const struct turn *turn)
{
	if (turn->vs_use == USE_WRITE)
		return FS_DIRTY;
	return turn->vs_use == USE_READ || turn->vs_was_in ? FS_CLEAN : FS_OFF;
}

static bool vs_to_save(const struct turn *turn)
{
	return vs_wanted(turn) == FS_DIRTY || (policy == POLICY_EAGER && vs_wanted(turn) != FS_OFF);
}

static void look_at_vector(const struct turn *turn)
{
	unsigned long bits = turn->bits, vs = vs_wanted(turn);

	if (FIELD_GET(TURN_VS_USED, bits) != vs || bits & TURN_VS_LEFT_ON ||
	    !(bits & TURN_VS_SAVED) == vs_to_save(turn) ||
	    !(bits & TURN_VS_LOADED) != (vs == FS_OFF))
		is_wrong(PART_VECTOR, turn);
}

static void look(const struct turn *turn)
{
	unsigned long bits = turn->bits, fs = FIELD_GET(TURN_FS_USED, bits);
	const struct told *want = &turn->want;

	/* If only fcsr was written, FS may be Clean or Dirty (src/kvm/vcpu/fp.h). */
	if (turn->use == USE_WRITE  ? fs != FS_DIRTY
	    : turn->use == USE_FCSR ? fs < FS_CLEAN
				    : fs != (turn->was_in ? FS_CLEAN : FS_OFF))
		is_wrong(PART_FS, turn);
	if (!(bits & TURN_SAVED_ALL) == want->saved_all ||
	    !(bits & TURN_SAVED_SOME) == want->saved_all ||
	    !(bits & TURN_SAVED_FCSR) == want->saved_fcsr)
		is_wrong(PART_SAVED, turn);
	if (FIELD_GET(TURN_FS_LOADED, bits) != (want->loaded ? FS_CLEAN : FS_OFF))
		is_wrong(PART_LOADED, turn);
	if (bits & (TURN_LEFT_ON | TURN_HOST_ON) || is_no_owner(bits) ||
	    !(bits & TURN_DELEGATED) == all_in(bits))
		is_wrong(PART_UNIT, turn);
}

static const char *what_of_unit(const struct turn *turn)
{
	if (turn->bits & TURN_LEFT_ON)
		return "guest.sstatus.FS is not Off after the put";
	if (turn->bits & TURN_HOST_ON)
		return "the host's own FS has changed";
	if (is_no_owner(turn->bits))
		return "the registers are loaded, but the host's record says that the unit is "
		       "another's";
	if (turn->bits & TURN_DELEGATED)
		return "a unit is Off, but its first use would not trap to the hypervisor "
		       "(hedeleg)";
	return "all units are loaded, but the guest's illegal instructions still exit (hedeleg)";
}

static const char *const fs_names[] = { "Off", "Initial", "Clean", "Dirty" };

static const char *what_fs_is(const struct turn *turn)
{
	if (turn->use == USE_FCSR)
		return "Clean or Dirty";
	return fs_names[turn->use == USE_WRITE ? FS_DIRTY : turn->was_in ? FS_CLEAN : FS_OFF];
}

static void say_vector(const struct turn *turn)
{
	unsigned long bits = turn->bits;

	note("turn %lu: vector %s, VS is %s at the put, but should be %s", turn->n,
	     use_names[turn->vs_use], fs_names[FIELD_GET(TURN_VS_USED, bits)],
	     fs_names[vs_wanted(turn)]);
	note("the put saved %s; it should save %s",
	     bits & TURN_VS_SAVED ? "v0 to v31" : "none of v0 to v31",
	     vs_to_save(turn) ? "v0 to v31" : "none of v0 to v31");
	note("the put leaves VS %s, the load %s", bits & TURN_VS_LEFT_ON ? "on" : "Off",
	     bits & TURN_VS_LOADED ? "on" : "Off");
}

/* Print the first wrong turn of a part, before the claim about it. */
static void say_first(enum part part)
{
	const struct turn *turn = &wrong[part].first;
	unsigned long bits = turn->bits;
	const char *fs = fs_names[FIELD_GET(TURN_FS_USED, bits)];

	if (!wrong[part].count)
		return;
	if (part == PART_VECTOR) {
		say_vector(turn);
		return;
	}
	note("turn %lu: FP %s, FS is %s at the put; %s", turn->n, use_names[turn->use], fs,
	     turn->taken ? "then another thread uses the unit" : "no other thread uses the unit");
	if (part == PART_FS)
		note("FS should be %s%s", what_fs_is(turn),
		     turn->use == USE_ILLEGAL
			     ? ": such a trap loads every disabled unit (first_use)"
			     : "");
	else if (part == PART_SAVED)
		note("the put saved %s; it should save %s",
		     what_is_saved(bits & TURN_SAVED_ALL, bits & TURN_SAVED_SOME,
				   bits & TURN_SAVED_FCSR),
		     what_is_saved(turn->want.saved_all, false, turn->want.saved_fcsr));
	else if (part == PART_LOADED)
		note("the load leaves FS %s; by the policy it should be %s",
		     fs_names[FIELD_GET(TURN_FS_LOADED, bits)],
		     turn->want.loaded ? "Clean" : "Off");
	else if (part == PART_UNIT)
		note("%s", what_of_unit(turn));
}

static void do_use(enum use use, struct registers *regs)
{
	switch (use) {
	case USE_NONE:
	case NR_USES:
		break;
	case USE_READ:
		wrong_values += are_wrong(regs);
		break;
	case USE_WRITE:
		fill_anew(regs);
		break;
	case USE_FCSR:
		regs->fcsr = (regs->fcsr + 1) % 0x80;
		fp_set_fcsr(regs->fcsr);
		break;
	case USE_ILLEGAL:
		fs_set(FS_OFF);
		one_illegal();
		fs_set(FS_DIRTY);
		break;
	}
}

/*
 * Accept a policy that loads both units at the first trap of either: a unit may then be loaded
 * although the guest has not used it. Return whether FP was loaded in this way; if the vector unit
 * was, set turn->vs_was_in.
 */
static bool came_along(struct turn *turn, bool trapped)
{
	bool vs_trapped = turn->vs_use != USE_NONE && !turn->vs_was_in;

	if (trapped && FIELD_GET(TURN_VS_USED, turn->bits) == FS_CLEAN)
		turn->vs_was_in = true;
	return vs_trapped && FIELD_GET(TURN_FS_USED, turn->bits) == FS_CLEAN;
}

/* Use the vector unit with FS Off in the guest, so that only the vector unit can cause a trap. */
static void do_vs_use(enum use use)
{
	if (use == USE_NONE)
		return;
	fs_set(FS_OFF);
	csr_set(sstatus, SSTATUS_VS);
	if (use == USE_READ)
		vec_read(0);
	else
		vec_write(0);
	csr_clear(sstatus, SSTATUS_VS);
	fs_set(FS_DIRTY);
}

static enum use draw_use(bool runs)
{
	static unsigned long left, of_8;

	if (!runs)
		return (enum use)below(NR_USES);
	if (!left--) { /* start a run of similar turns */
		left = below(48);
		of_8 = (unsigned long[]){ 0, 1, 4, 7, 8 }[below(5)];
	}
	if (of_8 == 8)
		return USE_WRITE;
	if (below(8) >= of_8)
		return USE_NONE;
	return below(4) ? USE_WRITE : USE_READ;
}

/* Make turns, and compare them with the model. Return false if the host made additional turns. */
static bool do_turns(unsigned long count, bool runs)
{
	struct model m = { 0 };
	struct registers *regs = &mine[0];
	unsigned long n, last = 0;

	memset(wrong, 0, sizeof(wrong));
	wrong_values = 0;
	csr_clear(sstatus, SSTATUS_VS);
	fs_set(FS_DIRTY);
	fill_anew(regs);
	for (n = 0; n < WARM_UP; n++) /* until the policy has forgotten all earlier turns */
		last = tell(true);
	m.expected = m.in = FIELD_GET(TURN_FS_LOADED, last) != FS_OFF;
	m.vs_in = last & TURN_VS_LOADED;
	disturbed = false;
	for (n = 0; n < count && !disturbed; n++) {
		struct turn turn = { .n = n, .use = draw_use(runs), .taken = runs || below(4) };
		bool trapped = !m.in && turn.use != USE_NONE;

		turn.vs_use = isa_has("v") ? (enum use)below(USE_FCSR) : USE_NONE;
		turn.vs_was_in = m.vs_in || turn.use == USE_ILLEGAL;
		do_use(turn.use, regs);
		do_vs_use(turn.vs_use);
		turn.bits = tell(turn.taken);
		if (disturbed)
			break;
		turn.was_in = came_along(&turn, trapped) || trapped || m.in;
		/* Continue from the actual state: report a mistake, but not its consequences. */
		m.in = FIELD_GET(TURN_FS_USED, turn.bits) != FS_OFF;
		turn.want = model_turn(&m, FIELD_GET(TURN_FS_USED, turn.bits), trapped, turn.taken);
		look(&turn);
		if (isa_has("v"))
			look_at_vector(&turn);
		m.in = FIELD_GET(TURN_FS_LOADED, turn.bits) != FS_OFF;
		m.vs_in = turn.bits & TURN_VS_LOADED;
	}
	wrong_values += are_wrong(regs);
	return !disturbed;
}

static void test_turns(unsigned long count, bool runs)
{
	static const char *const claims[] = {
		[PART_FS] = "%lu turns: FS at each put says how the guest used its registers",
		[PART_SAVED] = "%lu turns: each put saves what the policy requires, and no more",
		[PART_LOADED] =
			"%lu turns: each load restores what the policy requires, and no more",
		[PART_UNIT] = "%lu turns: the unit's owner, the host's FS and hedeleg are right",
		[PART_VECTOR] = "%lu turns: the vector registers are moved by the same rules",
	};
	unsigned long start = state;
	enum part part;
	int again;

	for (again = 0; again < 50; again++) {
		state = start;
		if (do_turns(count, runs))
			break;
	}
	if (disturbed)
		bail("other threads of the host keep running on this hart");
	for (part = PART_FS; part < NR_PARTS; part++) {
		if (part == PART_VECTOR && !isa_has("v"))
			continue;
		say_first(part);
		ok_eq(wrong[part].count, 0, claims[part], count);
	}
	ok_eq(wrong_values, 0, "%lu turns: the values read are the guest's own", count);
}

#endif
