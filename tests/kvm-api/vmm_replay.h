// SPDX-License-Identifier: MIT
/*
 * vmm_replay.h - a VM that is built as another VMM builds it, for vmm_crosvm.c and
 * vmm_cloud_hypervisor.c.
 *
 * A program is a table of steps. Each step makes KVM calls in the order and with the arguments of
 * a function of that VMM, which the table names. This file has what both share: the guest, the
 * threads of its vCPUs, and the device that the guest drives.
 *
 * The guest starts its second vCPU with SBI HSM and exchanges IPIs with it. It stores the id of
 * each MSI that it gets to memory and to a serial port. KICK makes it ring the device's doorbell,
 * and END makes it power off.
 */
#ifndef KVM_API_VMM_REPLAY_H
#define KVM_API_VMM_REPLAY_H

#include <poll.h>
#include <sys/eventfd.h>
#include "aia.h"

#define NR_VCPUS 2

#define READY  1  /* from vCPU 1, which has been started */
#define PONG   3  /* from vCPU 1, the answer to an IPI */
#define KICK   5  /* ring the doorbell */
#define DONE   20 /* the device's answer to the doorbell */
#define PAUSED 21 /* sent while the vCPUs are paused */
#define WIRED  25 /* from the APLIC */
#define END    30

#define ASM_STR2(x) #x
#define ASM_STR(x)  ASM_STR2(x)

/* What the guest is told, where the VMM places the device tree. */
struct parameters {
	uint64_t imsic, aplic, wired_source, doorbell, serial, log;
};

/*
 * Each vCPU starts at 0 with its id in a0 and the address of the parameters in a1. Its handler
 * puts the id of the interrupt into s5 and returns with interrupts disabled, so that no id is
 * overwritten before it is used.
 */
#define EQU(name) ".equ " #name ", " ASM_STR(name) "\n"
GUEST(replay, EQU(READY) EQU(PONG) EQU(KICK) EQU(WIRED) EQU(END) EQU(EIDELIVERY)
      /* Enable all ids and the external interrupt. */
      ".option norvc\n"
      "0: lla t0, 9f\ncsrw stvec, t0\nmv s0, a0\nmv s1, a1\nld s2, 0(s1)\nli s5, 0\n"
      "li t0, EIDELIVERY\ncsrw 0x150, t0\nli t1, 1\ncsrw 0x151, t1\n"
      "li t0, 0xc0\ncsrw 0x150, t0\nli t1, -1\ncsrw 0x151, t1\n"
      "li t0, 0x200\ncsrw sie, t0\nbnez s0, 6f\n"
      /* Configure the wired source, if there is one: sourcecfg, target, setienum, domaincfg. */
      "ld t0, 16(s1)\nbeqz t0, 1f\nld t1, 8(s1)\n"
      "slli t2, t0, 2\nadd t2, t2, t1\nli t3, 4\nsw t3, 0(t2)\n"
      "li t4, 0x3000\nadd t2, t2, t4\nli t3, WIRED\nsw t3, 0(t2)\n"
      "li t4, 0x1edc\nadd t4, t4, t1\nsw t0, 0(t4)\nli t3, 0x100\nsw t3, 0(t1)\n"
      /* Start vCPU 1. */
      "1: li a7, 0x48534d\nli a6, 0\nli a0, 1\nlla a1, 0b\nmv a2, s1\necall\n"
      /* vCPU 0: wait for an id. */
      "2: csrci sstatus, 2\nbnez s5, 3f\nwfi\ncsrsi sstatus, 2\nj 2b\n"
      /* KICK: ring the doorbell. Store each other id to memory and to the serial port. */
      "3: mv s4, s5\nli s5, 0\nli t0, KICK\nbeq s4, t0, 5f\n"
      "ld t0, 40(s1)\nsd s4, 0(t0)\nld t0, 32(s1)\nsw s4, 0(t0)\n"
      /* READY: send an IPI to vCPU 1. END: power off. */
      "li t0, READY\nbne s4, t0, 4f\nlui t0, 1\nadd t0, t0, s2\nsw s4, 0(t0)\n"
      "4: li t0, END\nbne s4, t0, 2b\n"
      "li a7, 0x53525354\nli a6, 0\nli a0, 0\nli a1, 0\necall\n"
      "5: ld t0, 24(s1)\nli t1, 1\nsw t1, 0(t0)\nj 2b\n"
      /* vCPU 1: report READY, then answer each IPI with PONG. */
      "6: li t1, READY\n7: sw t1, 0(s2)\n"
      "8: csrci sstatus, 2\nli t1, PONG\nmv t0, s5\nli s5, 0\nbnez t0, 7b\n"
      "wfi\ncsrsi sstatus, 2\nj 8b\n"
      ".balign 4\n9: csrrw t6, 0x15c, zero\nsrli s5, t6, 16\nli t6, 0x20\ncsrc sstatus, "
      "t6\nsret\n");

