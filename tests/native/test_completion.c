// SPDX-License-Identifier: MIT
/*
 * test_completion.c - exits in flight, resets and MP states in random order, compared with a model.
 *
 * A guest exits to user space in every way. User space answers, reads and sets registers, stops and
 * resets the vCPU, and other vCPUs start it. The model gives the registers at the guest's next
 * entry. In the second test, starts and stops come from another thread.
 * HS_STEPS: number of steps; HS_SEED: seed of the sequence; HS_RACE: seconds of the second test.
 */
#include <stdlib.h>
#include "one_vm.h"
#include "race.h"
#include "random.h"

#define PC    (NATIVE_GUEST_BASE + 0x1000)
#define MMIO  0x10000000UL
#define HARTS 2
#define HVA   (NATIVE_USER_BASE + NATIVE_GUEST_SIZE) /* a page for the ioctls' arguments */
#define T0    5

/* The vCPU under test, the second of the VM's two. The first one never runs. */
static struct kvm_vcpu *vcpu;
static int fd;

static int setup(void **state)
{
	(void)state;
	native_reset();
	native_isa_set("h i m a f d c sstc zkr");
	native_harts_set(HARTS);
	native_core_start();
	native_vm_make(&vm, 0);
	vcpu_put(vm.vcpu);
	native_user_map(HVA, PAGE_SIZE, 0);
	vcpu = native_vcpu_make(&vm, 1);
	fd = vm.vcpu_fd[1];
	return 0;
}

/* ---- the guest's actions ------------------------------------------------------------------- */

enum action {
	NOTHING, /* a host interrupt ends the run */
	LOAD,
	STORE,
	CSR,
	SBI,
	ACTIONS_ANSWERED, /* the actions from LOAD to SBI exit to user space for an answer */
	SUSPEND = ACTIONS_ANSWERED,
	STOP,
	SHUTDOWN,
	ACTIONS,
};

static void ecall(unsigned long ext, unsigned long fid, unsigned long a0, unsigned long a1,
		  unsigned long a2)
{
	unsigned long *gpr = vcpu->guest.gpr;

	gpr[GPR_A0] = a0;
	gpr[GPR_A1] = a1;
	gpr[GPR_A2] = a2;
	gpr[GPR_A6] = fid;
	gpr[GPR_A7] = ext;
	native_trap(&(struct hv_trap){ .scause = EXC_ECALL_VS });
}

static void take_action(enum action action, unsigned long a1, unsigned long a2)
{
	switch (action) {
	case LOAD:
	case STORE:
		native_trap(&(struct hv_trap){
			.scause = action == LOAD ? EXC_LOAD_GUEST_PAGE_FAULT
						 : EXC_STORE_GUEST_PAGE_FAULT,
			.stval = MMIO,
			.htval = MMIO >> 2,
			.htinst = action == LOAD ? 0x3503 : 0xa03023 }); /* ld a0, sd a0 */
		break;
	case CSR: /* csrrw a0, seed, x0 */
		native_trap(&(struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0x01501573 });
		break;
	case SBI:
		ecall(SBI_EXT_EXPERIMENTAL_START, 0, 0, a1, a2);
		break;
	case SUSPEND:
		ecall(SBI_EXT_SUSP, SBI_SUSP_SYSTEM_SUSPEND, 0, a1, a2);
		break;
	case STOP:
		ecall(SBI_EXT_HSM, SBI_HSM_HART_STOP, 0, a1, a2);
		break;
	case SHUTDOWN:
		ecall(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, SBI_SRST_TYPE_SHUTDOWN, 0, 0);
		break;
	default:
		host_interrupt();
	}
}

static long vcpu_call(unsigned int cmd, const void *arg, size_t size)
{
	memcpy(native_user(HVA), arg, size);
	return native_ioctl(fd, cmd, HVA);
}

static u64 core_id(unsigned long num)
{
	return KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | num;
}

