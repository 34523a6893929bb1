// SPDX-License-Identifier: MIT
/*
 * aia_msi.c - MSIs of the AIA in the kernel, from each of their sources to the guest's handler.
 *
 * Sources are KVM_SIGNAL_MSI, irqfds with a route to an MSI or to the APLIC, KVM_IRQ_LINE, the
 * guest's own stores to the APLIC, and stores to the page of another vCPU's IMSIC (IPIs). The
 * attributes are tested by aia.c. Linux 6.12 delivers no id whose bit in its word is above 30, so
 * none is used here.
 */
#include <sys/eventfd.h>
#include <sys/time.h>
#include "aia.h"

#define MAX_VCPUS 4
#define IDS       127
#define SOURCES   32

#define HOP_FIRST 64 /* ids that a vCPU passes on, plus 1, to the next vCPU */
#define HOP_LAST  90
#define END       30 /* the vCPU's thread ends */

#define ASM_STR2(x) #x
#define ASM_STR(x)  ASM_STR2(x)
#define SELECT(reg) "li t0, " ASM_STR(reg) "\ncsrw 0x150, t0\n" /* siselect */
#define SIREG       "0x151"
#define STOPEI      "0x15c"

/*
 * Enables all ids and reports 0. Then it waits, or spins if s0 is not 0, and its handler reports
 * stopei's value, scause and stopi; ids to be passed on are stored to the page in s1 instead.
 */
GUEST(listen,
      ".option norvc\nlla t0, 9f\ncsrw stvec, t0\nli t1, 1\nli t2, -1\n" SELECT(
	      0x70) "csrw " SIREG
		    ", t1\n" SELECT(0xc0) "csrw " SIREG ", t2\n" SELECT(
			    0xc2) "csrw " SIREG
				  ", t2\nli t0, 0x200\ncsrw sie, t0\nli a0, 0\nli a1, 0\n" REPORT
				  "csrsi sstatus, 2\n1: bnez s0, 1b\nwfi\nj 1b\n"
				  ".balign 4\n9: csrr a2, 0xdb0\ncsrr a1, scause\ncsrrw a0, " STOPEI
				  ", zero\n"
				  "srli t0, a0, 16\nli t1, " ASM_STR(
					  HOP_FIRST) "\nblt t0, t1, 2f\n"
						     "li t1, " ASM_STR(
							     HOP_LAST) "\nbgt t0, t1, 2f\n"
								       "addi t0, t0, 1\nsw t0, "
								       "0(s1)\nsret\n2: " REPORT
								       "sret\n");

/* ---- vCPUs that listen ------------------------------------------------------------------ */

struct listener {
	struct vcpu vcpu;
	pthread_t thread;
	unsigned int nr_reports; /* released after the report is written */
	uint64_t report[64][3];
};

static struct vm vm;
static int aia;
static unsigned int nr;
static struct listener listener[MAX_VCPUS];
static unsigned int seen[MAX_VCPUS]; /* reports that were expected so far */

static void *listen_thread(void *arg)
{
	struct listener *l = arg;
	const uint64_t *args = (const uint64_t *)l->vcpu.run->riscv_sbi.args;

	for (unsigned int n = 0; n < 64; n++) {
		if (vcpu_run(&l->vcpu) || l->vcpu.run->exit_reason != KVM_EXIT_RISCV_SBI) {
			printf("# exit %u, %s\n", l->vcpu.run->exit_reason, strerror(errno));
			return NULL;
		}
		memcpy(l->report[n], args, sizeof(l->report[n]));
		__atomic_store_n(&l->nr_reports, n + 1, __ATOMIC_RELEASE);
		if (args[0] >> 16 == END)
			return NULL;
	}
	return NULL;
}

/* Return whether the vCPU's next report is for this id, taken as an external interrupt. */
static bool hears(unsigned int i, uint64_t id)
{
	struct listener *l = &listener[i];
	const uint64_t *report = l->report[seen[i]];
	uint64_t cause = id ? 1UL << 63 | 9 : 0;

	for (int ms = 0; ms < 5000; ms++) {
		if (__atomic_load_n(&l->nr_reports, __ATOMIC_ACQUIRE) > seen[i])
			break;
		sleep_ms(1);
	}
	if (__atomic_load_n(&l->nr_reports, __ATOMIC_ACQUIRE) <= seen[i]) {
		printf("# vCPU %u does not report id %lu\n", i, id);
		return false;
	}
	seen[i]++;
	if (report[0] == (id << 16 | id) && report[1] == cause &&
	    (!id || report[2] == (9UL << 16 | 1)))
		return true;
	printf("# vCPU %u: stopei 0x%lx, scause 0x%lx, stopi 0x%lx\n", i, report[0], report[1],
	       report[2]);
	return false;
}