struct machine {
	uint64_t ram, kernel, fdt, imsic, aplic, doorbell, serial; /* guest physical addresses */
	int kvm, fd, aia;
	size_t run_size;
	uint8_t *mem;
	struct vcpu vcpu[NR_VCPUS];
	pthread_t thread[NR_VCPUS];
	bool pausing, paused[NR_VCPUS];
	bool (*leave)(struct kvm_run *run); /* what the VMM does when a signal has ended KVM_RUN */
	bool power_off, failed;
	unsigned int nr_reports, nr_expected;
	uint64_t report[32];
	int doorbell_event;
};

static struct machine m;

struct step {
	bool (*run)(void);
	const char *claim, *where;
};

static inline struct parameters *parameters(void)
{
	return (struct parameters *)(m.mem + (m.fdt - m.ram));
}

/* Load the guest, as the VMM loads a kernel and a device tree. */
static inline bool load_guest(uint64_t wired_source)
{
	memcpy(m.mem + (m.kernel - m.ram), guest_replay, (size_t)(guest_replay_end - guest_replay));
	__asm__ volatile("fence.i" ::: "memory");
	*parameters() = (struct parameters){ m.imsic,    m.aplic,  wired_source,
					     m.doorbell, m.serial, m.ram + MEM_SIZE - 4096 };
	return true;
}

static inline int check_extension(int fd, unsigned long cap)
{
	return ioctl(fd, KVM_CHECK_EXTENSION, cap);
}

static inline bool set_memory(uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size,
			      const void *mem)
{
	struct vm vm = { .fd = m.fd };

	return !vm_set_slot(&vm, slot, gpa, size, mem, flags);
}

static inline bool add_ram(void)
{
	m.mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return m.mem != MAP_FAILED && set_memory(0, 0, m.ram, MEM_SIZE, m.mem);
}

/* Return the number of bits that are set in the dirty log of a slot of up to 64 MiB, or -1. */
static inline int dirty_pages(uint32_t slot)
{
	uint64_t bitmap[256] = { 0 };
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };
	int pages = 0;

	if (ioctl(m.fd, KVM_GET_DIRTY_LOG, &log))
		return -1;
	for (unsigned int i = 0; i < 256; i++)
		pages += __builtin_popcountl(bitmap[i]);
	return pages;
}

static inline bool add_vcpu(unsigned int i)
{
	struct vcpu *vcpu = &m.vcpu[i];

	vcpu->fd = ioctl(m.fd, KVM_CREATE_VCPU, (unsigned long)i);
	if (vcpu->fd < 0)
		return false;
	vcpu->run = mmap(NULL, m.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	return vcpu->run != MAP_FAILED;
}

static inline bool timebase_is_known(void)
{
	return get_reg(&m.vcpu[0], KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_TIMER |
					   KVM_REG_RISCV_TIMER_REG(frequency)) == 10000000;
}

static inline bool add_irqfd(uint32_t gsi, int event, uint32_t flags, int resample)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)event, .gsi = gsi, .flags = flags, .resamplefd = (uint32_t)resample
	};

	return !ioctl(m.fd, KVM_IRQFD, &irqfd);
}

static inline bool add_doorbell(void)
{
	struct kvm_ioeventfd ioeventfd = { .addr = m.doorbell };

	ioeventfd.fd = m.doorbell_event = eventfd(0, EFD_NONBLOCK);
	return !ioctl(m.fd, KVM_IOEVENTFD, &ioeventfd);
}

static inline bool signal_event(int event)
{
	return write(event, &(uint64_t){ 1 }, 8) == 8;
}

