// SPDX-License-Identifier: MIT
/*
 * run.c - KVM_RUN: how it ends, what it passes to user space, and how other threads can end it.
 */
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "vm.h"

#define CAP_MP_STATE_RESET 242 /* KVM_CAP_RISCV_MP_STATE_RESET, since Linux 6.16 */

GUEST(report, "li a0, 0x1234\nli a1, 0x55\n" REPORT "add a0, a0, a1\n" REPORT "1: j 1b");
GUEST(spin, "1: j 1b");
GUEST(sleep, "1: wfi\nj 1b");
/* Stores a mark, calls a retentive hart_suspend, which may return for no reason, and then spins. */
#define MARK_AT 0x1000 /* offset of the mark from MEM_GPA */
GUEST(suspend, "li t0, 0x80001000\nli t1, 1\nsd t1, 0(t0)\n"
	       "li a7, 0x48534d\nli a6, 3\nli a0, 0\necall\n1: j 1b");
GUEST(interrupt, ".option norvc\nlla t0, 2f\ncsrw stvec, t0\nli t0, 0x200\ncsrw sie, t0\n"
		 "csrsi sstatus, 2\n1: wfi\nj 1b\n.balign 4\n2: csrr a0, scause\n" REPORT);
GUEST(store, "li t0, 0x10000000\nli t1, 0xabcd\nsw t1, 0(t0)\nsw t1, 4(t0)\nli a0, 1\n" REPORT);
/* Starts vCPU 1 at label 1, where it reports its a0 and a1 in one number; vCPU 0 then spins. */
GUEST(start, ".option norvc\nli a7, 0x48534d\nli a6, 0\nli a0, 1\nlla a1, 1f\nli a2, 0x77\n"
	     "ecall\n2: j 2b\n.balign 4\n1: slli a0, a0, 8\nor a0, a0, a1\n" REPORT);
/* With a0 = 0, starts vCPU 1 and reports; otherwise loads from a device and reports. */
GUEST(restart, ".option norvc\nbnez a0, 2f\nli a7, 0x48534d\nli a6, 0\nli a0, 1\nlla a1, 1f\n"
	       "li a2, 0x77\necall\n" REPORT "2: li t0, 0x10000000\nlw a1, 0(t0)\n" REPORT
	       "1: slli a0, a0, 8\nor a0, a0, a1\n" REPORT);
GUEST(poweroff, "li a7, 0x53525354\nli a6, 0\nli a0, 0\nli a1, 1\necall\n1: j 1b");
GUEST(unknown, "li a7, 0x424242\nli a6, 0\necall\n" REPORT);
GUEST(touch, "li t0, 0x80100000\nld t1, 0(t0)\nli a0, 9\n" REPORT);

static void on_signal(int sig)
{
	(void)sig;
}

static void forwarded_call(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	uint64_t pc;

	vm_load(&vm, report);
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 0x1234), "an SBI call exits to user space");
	ok(vcpu.run->riscv_sbi.function_id == 7 && vcpu.run->riscv_sbi.args[1] == 0x55,
	   "the exit has the SBI call's function and arguments");
	pc = get_reg(&vcpu, R_PC);
	vcpu.run->riscv_sbi.ret[0] = 3;
	vcpu.run->riscv_sbi.ret[1] = 4;
	vcpu.run->immediate_exit = 1;
	fails_with(vcpu_run(&vcpu), EINTR, "immediate_exit ends KVM_RUN immediately");
	ok(get_reg(&vcpu, R_A0) == 3 && get_reg(&vcpu, R_A1) == 4,
	   "KVM_RUN with immediate_exit puts the answer to an SBI call into a0 and a1");
	ok(get_reg(&vcpu, R_PC) == pc + 4, "pc is one instruction past the SBI call");
	vcpu.run->immediate_exit = 0;
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 7), "the guest continues with the answer");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

struct runner {
	struct vcpu *vcpu;
	int ret, error;
	volatile bool done;
};

