// SPDX-License-Identifier: MIT
/*
 * stress.c - four vCPUs use memory while the host moves, protects, copies and drops it.
 *
 * Every vCPU has a lane (every fourth word of all pages) and goes over it in rounds. Each word must
 * have the value that the vCPU wrote in the previous round (or zero, where the host drops pages),
 * and gets a new value made of its address and the round. So the guest detects a lost write, an old
 * page or a page of another mapping at once. User space checks that a range does not change while
 * it must not be written, that pages given to other mappings are not written, and that the dirty
 * log lists every page that changed. The claims hold on Linux KVM too. Prints TAP.
 *
 *   stress [ROUNDS [SEED [nested]]]
 *
 * With `nested`, each vCPU is a guest hypervisor (hypervisor.h), whose guest uses the memory.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include "hypervisor.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define KEEP      (GUEST_BASE + 2 * MB) /* 4 MiB whose contents must never be lost */
#define KEEP_SIZE (4 * MB)
#define DROP      (GUEST_BASE + 6 * MB) /* 1 MiB that the host may drop */
#define DROP_SIZE (1 * MB)
#define LANES     MAX_VCPUS

/*
 * a0: the lane's offset, a1/a2: KEEP and its end, a3/a4: DROP and its end, s0: round. A value is
 * round << 32 | address; the first round finds zeroes. On a mismatch, the guest makes a forwarded
 * SBI call with a0 = address, a1 = found, a2 = expected. If a5 is 1, each round ends with an ecall.
 */
extern const char stress_code[], stress_code_end[];
__asm__(".section .rodata\n"
	".globl stress_code, stress_code_end\n"
	".balign 8\n"
	"stress_code:\n"
	"	li	s0, 0\n"
	"1:	slli	s1, s0, 32\n" /* if s0 > 0, the previous round wrote s1 | address */
	"	addi	s0, s0, 1\n"
	"	slli	s2, s0, 32\n"
	"	add	t0, a1, a0\n"
	"2:	ld	t1, 0(t0)\n"
	"	or	t2, s1, t0\n"
	"	bnez	s1, 3f\n"
	"	li	t2, 0\n"
	"3:	bne	t1, t2, 8f\n"
	"	or	t3, s2, t0\n"
	"	sd	t3, 0(t0)\n"
	"	addi	t0, t0, 32\n"
	"	bltu	t0, a2, 2b\n"
	"	add	t0, a3, a0\n"
	"4:	ld	t1, 0(t0)\n"
	"	or	t2, s1, t0\n"
	"	beqz	t1, 5f\n"
	"	bne	t1, t2, 8f\n"
	"5:	or	t3, s2, t0\n"
	"	sd	t3, 0(t0)\n"
	"	addi	t0, t0, 32\n"
	"	bltu	t0, a4, 4b\n"
	"	beqz	a5, 1b\n"
	"	li	a7, 0\n"
	"	ecall\n"
	"	j	1b\n"
	"8:	mv	a0, t0\n"
	"	mv	a1, t1\n"
	"	mv	a2, t2\n"
	"	li	a7, 0x09000000\n"
	"	li	a6, 0\n"
	"	ecall\n"
	"9:	j	9b\n"
	"stress_code_end:\n"
	".previous\n");

static volatile bool stop;
static bool nested;
static pthread_t threads[LANES];

static void ready(struct vcpu *vcpu, unsigned int lane)
{
	uint64_t hgatp[2];

	if (nested) {
		make_hypervisor(hgatp);
		add_h(vcpu);
		set_reg(vcpu, REG(s3), hgatp[lane % 2]);
		set_reg(vcpu, REG(s4), hgatp[!(lane % 2)]);
		set_reg(vcpu, REG(s5), CODE);
	}
	set_reg(vcpu, REG(a5), nested);
	set_reg(vcpu, REG(pc), nested ? L1_CODE : CODE);
	set_reg(vcpu, REG(a0), lane * 8);
	set_reg(vcpu, REG(a1), KEEP);
	set_reg(vcpu, REG(a2), KEEP + KEEP_SIZE);
	set_reg(vcpu, REG(a3), DROP);
	set_reg(vcpu, REG(a4), DROP + DROP_SIZE);
}

