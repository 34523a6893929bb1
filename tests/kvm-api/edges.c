// SPDX-License-Identifier: MIT
/*
 * edges.c - which fields of the run page KVM_RUN reads and when, ioctls from other threads while
 * the guest runs, and the smallest and largest timer values.
 */
#include "vm.h"

GUEST(load, "li t0, 0x10000000\nli a0, -1\nlw a0, 0(t0)\n" REPORT);
GUEST(report, "li a0, 0x1234\nli a1, 0x55\n" REPORT "mv a0, a0\n" REPORT);
/* Stores 1 to a word of memory to show that it runs, then loops. */
GUEST(spin, "li t0, 0x80001000\nli t1, 1\nsd t1, 0(t0)\n1: j 1b\n");
/* a1: the timer's value; a2: 1 if it is relative to now. Reports scause. */
GUEST(timer, ".option norvc\nlla t0, 2f\ncsrw stvec, t0\nli t0, 0x20\ncsrw sie, t0\nmv a0, a1\n"
	     "beqz a2, 3f\nrdtime t0\nadd a0, a0, t0\n3: li a7, 0x54494d45\nli a6, 0\necall\n"
	     "csrsi sstatus, 2\n1: wfi\nj 1b\n.balign 4\n2: csrr a0, scause\n" REPORT);

#define TIMER_CAUSE (1UL << 63 | 5)
#define SPINS_AT    0x1000 /* offset in the guest's memory: spin writes 1 there */

static void on_signal(int sig)
{
	(void)sig;
}

/* ---- the run page ------------------------------------------------------------------------ */

static void answers(struct vm *vm, struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	vm_load(vm, load);
	set_reg(vcpu, R_PC, MEM_GPA);
	must(vcpu_run(vcpu) == 0 && run->exit_reason == KVM_EXIT_MMIO, "the load");
	run->mmio.len = 8;
	run->mmio.is_write = getenv("HS_OURS") != NULL; /* if set, Linux would not set a0 */
	run->mmio.phys_addr = 0;
	memset(run->mmio.data, 0x71, 8);
	ok(vcpu_run(vcpu) == 0 && is_report(vcpu, 0x71717171),
	   "a load gets its own number of bytes, whatever the run page's mmio.len is");
	vcpu_finish(vcpu);

	set_reg(vcpu, R_PC, MEM_GPA);
	must(vcpu_run(vcpu) == 0 && run->exit_reason == KVM_EXIT_MMIO, "the load");
	run->mmio.len = 0xffffffff;
	memset(run->mmio.data, 0x11, 8);
	run->immediate_exit = 1;
	fails_with(vcpu_run(vcpu), EINTR,
		   "KVM_RUN with immediate_exit set reads a load's answer, then ends with EINTR");
	run->immediate_exit = 0;
	memset(run->mmio.data, 0x22, 8);
	ok(vcpu_run(vcpu) == 0 && is_report(vcpu, 0x11111111),
	   "KVM_RUN reads a load's answer only once");
	vcpu_finish(vcpu);
}

static void completes(struct vm *vm, struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	vm_load(vm, report);
	set_reg(vcpu, R_PC, MEM_GPA);
	must(vcpu_run(vcpu) == 0 && is_report(vcpu, 0x1234), "the report");
	run->riscv_sbi.extension_id = 0;
	run->riscv_sbi.args[0] = ~0UL;
	run->riscv_sbi.ret[0] = 0x77;
	ok(vcpu_run(vcpu) == 0 && is_report(vcpu, 0x77),
	   "KVM_RUN reads only the result of an SBI call from the run page");
	vcpu_finish(vcpu);
	run->immediate_exit = 255;
	fails_with(vcpu_run(vcpu), EINTR, "any nonzero immediate_exit ends KVM_RUN");
	run->immediate_exit = 0;
}

/* ---- calls while the vCPU runs ------------------------------------------------------------- */

struct caller {
	struct vcpu *vcpu;
	volatile bool started, done;
	uint64_t value;
};