static void *run_thread(void *arg)
{
	struct runner *r = arg;

	r->ret = vcpu_run(r->vcpu);
	r->error = errno;
	r->done = true;
	return NULL;
}

/* Run the vCPU on another thread, and end KVM_RUN with a signal that has a handler. */
static void ended_by_signal(struct vm *vm, struct vcpu *vcpu, const char *name)
{
	struct runner r = { .vcpu = vcpu };
	pthread_t thread;

	(void)vm;
	pthread_create(&thread, NULL, run_thread, &r);
	sleep_ms(50);
	if (r.done)
		printf("# KVM_RUN ended before the signal: %d, errno %d, exit reason %u\n", r.ret,
		       r.error, vcpu->run->exit_reason);
	while (!r.done) {
		pthread_kill(thread, SIGUSR1);
		sleep_ms(5);
	}
	pthread_join(thread, NULL);
	ok(r.ret == -1 && r.error == EINTR && vcpu->run->exit_reason == KVM_EXIT_INTR, name);
}

/*
 * Like ended_by_signal(), but one signal has to suffice, so that a lost signal is detected. Send it
 * only once the guest has run, because a signal that is handled before KVM_RUN begins does not end
 * KVM_RUN.
 */
static void ended_by_one_signal(const struct vm *vm, struct vcpu *vcpu, const char *name)
{
	const volatile uint64_t *mark = (const uint64_t *)(vm->mem + MARK_AT);
	struct runner r = { .vcpu = vcpu };
	unsigned int waits;
	pthread_t thread;
	bool in_time;

	pthread_create(&thread, NULL, run_thread, &r);
	while (!*mark && !r.done)
		sleep_ms(1);
	sleep_ms(50);
	pthread_kill(thread, SIGUSR1);
	for (waits = 0; !r.done && waits < 200; waits++)
		sleep_ms(10);
	in_time = r.done;
	while (!r.done) {
		pthread_kill(thread, SIGUSR1);
		sleep_ms(5);
	}
	pthread_join(thread, NULL);
	ok(in_time && r.ret == -1 && r.error == EINTR, name);
}

static void signals(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0), second = vcpu_new(&vm, 1);
	struct kvm_mp_state state;

	vm_load(&vm, spin);
	ended_by_signal(&vm, &vcpu, "a signal ends KVM_RUN of a spinning guest");
	ok(ioctl(second.fd, KVM_GET_MP_STATE, &state) == 0 &&
		   state.mp_state == KVM_MP_STATE_STOPPED,
	   "vCPU 1 is stopped when it is created");
	ended_by_signal(&vm, &second, "a signal ends KVM_RUN of vCPU 1, which waits to be started");
	vm_load(&vm, sleep);
	ended_by_signal(&vm, &vcpu, "a signal ends KVM_RUN of a guest in WFI");
	vm_load(&vm, suspend);
	set_reg(&vcpu, R_PC, MEM_GPA);
	ended_by_one_signal(&vm, &vcpu,
			    "one signal ends KVM_RUN of a suspended guest that spins on wake-up");
	state.mp_state = KVM_MP_STATE_STOPPED;
	ok(ioctl(vcpu.fd, KVM_SET_MP_STATE, &state) == 0, "KVM_SET_MP_STATE can stop vCPU 0");
	ended_by_signal(&vm, &vcpu, "a signal ends KVM_RUN of vCPU 0 when it is stopped");
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	vm_load(&vm, report);
	set_reg(&second, R_PC, MEM_GPA);
	ok(ioctl(second.fd, KVM_SET_MP_STATE, &state) == 0 && vcpu_run(&second) == 0 &&
		   is_report(&second, 0x1234),
	   "KVM_SET_MP_STATE can start vCPU 1");
	vcpu_free(&second);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/* KVM_SET_SIGNAL_MASK: a signal that is unblocked only in KVM_RUN ends it and stays pending. */