static u64 get(u64 id)
{
	struct kvm_one_reg reg = { .id = id, .addr = HVA + 64 };

	assert_int_equal(vcpu_call(KVM_GET_ONE_REG, &reg, sizeof(reg)), 0);
	return *(u64 *)native_user(HVA + 64);
}

static void set(u64 id, u64 value)
{
	struct kvm_one_reg reg = { .id = id, .addr = HVA + 64 };

	*(u64 *)native_user(HVA + 64) = value;
	assert_int_equal(vcpu_call(KVM_SET_ONE_REG, &reg, sizeof(reg)), 0);
}

static void set_mp_state(u32 mp_state)
{
	assert_int_equal(vcpu_call(KVM_SET_MP_STATE, &mp_state, sizeof(mp_state)), 0);
}

/* ---- one thread, and a complete model -------------------------------------------- */

enum {
	R_PC,
	R_A0,
	R_A1,
	R_T0,
	R_STVEC,
	REGS
};

static const u64 reg_ids[REGS] = {
	[R_PC] = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE,
	[R_A0] = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | GPR_A0,
	[R_A1] = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | GPR_A1,
	[R_T0] = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | T0,
	[R_STVEC] =
		KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_REG(stvec),
};

static struct {
	u64 regs[REGS];
	bool stopped, starts; /* `starts`: a reset to start_pc is pending */
	u64 start_pc, opaque;
	enum action in_flight; /* NOTHING if no exit is in flight */
	u64 answer[2];
} model;

static u64 random_address(void)
{
	return NATIVE_GUEST_BASE + 4 * rnd(1 << 16);
}

static void model_settle(void)
{
	if (!model.starts)
		return;
	memset(model.regs, 0, sizeof(model.regs));
	model.regs[R_PC] = model.start_pc;
	model.regs[R_A0] = vcpu->id;
	model.regs[R_A1] = model.opaque;
	model.starts = false;
	model.in_flight = NOTHING;
}

static void model_complete(void)
{
	if (model.in_flight == NOTHING)
		return;
	if (model.in_flight != STORE)
		model.regs[R_A0] = model.answer[0];
	if (model.in_flight == SBI)
		model.regs[R_A1] = model.answer[1];
	model.regs[R_PC] += 4;
	model.in_flight = NOTHING;
}

static enum action next_action;
static bool entered;

static void check_entry(void)
{
	assert_int_equal(vcpu->guest.sepc, model.regs[R_PC]);
	assert_int_equal(vcpu->guest.gpr[GPR_A0], model.regs[R_A0]);
	assert_int_equal(vcpu->guest.gpr[GPR_A1], model.regs[R_A1]);
	assert_int_equal(vcpu->guest.gpr[T0], model.regs[R_T0]);
	assert_int_equal(csr_read(vstvec), model.regs[R_STVEC]);
}

/* Check the entry, and take the next action. For STOP, set a signal, or KVM_RUN would sleep. */
static void modeled_guest(struct kvm_vcpu *runs)
{
	unsigned long a1 = random_address(), a2 = rnd(1000);

	assert_ptr_equal(runs, vcpu);
	assert_false(entered);
	entered = true;
	check_entry();
	vcpu->guest.gpr[T0] = model.regs[R_T0] = rnd(1000);
	csr_write(vstvec, model.regs[R_STVEC] = random_address());
	if (next_action == STOP)
		native_signal_set(true);
	take_action(next_action, a1, a2);
	switch (next_action) {
	case SBI:
	case SUSPEND:
		model.regs[R_A0] = 0;
		model.regs[R_A1] = a1;
		model.in_flight = SBI;
		model.starts = next_action == SUSPEND;
		model.start_pc = a1;
		model.opaque = a2;
		break;
	case STOP:
		model.regs[R_A0] = model.regs[R_A1] = 0;
		model.regs[R_PC] += 4;
		model.stopped = true;
		break;
	case SHUTDOWN:
		model.regs[R_A0] = model.regs[R_A1] = 0;
		model.stopped = true;
		break;
	default:
		model.in_flight = next_action;
	}
}

