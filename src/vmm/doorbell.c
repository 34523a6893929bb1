// SPDX-License-Identifier: MIT
/*
 * doorbell.c - a device that times a guest's doorbell and the VMM's answer (--doorbell).
 *
 * A thread waits for the doorbell, as a disk's thread does, and records the time, by the host's
 * clock, at which it woke. The thread then gives the guest time to fall asleep, records the time
 * again, and raises the device's interrupt.
 *
 *   0x00 RING    4 bytes: a store signals the eventfd that the thread reads (KVM_IOEVENTFD)
 *   0x08 WOKE    when the thread ran after the doorbell
 *   0x10 RAISED  when the thread was about to raise the line
 *   0x18 LINE    the level of the interrupt line; a store lowers it
 *   0x20 STEPS   from a tick of the clock to RAISED, in steps of two instructions: a guest that
 *                takes many samples can spread them over a tick; at most STEPS_MAX
 *   0x28 CLOCKS  gpa of struct clocks: a store starts a comparison of the guest's clock with the
 *                host's; reads as 1 until the comparison has ended, and as 0 if no second hart is
 *                available
 *
 * The host's clock and the guest's differ by htimedelta, which KVM does not report. A request for
 * the guest's clock takes hundreds of instructions, and it is unknown which of them reads the
 * clock. So two harts compare the clocks: the guest runs on one and the thread on the other, and
 * each publishes its own clock and reads the other's. A value that was read lies in the past, which
 * bounds the difference from both sides. Under QEMU with icount, where harts run in turn and a
 * switch between them takes no time, the bounds meet.
 *
 * Except for the comparison, the whole VMM runs on one hart, unless the guest has the thread stay
 * on the other one (STAY): on two harts under icount, the woken thread has to wait for the end of
 * the other hart's turn, which ends early only if this hart sleeps. The machine must not be saved
 * during a comparison, because writes to struct clocks are not logged.
 *
 * Locks: doorbell.lock, taken before the PLIC's lock.
 */
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include "state.h"

#define UNTIL_ASLEEP_NS 50000
/* Limits on how long a guest can make the thread spin: steps after a tick, rounds of comparison. */
#define STEPS_MAX  1000
#define ROUNDS_MAX (1u << 28)
#define STAY       2

enum doorbell_register {
	REG_RING = 0x00,
	REG_WOKE = 0x08,
	REG_RAISED = 0x10,
	REG_LINE = 0x18,
	REG_STEPS = 0x20,
	REG_CLOCKS = 0x28,
};

/*
 * This structure is in guest memory. `guest` and `host` are the two clocks, as last published. The
 * guest's clock minus the host's is at least `least`. The guest ends the comparison by setting
 * `enough`: with STAY, the thread stays on the other hart.
 */
struct clocks {
	u64 guest, host, least, enough;
};

static struct doorbell {
	struct machine *machine;
	struct lock lock;
	u64 woke, raised, line, steps;
	_Atomic(volatile struct clocks *) clocks; /* non-NULL during a comparison */
	int ring;                                 /* the eventfd */
	cpu_set_t here, there; /* one processor each; `there` is empty if only one is available */
} doorbell;

/* Wait for a tick of the clock and then for `steps` steps. Returns the time. */
static u64 clock_after_tick(u64 steps)
{
	u64 before = clock_now();

	while (clock_now() == before)
		;
	for (; steps; steps--)
		__asm__ volatile("");
	return clock_now();
}

/* ---- the thread ---- */

static void compare_clocks(struct doorbell *dev, volatile struct clocks *clocks)
{
	/* The sandbox lets a thread move only itself. */
	bool apart = !sched_setaffinity(0, sizeof(dev->there), &dev->there);

	for (u32 rounds = 0; apart && !clocks->enough && rounds < ROUNDS_MAX; rounds++) {
		u64 guest = clocks->guest;
		u64 host = clock_now();

		clocks->host = host;
		if ((int64_t)(guest - host) > (int64_t)clocks->least)
			clocks->least = guest - host;
	}
	if (clocks->enough != STAY)
		sched_setaffinity(0, sizeof(dev->here), &dev->here);
	atomic_store(&dev->clocks, NULL);
}

static void ring_back(struct doorbell *dev, u64 woke)
{
	const struct timespec pause = { .tv_nsec = UNTIL_ASLEEP_NS };

	nanosleep(&pause, NULL);
	lock_take(&dev->lock);
	dev->woke = woke;
	dev->line = 1;
	dev->raised = clock_after_tick(dev->steps);
	irq_set_level(dev->machine, DOORBELL_IRQ, true);
	lock_release(&dev->lock);
}