static void signal_mask(void)
{
	struct {
		uint32_t len;
		uint8_t set[8];
	} __attribute__((packed)) mask = { .len = 8 };
	struct timespec none = { 0, 0 };
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	sigset_t blocked, old;

	vm_load(&vm, spin);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, &old);
	ok(ioctl(vcpu.fd, KVM_SET_SIGNAL_MASK, &mask) == 0, "a signal mask for KVM_RUN can be set");
	pthread_kill(pthread_self(), SIGUSR1);
	fails_with(vcpu_run(&vcpu), EINTR,
		   "a signal that only KVM_RUN's mask unblocks ends KVM_RUN");
	ok(sigtimedwait(&blocked, NULL, &none) == SIGUSR1,
	   "the signal is still pending after KVM_RUN");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/* The child's guest spins, and nothing but SIGKILL can end its KVM_RUN. */
static void killed(void)
{
	struct {
		uint32_t len;
		uint8_t set[8];
	} __attribute__((packed)) mask = { .len = 8 };
	pid_t child = fork(), ended = 0;
	unsigned int tenths;
	int status = 0;

	if (child == 0) {
		struct vm vm = vm_new();
		struct vcpu vcpu = vcpu_new(&vm, 0);

		vm_load(&vm, spin);
		memset(mask.set, 0xff, sizeof(mask.set));
		must(ioctl(vcpu.fd, KVM_SET_SIGNAL_MASK, &mask) == 0, "KVM_SET_SIGNAL_MASK");
		vcpu_run(&vcpu);
		_exit(0);
	}
	usleep(200000);
	kill(child, SIGKILL);
	for (tenths = 0; tenths < 100 && !ended; tenths++) {
		ended = waitpid(child, &status, WNOHANG);
		if (!ended)
			usleep(100000);
	}
	ok(ended == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	   "SIGKILL ends a process whose KVM_RUN blocks all signals");
}

