// SPDX-License-Identifier: MIT
/*
 * machine.c - the virtual machine as a whole: create it, boot it, stop it, reboot it.
 *
 * The first boot and a reboot take the same steps: all vCPU threads are parked, the PLIC, the UART,
 * the console and the disks are reset (the devices of device.def are not), the guest's files are
 * loaded, the registers are set, and the threads are released.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "virtio.h"

#define LATE_STARTS_MAX 50 /* about a second */
#define SAME_REQUEST_MS 500

static struct machine *signaled; /* for the signal handlers */
static volatile sig_atomic_t ending_signal;
static atomic_ulong ending_since; /* milliseconds(), or 0: no signal yet */

/* ---- memory ---- */

void *machine_ram(struct machine *m, gpa_t gpa, u64 len)
{
	u64 offset = gpa - RAM_BASE;

	if (gpa < RAM_BASE || offset > m->ram_size || len > m->ram_size - offset)
		return NULL;
	return m->ram + offset;
}

static struct kvm_userspace_memory_region ram_region(const struct machine *m)
{
	return (struct kvm_userspace_memory_region){
		.slot = 0,
		.guest_phys_addr = RAM_BASE,
		.memory_size = m->ram_size,
		.userspace_addr = (uintptr_t)m->ram,
	};
}

/*
 * KVM can use a 2 MiB leaf only where gpa and hva are both aligned to 2 MiB. So map 2 MiB more than
 * the guest needs, and unmap the parts before and after the aligned range.
 */
static void create_ram(struct machine *m)
{
	u64 size = m->options.ram_size;
	u8 *raw = mmap(NULL, size + SZ_2M, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	u8 *ram = (u8 *)ALIGN_UP((uintptr_t)raw, SZ_2M);
	struct kvm_userspace_memory_region region;

	if (raw == MAP_FAILED)
		die(STATUS_SETUP, "cannot map %llu MiB of guest memory: %s",
		    (unsigned long long)(size / MIB), strerror(errno));
	if (ram > raw)
		munmap(raw, ram - raw);
	if (ram < raw + SZ_2M)
		munmap(ram + size, raw + SZ_2M - ram);
	/* Only advice: ignore the error of a host without transparent huge pages. */
	madvise(ram, size, m->options.small_pages ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	if (m->options.mergeable && madvise(ram, size, MADV_MERGEABLE))
		die(STATUS_SETUP, "--mergeable: the host cannot merge pages: %s", strerror(errno));
	if (m->options.populate && madvise(ram, size, MADV_POPULATE_WRITE))
		die(STATUS_SETUP, "--populate: %s", strerror(errno));
	m->ram = ram;
	m->ram_size = size;
	region = ram_region(m);
	kvm_call(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &region);
}

int machine_log_writes(struct machine *m, bool on)
{
	struct kvm_userspace_memory_region region = ram_region(m);

	region.flags = on ? KVM_MEM_LOG_DIRTY_PAGES : 0;
	return kvm_try(m->vm_fd, KVM_SET_USER_MEMORY_REGION, (unsigned long)&region);
}

/* ---- limits of the host ---- */

static void check_limits(struct machine *m)
{
	int max_vcpus = kvm_capability(m, KVM_CAP_MAX_VCPUS);
	int gpa_bits = kvm_capability(m, KVM_CAP_VM_GPA_BITS);

	if (max_vcpus > 0 && m->options.vcpus > (unsigned int)max_vcpus)
		die(STATUS_USAGE, "--vcpus %u: this host allows at most %d vCPUs", m->options.vcpus,
		    max_vcpus);
	if (gpa_bits > 0 && gpa_bits < 64 && m->options.ram_size > (1ull << gpa_bits) - RAM_BASE)
		die(STATUS_USAGE,
		    "--memory: too large: this host has %d-bit guest physical addresses", gpa_bits);
}

/* ---- stopping ---- */

/* A vCPU that has given one of these reasons does not continue, so a machine saved then could not either. */
static bool outweighs_save(enum stop_reason reason)
{
	return reason == STOP_POWEROFF || reason == STOP_REBOOT || reason == STOP_VCPU ||
	       reason == STOP_PANIC;
}

void machine_stop(struct machine *m, enum stop_reason reason, int status)
{
	pthread_mutex_lock(&m->lock);
	if (!m->stopping || (m->stop_reason == STOP_SAVE && outweighs_save(reason))) {
		m->save_dropped = m->stopping;
		m->stop_reason = reason;
		m->stop_status = status;
		m->stopping = true;
		sem_post(&m->wake);
	}
	pthread_mutex_unlock(&m->lock);
}

/* Has SBI HSM stopped this vCPU? */
static bool is_stopped(const struct vcpu *vcpu)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	kvm_try(vcpu->fd, KVM_GET_MP_STATE, (unsigned long)&state);
	return state.mp_state == KVM_MP_STATE_STOPPED;
}

void machine_vcpu_park(struct vcpu *vcpu)
{
	struct machine *m = vcpu->machine;

	watchdog_forget(vcpu);
	vcpu->parked_stopped = is_stopped(vcpu);
	pthread_mutex_lock(&m->lock);
	vcpu->parked = true;
	pthread_cond_signal(&m->parked);
	while (m->stopping)
		pthread_cond_wait(&m->resumed, &m->lock);
	vcpu->parked = false;
	vcpu->run->immediate_exit = 0;
	pthread_mutex_unlock(&m->lock);
}

static bool all_parked(const struct machine *m)
{
	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		if (!m->vcpus[i].parked)
			return false;
	}
	return true;
}