static void *doorbell_thread(void *arg)
{
	struct doorbell *dev = arg;
	u64 count;

	while (read(dev->ring, &count, sizeof(count)) == sizeof(count)) {
		u64 woke = clock_now();
		volatile struct clocks *clocks = atomic_load(&dev->clocks);

		if (clocks)
			compare_clocks(dev, clocks);
		else
			ring_back(dev, woke);
	}
	return NULL;
}

/* ---- registers ---- */

static u64 read_register(struct doorbell *dev, u64 offset)
{
	switch (offset) {
	case REG_WOKE:
		return dev->woke;
	case REG_RAISED:
		return dev->raised;
	case REG_LINE:
		return dev->line;
	case REG_STEPS:
		return dev->steps;
	case REG_CLOCKS:
		return atomic_load(&dev->clocks) != NULL;
	default:
		return 0;
	}
}

static u64 doorbell_read(void *device, u64 offset, unsigned int len)
{
	struct doorbell *dev = device;
	u64 value;

	(void)len; /* KVM uses only as many bytes as the guest loads */
	lock_take(&dev->lock);
	value = read_register(dev, offset);
	lock_release(&dev->lock);
	return value;
}

/*
 * Start a comparison: wake the thread, which moves to the other hart. Does nothing if gpa is
 * not valid, no second hart is available, or a comparison is already in progress.
 */
static void begin_compare(struct doorbell *dev, u64 gpa)
{
	volatile struct clocks *clocks = machine_ram(dev->machine, gpa, sizeof(*clocks));
	const u64 one = 1;

	if (!clocks || !IS_ALIGNED(gpa, sizeof(u64)) || !CPU_COUNT(&dev->there) ||
	    atomic_load(&dev->clocks))
		return;
	atomic_store(&dev->clocks, clocks);
	if (write(dev->ring, &one, sizeof(one)) != sizeof(one))
		atomic_store(&dev->clocks, NULL);
}

static void doorbell_write(void *device, u64 offset, u64 value, unsigned int len)
{
	struct doorbell *dev = device;

	(void)len;
	lock_take(&dev->lock);
	switch (offset) {
	case REG_LINE:
		dev->line = 0;
		irq_set_level(dev->machine, DOORBELL_IRQ, false);
		break;
	case REG_STEPS:
		dev->steps = value < STEPS_MAX ? value : STEPS_MAX;
		break;
	case REG_CLOCKS:
		begin_compare(dev, value);
		break;
	}
	lock_release(&dev->lock);
}

/*
 * State for --save. If the doorbell has been rung but not answered yet, that ring is lost. The
 * recorded times are those of the old host's clock.
 */
void doorbell_state(void *of, struct state *s)
{
	struct doorbell *dev = &doorbell;

	(void)of;
	lock_take(&dev->lock);
	STATE(s, dev->woke);
	STATE(s, dev->raised);
	STATE(s, dev->line);
	STATE(s, dev->steps);
	if (dev->steps > STEPS_MAX) {
		dev->steps = 0;
		state_refuse(s, "it has too many steps");
	}
	lock_release(&dev->lock);
}

/* ---- creation ---- */

/*
 * Choose the first two processors that the VMM may use. The calling thread and all threads that it
 * creates later run on the first.
 */
static void choose_processors(struct doorbell *dev)
{
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(all), &all))
		die(STATUS_SETUP, "--doorbell: sched_getaffinity: %s", strerror(errno));
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &all) && !CPU_COUNT(&dev->here))
			CPU_SET(i, &dev->here);
		else if (CPU_ISSET(i, &all) && !CPU_COUNT(&dev->there))
			CPU_SET(i, &dev->there);
	}
	if (sched_setaffinity(0, sizeof(dev->here), &dev->here))
		die(STATUS_SETUP, "--doorbell: sched_setaffinity: %s", strerror(errno));
}

void doorbell_init(struct machine *m)
{
	struct kvm_ioeventfd bind = { .addr = DOORBELL_BASE + REG_RING, .len = 4 };
	pthread_t thread;

	doorbell.machine = m;
	doorbell.ring = eventfd(0, EFD_CLOEXEC);
	if (doorbell.ring < 0)
		die(STATUS_SETUP, "--doorbell: eventfd: %s", strerror(errno));
	bind.fd = doorbell.ring;
	kvm_call(m->vm_fd, KVM_IOEVENTFD, &bind);
	choose_processors(&doorbell);
	if (thread_create(&thread, doorbell_thread, &doorbell))
		die(STATUS_SETUP, "--doorbell: cannot start its thread");
	bus_add(&m->bus, &(struct region){
				 .name = "doorbell",
				 .base = DOORBELL_BASE,
				 .size = DOORBELL_SIZE,
				 .device = &doorbell,
				 .read = doorbell_read,
				 .write = doorbell_write,
			 });
}
