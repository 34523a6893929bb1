// SPDX-License-Identifier: MIT
/*
 * lab09_kick.c - check when a request interrupts a vCPU, and when a wait ends (lab 9)
 *
 * A stopped vCPU pretends to be in its guest, asleep or idle (src/kvm/sbi/sbi_watch.c).
 */
#include "lab09.h"

/* ---- kicks ---- */

#define INTERRUPT 0x100UL
#define ASKED_FOR 0x200UL

static const char *const mode_name[] = { "outside", "in its guest", "kicked" };
static const char *const blocking_name[] = { "awake", "asleep", "idle", "idle and kicked" };

static void test_kick(unsigned long mode, unsigned long blocking, unsigned long req,
		      const char *req_name, bool wakes)
{
	unsigned long want = mode | blocking << 4 | ASKED_FOR, got = ALL, tries;
	const char *effect;

	if (blocking == AWAKE && mode == IN_GUEST)
		want = KICKED | INTERRUPT | ASKED_FOR;
	if (blocking == IDLE && wakes)
		want = OUTSIDE | IDLE_KICKED << 4 | INTERRUPT | ASKED_FOR;
	for (tries = 0; got == ALL && tries < 50; tries++)
		got = watch(KICK, 2, mode, blocking, req);
	effect = want & INTERRUPT ? "causes one interrupt" : "causes no interrupt";
	if (blocking == ASLEEP) { /* waking a thread may send an interrupt for another reason */
		got &= ~INTERRUPT;
		effect = "sets the request";
	}
	if (!ok_eq(got, want, "%s requested of a vCPU that is %s %s", req_name,
		   blocking ? blocking_name[blocking] : mode_name[mode], effect))
		note("bits 3:0 mode, 7:4 blocking, 8: an interrupt came, 9: the request is set");
}

static void test_kicks(void)
{
	static const struct {
		unsigned long req;
		const char *name;
		bool wakes;
	} reqs[] = { { REQ_IRQ, "an interrupt", true },
		     { REQ_HFENCE, "a fence", false },
		     { REQ_FENCE_I, "a fence.i", false },
		     { REQ_HOST, "a check of the host", true } };
	unsigned long i, at;

	for (i = 0; i < ARRAY_SIZE(reqs); i++) {
		for (at = OUTSIDE; at <= KICKED; at++)
			test_kick(at, AWAKE, reqs[i].req, reqs[i].name, reqs[i].wakes);
		for (at = ASLEEP; at <= IDLE_KICKED; at++)
			test_kick(OUTSIDE, at, reqs[i].req, reqs[i].name, reqs[i].wakes);
	}
}

/* ---- waits ---- */

static void test_wait(unsigned long req, unsigned long how, const char *name)
{
	unsigned long got;

	hart_run(1, let_go, how);
	got = watch(WAIT, WAITED_FOR, req, 0, 0) & 3;
	hart_wait(1, WAIT_MS);
	if (!ok_eq(got, 1, "%s", name))
		note(got == 0 ? "the wait ended at once" : "the wait did not end");
	forget_all();
}

static void test_all(unsigned long how, bool in_guest, const char *name)
{
	unsigned long got, id, missing = 0;

	if (in_guest)
		hart_run(1, let_go, how);
	got = watch(ASK_ALL, WAITED_FOR, REQ_FENCE_I, in_guest, 0);
	for (id = 2; id < harts_there; id++)
		missing += id != WAITED_FOR && !(requests(id) & BIT(REQ_FENCE_I));
	if (in_guest)
		hart_wait(1, WAIT_MS);
	ok(got == (in_guest ? 13 : 0) && !missing, "%s", name);
	note("%lu: 1 the call waited, 2 too long, 4 all had requests by then, 8 it returned true; "
	     "%lu others without a request",
	     got, missing);
	forget_all();
}

static void fence_i_of_target(unsigned long arg)
{
	sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, BIT(WAITED_FOR), arg, 0);
}

static void sfence_of_target(unsigned long arg)
{
	sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, BIT(WAITED_FOR) | 1, arg, 0x1000,
		  0x1000, 0, 0);
}

/* The call returns an error, because hart 40 does not exist, but still fences the existing hart. */
static void sfence_of_some(unsigned long arg)
{
	sbi_call6(SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA, BIT(WAITED_FOR) | BIT(40), arg,
		  0x1000, 0x1000, 0, 0);
}

static void test_waits(void)
{
	hart_need(1);
	test_wait(REQ_HFENCE, 0, "a wait ends when the vCPU is out of its guest");
	test_wait(REQ_HFENCE, 1, "a wait ends when the vCPU has served the fence");
	test_wait(REQ_FENCE_I, 1, "a wait ends when the vCPU has served a fence.i");
	call_waits(fence_i_of_target,
		   "a remote fence.i returns when its target is out of its guest");
	call_waits(sfence_of_target,
		   "a remote sfence.vma returns when its target is out of its guest");
	call_waits(sfence_of_some,
		   "a remote sfence.vma also waits if its mask has a hart that does not exist");
	test_all(0, true,
		 "a request to all vCPUs reaches all before the wait; true if one is in its guest");
	test_all(0, false, "vm_request_all_and_wait() returns false if no vCPU is in its guest");
}

void payload_main(void)
{
	begin();
	test_kicks();
	test_waits();
	done();
}