/*
 * immediate_exit is set before the signal is sent, because a thread that is just about to call
 * KVM_RUN would miss the signal.
 */
static void park_all(struct machine *m)
{
	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		m->vcpus[i].run->immediate_exit = 1;
		vcpu_kick(&m->vcpus[i]);
	}
	pthread_mutex_lock(&m->lock);
	while (!all_parked(m))
		pthread_cond_wait(&m->parked, &m->lock);
	pthread_mutex_unlock(&m->lock);
}

/* Never 0. */
static unsigned long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((unsigned long)now.tv_sec * 1000 + now.tv_nsec / 1000000) | 1;
}

/*
 * A second signal makes the VMM exit at once: after the first, it may be blocked on standard
 * output. timeout(1) sends the signal to the VMM and to its own process group, in which the VMM is, so
 * two signals shortly after each other are one request.
 */
static void on_signal(int number)
{
	unsigned long now = milliseconds(), first = 0;

	if (atomic_compare_exchange_strong(&ending_since, &first, now)) {
		ending_signal = number;
		sem_post(&signaled->wake);
	} else if ((long)(now - first) >= SAME_REQUEST_MS) { /* signed: `first` may be later */
		console_restore_terminal();
		_exit(128 + number);
	}
}

static void sleep_until_tick(struct machine *m)
{
	struct timespec when;
	u64 ns = m->options.watchdog * 1000000000ull / WATCHDOG_SAMPLES;

	clock_gettime(CLOCK_MONOTONIC, &when);
	ns += when.tv_nsec;
	when.tv_sec += ns / 1000000000;
	when.tv_nsec = ns % 1000000000;
	if (sem_clockwait(&m->wake, CLOCK_MONOTONIC, &when) < 0 && errno == ETIMEDOUT)
		watchdog_tick(m);
}

bool machine_ends(struct machine *m)
{
	if (ending_signal)
		machine_stop(m, STOP_QUIT, 128 + ending_signal);
	return m->stopping;
}

static void wait_for_stop(struct machine *m)
{
	while (!machine_ends(m)) {
		if (atomic_exchange(&m->save_wanted, false))
			save_live(m);
		else if (m->options.watchdog)
			sleep_until_tick(m);
		else
			sem_wait(&m->wake); /* EINTR: check again */
	}
}

/* SIGUSR2 requests a save (--save). */
static void on_save_signal(int number)
{
	(void)number;
	save_later(signaled);
}

/* ---- booting ---- */

static void (*const device_init[])(struct machine *m) = {
#define DEVICE(name, NAME, base, size, irq, help) name##_init,
#include "device.def"
#undef DEVICE
};

static void resume(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
	m->stopping = false;
	console_listen();
	pthread_cond_broadcast(&m->resumed);
	pthread_mutex_unlock(&m->lock);
	for (unsigned int i = 0; i < m->options.nr_disks; i++)
		virtio_mmio_resume(m->disks[i]);
}

static void reset_devices(struct machine *m)
{
	irqchip_reset(m);
	uart_reset(&m->uart);
	console_reset();
	for (unsigned int i = 0; i < m->options.nr_disks; i++)
		virtio_mmio_reset(m->disks[i]);
}

static void boot(struct machine *m)
{
	struct layout layout = { 0 };

	load_guest(m, &layout);
	for (unsigned int i = 0; i < m->options.vcpus; i++)
		registers_reset(&m->vcpus[i], layout.entry, layout.dtb);

	marker("boot 0x%llx dtb 0x%llx", (unsigned long long)layout.entry,
	       (unsigned long long)layout.dtb);
	while (sem_trywait(&m->wake) == 0)
		; /* wake-ups from before the boot */
}