static void answer(void)
{
	struct kvm_run *run = vcpu->run;
	bool csr = run->exit_reason == KVM_EXIT_RISCV_CSR;

	model.answer[0] = rnd(1ULL << 62);
	model.answer[1] = rnd(1ULL << 62);
	if (run->exit_reason == KVM_EXIT_MMIO)
		memcpy(run->mmio.data, model.answer, 8);
	else if (csr)
		run->riscv_csr.ret_value = model.answer[0];
	else
		memcpy(run->riscv_sbi.ret, model.answer, sizeof(model.answer));
}

static void run(bool immediate)
{
	bool to_user;
	long ret;

	next_action = (enum action)rnd(ACTIONS);
	entered = false;
	vcpu->run->immediate_exit = immediate;
	model_complete();
	/* With immediate_exit, or while the vCPU is stopped, a pending start stays pending. */
	if (!immediate && !model.stopped)
		model_settle();
	native_signal_set(model.stopped);
	native_guest = modeled_guest;
	ret = native_ioctl(fd, KVM_RUN, 0);
	native_signal_set(false);
	vcpu->run->immediate_exit = 0;
	to_user = entered && next_action != NOTHING && next_action != STOP;
	assert_int_equal(ret, to_user ? 0 : -EINTR);
	if (to_user && next_action != SHUTDOWN)
		answer();
}

static void hsm_starts_it(void)
{
	u64 pc = random_address(), opaque = rnd(1000);
	bool was_stopped = model.stopped;

	assert_int_equal(hsm_start(vcpu, pc, opaque), was_stopped);
	if (!was_stopped)
		return;
	model.starts = true;
	model.start_pc = pc;
	model.opaque = opaque;
	model.stopped = false;
}

static void reset_by_user(void)
{
	set_mp_state(KVM_MP_STATE_INIT_RECEIVED);
	memset(model.regs, 0, sizeof(model.regs));
	model.starts = false;
	model.in_flight = NOTHING;
}

static void set_register(unsigned int reg)
{
	u64 value = random_address();

	set(reg_ids[reg], value);
	model_settle();
	model.regs[reg] = value;
}

static void check_register(unsigned int reg)
{
	model_settle();
	assert_int_equal(get(reg_ids[reg]), model.regs[reg]);
}

static void step(void)
{
	unsigned int reg = (unsigned int)rnd(REGS);

	switch (rnd(12)) {
	case 0:
		check_register(reg);
		break;
	case 1:
		set_register(reg);
		break;
	case 2:
		set_mp_state(KVM_MP_STATE_STOPPED);
		model.stopped = true;
		break;
	case 3:
		set_mp_state(KVM_MP_STATE_RUNNABLE);
		model.stopped = false;
		break;
	case 4:
	case 5:
		hsm_starts_it();
		break;
	case 6:
		if (!rnd(4))
			reset_by_user();
		break;
	case 7:
		run(true);
		break;
	default:
		run(false);
	}
}

static void a_vcpu_is_entered_with_the_state_set_last(void **state)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_RISCV_MP_STATE_RESET };
	const char *steps = getenv("HS_STEPS"), *seed = getenv("HS_SEED");
	unsigned long n = steps ? strtoul(steps, NULL, 0) : 20000;

	(void)state;
	if (seed)
		random_state = strtoul(seed, NULL, 0) ?: 1;
	print_message("# HS_SEED=%#lx\n", (unsigned long)random_state);
	memcpy(native_user(HVA), &cap, sizeof(cap));
	assert_int_equal(native_ioctl(vm.vm_fd, KVM_ENABLE_CAP, HVA), 0);
	vcpu->sbi_ext |= BIT(KVM_RISCV_SBI_EXT_SUSP);
	hsm_power_off(vm.vcpu);
	memset(&model, 0, sizeof(model));
	model.stopped = true;
	while (n--)
		step();
}

/* ---- two threads -------------------------------------------------------------------------------- */

