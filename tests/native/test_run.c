// SPDX-License-Identifier: MIT
/*
 * test_run.c - KVM_RUN's loop: traps delivered to the guest, interrupts, and waiting.
 *
 * The guest traps once, and records its registers at the next entry.
 */
#include <pthread.h>
#include <sched.h>
#include "vcpu/timer.h"
#include "one_vm.h"

#define PC    (NATIVE_GUEST_BASE + 0x1000)
#define STVEC 0x80004000UL

static int setup(void **state)
{
	(void)state;
	one_vm_ready("h i m a f d c sstc zkr zawrs", PC);
	vm.vcpu->csrs.vstvec = STVEC;
	return 0;
}

/* ---- a guest that traps once, then records its registers -------------------------- */

static struct hv_trap trap_once;
static unsigned int entries;
static struct {
	unsigned long sepc, sstatus, vsstatus, vscause, vsepc, vstval, hvip;
} seen;

static void one_trap_guest(struct kvm_vcpu *vcpu)
{
	if (entries++ == 0) {
		native_trap(&trap_once);
		return;
	}
	seen.sepc = vcpu->guest.sepc;
	seen.sstatus = vcpu->guest.sstatus;
	seen.vsstatus = csr_read(vsstatus);
	seen.vscause = csr_read(vscause);
	seen.vsepc = csr_read(vsepc);
	seen.vstval = csr_read(vstval);
	seen.hvip = csr_read(hvip);
	host_interrupt();
}

static int run_trap(struct hv_trap trap)
{
	entries = 0;
	trap_once = trap;
	native_guest = one_trap_guest;
	native_signal_set(false);
	return native_run(vm.vcpu);
}

static void a_trap_from_vu_is_taken_in_vs_at_its_vector(void **state)
{
	(void)state;
	vm.vcpu->guest.sstatus &= ~SSTATUS_SPP;
	vm.vcpu->csrs.vsstatus |= SSTATUS_SIE | SSTATUS_SPP;
	vm.vcpu->csrs.vstvec = STVEC | 1; /* vectored: exceptions still go to the base */
	assert_int_equal(
		run_trap((struct hv_trap){ .scause = EXC_LOAD_ACCESS_FAULT, .stval = 0x77 }),
		-EINTR);
	assert_int_equal(seen.sepc, STVEC);
	assert_true(seen.sstatus & SSTATUS_SPP);
	assert_int_equal(seen.vscause, EXC_LOAD_ACCESS_FAULT);
	assert_int_equal(seen.vsepc, PC);
	assert_int_equal(seen.vstval, 0x77);
	assert_int_equal(seen.vsstatus & (SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE), SSTATUS_SPIE);
}

static void a_trap_from_vs_remembers_vs_and_its_interrupt_enable(void **state)
{
	(void)state;
	vm.vcpu->csrs.vsstatus = (vm.vcpu->csrs.vsstatus | SSTATUS_SPIE) & ~SSTATUS_SIE;
	assert_int_equal(run_trap((struct hv_trap){ .scause = EXC_STORE_MISALIGNED }), -EINTR);
	assert_int_equal(seen.vsstatus & (SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE), SSTATUS_SPP);
}