/* ---- running ---- */

/* Run until something stops the machine. On return, all vCPUs are parked. */
static void run_until_stop(struct machine *m)
{
	resume(m);
	wait_for_stop(m);
	park_all(m);
	console_flush();
	marker("stop %d status %d", m->stop_reason, m->stop_status);
}

/*
 * A vCPU that HSM had stopped when it was parked may have been started afterwards, by a vCPU that
 * was not parked yet. KVM sets the new registers of a started vCPU only in KVM_RUN, so a vCPU that
 * was started late has to run before the save.
 */
static bool was_started_late(const struct machine *m)
{
	for (unsigned int i = 0; i < m->options.vcpus; i++) {
		if (m->vcpus[i].parked_stopped && !is_stopped(&m->vcpus[i]))
			return true;
	}
	return false;
}

/* Returns false if the save was given up: the vCPUs start each other again and again. */
static bool finish_late_starts(struct machine *m)
{
	const struct timespec delay = { .tv_nsec = 20000000 };

	for (int tries = 0; m->stop_reason == STOP_SAVE && was_started_late(m); tries++) {
		if (tries == LATE_STARTS_MAX) {
			save_give_up(m, "its vCPUs start each other all the time");
			return false;
		}
		resume(m);
		nanosleep(&delay, NULL);
		if (!machine_ends(m))
			machine_stop(m, STOP_SAVE, STATUS_POWEROFF);
		park_all(m);
	}
	return true;
}

/* If the machine could not be saved, it continues. */
static void run_and_save(struct machine *m)
{
	do
		run_until_stop(m);
	while (!finish_late_starts(m) || (m->stop_reason == STOP_SAVE && !save_finish(m)));
	if (m->options.save && m->stop_reason != STOP_SAVE)
		save_abandon(m);
}

int machine_run(struct machine *m)
{
	reset_devices(m);
	if (m->options.restore)
		restore(m);
	else
		boot(m);
	save_start_alarm(m);
	if (!m->options.no_sandbox)
		sandbox_enter(m);
	for (;;) {
		run_and_save(m);
		if (m->stop_reason != STOP_REBOOT)
			break;
		if (!m->options.image) {
			complain("the guest reboots, but --restore was given no IMAGE to boot");
			m->stop_status = STATUS_SETUP;
			break;
		}
		guest_reboots();
		reset_devices(m);
		boot(m);
	}
	if (m->stop_reason == STOP_VCPU || m->stop_reason == STOP_PANIC ||
	    m->stop_reason == STOP_WATCHDOG) {
		for (unsigned int i = 0; i < m->options.vcpus; i++)
			registers_dump(&m->vcpus[i]);
	}
	if (m->options.stats)
		stats_print(m);
	return m->stop_status;
}

/* Whoever has started the VMM may have blocked signals: then no kick would reach a vCPU. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* SIGHUP stays ignored under nohup. */
static void catch_signals(struct machine *m)
{
	struct sigaction action = { .sa_handler = on_signal }, hangup;

	signaled = m;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGQUIT, &action, NULL);
	sigaction(SIGHUP, NULL, &hangup);
	if (hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	action.sa_handler = m->options.save ? on_save_signal : SIG_IGN;
	sigaction(SIGUSR2, &action, NULL);
}

void machine_create(struct machine *m)
{
	unblock_signals();
	sem_init(&m->wake, 0, 0);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->parked, NULL);
	pthread_cond_init(&m->resumed, NULL);
	m->stopping = true; /* vCPU threads stay parked until the first boot or the restore */

	load_open(m);
	kvm_open(m);
	check_limits(m);
	create_ram(m);
	uart_init(&m->uart, m); /* first on the bus: it is accessed most often */
	irqchip_init(m);
	syscon_init(m);
	for (unsigned int i = 0; i < m->options.vcpus; i++)
		vcpu_create(&m->vcpus[i], m, i);
	irqchip_start(m); /* before the devices: the test device routes an interrupt to an IMSIC */
	for (unsigned int i = 0; i < NR_DEVICES; i++) {
		if (m->options.device[i])
			device_init[i](m);
	}
	for (unsigned int i = 0; i < m->options.nr_disks; i++)
		virtio_blk_add(m, m->options.disks[i], i);
	if (m->options.markers)
		markers_start(m);
	for (unsigned int i = 0; i < m->options.vcpus; i++)
		vcpu_start_thread(&m->vcpus[i]);

	catch_signals(m);
	console_start(m);
	park_all(m);
}