static inline bool doorbell_rings(void)
{
	struct pollfd pollfd = { .fd = m.doorbell_event, .events = POLLIN };
	uint64_t count;

	return poll(&pollfd, 1, 5000) == 1 && read(m.doorbell_event, &count, 8) == 8 && count == 1;
}

/* ---- the vCPUs' threads ------------------------------------------------------------------------ */

static __thread struct kvm_run *this_run;

/* Handle an exit. Returns whether the thread goes on. */
static inline bool handle_exit(struct vcpu *vcpu, int status)
{
	struct kvm_run *run = vcpu->run;

	if (status && errno == EINTR)
		return m.leave(run);
	if (!status && run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write &&
	    run->mmio.phys_addr == m.serial) {
		m.report[m.nr_reports % 32] = run->mmio.data[0];
		__atomic_add_fetch(&m.nr_reports, 1, __ATOMIC_RELEASE);
		return true;
	}
	m.power_off = !status && run->exit_reason == KVM_EXIT_SYSTEM_EVENT &&
		      run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN;
	if (!m.power_off) {
		printf("# exit %u, %s\n", run->exit_reason, status ? strerror(errno) : "no error");
		m.failed = true;
	}
	return false;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	long i = vcpu - m.vcpu;

	this_run = vcpu->run;
	while (!m.power_off && handle_exit(vcpu, vcpu_run(vcpu))) {
		if (!__atomic_load_n(&m.pausing, __ATOMIC_ACQUIRE))
			continue;
		__atomic_store_n(&m.paused[i], true, __ATOMIC_RELEASE);
		while (__atomic_load_n(&m.pausing, __ATOMIC_ACQUIRE))
			sleep_ms(1);
		__atomic_store_n(&m.paused[i], false, __ATOMIC_RELEASE);
	}
	return NULL;
}

static inline bool start_threads(void (*handler)(int))
{
	bool good = signal(SIGRTMIN, handler) != SIG_ERR;

	for (unsigned int i = 0; i < NR_VCPUS; i++)
		good &= !pthread_create(&m.thread[i], NULL, vcpu_thread, &m.vcpu[i]);
	return good;
}

/* Return whether the guest's next report is this id. */
static inline bool reports(uint64_t id)
{
	for (int ms = 0; ms < 10000 && !m.failed; ms++) {
		if (__atomic_load_n(&m.nr_reports, __ATOMIC_ACQUIRE) > m.nr_expected)
			return m.report[m.nr_expected++ % 32] == id;
		sleep_ms(1);
	}
	printf("# no report of id %lu\n", id);
	return false;
}

static bool guest_runs(void)
{
	return reports(READY) && reports(PONG);
}

/*
 * Repeat the signal, as cloud-hypervisor does: one that arrives outside of KVM_RUN has no effect.
 */
static bool pause_vcpus(void)
{
	__atomic_store_n(&m.pausing, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < NR_VCPUS; i++) {
		for (int tries = 0; !__atomic_load_n(&m.paused[i], __ATOMIC_ACQUIRE); tries++) {
			if (tries == 500 || m.failed)
				return false;
			pthread_kill(m.thread[i], SIGRTMIN);
			sleep_ms(10);
		}
	}
	return true;
}

static inline void resume_vcpus(void)
{
	__atomic_store_n(&m.pausing, false, __ATOMIC_RELEASE);
}

/* The guest powers off, which ends the thread of vCPU 0; a signal ends the other one. */
static inline bool powers_off(void)
{
	bool good;

	pthread_join(m.thread[0], NULL);
	good = m.power_off && !m.failed;
	while (pthread_kill(m.thread[1], SIGRTMIN) == 0 &&
	       pthread_tryjoin_np(m.thread[1], NULL) == EBUSY)
		sleep_ms(10);
	return good;
}

static inline int replay(const char *vmm, const struct step *steps, size_t nr_steps)
{
	char claim[300];
	bool good = true;

	for (size_t i = 0; i < nr_steps; i++) {
		errno = 0;
		good = good && steps[i].run();
		snprintf(claim, sizeof(claim), "%s: %s (%s)", vmm, steps[i].claim, steps[i].where);
		ok(good, claim);
		if (!good)
			break; /* the next steps build on this one */
	}
	return tap_done();
}

#endif