static void *get_pc(void *arg)
{
	struct caller *c = arg;

	c->started = true;
	c->value = get_reg(c->vcpu, R_PC);
	c->done = true;
	return NULL;
}

static void *run(void *arg)
{
	vcpu_run(arg);
	return NULL;
}

static void waits(struct vm *vm, struct vcpu *vcpu)
{
	struct caller c = { .vcpu = vcpu };
	struct kvm_interrupt irq = { KVM_INTERRUPT_SET };
	volatile uint64_t *spins = (uint64_t *)(vm->mem + SPINS_AT);
	pthread_t runner, caller;

	vm_load(vm, spin);
	*spins = 0;
	set_reg(vcpu, R_PC, MEM_GPA);
	pthread_create(&runner, NULL, run, vcpu);
	while (!*spins)
		sleep_ms(1);
	pthread_create(&caller, NULL, get_pc, &c);
	while (!c.started)
		sleep_ms(1);
	sleep_ms(30);
	pthread_kill(caller, SIGUSR1);
	sleep_ms(30);
	ok(!c.done, "KVM_GET_ONE_REG waits while the vCPU runs, even if its caller gets a signal");
	ok(ioctl(vcpu->fd, KVM_INTERRUPT, &irq) == 0,
	   "KVM_INTERRUPT does not wait for a running vCPU");
	while (!c.done) {
		pthread_kill(runner, SIGUSR1);
		sleep_ms(5);
	}
	pthread_join(runner, NULL);
	pthread_join(caller, NULL);
	ok(c.value > MEM_GPA && c.value < MEM_GPA + 64,
	   "KVM_GET_ONE_REG succeeds once the vCPU has left KVM_RUN");
	irq.irq = KVM_INTERRUPT_UNSET;
	ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

/* ---- the timer -------------------------------------------------------------------------------- */

/* Return whether the timer fires. Wait up to a minute if it should, and 50 ms if it should not. */
static bool fires(struct vm *vm, struct vcpu *vcpu, uint64_t value, uint64_t from_now, bool should)
{
	int ret;

	vm_load(vm, timer);
	vcpu_finish(vcpu);
	set_reg(vcpu, CSRREG(sstatus), 0);
	set_reg(vcpu, R_PC, MEM_GPA);
	set_reg(vcpu, R_A1, value);
	set_reg(vcpu, CORE(regs.a2), from_now);
	if (should)
		alarm(60);
	else
		ualarm(50000, 10000);
	ret = vcpu_run(vcpu);
	ualarm(0, 0);
	must(is_report(vcpu, TIMER_CAUSE) || (ret == -1 && vcpu->run->exit_reason == KVM_EXIT_INTR),
	     "the timer or a signal");
	return ret == 0;
}

static void timers(struct vm *vm, struct vcpu *vcpu, struct vcpu *second)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	ok(!fires(vm, vcpu, -1UL, 0, false), "a timer set to -1 never fires");
	ok(fires(vm, vcpu, 0, 0, true), "a timer set to 0 fires immediately");
	ok(fires(vm, vcpu, -1UL, 1, true), "a timer set to one tick ago fires immediately");
	ok(fires(vm, vcpu, 1000, 1, true), "a timer set to 1000 ticks from now fires");
	ok(!fires(vm, vcpu, 1UL << 63, 1, false),
	   "a timer set to 2^63 ticks from now does not fire");
	ok(!fires(vm, vcpu, -2UL, 0, false), "a timer set to -2 does not fire");
	ioctl(second->fd, KVM_SET_MP_STATE, &runnable);
	ok(fires(vm, second, 0, 0, true) && !fires(vm, vcpu, -1UL, 0, false),
	   "one vCPU's timer does not interrupt another vCPU");
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0), second = vcpu_new(&vm, 1);

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	answers(&vm, &vcpu);
	completes(&vm, &vcpu);
	waits(&vm, &vcpu);
	timers(&vm, &vcpu, &second);
	vcpu_free(&second);
	vcpu_free(&vcpu);
	vm_free(&vm);
	return tap_done();
}
