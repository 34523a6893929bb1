// SPDX-License-Identifier: MIT
/*
 * memory.c - check a guest's memory while user space changes it.
 *
 * The program is static and uses only the KVM user API, so it runs on hyperscope and on Linux KVM,
 * and it must give the same results on both. The guest makes one access at a time, as requested by
 * the answer to a forwarded SBI call. In the last claims, all vCPUs but the first store in an
 * endless loop while user space unmaps pages and deletes a slot. The argument is the number of
 * rounds of these claims (60). Prints TAP.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "guest.h"

/* ---- claims ------------------------------------------------------------------------------ */

static void shared(void)
{
	*user(DATA) = 0x1234;
	ok(loads(DATA, 0x1234), "the guest reads what user space wrote");
	ok(stores(DATA + 8) && *user(DATA + 8) == DATA + 8,
	   "user space reads what the guest wrote");
	*user(DATA) = 0x5678;
	ok(loads(DATA, 0x5678), "the guest reads what user space wrote to a page already mapped");
}

static void taken_back(void)
{
	uint64_t page = DATA + 16 * PAGE;

	stores(page);
	stores(page + PAGE);
	madvise(user(page), PAGE, MADV_DONTNEED);
	ok(loads(page, 0), "a page dropped with MADV_DONTNEED reads as zero");
	ok(loads(page + PAGE, page + PAGE), "the page after a dropped one keeps its contents");

	stores(page);
	must(mmap(user(page), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		  -1, 0) == user(page),
	     "mmap over a page");
	*user(page) = 99;
	ok(loads(page, 99), "the guest sees a page that user space maps over another");

	munmap(user(page), PAGE);
	ok(fails_with_efault(OP_LOAD, page),
	   "a load from an unmapped page makes KVM_RUN fail with EFAULT");
	mmap(user(page), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
	     0);
	ok(stores(page), "the guest continues once the unmapped page is mapped again");
}

static void protected(void)
{
	uint64_t page = DATA + 32 * PAGE;

	stores(page);
	mprotect(user(page), PAGE, PROT_READ);
	ok(loads(page, page), "the guest can load from a page made read-only");
	ok(fails_with_efault(OP_STORE, page), "a store to a page made read-only fails with EFAULT");
	mprotect(user(page), PAGE, PROT_READ | PROT_WRITE);
	ok(stores(page), "the guest can store to the page once it is writable again");
}

static void forked(void)
{
	uint64_t page = DATA + 48 * PAGE;
	int go[2], status = 0;
	pid_t child;
	char c;

	*user(page) = 7;
	must(loads(page, 7) && pipe(go) == 0, "pipe");
	child = fork();
	if (child == 0) {
		if (read(go[0], &c, 1) != 1)
			_exit(9);
		_exit(*user(page) == 7 ? 0 : 1);
	}
	ok(stores(page) && *user(page) == page,
	   "after fork(), the guest writes to the parent's memory");
	must(write(go[1], "x", 1) == 1 && waitpid(child, &status, 0) == child, "the child");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "a guest's store after fork() does not change the child's memory");
	close(go[0]);
	close(go[1]);
}

static void executed(void)
{
	uint64_t page = DATA + 64 * PAGE;
	uint32_t *code = (uint32_t *)user(page);

	code[0] = 0x00b00513; /* li a0, 11 */
	code[1] = 0x00008067; /* ret */
	ok(guest(OP_CALL, page).result == 11, "the guest runs code that user space wrote");
	code[0] = 0x01600513; /* li a0, 22 */
	ok(guest(OP_CALL, page).result == 22,
	   "the guest runs the new code after user space changes it");
}

/*
 * The guest loads from a new page of a file before it stores to the page, so the host's mapping is
 * writable, but not dirty. The guest's store has to mark the page as dirty: Linux drops a clean page
 * that no process maps, even if it is a memfd's.
 */