/*
 * Run the vCPU until `stop` is set. EFAULT means that a page cannot be accessed for a moment, so
 * try again. Return NULL if nothing was wrong.
 */
static void *work(void *arg)
{
	struct vcpu *vcpu = arg;
	const struct kvm_run *run = vcpu->run;

	while (!stop) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EFAULT) {
				sched_yield();
				continue;
			}
			printf("# vCPU %ld: KVM_RUN: %s\n", (long)(vcpu - vcpus), strerror(errno));
			return vcpu;
		}
		if (run->exit_reason == KVM_EXIT_RISCV_SBI)
			printf("# vCPU %ld: at 0x%lx found 0x%lx, expected 0x%lx\n",
			       (long)(vcpu - vcpus), run->riscv_sbi.args[0], run->riscv_sbi.args[1],
			       run->riscv_sbi.args[2]);
		else
			printf("# vCPU %ld: exit %u\n", (long)(vcpu - vcpus), run->exit_reason);
		return vcpu;
	}
	return NULL;
}

/* ---- what the host does --------------------------------------------------------------------- */

static uint64_t seed;
static char *before, *elsewhere;

static unsigned int choose(unsigned int n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned int)(seed >> 33) % n;
}

/* Choose some pages of [base, base + size): *len bytes from guest address *start on. */
static void some_pages(uint64_t base, size_t size, uint64_t *start, size_t *len)
{
	size_t pages = size / PAGE, n = 1 + choose(choose(2) ? 8 : 600);
	size_t first = choose((unsigned int)pages);

	*start = base + first * PAGE;
	*len = (n < pages - first ? n : pages - first) * PAGE;
}

/* Check for a while that nothing writes to [at, at + len). */
static bool stands_still(const char *at, size_t len, const char *what)
{
	memcpy(before, at, len);
	usleep(200 + choose(2000));
	if (memcmp(before, at, len) == 0)
		return true;
	printf("# %s: written meanwhile\n", what);
	return false;
}

/*
 * Check that each word at `at` (`gpa` in the guest) is zero or the value that its vCPU writes in
 * some round.
 */
static bool words_are_valid(const char *at, uint64_t gpa, size_t len)
{
	const uint64_t *word = (const uint64_t *)at;
	size_t i;

	for (i = 0; i < len / 8; i++)
		if (word[i] && (uint32_t)word[i] != gpa + i * 8) {
			printf("# 0x%lx holds 0x%lx\n", gpa + i * 8, word[i]);
			return false;
		}
	return true;
}

/*
 * Move pages with mremap(). It cannot cross VMAs, and advice for one page splits a VMA into three,
 * so if it fails, move each half on its own.
 */
