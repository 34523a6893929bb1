// SPDX-License-Identifier: MIT
/*
 * halt_poll.c - a waiting vCPU polls for a while before its thread sleeps.
 *
 * The polling time adapts as in Linux. A wait that was longer than the poll, but shorter than the
 * maximum, makes the next poll longer (multiplied by halt_poll_ns_grow, and at least
 * halt_poll_ns_grow_start). A wait that was longer than the maximum makes the next poll shorter
 * (divided by halt_poll_ns_shrink, or 0 if the result is less than halt_poll_ns_grow_start). The
 * maximum is halt_poll_ns, unless the VMM has set another one with KVM_CAP_HALT_POLL. A vCPU starts
 * without polling. The parameters are the files /sys/module/kvm/parameters/NAME, and are read at
 * each wait.
 *
 * While the vCPU polls, it stays loaded, the hart's interrupts are taken, and the poll ends as soon
 * as another thread wants the hart: only an otherwise idle hart should poll. After the poll, the
 * hart idles with the vCPU still loaded, as long as no other thread wants the hart. If a kick or
 * the guest's own timer interrupt then ends the wait, the vCPU continues at once. The thread sleeps
 * only if another thread wants its hart.
 */
#include "irqchip.h"
#include "number.h"
#include "request.h"
#include "vcpu/halt_poll.h"

#define LCOFI BIT(IRQ_PMU_OVF)

#define DEFAULT_NS 500000 /* Linux's for RISC-V */

static u32 halt_poll_ns = DEFAULT_NS;
static u32 halt_poll_ns_grow = 2;
static u32 halt_poll_ns_grow_start = 10000;
static u32 halt_poll_ns_shrink = 2;

/* ---- the parameters -------------------------------------------------------------------- */

static int param_get(const struct hv_param *param, char *buf, size_t size)
{
	return number_show(buf, size, READ_ONCE(*(u32 *)param->data));
}

static int param_set(const struct hv_param *param, const char *text)
{
	u64 value;
	int err = number_parse(text, ~0U, &value);

	if (!err)
		WRITE_ONCE(*(u32 *)param->data, (u32)value);
	return err;
}

#define PARAM(name)                                \
	{                                          \
#name, param_get, param_set, &name \
	}

static const struct hv_param params[] = {
	PARAM(halt_poll_ns),
	PARAM(halt_poll_ns_grow),
	PARAM(halt_poll_ns_grow_start),
	PARAM(halt_poll_ns_shrink),
};

int halt_poll_init(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(params) && !err; i++)
		err = hv_param_register(&params[i]);
	return err;
}

int halt_poll_set_max(struct kvm *vm, u64 ns)
{
	if (ns != (u32)ns)
		return -EINVAL;
	__atomic_store_n(&vm->halt_poll_max, ns + 1, __ATOMIC_RELAXED);
	return 0;
}

/*
 * Return the longest time for which a vCPU of this VM may poll: the VMM's setting, or halt_poll_ns
 * if the VMM has not set one.
 */
static u32 max_ns(const struct kvm *vm)
{
	u64 own = __atomic_load_n(&vm->halt_poll_max, __ATOMIC_RELAXED);

	return own ? (u32)(own - 1) : READ_ONCE(halt_poll_ns);
}

/* ---- longer, shorter -------------------------------------------------------------------- */

static void grow(struct kvm_vcpu *vcpu)
{
	u32 factor = READ_ONCE(halt_poll_ns_grow), start = READ_ONCE(halt_poll_ns_grow_start);
	u32 old = vcpu->halt_poll_ns;

	/* lab 6: write grow: multiply the window by the factor, to at least the start */
	if (!factor)
		return;
	vcpu->halt_poll_ns = MAX(old * factor, start);
	/* lab 6 end */
	trace_kvm_halt_poll_ns(1, vcpu->halt_poll_ns, old);
}

