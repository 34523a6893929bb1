// SPDX-License-Identifier: MIT
/*
 * many.c - 64 VMs at once, whose vCPUs are run alternately by several threads on several harts.
 *
 * In each VM, the same guest pages hold the VM's number. The VM's vCPUs check these pages in a
 * loop, and keep the number in integer and FP registers. With VMIDs of 2, 1 or 0 bits (the
 * parameter vmid_bits), there are more VMs than VMIDs, so VMIDs are reassigned constantly. Then one
 * vCPU waits for timers while it is moved from hart to hart. The program's claims hold on Linux KVM
 * too, except those about the width of VMIDs. Prints TAP.
 *
 *   many [ROUNDS [VMS]]
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include "guest.h"

#define MANY    64
#define SIZE    (2 * MB)
#define PAGES   16
#define THREADS 4
#define PER_VM  2

/*
 * a1: the first page, a2: the VM's number, a3: where this vCPU stores its count of rounds, a4: the
 * number of rounds. Every page holds the VM's number in its first word. The guest makes a forwarded
 * call with a0 = 0 after a4 rounds, or at once with a0 = the address of a wrong word, 1 for a wrong
 * FP register, or 2 for a wrong integer register.
 */
extern const char many_code[], many_code_end[], timer_code[], timer_code_end[];
__asm__(".section .rodata\n"
	".option push\n"
	".option arch, +d\n"
	".globl many_code, many_code_end, timer_code, timer_code_end\n"
	".balign 8\n"
	"many_code:\n"
	"	li	t0, 0x2000\n" /* sstatus.FS: initial */
	"	csrs	sstatus, t0\n"
	"	fmv.d.x	fs0, a2\n"
	"	mv	s2, a2\n"
	"	li	s3, 0\n"
	"1:	mv	s0, a4\n"
	"2:	mv	t0, a1\n"
	"	li	t1, 16\n"
	"	li	t3, 4096\n"
	"3:	ld	t2, 0(t0)\n"
	"	bne	t2, s2, 8f\n"
	"	add	t0, t0, t3\n"
	"	addi	t1, t1, -1\n"
	"	bnez	t1, 3b\n"
	"	fmv.x.d	t2, fs0\n"
	"	li	t0, 1\n"
	"	bne	t2, s2, 8f\n"
	"	li	t0, 2\n"
	"	bne	a2, s2, 8f\n"
	"	addi	s3, s3, 1\n"
	"	sd	s3, 0(a3)\n"
	"	addi	s0, s0, -1\n"
	"	bnez	s0, 2b\n"
	"	li	t0, 0\n"
	"8:	mv	a0, t0\n"
	"	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"	mv	s4, a1\n"
	"	ecall\n" /* returns a0 and a1 */
	"	mv	a1, s4\n"
	"	j	1b\n"
	"many_code_end:\n"
	/*
	 * a2: ticks until a timer fires, a3: number of timers, a4: where the number of timers left
	 * is stored. At the end, the guest makes a forwarded call with a0 = the number of timers
	 * that fired early and a1 = the largest delay, in ticks, which is valid if a0 is 0.
	 */
	".balign 8\n"
	"timer_code:\n"
	"	li	t0, 0x20\n"
	"	csrs	sie, t0\n" /* a pending timer ends wfi; sstatus.SIE stays 0: no trap */
	"	mv	s0, a3\n"
	"	li	s1, 0\n"
	"	li	s2, 0\n"
	"1:	rdtime	s3\n"
	"	add	s3, s3, a2\n"
	"	mv	a0, s3\n"
	"	li	a7, 0x54494d45\n"
	"	li	a6, 0\n"
	"	ecall\n"
	"2:	wfi\n"
	"	csrr	t0, sip\n"
	"	andi	t0, t0, 0x20\n"
	"	beqz	t0, 2b\n"
	"	rdtime	t1\n"
	"	sub	t1, t1, s3\n"
	"	bgez	t1, 3f\n"
	"	addi	s1, s1, 1\n"
	"3:	bleu	t1, s2, 4f\n"
	"	mv	s2, t1\n"
	"4:	addi	s0, s0, -1\n"
	"	sd	s0, 0(a4)\n"
	"	bnez	s0, 1b\n"
	"	mv	a0, s1\n"
	"	mv	a1, s2\n"
	"	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"	ecall\n"
	"timer_code_end:\n"
	".option pop\n"
	".previous\n");

/* ---- VMs --------------------------------------------------------------------------------- */

struct one_vm {
	int fd;
	char *memory;
	unsigned int nr_vcpus;
	struct vcpu vcpu[PER_VM];
	pthread_mutex_t busy[PER_VM];
	uint64_t slices[PER_VM];
	int last_thread[PER_VM];
};

static struct one_vm vms[MANY];
static unsigned int nr_vms = MANY;
static int kvm;