static void move(char *from, char *to, size_t len)
{
	size_t half = len / PAGE / 2 * PAGE;

	if (mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
		return;
	must(errno == EFAULT && half, "mremap");
	move(from, to, half);
	move(from + half, to + half, len - half);
}

static bool moved_away_and_back(void)
{
	uint64_t gpa;
	bool good;
	char *to;
	size_t len;

	some_pages(KEEP, KEEP_SIZE, &gpa, &len);
	to = elsewhere + choose(2) * PAGE; /* also at addresses that do not allow a large leaf */
	move((char *)user(gpa), to, len);
	good = stands_still(to, len, "moved away") && words_are_valid(to, gpa, len);
	move(to, (char *)user(gpa), len);
	return good;
}

static bool read_only_for_a_while(void)
{
	uint64_t gpa;
	bool good;
	size_t len;

	some_pages(KEEP, KEEP_SIZE, &gpa, &len);
	must(mprotect(user(gpa), len, PROT_READ) == 0, "mprotect");
	good = stands_still((char *)user(gpa), len, "read-only") &&
	       words_are_valid((char *)user(gpa), gpa, len);
	must(mprotect(user(gpa), len, PROT_READ | PROT_WRITE) == 0, "mprotect");
	return good;
}

static bool gone_for_a_while(void)
{
	uint64_t gpa;
	size_t len;

	some_pages(KEEP, KEEP_SIZE, &gpa, &len);
	must(mprotect(user(gpa), len, PROT_NONE) == 0, "mprotect");
	usleep(choose(1000));
	must(mprotect(user(gpa), len, PROT_READ | PROT_WRITE) == 0, "mprotect");
	return true;
}

/* Check that a child's copy of the guest's memory is a valid snapshot, to which nothing writes. */
static bool copied_by_fork(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(stands_still((char *)user(KEEP), KEEP_SIZE, "the child's copy") &&
				      words_are_valid((char *)user(KEEP), KEEP, KEEP_SIZE)
			      ? 0
			      : 1);
	must(child > 0 && waitpid(child, &status, 0) == child, "fork");
	return status == 0;
}

static bool dropped(void)
{
	uint64_t gpa;
	size_t len;

	some_pages(DROP, DROP_SIZE, &gpa, &len);
	must(madvise(user(gpa), len, MADV_DONTNEED) == 0, "MADV_DONTNEED");
	return true;
}

/* Give the guest's pages to another mapping, which the guest must not write to. */
static bool given_to_others(void)
{
	uint64_t gpa;
	bool good;
	size_t len;
	char *mine;

	some_pages(DROP, DROP_SIZE, &gpa, &len);
	must(munmap(user(gpa), len) == 0, "munmap");
	mine = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(mine, 0x5a, len);
	good = stands_still(mine, len, "a page of another mapping");
	munmap(mine, len);
	must(mmap(user(gpa), len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		  -1, 0) == (void *)user(gpa),
	     "mmap");
	return good;
}

/* Collapse small pages into a large one in another frame. This can fail if the pages are in use. */
static unsigned int collapses;

static bool collapsed(void)
{
	char *block = (char *)user(KEEP + choose(2) * 2 * MB);

	if (madvise(block, 2 * MB, MADV_COLLAPSE) == 0)
		collapses++;
	return true;
}

static bool advised(void)
{
	static const int advice[] = { MADV_COLD, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_HUGEPAGE };
	int what = advice[choose(4)];

	if (what == MADV_NOHUGEPAGE) /* one page only: the other block can still become large */
		madvise(user(KEEP + choose(1024) * PAGE), PAGE, what);
	else
		madvise(user(KEEP), KEEP_SIZE, what);
	return true;
}

/* Check that the second read of the dirty log reports every page that changed since the first. */
static bool logged(void)
{
	static uint64_t bits[GUEST_SIZE / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bits };
	unsigned int first = (KEEP - GUEST_BASE) / PAGE, i;
	bool good = true;

	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, KVM_MEM_LOG_DIRTY_PAGES) == 0, "logging");
	must(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
	memcpy(before, user(KEEP), KEEP_SIZE);
	usleep(choose(3000));
	memcpy(elsewhere, user(KEEP), KEEP_SIZE);
	must(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, 0) == 0, "no logging");
	for (i = 0; i < KEEP_SIZE / PAGE && good; i++)
		if (memcmp(before + i * PAGE, elsewhere + i * PAGE, PAGE) != 0 &&
		    !(bits[(first + i) / 64] >> (first + i) % 64 & 1)) {
			printf("# page 0x%lx changed but is not in the log\n", KEEP + i * PAGE);
			good = false;
		}
	return good;
}

static bool sent_to_another_hart(void)
{
	pthread_t thread = threads[choose(LANES)];
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(choose((unsigned int)sysconf(_SC_NPROCESSORS_ONLN)), &set);
	must(pthread_setaffinity_np(thread, sizeof(set), &set) == 0, "pthread_setaffinity_np");
	return true;
}