static int message(unsigned int i, uint32_t id)
{
	struct kvm_msi msi = { .address_lo = (uint32_t)(IMSIC_GPA + i * 0x1000), .data = id };

	return ioctl(vm.fd, KVM_SIGNAL_MSI, &msi);
}

static void start(unsigned int vcpus, bool spin)
{
	bool good = true;

	nr = vcpus;
	vm = vm_new();
	vm_load(&vm, listen);
	memset(listener, 0, sizeof(listener));
	memset(seen, 0, sizeof(seen));
	for (unsigned int i = 0; i < nr; i++)
		listener[i].vcpu = vcpu_new(&vm, i);
	aia = aia_new(&vm);
	must(aia >= 0 && aia_start(aia, nr, SOURCES, IDS), "AIA");
	for (unsigned int i = 0; i < nr; i++) {
		struct listener *l = &listener[i];

		set_reg(&l->vcpu, CORE(regs.s0), spin);
		set_reg(&l->vcpu, CORE(regs.s1), IMSIC_GPA + (i + 1) % nr * 0x1000UL);
		ioctl(l->vcpu.fd, KVM_SET_MP_STATE,
		      &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE });
		pthread_create(&l->thread, NULL, listen_thread, l);
	}
	for (unsigned int i = 0; i < nr; i++)
		good &= hears(i, 0);
	must(good, "the guest is ready");
}

static void stop(void)
{
	for (unsigned int i = 0; i < nr; i++) {
		message(i, END);
		pthread_join(listener[i].thread, NULL);
		vcpu_free(&listener[i].vcpu);
	}
	close(aia);
	vm_free(&vm);
}

/* ---- sources ----------------------------------------------------------------------------- */

static int irqfd(int event, uint32_t gsi, uint32_t flags)
{
	struct kvm_irqfd args = { .fd = (uint32_t)event, .gsi = gsi, .flags = flags };

	return ioctl(vm.fd, KVM_IRQFD, &args);
}

static int resampling_irqfd(int event, int resample, uint32_t gsi)
{
	struct kvm_irqfd args = { .fd = (uint32_t)event,
				  .gsi = gsi,
				  .flags = KVM_IRQFD_FLAG_RESAMPLE,
				  .resamplefd = (uint32_t)resample };

	return ioctl(vm.fd, KVM_IRQFD, &args);
}

static void signal_event(int event)
{
	must(write(event, &(uint64_t){ 1 }, 8) == 8, "eventfd");
}

/* Route GSI 40 to an MSI for the last vCPU, and GSI 5 to the APLIC's source 9. */
static int set_routes(uint32_t id)
{
	struct {
		struct kvm_irq_routing routing;
		struct kvm_irq_routing_entry entry[2];
	} table = {
		.routing.nr = 2,
		.entry[0] = { .gsi = 40,
			      .type = KVM_IRQ_ROUTING_MSI,
			      .u.msi = { .address_lo = (uint32_t)(IMSIC_GPA + (nr - 1) * 0x1000),
					 .data = id } },
		.entry[1] = { .gsi = 5, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip.pin = 9 },
	};

	return ioctl(vm.fd, KVM_SET_GSI_ROUTING, &table);
}

static void source(uint32_t i, uint32_t mode, unsigned int hart, uint32_t id)
{
	must(!aia_set(aia, APLIC(SOURCECFG(i)), mode) &&
		     !aia_set(aia, APLIC(TARGET(i)), hart << 18 | id) &&
		     !aia_set(aia, APLIC(SETIENUM), i) && !aia_set(aia, APLIC(DOMAINCFG), 0x100),
	     "APLIC");
}

static void irqfds(const char *how, bool ours)
{
	int event = eventfd(0, 0), wired = eventfd(0, 0);
	unsigned int last = nr - 1;
	char claim[128];

	must(set_routes(20) == 0 && irqfd(event, 40, 0) == 0 && irqfd(wired, 5, 0) == 0, "irqfd");
	signal_event(event);
	snprintf(claim, sizeof(claim), "%s: an irqfd with a route to an MSI sends it", how);
	ok(hears(last, 20), claim);
	must(set_routes(21) == 0, "routes");
	signal_event(event);
	snprintf(claim, sizeof(claim), "%s: after the route has changed, the new MSI is sent", how);
	ok(hears(last, 21), claim);
	source(9, EDGE1, last, 22);
	signal_event(wired);
	snprintf(claim, sizeof(claim), "%s: an irqfd with a route to the APLIC raises its source",
		 how);
	ok(hears(last, 22), claim);
	if (ours) {
		signal_event(wired);
		snprintf(claim, sizeof(claim),
			 "%s: each signal of the APLIC's irqfd interrupts (hyperscope only)", how);
		ok(hears(last, 22), claim);
	}
	irqfd(event, 40, KVM_IRQFD_FLAG_DEASSIGN);
	irqfd(wired, 5, KVM_IRQFD_FLAG_DEASSIGN);
	close(event);
	close(wired);
}