static void of_a_file(void)
{
	int fd = memfd_create("guest", 0), drop = open("/proc/sys/vm/drop_caches", O_WRONLY);
	uint64_t value = 0;
	char *at;

	must(fd >= 0 && ftruncate(fd, PAGE) == 0, "memfd");
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(at != MAP_FAILED && set_slot(1, ALIAS_BASE, PAGE, at, 0) == 0, "a slot of a memfd");
	must(loads(ALIAS_BASE, 0) && stores(ALIAS_BASE), "a load and a store");
	set_slot(1, 0, 0, NULL, 0);
	munmap(at, PAGE);
	must(drop < 0 || write(drop, "1", 1) == 1, "/proc/sys/vm/drop_caches");
	close(drop);
	ok(pread(fd, &value, 8, 0) == 8 && value == ALIAS_BASE,
	   "a page of a file that the guest has changed is not dropped");
	close(fd);
}

static void slots(void)
{
	stores(DATA);
	ok(set_slot(1, ALIAS_BASE, MB, user(DATA), 0) == 0 && loads(ALIAS_BASE, DATA),
	   "a second slot shows the same memory at another address");
	ok(stores(ALIAS_BASE) && loads(DATA, ALIAS_BASE),
	   "a store through the second slot is visible in the first");
	ok(set_slot(1, ALIAS_BASE + MB, MB, user(DATA), 0) == 0 &&
		   loads(ALIAS_BASE + MB, ALIAS_BASE),
	   "the memory of a moved slot is at its new address");
	ok(is_mmio(OP_LOAD, ALIAS_BASE), "a load from the old address of a moved slot is MMIO");
	ok(set_slot(1, 0, 0, NULL, 0) == 0 && is_mmio(OP_LOAD, ALIAS_BASE + MB),
	   "a load from a deleted slot is MMIO");
	ok(set_slot(1, ALIAS_BASE, MB, user(DATA), KVM_MEM_READONLY) == 0 &&
		   loads(ALIAS_BASE, ALIAS_BASE),
	   "a read-only slot can be read");
	ok(is_mmio(OP_STORE, ALIAS_BASE), "a store to a read-only slot is MMIO");
	ok(loads(ALIAS_BASE, ALIAS_BASE) && stores(DATA) && loads(ALIAS_BASE, DATA),
	   "only a store through another slot changes a read-only slot's memory");
	set_slot(1, 0, 0, NULL, 0);
}

static void dirty_log(void)
{
	uint64_t bits[GUEST_SIZE / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bits };
	unsigned int first = (DATA - GUEST_BASE) / PAGE, i, n = 0;

	stores(DATA);
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, KVM_MEM_LOG_DIRTY_PAGES) == 0, "logging");
	stores(DATA + 3 * PAGE);
	stores(DATA + 70 * PAGE);
	loads(DATA + 5 * PAGE, 0);
	ok(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0 && (bits[first / 64] & ~1UL) == 1 << 3 &&
		   bits[first / 64 + 1] == 1 << 6,
	   "the dirty log lists exactly the pages that were written");
	stores(DATA + 3 * PAGE);
	ioctl(vm, KVM_GET_DIRTY_LOG, &log);
	for (i = 0; i < GUEST_SIZE / PAGE / 64; i++)
		n += (unsigned int)__builtin_popcountl(bits[i]);
	ok(n == 1 && bits[first / 64] == 1 << 3, "the next log lists only the pages written since");
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, 0) == 0, "no logging");
	ok(stores(DATA + 4 * PAGE), "the guest can still store after logging is switched off");
}

static uint64_t log_bits[GUEST_SIZE / PAGE / 64];

static bool read_log(void)
{
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = log_bits };

	memset(log_bits, 0, sizeof(log_bits));
	return ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0;
}

static int clear_log(uint64_t first, uint32_t n, void *bits)
{
	struct kvm_clear_dirty_log log = { .slot = 0, .first_page = first, .num_pages = n };

	log.dirty_bitmap = bits;
	return ioctl(vm, KVM_CLEAR_DIRTY_LOG, &log);
}