static void interrupts(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	struct kvm_interrupt irq = { .irq = KVM_INTERRUPT_SET };
	struct runner r = { .vcpu = &vcpu };
	pthread_t thread;

	vm_load(&vm, interrupt);
	pthread_create(&thread, NULL, run_thread, &r);
	sleep_ms(30);
	ok(!r.done && ioctl(vcpu.fd, KVM_INTERRUPT, &irq) == 0,
	   "KVM_INTERRUPT succeeds while the guest sleeps");
	pthread_join(thread, NULL);
	ok(r.ret == 0 && is_report(&vcpu, 1UL << 63 | 9),
	   "KVM_INTERRUPT raises the guest's external interrupt");
	ok(get_reg(&vcpu, CSRREG(sip)) == 1UL << 9,
	   "sip shows the interrupt line while it is raised");
	irq.irq = KVM_INTERRUPT_UNSET;
	ok(ioctl(vcpu.fd, KVM_INTERRUPT, &irq) == 0 && get_reg(&vcpu, CSRREG(sip)) == 0,
	   "sip does not show the interrupt line once it is lowered");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static void events(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	struct kvm_ioeventfd io = {
		.addr = 0x10000000,
		.len = 4,
		.datamatch = 0xabcd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	uint64_t count = 0;

	vm_load(&vm, store);
	io.fd = eventfd(0, EFD_NONBLOCK);
	ok(ioctl(vm.fd, KVM_IOEVENTFD, &io) == 0, "an ioeventfd can be registered");
	fails_with(ioctl(vm.fd, KVM_IOEVENTFD, &io), EEXIST,
		   "an identical second ioeventfd is refused");
	ok(vcpu_run(&vcpu) == 0 && vcpu.run->exit_reason == KVM_EXIT_MMIO &&
		   vcpu.run->mmio.phys_addr == 0x10000004 && vcpu.run->mmio.len == 4 &&
		   vcpu.run->mmio.is_write && vcpu.run->mmio.data[0] == 0xcd &&
		   vcpu.run->mmio.data[1] == 0xab,
	   "the ioeventfd takes its store; the next store exits to user space");
	ok(read(io.fd, &count, 8) == 8 && count == 1, "the store signals the eventfd once");
	io.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	ok(ioctl(vm.fd, KVM_IOEVENTFD, &io) == 0, "the ioeventfd can be removed");
	fails_with(ioctl(vm.fd, KVM_IOEVENTFD, &io), ENOENT,
		   "the ioeventfd cannot be removed twice");
	set_reg(&vcpu, R_PC, MEM_GPA);
	vcpu_finish(&vcpu);
	set_reg(&vcpu, R_PC, MEM_GPA);
	ok(vcpu_run(&vcpu) == 0 && vcpu.run->mmio.phys_addr == 0x10000000,
	   "without the ioeventfd, its store exits to user space");
	close(io.fd);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static void starts(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0), second = vcpu_new(&vm, 1);
	struct runner r = { .vcpu = &second }, first = { .vcpu = &vcpu };
	pthread_t thread, spinner;

	vm_load(&vm, start);
	pthread_create(&thread, NULL, run_thread, &r);
	pthread_create(&spinner, NULL, run_thread, &first);
	pthread_join(thread, NULL);
	ok(r.ret == 0 && is_report(&second, 0x177),
	   "SBI HSM starts vCPU 1 with its hart id in a0 and the opaque value in a1");
	while (!first.done) {
		pthread_kill(spinner, SIGUSR1);
		sleep_ms(5);
	}
	pthread_join(spinner, NULL);
	vcpu_free(&second);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static int set_mp_state(const struct vcpu *vcpu, uint32_t mp_state)
{
	return ioctl(vcpu->fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ mp_state });
}

/* vCPU 1's load is pending in user space when vCPU 0 restarts vCPU 1 at another address. */
static void starts_anew(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0), second = vcpu_new(&vm, 1);
	uint64_t pc;

	vm_load(&vm, restart);
	set_reg(&second, R_A0, 1);
	set_mp_state(&second, KVM_MP_STATE_RUNNABLE);
	ok(vcpu_run(&second) == 0 && second.run->exit_reason == KVM_EXIT_MMIO,
	   "a load by vCPU 1 exits to user space");
	pc = get_reg(&second, R_PC);
	set_mp_state(&second, KVM_MP_STATE_STOPPED);
	ok(get_reg(&second, R_PC) == pc, "stopping vCPU 1 does not complete its load");
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 0), "vCPU 0 starts vCPU 1 again");
	get_reg(&second, R_PC);
	memset(second.run->mmio.data, 0x5a, 8);
	ok(vcpu_run(&second) == 0 && is_report(&second, 0x177),
	   "vCPU 1 starts at the new address, and the load's answer is dropped");
	vcpu_free(&second);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static void reset_by_mp_state(void)
{
	struct kvm_enable_cap cap = { .cap = CAP_MP_STATE_RESET };
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	struct kvm_mp_state state = { .mp_state = 99 };

	fails_with(set_mp_state(&vcpu, KVM_MP_STATE_INIT_RECEIVED), EINVAL,
		   "INIT_RECEIVED is refused without its capability");
	ok(get_reg(&vcpu, R_PC) == MEM_GPA, "a refused INIT_RECEIVED does not reset the vCPU");
	if (ioctl(vm.fd, KVM_ENABLE_CAP, &cap)) {
		printf("ok %d - INIT_RECEIVED resets # SKIP this KVM is older than Linux 6.16\n",
		       ++tap_count);
	} else {
		set_reg(&vcpu, R_A0, 5);
		set_mp_state(&vcpu, KVM_MP_STATE_STOPPED);
		ok(set_mp_state(&vcpu, KVM_MP_STATE_INIT_RECEIVED) == 0 &&
			   get_reg(&vcpu, R_PC) == 0 && get_reg(&vcpu, R_A0) == 0,
		   "INIT_RECEIVED resets the registers");
		ok(ioctl(vcpu.fd, KVM_GET_MP_STATE, &state) == 0 &&
			   state.mp_state == KVM_MP_STATE_STOPPED,
		   "INIT_RECEIVED leaves a stopped vCPU stopped");
	}
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static void ends(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);
	struct kvm_mp_state state = { .mp_state = 99 };

	vm_load(&vm, poweroff);
	ok(vcpu_run(&vcpu) == 0 && vcpu.run->exit_reason == KVM_EXIT_SYSTEM_EVENT &&
		   vcpu.run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN &&
		   vcpu.run->system_event.ndata == 1 && vcpu.run->system_event.data[0] == 1,
	   "an SBI reset exits with a system event and the reset's reason");
	ok(ioctl(vcpu.fd, KVM_GET_MP_STATE, &state) == 0 && state.mp_state == KVM_MP_STATE_STOPPED,
	   "an SBI reset stops the vCPU");
	vcpu_free(&vcpu);
	vcpu = vcpu_new(&vm, 1);
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	ioctl(vcpu.fd, KVM_SET_MP_STATE, &state);
	vm_load(&vm, unknown);
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, -2UL),
	   "an unknown SBI call returns SBI_ERR_NOT_SUPPORTED");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