static void open_vm(struct one_vm *v, unsigned int nr_vcpus, const char *code, size_t size)
{
	unsigned int i;

	v->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(v->memory != MAP_FAILED, "mmap");
	memcpy(v->memory, code, size);
	vm = v->fd = ioctl(kvm, KVM_CREATE_VM, 0); /* guest.h's functions use `vm` */
	must(v->fd >= 0, "KVM_CREATE_VM");
	must(set_slot(0, GUEST_BASE, SIZE, v->memory, 0) == 0, "slot 0");
	v->nr_vcpus = nr_vcpus;
	for (i = 0; i < nr_vcpus; i++) {
		start(&v->vcpu[i], kvm, i);
		pthread_mutex_init(&v->busy[i], NULL);
		v->last_thread[i] = -1;
	}
}

static void close_vm(struct one_vm *v)
{
	unsigned int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		munmap(v->vcpu[i].run, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
		close(v->vcpu[i].fd);
	}
	close(v->fd);
	munmap(v->memory, SIZE);
}

#define FIRST_PAGE (GUEST_BASE + 0x10000)
#define COUNTERS   (FIRST_PAGE + PAGES * PAGE)

static void make_vms(void)
{
	unsigned int i, j, page;

	for (i = 0; i < nr_vms; i++) {
		struct one_vm *v = &vms[i];

		open_vm(v, i % 4 == 0 ? PER_VM : 1, many_code, (size_t)(many_code_end - many_code));
		for (page = 0; page < PAGES; page++)
			*(uint64_t *)(v->memory + 0x10000 + page * PAGE) = 1000 + i;
		for (j = 0; j < v->nr_vcpus; j++) {
			set_reg(&v->vcpu[j], REG(a1), FIRST_PAGE);
			set_reg(&v->vcpu[j], REG(a2), 1000 + i);
			set_reg(&v->vcpu[j], REG(a3), COUNTERS + j * 64);
			set_reg(&v->vcpu[j], REG(a4), 200);
		}
	}
}

/* ---- threads that run the vCPUs ------------------------------------------------------ */

static unsigned int rounds, next_slice, moves;
static volatile bool wrong;