/* The eventfd is also an ioeventfd, whose signal the VMM reads before it creates the irqfd. */
static void read_before(const char *how)
{
	struct kvm_ioeventfd io = { .addr = 0x1000, .len = 4, .fd = eventfd(0, 0) };
	uint64_t count;
	char claim[128];

	must(set_routes(23) == 0 && ioctl(vm.fd, KVM_IOEVENTFD, &io) == 0, "ioeventfd");
	signal_event(io.fd);
	must(read(io.fd, &count, 8) == 8 && irqfd(io.fd, 40, 0) == 0 && set_routes(24) == 0,
	     "irqfd");
	signal_event(io.fd);
	snprintf(claim, sizeof(claim), "%s: a signal read before its irqfd was created is not sent",
		 how);
	ok(hears(nr - 1, 24), claim);
	irqfd(io.fd, 40, KVM_IRQFD_FLAG_DEASSIGN);
	io.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	ioctl(vm.fd, KVM_IOEVENTFD, &io);
	close(io.fd);
}

static void lines(const char *how)
{
	struct kvm_irq_level level = { .irq = 6, .level = 1 };
	char claim[128];

	source(6, LEVEL1, 0, 25);
	ioctl(vm.fd, KVM_IRQ_LINE, &level);
	snprintf(claim, sizeof(claim), "%s: KVM_IRQ_LINE raises a level-triggered source", how);
	ok(hears(0, 25), claim);
	must(!aia_set(aia, APLIC(SETIPNUM), 6), "setipnum");
	snprintf(claim, sizeof(claim),
		 "%s: setipnum repeats the interrupt of a source whose level is high", how);
	ok(hears(0, 25), claim);
	level.level = 0;
	ioctl(vm.fd, KVM_IRQ_LINE, &level);
	must(!aia_set(aia, APLIC(SETIPNUM), 6), "setipnum");
}

/* GSI 5 leads to source 9. */
static void removed_line(const char *how)
{
	int event[2] = { eventfd(0, 0), eventfd(0, 0) }, resample = eventfd(0, 0);
	char claim[128];
	bool high;

	source(9, LEVEL1, 0, 26);
	must(resampling_irqfd(event[0], resample, 5) == 0 &&
		     resampling_irqfd(event[1], resample, 5) == 0,
	     "irqfd");
	signal_event(event[0]);
	snprintf(claim, sizeof(claim), "%s: an irqfd with a resample eventfd raises its source",
		 how);
	ok(hears(0, 26), claim);
	irqfd(event[0], 5, KVM_IRQFD_FLAG_DEASSIGN);
	high = aia_get(aia, APLIC(CLRIP(0))) & 1UL << 9;
	irqfd(event[1], 5, KVM_IRQFD_FLAG_DEASSIGN);
	snprintf(claim, sizeof(claim), "%s: the line falls when the last such irqfd is removed",
		 how);
	ok(high && !(aia_get(aia, APLIC(CLRIP(0))) & 1UL << 9), claim);
	for (unsigned int i = 0; i < 2; i++)
		close(event[i]);
	close(resample);
}

static void each_source(unsigned int vcpus, bool spin, bool ours)
{
	char how[64], claim[128];
	bool good = true;

	snprintf(how, sizeof(how), "%u vCPUs that %s", vcpus, spin ? "run" : "wait");
	start(vcpus, spin);
	for (unsigned int i = 0; i < nr; i++)
		good &= message(i, 10 + i) == 0 && hears(i, 10 + i);
	snprintf(claim, sizeof(claim), "%s: KVM_SIGNAL_MSI reaches each vCPU", how);
	ok(good, claim);
	irqfds(how, ours);
	read_before(how);
	lines(how);
	removed_line(how);
	snprintf(claim, sizeof(claim), "%s: IPIs go round, each sent by the previous one's handler",
		 how);
	message(0, HOP_FIRST);
	ok(hears((HOP_LAST + 1 - HOP_FIRST) % nr, HOP_LAST + 1), claim);
	stop();
}