static void shrink(struct kvm_vcpu *vcpu)
{
	u32 divisor = READ_ONCE(halt_poll_ns_shrink), start = READ_ONCE(halt_poll_ns_grow_start);
	u32 old = vcpu->halt_poll_ns, ns;

	/* lab 6: write shrink: divide the window, and set it to 0 below the start */
	ns = divisor ? old / divisor : 0;
	vcpu->halt_poll_ns = ns < start ? 0 : ns;
	/* lab 6 end */
	trace_kvm_halt_poll_ns(0, vcpu->halt_poll_ns, old);
}

static void adapt(struct kvm_vcpu *vcpu, u64 halt_ns)
{
	u32 max = max_ns(vcpu->kvm), ns = vcpu->halt_poll_ns;

	/* lab 6: write adapt: grow, shrink or keep the window after a wait of halt_ns */
	if (!max)
		vcpu->halt_poll_ns = 0;
	else if (halt_ns <= ns)
		return;
	else if (ns && halt_ns > max)
		shrink(vcpu);
	else if (ns < max && halt_ns < max)
		grow(vcpu);
	/* lab 6 end */
}

/* ---- one wait ------------------------------------------------------------------------------ */

static u64 ticks_to_ns(u64 ticks)
{
	u64 hz = hv_timebase_hz();

	/* In two steps: at 10 MHz, ticks * 1000000000 would overflow after half an hour. */
	return ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz;
}

/*
 * Bucket 0 of a logarithmic histogram counts zeros, and bucket n counts values from 2^(n-1) to
 * 2^n - 1; the last bucket has no upper limit.
 */
static void count(u64 *hist, u64 value)
{
	unsigned int bucket = STAT_HIST_SIZE - 1;

	if (!(value >> (STAT_HIST_SIZE - 2)))
		bucket = value ? bit_highest((unsigned int)value) + 1 : 0;
	hist[bucket]++;
}

/*
 * Poll until the wait or the polling time is over, or another thread wants the hart. Returns true
 * if the vCPU's wait is over. *end receives the time read before the last check; it is left
 * unchanged if the first check ends the poll.
 */
static bool poll(struct kvm_vcpu *vcpu, bool (*over)(struct kvm_vcpu *vcpu), u64 start, u64 *end)
{
	u64 ns = vcpu->halt_poll_ns, hz = hv_timebase_hz();
	u64 stop = start + ns * hz / 1000000000;

	/* lab 6: write poll: check until the wait or the time is over, or the hart is needed */
	for (;;) {
		if (over(vcpu))
			return true;
		hv_cpu_relax();
		*end = hv_time();
		if (*end >= stop || !hv_poll_interrupts())
			return over(vcpu);
	}
	/* lab 6 end */
}

/*
 * Set `blocking` to VCPU_IDLE (again, if a kick has changed it), then return whether the wait is
 * over. Because of this order, either the next sender kicks the hart, or over() sees what that
 * sender has changed.
 */
