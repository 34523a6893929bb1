// SPDX-License-Identifier: MIT
/*
 * vector_noise.c - a module for Linux that uses the vector unit in the kernel: on each hart, in a
 * softirq after each tick of a timer, and in a thread.
 *
 * Each use fills v0 to v31, waits with interrupts on, and compares. An interrupt that comes
 * meanwhile must leave the registers alone. The parameters `uses` and `wrong` count.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/version.h>
#include <asm/simd.h>
#include <asm/vector.h>

#define MAX_VLENB 64
#define PATTERN   0xeeeeeeeeeeeeeeeeUL /* no program's and no guest's (tests/kvm-api/vector.c) */

static unsigned int period = 150; /* in us */
module_param(period, uint, 0444);
static ulong uses, wrong;
module_param(uses, ulong, 0444);
module_param(wrong, ulong, 0444);

struct noise {
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	struct task_struct *thread;
	unsigned long turns;
	unsigned long in_softirq[32 * MAX_VLENB / sizeof(long)];
	unsigned long in_thread[32 * MAX_VLENB / sizeof(long)];
};

static DEFINE_PER_CPU(struct noise, noises);

static void use(unsigned long *regs, unsigned int us)
{
	unsigned long i, vl, *to = regs, value = PATTERN;
	bool bad = false;

	if (!may_use_simd())
		return;
	kernel_vector_begin();
	asm volatile(".option push\n.option arch, +v\n"
		     "vsetvli %0, zero, e64, m8, ta, ma\n"
		     "vmv.v.x v0, %1\nvmv.v.x v8, %1\nvmv.v.x v16, %1\nvmv.v.x v24, %1\n"
		     ".option pop"
		     : "=r"(vl)
		     : "r"(value));
	udelay(us);
	asm volatile(".option push\n.option arch, +v\n"
		     "vsetvli %0, zero, e8, m8, ta, ma\n"
		     "vse8.v v0, (%1)\nadd %1, %1, %0\nvse8.v v8, (%1)\nadd %1, %1, %0\n"
		     "vse8.v v16, (%1)\nadd %1, %1, %0\nvse8.v v24, (%1)\n.option pop"
		     : "=&r"(vl), "+r"(to)
		     :
		     : "memory");
	kernel_vector_end();
	for (i = 0; i < riscv_v_vsize / sizeof(long); i++)
		bad |= regs[i] != PATTERN;
	/* Approximate if harts count at the same time, but never 0 after an error. */
	WRITE_ONCE(uses, uses + 1);
	if (bad)
		WRITE_ONCE(wrong, wrong + 1);
}

static void softirq(struct tasklet_struct *tasklet)
{
	use(container_of(tasklet, struct noise, tasklet)->in_softirq, 2);
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct noise *noise = container_of(timer, struct noise, timer);

	tasklet_schedule(&noise->tasklet);
	/* Not at a constant phase of a guest's loop. */
	hrtimer_forward_now(timer,
			    ns_to_ktime(NSEC_PER_USEC * (period + noise->turns++ * 7 % period)));
	return HRTIMER_RESTART;
}

static void set_up(struct hrtimer *timer)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
	timer->function = tick;
#else
	hrtimer_setup(timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
#endif
}

static int in_thread(void *arg)
{
	struct noise *noise = arg;

	while (!kthread_should_stop()) {
		use(noise->in_thread, 20);
		usleep_range(period, 3 * period);
	}
	return 0;
}

static void start(void *unused)
{
	hrtimer_start(&this_cpu_ptr(&noises)->timer, ns_to_ktime(NSEC_PER_USEC * period),
		      HRTIMER_MODE_REL_PINNED);
}

static void noise_exit(void)
{
	int cpu;

	for_each_online_cpu(cpu) {
		struct noise *noise = &per_cpu(noises, cpu);

		hrtimer_cancel(&noise->timer);
		tasklet_kill(&noise->tasklet);
		if (noise->thread)
			kthread_stop(noise->thread);
	}
}

static int __init noise_init(void)
{
	int cpu;

	if (!has_vector() || riscv_v_vsize > 32 * MAX_VLENB)
		return -EOPNOTSUPP;
	for_each_online_cpu(cpu) {
		struct noise *noise = &per_cpu(noises, cpu);

		set_up(&noise->timer);
		tasklet_setup(&noise->tasklet, softirq);
	}
	for_each_online_cpu(cpu) {
		struct task_struct *thread =
			kthread_create_on_cpu(in_thread, &per_cpu(noises, cpu), cpu, "noise/%u");

		if (IS_ERR(thread)) {
			noise_exit();
			return PTR_ERR(thread);
		}
		per_cpu(noises, cpu).thread = thread;
		wake_up_process(thread);
	}
	on_each_cpu(start, NULL, 1);
	return 0;
}

module_init(noise_init);
module_exit(noise_exit);
MODULE_DESCRIPTION("use vectors in the kernel");
MODULE_LICENSE("Dual MIT/GPL");