/* Descriptors may be closed in any order: a vCPU keeps its VM alive. */
static void lives(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);

	vm_load(&vm, report);
	close(vm.kvm);
	close(vm.fd);
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 0x1234), "a vCPU outlives its VM's descriptor");
	vcpu_free(&vcpu);
	munmap(vm.mem, MEM_SIZE);
}

/* A guest loses the memory that the host unmaps. */
static void memory_goes(void)
{
	struct vm vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0);

	vm_load(&vm, touch);
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, 9), "the guest reads its memory");
	munmap(vm.mem + 0x100000, 0x1000);
	set_reg(&vcpu, R_PC, MEM_GPA);
	vcpu_finish(&vcpu);
	set_reg(&vcpu, R_PC, MEM_GPA);
	fails_with(vcpu_run(&vcpu), EFAULT,
		   "the guest cannot read memory that the VMM has unmapped");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

static volatile bool stop_scribbling;

static void *scribble(void *arg)
{
	volatile uint8_t *page = arg;
	unsigned int seed = 1;

	while (!stop_scribbling) {
		page[rand_r(&seed) % 4096] = (uint8_t)rand_r(&seed);
		page[1] = 0; /* keep immediate_exit clear */
	}
	return NULL;
}

/* Reports 1, 2, 3 and so on. */
GUEST(counting, "1: addi s1, s1, 1\nmv a0, s1\n" REPORT "j 1b\n");

/* Another thread scribbles on the run page: nothing but this guest may be affected. */
static void hostile_page(void)
{
	struct vm vm = vm_new(), other_vm = vm_new();
	struct vcpu vcpu = vcpu_new(&vm, 0), other = vcpu_new(&other_vm, 0);
	bool good = true;
	pthread_t thread;
	int rounds, err;

	vm_load(&vm, report);
	vm_load(&other_vm, counting);
	stop_scribbling = false;
	pthread_create(&thread, NULL, scribble, vcpu.run);
	for (rounds = 0; rounds < 2000; rounds++) {
		vm_load(&vm, report);
		set_reg(&vcpu, R_PC, MEM_GPA);
		ualarm(20000, 10000); /* repeated: the first signal may arrive before KVM_RUN */
		vcpu_run(&vcpu);
		ualarm(0, 0);
		do
			err = vcpu_run(&other);
		while (err && errno == EINTR);
		good &= !err && is_report(&other, (unsigned long)rounds + 1);
	}
	stop_scribbling = true;
	pthread_join(thread, NULL);
	ok(good, "a run page that changes all the time does not affect another VM");
	vcpu_free(&vcpu);
	vcpu_free(&other);
	vm_free(&vm);
	vm_free(&other_vm);
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	forwarded_call();
	signals();
	signal_mask();
	killed();
	interrupts();
	events();
	starts();
	starts_anew();
	reset_by_mp_state();
	ends();
	lives();
	memory_goes();
	hostile_page();
	return tap_done();
}