static void an_unknown_cause_exits_to_user_space(void **state)
{
	(void)state;
	assert_int_equal(run_trap((struct hv_trap){ .scause = 24 }), 0);
	assert_int_equal(native_events(TRACE_kvm_exit_unknown), 1);
	assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	assert_int_equal(vm.vcpu->run->internal.data[0], 24);
	assert_int_equal(run_trap((struct hv_trap){ .scause = ~CAUSE_IRQ_FLAG }), 0);
	assert_int_equal(vm.vcpu->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
}

static u64 guest_mode, guest_pc;

static void record_sample(enum trace_event_nr event, const u64 *args)
{
	if (event != TRACE_sample || args[0] == SAMPLE_HS)
		return;
	guest_mode = args[0];
	guest_pc = args[1];
}

static void a_host_interrupt_samples_the_guests_mode_and_pc(void **state)
{
	(void)state;
	for (unsigned int user = 0; user < 2; user++) {
		guest_mode = guest_pc = 0;
		native_event_hook = record_sample;
		vm.vcpu->guest.sepc = PC;
		vm.vcpu->guest.sstatus &= ~SSTATUS_SPP;
		vm.vcpu->guest.sstatus |= user ? 0 : SSTATUS_SPP;
		run_trap((struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
		assert_int_equal(guest_mode, user ? SAMPLE_VU : SAMPLE_VS);
		assert_int_equal(guest_pc, PC);
	}
}

/* ---- requests that arrive as fast as they are served ------------------------------------------ */

#define FENCES 1000 /* the last one; without it, a test that fails would not end */

static unsigned int fences;

static void request_the_next_fence(enum trace_event_nr event, const u64 *args)
{
	(void)args;
	if (event == TRACE_kvm_fence_i && ++fences < FENCES)
		vcpu_set_request(vm.vcpu, REQ_FENCE_I);
}

static void send_signal(void)
{
	native_signal_set(true);
}

static void interrupts_are_taken_although_requests_do_not_end(void **state)
{
	(void)state;
	fences = 0;
	native_event_hook = request_the_next_fence;
	native_poll_hook = send_signal;
	vcpu_set_request(vm.vcpu, REQ_FENCE_I);
	assert_int_equal(run_trap((struct hv_trap){ .scause = 24 }), -EINTR);
	assert_int_equal(entries, 0);
	assert_true(fences < FENCES);
}

/* ---- virtual instructions ------------------------------------------------------------------- */

static void a_hypervisor_csr_is_an_illegal_instruction(void **state)
{
	(void)state;
	/* csrr a0, hstatus */
	assert_int_equal(
		run_trap((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0x60002573 }),
		-EINTR);
	assert_int_equal(seen.vscause, EXC_ILLEGAL_INST);
	assert_int_equal(seen.vstval, 0x60002573);
}

static void wfi_in_vu_is_illegal_and_does_not_wait(void **state)
{
	(void)state;
	vm.vcpu->guest.sstatus &= ~SSTATUS_SPP;
	assert_int_equal(
		run_trap((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0x10500073 }),
		-EINTR);
	assert_int_equal(seen.vscause, EXC_ILLEGAL_INST);
	assert_int_equal(vm.vcpu->stats.wfi_exit_stat, 0);
}

static void wrs_nto_continues_at_the_next_instruction(void **state)
{
	(void)state;
	assert_int_equal(
		run_trap((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0x00d00073 }),
		-EINTR);
	assert_int_equal(seen.sepc, PC + 4);
	assert_int_equal(vm.vcpu->stats.wrs_exit_stat, 1);
}

static unsigned int left_the_hart;

static void count_leaving(bool begins)
{
	left_the_hart += begins;
}

static void run_wrs_nto(void)
{
	left_the_hart = 0;
	assert_int_equal(
		run_trap((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0x00d00073 }),
		-EINTR);
}

/*
 * The guest waits for a store that may have to come from the thread that waits for this hart, and
 * time slices are long.
 */
static void wrs_nto_yields_the_hart_to_a_waiting_thread(void **state)
{
	(void)state;
	native_wait_hook = count_leaving;
	run_wrs_nto();
	assert_int_equal(left_the_hart, 0);
	native_hart_queued = 1;
	run_wrs_nto();
	assert_int_equal(left_the_hart, 1);
}

/* stval may be 0 instead of the instruction, which is then fetched. */
static void an_instruction_that_stval_does_not_hold_is_fetched(void **state)
{
	u32 wfi = 0x10500073;

	(void)state;
	memcpy(native_user(NATIVE_USER_BASE + 0x1000), &wfi, sizeof(wfi));
	vm.vcpu->csrs.vsie = BIT(IRQ_S_EXT);
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	/* The page of the instruction is not mapped yet: the guest's own fetch maps it. */
	assert_int_equal(run_trap((struct hv_trap){ .scause = EXC_VIRTUAL_INST }), -EINTR);
	assert_int_equal(seen.sepc, PC);
	assert_int_equal(run_trap((struct hv_trap){ .scause = EXC_INST_GUEST_PAGE_FAULT,
						    .htval = PC >> 2,
						    .stval = PC }),
			 -EINTR);
	assert_int_equal(run_trap((struct hv_trap){ .scause = EXC_VIRTUAL_INST }), -EINTR);
	assert_int_equal(seen.sepc, PC + 4);
	assert_int_equal(vm.vcpu->stats.wfi_exit_stat, 1);
}

static void seed_is_read_by_user_space(void **state)
{
	struct kvm_run *run = vm.vcpu->run;

	(void)state;
	/* csrrw a0, seed, x0 */
	assert_int_equal(
		run_trap((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0x01501573 }), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_RISCV_CSR);
	assert_int_equal(run->riscv_csr.csr_num, 0x15);
	assert_int_equal(run->riscv_csr.write_mask, ~0UL);
	assert_int_equal(run->riscv_csr.new_value, 0);
	assert_int_equal(vm.vcpu->guest.sepc, PC);
	run->riscv_csr.ret_value = 0x80001234;
	run->immediate_exit = 1;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], 0x80001234);
	assert_int_equal(vm.vcpu->guest.sepc, PC + 4);
	run->immediate_exit = 0;
}

/* csrr a0, hpmcounter7 */
#define READ_HPM7 ((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0xc0702573 })

static void event_counters_read_as_0(void **state)
{
	(void)state;
	vm.vcpu->guest.gpr[GPR_A0] = 99;
	assert_int_equal(run_trap(READ_HPM7), -EINTR);
	assert_int_equal(seen.sepc, PC + 4);
	assert_int_equal(vm.vcpu->guest.gpr[GPR_A0], 0);
}

static void vu_reads_only_counters_enabled_in_scounteren(void **state)
{
	(void)state;
	vm.vcpu->guest.sstatus &= ~SSTATUS_SPP;
	vm.vcpu->csrs.scounteren = 1 << 7;
	assert_int_equal(run_trap(READ_HPM7), -EINTR);
	assert_int_equal(seen.sepc, PC + 4);
	vm.vcpu->guest.sepc = PC;
	vm.vcpu->csrs.scounteren = ~0u & ~(1u << 7);
	assert_int_equal(run_trap(READ_HPM7), -EINTR);
	assert_int_equal(seen.vscause, EXC_ILLEGAL_INST);
}

/* ---- interrupts and waiting ------------------------------------------------------------------- */

static void irq_lines_reach_hvip_before_the_entry(void **state)
{
	(void)state;
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	vcpu_set_irq(vm.vcpu, IRQ_VS_SOFT);
	vcpu_clear_irq(vm.vcpu, IRQ_VS_SOFT);
	assert_int_equal(run_trap((struct hv_trap){ .scause = EXC_LOAD_ACCESS_FAULT }), -EINTR);
	assert_int_equal(seen.hvip, BIT(IRQ_VS_EXT));
}

/* Clear VSSIP as a guest may. It must not be set again when another line is raised. */
static void guest_clears_softirq(struct kvm_vcpu *vcpu)
{
	if (entries++ == 0) {
		assert_int_equal(csr_read(hvip), BIT(IRQ_VS_SOFT));
		csr_clear(hvip, BIT(IRQ_VS_SOFT));
		vcpu_set_irq(vcpu, IRQ_VS_EXT);
		native_trap(&(struct hv_trap){ .scause = EXC_LOAD_ACCESS_FAULT });
		return;
	}
	seen.hvip = csr_read(hvip);
	host_interrupt();
}

static void an_interrupt_that_the_guest_cleared_stays_cleared(void **state)
{
	(void)state;
	vcpu_set_irq(vm.vcpu, IRQ_VS_SOFT);
	entries = 0;
	native_guest = guest_clears_softirq;
	assert_int_equal(native_run(vm.vcpu), -EINTR);
	assert_int_equal(seen.hvip, BIT(IRQ_VS_EXT));
	assert_int_equal(vm.vcpu->csrs.hvip, BIT(IRQ_VS_EXT));
}

#define WFI_TRAP ((struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = 0x10500073 })

static void until_it_sleeps(void)
{
	while (!READ_ONCE(vm.vcpu->blocking))
		sched_yield();
}

static void *ring_later(void *arg)
{
	until_it_sleeps();
	vcpu_set_irq(arg, IRQ_VS_EXT);
	return NULL;
}

static void *pass_time(void *arg)
{
	until_it_sleeps();
	native_time_set(*(u64 *)arg);
	return NULL;
}

static void wfi_sleeps_until_a_line_that_the_guest_has_enabled(void **state)
{
	pthread_t thread;

	(void)state;
	vm.vcpu->csrs.vsie = BIT(IRQ_S_EXT);
	vcpu_set_irq(vm.vcpu, IRQ_VS_SOFT); /* pending but masked, so no reason to wake */
	pthread_create(&thread, NULL, ring_later, vm.vcpu);
	assert_int_equal(run_trap(WFI_TRAP), -EINTR);
	pthread_join(thread, NULL);
	assert_int_equal(seen.sepc, PC + 4);
	assert_true(seen.hvip & BIT(IRQ_VS_EXT));
	assert_int_equal(vm.vcpu->stats.halt_wakeup, 1);
}

static void wfi_sleeps_until_the_guests_timer(void **state)
{
	u64 now = hv_time(), later = now + 5000;
	pthread_t thread;

	(void)state;
	vm.vcpu->csrs.vsie = BIT(IRQ_S_TIMER);
	vm.vcpu->timer_ops->set(vm.vcpu, timer_guest_time(vm.vm) + 5000);
	pthread_create(&thread, NULL, pass_time, &later);
	assert_int_equal(run_trap(WFI_TRAP), -EINTR);
	pthread_join(thread, NULL);
	assert_int_equal(seen.sepc, PC + 4);
	assert_int_equal(vm.vcpu->stats.halt_wakeup, 1);
}

static bool wfi_exits(void)
{
	return vm.vcpu->guest.hstatus & HSTATUS_VTW;
}

static void native_wfi_exits_only_while_a_thread_wants_the_hart(void **state)
{
	(void)state;
	vcpu_load(vm.vcpu);
	assert_true(wfi_exits());
	vcpu_put(vm.vcpu);
	native_vm_free(&vm);
	assert_int_equal(native_param_set("wfi", "native"), 0);
	native_vm_make(&vm, 0);
	assert_int_equal(native_param_set("wfi", "trap"), 0);
	assert_false(wfi_exits());
	vm.vcpu->sched_hook.wanted(&vm.vcpu->sched_hook);
	assert_true(wfi_exits());
	native_migrate(0);
	assert_false(wfi_exits());
	native_hart_wanted = 1;
	native_migrate(0);
	assert_true(wfi_exits());
	native_hart_wanted = 0;
	vcpu_put(vm.vcpu);
}

static void wfi_with_a_line_pending_does_not_sleep(void **state)
{
	(void)state;
	vm.vcpu->csrs.vsie = BIT(IRQ_S_SOFT);
	vcpu_set_irq(vm.vcpu, IRQ_VS_SOFT);
	assert_int_equal(run_trap(WFI_TRAP), -EINTR);
	assert_int_equal(vm.vcpu->stats.halt_wakeup, 0);
	assert_int_equal(vm.vcpu->stats.wfi_exit_stat, 1);
}

static unsigned int idle_looks;

/*
 * Raise the line while the hart idles. A second call means that the core has missed the line: end
 * the wait by a signal, so that the test fails instead of hanging.
 */
static bool ring_while_idle(void)
{
	if (idle_looks++)
		native_signal_set(true);
	else
		vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	return false;
}

static void a_line_that_vsip_does_not_show_ends_the_wait(void **state)
{
	(void)state;
	vm.vcpu->csrs.vsie = BIT(IRQ_S_EXT);
	native_vsip_shows = BIT(IRQ_S_SOFT);
	native_idle_due = ring_while_idle;
	idle_looks = 0;
	assert_int_equal(run_trap(WFI_TRAP), -EINTR);
	assert_int_equal(idle_looks, 1);
	assert_int_equal(seen.sepc, PC + 4);
	assert_int_equal(vm.vcpu->stats.halt_wakeup, 1);
}

/* ---- load and put -------------------------------------------------------------------------------- */

static void the_hosts_csrs_are_restored(void **state)
{
	(void)state;
	csr_write(scounteren, 5);
	csr_write(senvcfg, 0x70);
	vm.vcpu->csrs.scounteren = 2;
	vm.vcpu->csrs.vsatp = FIELD_PREP(SATP_MODE, (unsigned long)SATP_MODE_SV39) | 0x80000;
	vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
	assert_int_equal(run_trap((struct hv_trap){ .scause = EXC_LOAD_ACCESS_FAULT }), -EINTR);
	assert_int_equal(csr_read(hvip), 0); /* the put has saved and cleared hvip */
	assert_int_equal(vm.vcpu->csrs.hvip, BIT(IRQ_VS_EXT));
	assert_int_equal(csr_read(scounteren), 5);
	assert_int_equal(csr_read(senvcfg), 0x70);
	assert_int_equal(vm.vcpu->csrs.scounteren, 2);
	assert_int_equal(FIELD_GET(SATP_MODE, vm.vcpu->csrs.vsatp), SATP_MODE_SV39);
	assert_int_equal(csr_read(vsatp), 0);
	assert_int_equal(csr_read(hgatp), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_trap_from_vu_is_taken_in_vs_at_its_vector),
		TEST(a_trap_from_vs_remembers_vs_and_its_interrupt_enable),
		TEST(an_unknown_cause_exits_to_user_space),
		TEST(a_host_interrupt_samples_the_guests_mode_and_pc),
		TEST(interrupts_are_taken_although_requests_do_not_end),
		TEST(a_hypervisor_csr_is_an_illegal_instruction),
		TEST(wfi_in_vu_is_illegal_and_does_not_wait),
		TEST(wrs_nto_continues_at_the_next_instruction),
		TEST(wrs_nto_yields_the_hart_to_a_waiting_thread),
		TEST(an_instruction_that_stval_does_not_hold_is_fetched),
		TEST(seed_is_read_by_user_space),
		TEST(event_counters_read_as_0),
		TEST(vu_reads_only_counters_enabled_in_scounteren),
		TEST(irq_lines_reach_hvip_before_the_entry),
		TEST(an_interrupt_that_the_guest_cleared_stays_cleared),
		TEST(wfi_sleeps_until_a_line_that_the_guest_has_enabled),
		TEST(wfi_sleeps_until_the_guests_timer),
		TEST(wfi_with_a_line_pending_does_not_sleep),
		TEST(a_line_that_vsip_does_not_show_ends_the_wait),
		TEST(native_wfi_exits_only_while_a_thread_wants_the_hart),
		TEST(the_hosts_csrs_are_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