static void manual_protect(uint64_t flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { flags } };

	must(ioctl(vm, KVM_ENABLE_CAP, &cap) == 0, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
}

static void dirty_log_by_hand(void)
{
	uint64_t *first = &log_bits[(DATA - GUEST_BASE) / PAGE / 64], bits[2] = { 1 << 3, 0 };
	const uint64_t page = (DATA - GUEST_BASE) / PAGE;

	manual_protect(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, KVM_MEM_LOG_DIRTY_PAGES) == 0, "logging");
	stores(DATA + 3 * PAGE);
	stores(DATA + 70 * PAGE);
	ok(read_log() && read_log() && first[0] == 1 << 3 && first[1] == 1 << 6,
	   "with manual protection, reading the log clears nothing");
	ok(clear_log(page, 64, bits) == 0 && read_log() && first[0] == 0 && first[1] == 1 << 6,
	   "KVM_CLEAR_DIRTY_LOG clears only the given pages");
	ok(stores(DATA + 3 * PAGE) && read_log() && first[0] == 1 << 3,
	   "a page written after KVM_CLEAR_DIRTY_LOG is logged again");
	bits[0] = ~0UL;
	errno = 0;
	ok(clear_log(page + 1, 64, bits) == -1 && errno == EINVAL,
	   "KVM_CLEAR_DIRTY_LOG fails with EINVAL if the first page is not a multiple of 64");
	errno = 0;
	ok(clear_log(page, 128, (void *)8) == -1 && errno == EFAULT && read_log() &&
		   first[0] == 1 << 3 && first[1] == 1 << 6,
	   "KVM_CLEAR_DIRTY_LOG with an unreadable bitmap fails with EFAULT and clears nothing");
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, 0) == 0, "no logging");

	manual_protect(0);
}

static void dirty_log_initially_set(void)
{
	uint64_t *first = &log_bits[(DATA - GUEST_BASE) / PAGE / 64], bits = ~0UL;
	const uint64_t page = (DATA - GUEST_BASE) / PAGE;

	if (!(ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) &
	      KVM_DIRTY_LOG_INITIALLY_SET)) {
		ok(true, "KVM_DIRTY_LOG_INITIALLY_SET # SKIP Linux has it on other architectures");
		return;
	}
	manual_protect(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET);
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, KVM_MEM_LOG_DIRTY_PAGES) == 0, "logging");
	ok(read_log() && first[0] == ~0UL && first[23] == ~0UL,
	   "KVM_DIRTY_LOG_INITIALLY_SET: at first every page is dirty");
	ok(stores(DATA + 5 * PAGE) && clear_log(page, 64, &bits) == 0 && read_log() &&
		   first[0] == 0 && first[1] == ~0UL,
	   "KVM_DIRTY_LOG_INITIALLY_SET: a page is dirty until it is cleared");
	ok(stores(DATA + 9 * PAGE) && loads(DATA + 11 * PAGE, 0) && read_log() &&
		   first[0] == 1 << 9 && first[1] == ~0UL,
	   "KVM_DIRTY_LOG_INITIALLY_SET: cleared pages are logged when they are written");
	must(set_slot(0, GUEST_BASE, GUEST_SIZE, memory, 0) == 0, "no logging");
	manual_protect(0);
}

/* ---- vCPUs that store in a loop while user space takes their memory away -------------------- */

#define STORM (DATA + 2 * MB)

static volatile bool stop;