static void pin(unsigned int thread)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(thread % (unsigned int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	must(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
}

static void run_slice(struct one_vm *v, unsigned int j, int thread)
{
	struct outcome o;

	do
		o = run(&v->vcpu[j]);
	while (o.err == EINTR);
	if (o.err || o.exit != KVM_EXIT_RISCV_SBI || o.result) {
		printf("# VM %ld, vCPU %u: errno %d, exit %u, result 0x%lx\n", (long)(v - vms), j,
		       o.err, o.exit, o.result);
		wrong = true;
	}
	if (v->last_thread[j] != thread)
		__atomic_fetch_add(&moves, 1, __ATOMIC_RELAXED);
	v->last_thread[j] = thread;
	v->slices[j]++;
}

static void *runner(void *arg)
{
	int thread = (int)(uintptr_t)arg;
	unsigned int n, j;

	pin((unsigned int)thread);
	while (!wrong &&
	       (n = __atomic_fetch_add(&next_slice, 1, __ATOMIC_RELAXED)) < rounds * nr_vms) {
		struct one_vm *v = &vms[(n + (unsigned int)thread * 7) % nr_vms];

		for (j = 0; j < v->nr_vcpus; j++) {
			if (pthread_mutex_trylock(&v->busy[j]))
				continue; /* another thread runs it: try the VM's other vCPU */
			run_slice(v, j, thread);
			pthread_mutex_unlock(&v->busy[j]);
		}
	}
	return NULL;
}

static bool counters_are_right(void)
{
	unsigned int i, j;

	for (i = 0; i < nr_vms; i++)
		for (j = 0; j < vms[i].nr_vcpus; j++) {
			uint64_t is =
				*(uint64_t *)(vms[i].memory + (COUNTERS - GUEST_BASE) + j * 64);

			if (is == vms[i].slices[j] * 200)
				continue;
			printf("# VM %u, vCPU %u counted %lu in %lu slices\n", i, j, is,
			       vms[i].slices[j]);
			return false;
		}
	return true;
}

static bool run_all(void)
{
	pthread_t threads[THREADS];
	uintptr_t i;

	next_slice = 0;
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, runner, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return !wrong && counters_are_right();
}

/* ---- the width of VMIDs ------------------------------------------------------------------------ */

#define PARAMETERS "/sys/module/kvm/parameters/"

static long parameter(const char *name)
{
	char path[80], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	must(read(fd, text, sizeof(text) - 1) > 0, path);
	close(fd);
	return atol(text);
}

static bool has_no_vmids(void)
{
	char text[8] = "";
	int fd = open(PARAMETERS "vmid", O_RDONLY);

	must(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "the toggle vmid");
	close(fd);
	return !strncmp(text, "flush", 5);
}

static void set_width(long bits)
{
	int fd = open(PARAMETERS "vmid_bits", O_WRONLY);
	char text[24];

	snprintf(text, sizeof(text), "%ld", bits);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "vmid_bits");
	close(fd);
}

static void with_width(long bits)
{
	long before;
	char name[120];

	snprintf(name, sizeof(name), "%u VMs see only their own memory with VMIDs of %ld bits",
		 nr_vms, bits);
	if (parameter("vmid_bits") < 0) {
		printf("ok %d - %s # SKIP this KVM's VMID width cannot be chosen\n", ++claims,
		       name);
		return;
	}
	set_width(bits);
	before = parameter("vmid_generation");
	ok(run_all(), name);
	printf("# %ld rollovers\n", parameter("vmid_generation") - before);
	if (bits != 1 && bits != 2)
		return;
	if (has_no_vmids())
		printf("ok %d - narrow VMIDs run out repeatedly # SKIP vmid=flush uses none\n",
		       ++claims);
	else
		ok(parameter("vmid_generation") - before >= (long)(rounds * nr_vms >> bits) / 2,
		   "narrow VMIDs run out repeatedly");
}

/* ---- a timer that follows its vCPU ----------------------------------------------------------- */

#define TIMERS 30

static struct one_vm traveller;
static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static unsigned int turn, turns[THREADS], all_turns;
static bool arrived;
static struct outcome arrival;

static void on_signal(int sig)
{
	(void)sig;
}

/* Run the vCPU in each of this thread's turns. A signal ends a turn; the next thread continues. */
static void *carrier(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg;

	pin(me);
	pthread_mutex_lock(&turn_lock);
	while (!arrived) {
		if (turn != me) {
			pthread_cond_wait(&turn_changed, &turn_lock);
			continue;
		}
		pthread_mutex_unlock(&turn_lock);
		arrival = run(&traveller.vcpu[0]);
		pthread_mutex_lock(&turn_lock);
		arrived = arrival.err != EINTR;
		traveller.vcpu[0].run->immediate_exit = 0;
		turns[me]++;
		__atomic_fetch_add(&all_turns, 1, __ATOMIC_RELEASE);
		turn = (me + 1) % THREADS;
		pthread_cond_broadcast(&turn_changed);
	}
	pthread_mutex_unlock(&turn_lock);
	return NULL;
}

static void timer_follows(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	volatile uint64_t *left;
	pthread_t threads[THREADS];
	uint64_t seen = 0;
	uintptr_t i;
	bool all = true;

	sigaction(SIGUSR1, &action, NULL);
	open_vm(&traveller, 1, timer_code, (size_t)(timer_code_end - timer_code));
	set_reg(&traveller.vcpu[0], REG(a2), 50000); /* 5 ms at 10 MHz */
	set_reg(&traveller.vcpu[0], REG(a3), TIMERS);
	set_reg(&traveller.vcpu[0], REG(a4), COUNTERS);
	left = (volatile uint64_t *)(traveller.memory + (COUNTERS - GUEST_BASE));
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, carrier, (void *)i);
	while (!__atomic_load_n(&arrived, __ATOMIC_ACQUIRE)) {
		unsigned int before = __atomic_load_n(&all_turns, __ATOMIC_ACQUIRE);

		/* End a turn while a timer is armed, and only after the vCPU has made progress. */
		if (*left == seen) {
			usleep(300);
			continue;
		}
		seen = *left;
		usleep(1000 + 500 * (seen % 8));
		traveller.vcpu[0].run->immediate_exit = 1;
		for (i = 0; i < THREADS; i++)
			pthread_kill(threads[i], SIGUSR1);
		while (__atomic_load_n(&all_turns, __ATOMIC_ACQUIRE) == before &&
		       !__atomic_load_n(&arrived, __ATOMIC_ACQUIRE))
			usleep(100);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all &= turns[i] > 0;
	}
	ok(!arrival.err && arrival.exit == KVM_EXIT_RISCV_SBI,
	   "a vCPU moved from hart to hart gets every one of its timers");
	ok(arrival.result == 0, "no timer of a moved vCPU is early");
	ok(all, "every thread has run the moved vCPU");
	printf("# %u %u %u %u turns, the latest %lu ticks late\n", turns[0], turns[1], turns[2],
	       turns[3], (unsigned long)traveller.vcpu[0].run->riscv_sbi.args[1]);
	close_vm(&traveller);
}

int main(int argc, char **argv)
{
	long width = -1;
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 12;
	nr_vms = argc > 2 ? (unsigned int)atoi(argv[2]) : MANY;
	must(nr_vms > 0 && nr_vms <= MANY, "VMS");
	kvm = open("/dev/kvm", O_RDWR);
	must(kvm >= 0, "/dev/kvm");
	make_vms();
	ok(run_all(), "64 VMs at once see only their own memory and registers");
	width = parameter("vmid_bits");
	with_width(2);
	with_width(1);
	with_width(0);
	if (width >= 0)
		set_width(width);
	ok(run_all(), "64 VMs see only their own memory with the original VMID width");
	printf("# %u times a vCPU was run by a different thread than before\n", moves);
	ok(moves > nr_vms, "vCPUs move from thread to thread");
	for (i = 0; i < nr_vms; i++)
		close_vm(&vms[i]);
	timer_follows();
	printf("1..%d\n", claims);
	return failures != 0;
}