static bool (*const deeds[])(void) = {
	moved_away_and_back,
	read_only_for_a_while,
	gone_for_a_while,
	copied_by_fork,
	dropped,
	given_to_others,
	collapsed,
	advised,
	logged,
	sent_to_another_hart,
};

/* ---- the claims ------------------------------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

/*
 * Check that a lane holds values of one round, followed by values of the round before. Set *rounds
 * to the later round.
 */
static bool lane_is_whole(unsigned int lane, uint64_t *rounds)
{
	uint64_t gpa, round = *user(KEEP + lane * 8) >> 32;
	bool rest = false;

	*rounds = round;
	for (gpa = KEEP + lane * 8; gpa < KEEP + KEEP_SIZE; gpa += 8 * LANES) {
		uint64_t value = *user(gpa), want;

		if (value >> 32 != round)
			rest = true;
		want = rest ? (round > 1 ? (round - 1) << 32 | gpa : 0) : round << 32 | gpa;
		if (value == want)
			continue;
		printf("# lane %u, 0x%lx: 0x%lx, expected 0x%lx\n", lane, gpa, value, want);
		return false;
	}
	return true;
}

/*
 * Wait, for at most a minute, until each vCPU is in round 3: on a busy machine, the test could
 * otherwise end before all vCPUs have started.
 */
static void wait_for_all(void)
{
	unsigned int lane, tries = 0;

	for (lane = 0; lane < LANES; lane++)
		while (*(volatile uint64_t *)user(KEEP + lane * 8) >> 32 < 3 && tries++ < 6000)
			usleep(10000);
}

static void stop_all(bool *good)
{
	void *result;
	int i;

	stop = true;
	for (i = 0; i < LANES; i++) {
		vcpus[i].run->immediate_exit = 1;
		pthread_kill(threads[i], SIGUSR1);
		pthread_join(threads[i], &result);
		*good &= result == NULL;
	}
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 120, i;
	struct sigaction action = { .sa_handler = on_signal };
	bool good = true, whole = true;
	uint64_t least = ~0UL, n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	nested = argc > 3;
	seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	before = mmap(NULL, KEEP_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	elsewhere = mmap(NULL, KEEP_SIZE + 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(before != MAP_FAILED && elsewhere != MAP_FAILED, "mmap");
	sigaction(SIGUSR1, &action, NULL);
	make_vm();
	memcpy(memory, stress_code, (size_t)(stress_code_end - stress_code));
	for (i = 0; i < LANES; i++) {
		ready(&vcpus[i], i);
		pthread_create(&threads[i], NULL, work, &vcpus[i]);
	}
	for (i = 0; i < rounds && good; i++) {
		unsigned int deed = choose(sizeof(deeds) / sizeof(*deeds));

		good = deeds[deed]();
		if (!good)
			printf("# round %u, operation %u\n", i, deed);
		usleep(choose(1000));
		/* Map all of `elsewhere` again: pages that are moved back leave holes in it. */
		must(mmap(elsewhere, KEEP_SIZE + 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == elsewhere,
		     "mmap");
	}
	ok(good, "no byte changes without a writer, and the dirty log has every changed page");
	if (good)
		wait_for_all();
	good = true;
	stop_all(&good);
	ok(good, "each vCPU finds in each word what it has written there");
	for (i = 0; i < LANES; i++) {
		whole &= lane_is_whole(i, &n);
		least = n < least ? n : least;
	}
	ok(whole, "in the end, each vCPU's words hold the values of its last two rounds");
	ok(least >= 2, "every vCPU begins a second round");
	printf("# seed 0x%lx, %u rounds, the slowest vCPU reached round %lu, %u blocks moved\n",
	       argc > 2 ? strtoul(argv[2], NULL, 0) : 1, rounds, least, collapses);
	printf("1..%d\n", claims);
	return failures != 0;
}