/* ---- one vCPU and its registers ------------------------------------------------------------ */

/*
 * Reports stopei at each step: with ids 3 and 70 pending and enabled; after a read that claims;
 * with threshold 70; after the threshold is cleared; after id 70 is cleared in eip2 by csrc.
 */
#define TOP "csrr a0, " STOPEI "\n" REPORT
GUEST(claims, ".option norvc\n" TOP "csrrw a0, " STOPEI
	      ", zero\n" TOP SELECT(0x72) "li t1, 70\ncsrw " SIREG ", t1\n" TOP "csrw " SIREG
					  ", zero\n" TOP SELECT(0x82) "li t1, 64\ncsrc " SIREG
								      ", t1\n" TOP);

/* Reports the old values of registers, or the cause of a trap. */
#define ACCESS(reg) SELECT(reg) "li a0, -1\ncsrrw a0, " SIREG ", a0\n" REPORT
GUEST(access, ".option norvc\nlla t0, 9f\ncsrw stvec, t0\n" ACCESS(0xc0) ACCESS(0xc0) ACCESS(0xc4)
		      ACCESS(0xc4) ACCESS(0x81) ".balign 4\n9: csrr a0, scause\n" REPORT
						"csrr t0, sepc\naddi t0, t0, 4\n"
						"csrw sepc, t0\nsret\n");

/* Stores to the APLIC's registers, then reports stopei and domaincfg. */
#define STORE(reg, value) "li t1, " #value "\nli t2, " #reg "\nadd t2, t2, s1\nsw t1, 0(t2)\n"
GUEST(wired,
      ".option norvc\n" STORE(0x1c, 4) STORE(0x301c, 14) STORE(0x1edc, 7) STORE(0, 0x100)
	      STORE(0x1cdc, 7) "lw a1, 0(s1)\nlw a2, 0x1c(s1)\ncsrrw a0, " STOPEI ", zero\n" REPORT
			       "ld a0, 0(s1)\nli t0, 7\nsw t0, 0(s2)\nlw a0, 0(s3)\n" REPORT);

static struct vcpu one;

static void alone(const uint8_t *code, const uint8_t *end)
{
	vm = vm_new();
	one = vcpu_new(&vm, 0);
	vm_load_code(&vm, 0, code, end);
	aia = aia_new(&vm);
	must(aia >= 0 && aia_start(aia, 1, SOURCES, IDS), "AIA");
	aia_set(aia, IMSIC(0, EIE(0)), ~0UL);
	aia_set(aia, IMSIC(0, EIE(2)), ~0UL);
}

static void alone_done(void)
{
	vcpu_free(&one);
	close(aia);
	vm_free(&vm);
}

static bool reports(uint64_t value)
{
	if (vcpu_run(&one) == 0 && is_report(&one, value))
		return true;
	printf("# exit %u, a0 0x%lx\n", one.run->exit_reason, one.run->riscv_sbi.args[0]);
	return false;
}

#define ID(id) ((id) << 16 | (id))

static void registers(bool ours)
{
	alone(guest_claims, guest_claims_end);
	message(0, 70);
	message(0, 3);
	ok(reports(ID(3)), "stopei is the lowest id, and a read does not claim it");
	ok(reports(ID(70)), "a write of stopei claims the id, and ignores the value");
	ok(reports(0), "an id that is not below the threshold is not reported");
	ok(reports(ID(70)), "threshold 0 permits all ids");
	ok(reports(0), "a pending bit can be cleared in eip");
	alone_done();

	alone(guest_access, guest_access_end);
	ok(reports(~1UL) && reports(~1UL), "eie holds a bit for each id");
	/* A guest interrupt file has as many ids as the hart gives it, which may be more than the VM's. */
	if (ours && !getenv("HS_GUEST_FILES"))
		ok(reports(0) && reports(0) && reports(2),
		   "ids that do not exist read as 0; an odd number is illegal (hyperscope only)");
	alone_done();

	alone(guest_wired, guest_wired_end);
	set_reg(&one, CORE(regs.s1), APLIC_GPA);
	set_reg(&one, CORE(regs.s2), IMSIC_GPA + 0x1000);
	set_reg(&one, CORE(regs.s3), IMSIC_GPA);
	ok(reports(ID(14UL)) && (uint32_t)one.run->riscv_sbi.args[1] == 0x80000104 &&
		   one.run->riscv_sbi.args[2] == EDGE1,
	   "the guest configures the APLIC, and is interrupted by it");
	ok(vcpu_run(&one) == 0 && one.run->exit_reason == KVM_EXIT_MMIO &&
		   one.run->mmio.phys_addr == APLIC_GPA && one.run->mmio.len == 8,
	   "user space answers a load of 8 bytes");
	ok(vcpu_run(&one) == 0 && one.run->exit_reason == KVM_EXIT_MMIO &&
		   one.run->mmio.phys_addr == IMSIC_GPA + 0x1000 && one.run->mmio.is_write,
	   "user space answers a store to the page of an IMSIC that does not exist");
	ok(reports(0), "an IMSIC's page reads as 0");
	alone_done();
}