/*
 * Each start begins a new life of the guest. The life's number is the start's opaque argument, and
 * its code is at life_pc(). The guest keeps the number in t0, the index of the next instruction in
 * t1, and in t2 whether a0 must hold user space's answer to the last instruction. No state of an
 * earlier life may be visible in a later one.
 */
#define T1     6
#define T2     7
#define ANSWER 0x5a5a5a5a5a5a5a5aUL
#define LENGTH 60

static unsigned long begun;

static gva_t life_pc(unsigned long life)
{
	return NATIVE_GUEST_BASE + 0x100 * (life & 0xfff);
}

static void any_life_guest(struct kvm_vcpu *runs)
{
	unsigned long *gpr = runs->guest.gpr;
	enum action action;

	if (!gpr[T0]) {
		assert_int_equal(runs->guest.sepc, life_pc(gpr[GPR_A1]));
		assert_int_equal(gpr[GPR_A0], runs->id);
		assert_int_equal(gpr[T1] | gpr[T2], 0);
		gpr[T0] = gpr[GPR_A1];
		__atomic_store_n(&begun, gpr[T0], __ATOMIC_SEQ_CST);
	}
	assert_int_equal(runs->guest.sepc, life_pc(gpr[T0]) + 4 * gpr[T1]);
	if (gpr[T2])
		assert_int_equal(gpr[GPR_A0], ANSWER);
	gpr[T2] = 0;
	if (race_interrupted(runs, race_random(8)))
		return;
	if (gpr[T1] == LENGTH) {
		runs->guest.sepc -= 4 * LENGTH;
		gpr[T1] = 0;
	}
	action = NOTHING + 1 + race_random(race_random(4) ? ACTIONS_ANSWERED - 1 : STOP);
	gpr[T1]++;
	gpr[T2] = action != STORE && action < ACTIONS_ANSWERED;
	take_action(action == SUSPEND ? STOP : action, 0, 0);
}

/* Answer the exit on the VMM's thread between two calls of KVM_RUN, and maybe read a register. */
static bool answer_and_read(struct race_runner *r, long ret)
{
	struct kvm_run *page = r->vcpu->run;
	struct kvm_one_reg reg = { .id = core_id(race_random(32)), .addr = HVA + 64 };
	u64 value = ANSWER;

	memcpy(page->mmio.data, &value, 8);
	if (page->exit_reason == KVM_EXIT_RISCV_CSR)
		page->riscv_csr.ret_value = ANSWER;
	else if (page->exit_reason == KVM_EXIT_RISCV_SBI)
		page->riscv_sbi.ret[0] = ANSWER;
	if (!race_random(3))
		assert_int_equal(vcpu_call(KVM_GET_ONE_REG, &reg, sizeof(reg)), 0);
	if (!ret || ret == -EINTR)
		return true;
	r->error = ret;
	return false;
}

static void a_restarted_vcpu_sees_nothing_of_its_earlier_state(void **state)
{
	static struct race_runner runner;
	unsigned long life = 1, before;
	u64 i;

	(void)state;
	race_harts(HARTS);
	native_guest = any_life_guest;
	memset(&runner, 0, sizeof(runner));
	runner.after = answer_and_read;
	begun = 0;
	assert_true(hsm_start(vcpu, life_pc(life), life));
	race_start(&runner, fd, vcpu);
	for (i = 1; race_round(i); i++) {
		/* Act as if the other vCPU had called SRST and the VMM had continued anyway. */
		if (!race_random(4))
			hsm_power_off(vcpu);
		before = __atomic_load_n(&begun, __ATOMIC_SEQ_CST);
		if (hsm_start(vcpu, life_pc(life + 1), life + 1)) {
			life++;
			/* Wait for about half of the starts to reach the guest. */
			if (race_random(2) && before != life)
				assert_true(race_wait(&begun, before));
		}
	}
	race_stop(&runner);
	assert_int_equal(runner.error, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vcpu_is_entered_with_the_state_set_last),
		TEST(a_restarted_vcpu_sees_nothing_of_its_earlier_state),
	};

	return cmocka_run_group_tests_name("completion of exits", tests, NULL, NULL);
}