static bool check_as_idle(struct kvm_vcpu *vcpu, bool (*over)(struct kvm_vcpu *vcpu))
{
	/*
	 * Release: a sender that sees this value kicks the hart in vcpu->hart, which vcpu_load()
	 * wrote earlier.
	 */
	__atomic_store_n(&vcpu->blocking, VCPU_IDLE, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return over(vcpu);
}

/*
 * Return true if a VS line that ends the hart's WFI is pending. vsip is an alias of hip (H §2.3),
 * so over() should already have found the line in vsip, but QEMU before 8.0 shows only SSIP there.
 */
static bool line_is_pending(void)
{
	return csr_read(hip) >> 1 & csr_read(vsie);
}

static bool idle_once(struct kvm_vcpu *vcpu)
{
	bool found;

	if (!READ_ONCE(vcpu->guest_file))
		return hv_idle();
	vcpu->kvm->irqchip->idle(true);
	found = hv_idle();
	vcpu->kvm->irqchip->idle(false);
	return found;
}

/*
 * Idle with the vCPU loaded. Returns true if the vCPU's wait is over, and false if its thread has
 * to sleep. Besides the host's interrupts, interrupts that vsie enables end the hart's WFI, as they
 * would end the guest's own (M §3.3, H §2.3).
 */
static bool idle(struct kvm_vcpu *vcpu, bool (*over)(struct kvm_vcpu *vcpu))
{
	bool found = true;

	if (!check_as_idle(vcpu, over)) {
		do {
			found = idle_once(vcpu);
			/* over() is called now, and takes the lines: the entry need not. */
			if (found && (READ_ONCE(vcpu->requests) & BIT(REQ_IRQ)))
				__atomic_fetch_and(&vcpu->requests, ~BIT(REQ_IRQ),
						   __ATOMIC_ACQUIRE);
		} while (found && !check_as_idle(vcpu, over) && !line_is_pending());
	}
	WRITE_ONCE(vcpu->blocking, VCPU_AWAKE);
	return found;
}

static void account_poll(struct vcpu_stats *stats, u64 ns, bool success)
{
	stats->halt_attempted_poll++;
	if (success) {
		stats->halt_successful_poll++;
		stats->halt_poll_success_ns += ns;
		count(stats->halt_poll_success_hist, ns);
	} else {
		stats->halt_poll_fail_ns += ns;
		count(stats->halt_poll_fail_hist, ns);
	}
}

/* Emit kvm_wake_reason: what has ended the wait, and how much of the wait was polling. */
static void observe_wake(struct kvm_vcpu *vcpu, u64 polled_ns)
{
	unsigned long changed = READ_ONCE(vcpu->irq_changed);
	unsigned long lines = READ_ONCE(vcpu->irq_pending) & changed;
	unsigned long irqs = csr_read(vsip) & ~(changed >> 1);

	/* Add lines that the guest does not see yet; it sees VS lines one bit lower. */
	irqs |= (lines & ~LCOFI) >> 1 | (lines & LCOFI);
	/* Leave out REQ_HOST, which vcpu_halt() itself has set. */
	trace_kvm_wake_reason(irqs & csr_read(vsie), READ_ONCE(vcpu->requests) & ~BIT(REQ_HOST),
			      hv_signal_pending(), polled_ns);
}

void vcpu_halt(struct kvm_vcpu *vcpu, bool (*over)(struct kvm_vcpu *vcpu),
	       bool (*over_asleep)(struct kvm_vcpu *vcpu))
{
	u64 start = hv_time(), polled = start, end, ns;
	bool polls, found = false, idled = false;

	vcpu->halt_poll_ns = MIN(vcpu->halt_poll_ns, max_ns(vcpu->kvm));
	polls = vcpu->halt_poll_ns;
	/* lab 6: write the wait: poll, then idle with the vCPU loaded, then sleep */
	if (polls)
		found = poll(vcpu, over, start, &polled);
	if (!found) {
		vcpu->stats.blocking = 1;
		idled = idle(vcpu, over);
		if (idled || !vcpu_sleep(vcpu, over_asleep))
			vcpu->stats.halt_wakeup++;
		vcpu->stats.blocking = 0;
	}
	/* lab 6 end */
	/*
	 * Interrupts were taken here: check for signals and other threads, as after an exit caused
	 * by an interrupt. If they were taken only by hv_idle(), it has just checked for threads.
	 */
	if (!idled || polls || hv_signal_pending())
		vcpu_set_request(vcpu, REQ_HOST);
	end = found ? polled : hv_time();
	ns = ticks_to_ns(end - start);
	if (!found) {
		u64 wait = polls ? ticks_to_ns(end - polled) : ns;

		vcpu->stats.halt_wait_ns += wait;
		count(vcpu->stats.halt_wait_hist, wait);
	}
	if (polls)
		account_poll(&vcpu->stats, ticks_to_ns(polled - start), found);
	adapt(vcpu, ns);
	if (trace_group_wakeup()) {
		trace_kvm_vcpu_wakeup(ns, !found, 1);
		if (trace_kvm_wake_reason_enabled())
			observe_wake(vcpu, polls ? ticks_to_ns(polled - start) : 0);
	}
}