/* ---- a stopped vCPU ------------------------------------------------------------------------ */

static void ignore(int sig)
{
	(void)sig;
}

/* KVM_RUN of a stopped vCPU sleeps until a signal arrives. */
static void stopped(void)
{
	struct sigaction action = { .sa_handler = ignore };
	struct itimerval soon = { .it_value.tv_usec = 10000, .it_interval.tv_usec = 10000 };
	struct kvm_mp_state state = { KVM_MP_STATE_STOPPED };

	sigaction(SIGALRM, &action, NULL);
	alone(guest_claims, guest_claims_end);
	message(0, 3);
	ioctl(one.fd, KVM_SET_MP_STATE, &state);
	setitimer(ITIMER_REAL, &soon, NULL);
	fails_with(vcpu_run(&one), EINTR, "a signal ends KVM_RUN of a stopped vCPU");
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	ioctl(one.fd, KVM_SET_MP_STATE, &state);
	ok(reports(ID(3)), "a vCPU that user space has stopped keeps its IMSIC's registers");
	alone_done();
}

/* ---- reset -------------------------------------------------------------------------------- */

/* Calls hart_start(1, MEM_GPA + 0x1000), and reports. */
GUEST(starter, ".option norvc\nli a7, 0x48534d\nli a6, 0\nli a0, 1\nli a1, 0x80001000\nli a2, 0\n"
	       "ecall\n" REPORT);
GUEST(started, ".option norvc\nli a0, 5\n" REPORT);

static void reset(void)
{
	struct vcpu boot, other;

	vm = vm_new();
	boot = vcpu_new(&vm, 0);
	other = vcpu_new(&vm, 1);
	vm_load(&vm, starter);
	vm_load_code(&vm, 0x1000, guest_started, guest_started_end);
	aia = aia_new(&vm);
	must(aia >= 0 && aia_start(aia, 2, SOURCES, IDS), "AIA");
	for (int id = 0; id < 2; id++) {
		aia_set(aia, IMSIC(id, EIE(0)), ~0UL);
		aia_set(aia, IMSIC(id, EIDELIVERY), 1);
		message((unsigned int)id, 5);
	}
	ok(vcpu_run(&boot) == 0 && is_report(&boot, 0) && vcpu_run(&other) == 0 &&
		   is_report(&other, 5),
	   "vCPU 0 starts vCPU 1");
	ok(!aia_get(aia, IMSIC(1, EIE(0))) && !aia_get(aia, IMSIC(1, EIP(0))) &&
		   !aia_get(aia, IMSIC(1, EIDELIVERY)) &&
		   !(get_reg(&other, CSRREG(sip)) & 1UL << 9),
	   "the start resets the IMSIC of vCPU 1, and lowers its interrupt");
	ok(aia_get(aia, IMSIC(0, EIP(0))) == 1UL << 5 && (get_reg(&boot, CSRREG(sip)) & 1UL << 9),
	   "starting vCPU 1 leaves the IMSIC of vCPU 0 and its interrupt unchanged");
	aia_set(aia, IMSIC(0, EIE(0)), 0);
	ok(!(get_reg(&boot, CSRREG(sip)) & 1UL << 9),
	   "the interrupt of an IMSIC falls when its id is disabled");
	vcpu_free(&boot);
	vcpu_free(&other);
	close(aia);
	vm_free(&vm);
}

int main(void)
{
	bool ours = getenv("HS_OURS") != NULL;
	int kvm = open("/dev/kvm", O_RDWR);

	if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) == 0) {
		printf("1..0 # SKIP this machine has no Ssaia\n");
		return 0;
	}
	close(kvm);
	registers(ours);
	stopped();
	reset();
	for (unsigned int vcpus = 1; vcpus <= MAX_VCPUS; vcpus *= 2) {
		each_source(vcpus, false, ours);
		each_source(vcpus, true, ours);
	}
	return tap_done();
}