static void *storm(void *arg)
{
	struct vcpu *vcpu = arg;
	struct outcome o;
	long faults = 0;

	run(vcpu); /* run up to its first call */
	vcpu->run->riscv_sbi.ret[0] = OP_STORM;
	vcpu->run->riscv_sbi.ret[1] = STORM;
	while (!stop) {
		o = run(vcpu);
		if (o.err == EINTR || (!o.err && o.exit == KVM_EXIT_MMIO))
			continue; /* while the slot is deleted, a store is MMIO */
		if (o.err != EFAULT)
			return (void *)-1;
		faults++; /* the page was missing: store to it again */
	}
	return (void *)faults;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Check that the guest does not write to pages that were unmapped and given to another mapping. */
static bool others_keep_their_pages(unsigned int rounds)
{
	const size_t size = 64 * PAGE;
	uint64_t *mine =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool good = true;
	unsigned int i;
	size_t j;

	for (i = 0; i < rounds && good; i++) {
		if (i % 3 == 0)
			munmap(user(STORM), size);
		else
			madvise(user(STORM), size, MADV_DONTNEED);
		madvise(mine, size, MADV_DONTNEED);
		memset(mine, 0x5a, size); /* uses the pages that were just freed */
		if (i % 3 == 0)
			mmap(user(STORM), size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		for (j = 0; j < size / 8; j++)
			good &= mine[j] == 0x5a5a5a5a5a5a5a5a;
	}
	munmap(mine, size);
	return good;
}

/*
 * Check that the guest no longer writes to a slot's memory once the ioctl that deletes the slot has
 * returned.
 */
static bool deleted_slots_are_not_written(unsigned int rounds)
{
	const size_t size = 64 * PAGE;
	uint64_t *p = user(STORM);
	bool good = true;
	unsigned int i;
	size_t j;

	for (i = 0; i < rounds && good; i++) {
		good &= set_slot(2, 0, 0, NULL, 0) == 0;
		memset(p, 0xa5, size);
		for (j = 0; j < size / 8; j++)
			good &= p[j] == 0xa5a5a5a5a5a5a5a5;
		memset(p, 0, size);
		good &= set_slot(2, STORM, 2 * MB, p, 0) == 0;
		usleep(1000); /* let the vCPUs store there */
	}
	return good;
}

static bool guest_pages_hold_their_address(void)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		uint64_t value = *user(STORM + i * PAGE);

		if (value != 0 && value != STORM + i * PAGE)
			return false;
	}
	return true;
}

static void while_running(unsigned int rounds)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t threads[MAX_VCPUS];
	void *result;
	bool good = true;
	int i;

	sigaction(SIGUSR1, &action, NULL);
	/* The vCPUs store to a separate slot, so that their code stays mapped. */
	must(set_slot(0, 0, 0, NULL, 0) == 0 &&
		     set_slot(0, GUEST_BASE, STORM - GUEST_BASE, memory, 0) == 0 &&
		     set_slot(2, STORM, 2 * MB, user(STORM), 0) == 0,
	     "two slots");
	for (i = 1; i < MAX_VCPUS; i++)
		pthread_create(&threads[i], NULL, storm, &vcpus[i]);
	ok(others_keep_their_pages(rounds),
	   "running vCPUs do not write to pages that were unmapped from the guest");
	ok(guest_pages_hold_their_address(),
	   "each page of the guest holds its own address or zero");
	ok(deleted_slots_are_not_written(rounds),
	   "running vCPUs do not write to the memory of a deleted slot");
	memset(user(STORM), 0, 64 * PAGE);
	for (i = 0; i < 10000 && !*user(STORM + 63 * PAGE); i++)
		usleep(1000);
	ok(*user(STORM + 63 * PAGE) == STORM + 63 * PAGE && guest_pages_hold_their_address(),
	   "the vCPUs store to the slot again once it is restored");
	stop = true;
	for (i = 1; i < MAX_VCPUS; i++) {
		vcpus[i].run->immediate_exit = 1;
		pthread_kill(threads[i], SIGUSR1);
		pthread_join(threads[i], &result);
		good &= (long)result >= 0;
	}
	ok(good, "apart from EINTR, KVM_RUN of the storing vCPUs fails only with EFAULT");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_vm();
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	shared();
	taken_back();
	protected();
	forked();
	executed();
	of_a_file();
	slots();
	dirty_log();
	dirty_log_by_hand();
	dirty_log_initially_set();
	while_running(argc > 1 ? (unsigned int)atoi(argv[1]) : 60);
	printf("1..%d\n", claims);
	return failures != 0;
}
