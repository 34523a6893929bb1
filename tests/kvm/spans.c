// SPDX-License-Identifier: MIT
/*
 * spans.c - operations on large amounts of memory, for which scripts/hyperscope irqs-off measures
 * how long each keeps interrupts off.
 *
 *   spans sparse|dense|large N    a guest stores to N pages (one in each 2 MiB, adjacent, or of
 *                                 2 MiB each); the host logs, ages, protects and unmaps the pages,
 *                                 moves and deletes the slot, and ends the VM
 *   spans slots N                 a guest stores to N slots that share a page; the host ages and
 *                                 drops the page
 *   spans regions N               N slots, of which the guest uses none
 *   spans vcpus N                 VMs with N vCPUs: a remote fence, a PLIC with 4096 routes, an AIA
 *   spans vms N                   N VMs, one after the other, and then 64 VMs at once
 *   spans process MIB             fork, exec, mprotect, mremap, munmap, exit
 *   spans areas N                 N areas: fault, fork, mprotect, mlock, munmap, exit
 *   spans files MIB               a file in memory: write, read, map, truncate, remove
 *   spans lists N                 N descriptors, arguments and polled files; N / 4 names in a
 *                                 directory, and timers that expire at once; N / 16 children in
 *                                 groups of their own; 1024 buffers of one readv(); 2048 robust
 *                                 locks; a file with a hole of 64 GiB
 *   spans exact                   the longest of 16 KVM_GET_API_VERSION calls, by instret
 *   spans nothing                 exit at once (`process` executes it)
 *   spans arguments               read /proc/self/cmdline (`lists` executes it)
 */
#include <sys/stat.h>
#include "guest.h"
#include "spans_lists.h"
#include "spans_vms.h"

#define GB        (1UL << 30)
#define SLOT      7
#define SLOT_GPA  (4 * GB)
#define MOVED_GPA (256 * GB)
#define MANY_GPA  (512 * GB)
#define SWEEP_AT  (DATA + MB) /* of the struct sweep, in the guest's first slot */
#define LARGE     (2 * MB)
#define AT_ONCE   64
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; not in glibc 2.36 */
#endif

static char *slot_memory;
static uint64_t slot_size;

/* ---- a guest's memory ------------------------------------------------------------------- */

static void place_slot(uint64_t gpa, uint64_t size, uint32_t flags)
{
	must(set_slot(SLOT, gpa, size, slot_memory, flags) == 0, "the slot");
}

static void sweep(uint64_t gpa, uint64_t pages, uint64_t stride)
{
	*(struct sweep *)user(SWEEP_AT) = (struct sweep){ gpa, stride, pages };
	must(guest(OP_SWEEP, SWEEP_AT).exit == KVM_EXIT_RISCV_SBI, "the guest's sweep");
}

static void get_log(uint64_t *bitmap)
{
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = bitmap };

	must(ioctl(vm, KVM_GET_DIRTY_LOG, &log) == 0, "KVM_GET_DIRTY_LOG");
}

static void clear_log(uint64_t *bitmap)
{
	struct kvm_clear_dirty_log log = { .slot = SLOT,
					   .num_pages = (uint32_t)(slot_size / PAGE),
					   .dirty_bitmap = bitmap };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 } };

	must(ioctl(vm, KVM_ENABLE_CAP, &cap) == 0, "manual protect");
	get_log(bitmap);
	must(ioctl(vm, KVM_CLEAR_DIRTY_LOG, &log) == 0, "KVM_CLEAR_DIRTY_LOG");
}

static void advise(int advice)
{
	must(madvise(slot_memory, slot_size, advice) == 0, "madvise");
}

/* Read /proc/self/smaps. To count referenced pages, the host also walks the G-stage tables. */
static void read_smaps(void)
{
	static char text[65536];
	int fd = open("/proc/self/smaps", O_RDONLY);

	must(fd >= 0, "smaps");
	while (read(fd, text, sizeof(text)) > 0)
		continue;
	close(fd);
}

static void logged(uint64_t pages, uint64_t stride)
{
	uint64_t *bitmap = calloc(slot_size / PAGE / 8, 1);

	must(bitmap != NULL, "a bitmap");
	place_slot(SLOT_GPA, slot_size, KVM_MEM_LOG_DIRTY_PAGES);
	get_log(bitmap);
	sweep(SLOT_GPA, pages, stride);
	get_log(bitmap);
	sweep(SLOT_GPA, pages, stride);
	clear_log(bitmap);
	place_slot(SLOT_GPA, slot_size, 0);
	free(bitmap);
}

static void ranges(uint64_t pages, uint64_t stride, uint64_t size, int advice)
{
	slot_size = size;
	make_vm();
	slot_memory = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(slot_memory != MAP_FAILED, "mmap of the slot's memory");
	slot_memory = (char *)(((uintptr_t)slot_memory + LARGE - 1) & ~(LARGE - 1));
	must(madvise(slot_memory, size, advice) == 0, "madvise");
	place_slot(SLOT_GPA, size, 0);
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");

	sweep(SLOT_GPA, pages, stride);
	read_smaps();
	advise(MADV_COLD);
	logged(pages, stride);
	sweep(SLOT_GPA, pages, stride);
	place_slot(MOVED_GPA, size, 0);
	sweep(MOVED_GPA, pages, stride);
	advise(MADV_DONTNEED);
	sweep(MOVED_GPA, pages, stride);
	must(mprotect(slot_memory, size, PROT_READ) == 0, "mprotect");
	must(mprotect(slot_memory, size, PROT_READ | PROT_WRITE) == 0, "mprotect");
	sweep(MOVED_GPA, pages, stride);
	place_slot(MOVED_GPA, 0, 0);
	place_slot(SLOT_GPA, size, 0);
	sweep(SLOT_GPA, pages, stride);
	must(munmap(slot_memory, size / 2) == 0, "munmap");
	end_vm();
}

/* Map 4 KiB leaves, then replace them with one large leaf. */
static void collapse(void)
{
	slot_size = 2 * LARGE;
	make_vm();
	slot_memory =
		mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(slot_memory != MAP_FAILED, "mmap");
	slot_memory = (char *)(((uintptr_t)slot_memory + LARGE - 1) & ~(LARGE - 1));
	must(madvise(slot_memory, LARGE, MADV_NOHUGEPAGE) == 0, "madvise");
	place_slot(SLOT_GPA, LARGE, 0);
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	sweep(SLOT_GPA, LARGE / PAGE, PAGE);
	must(madvise(slot_memory, LARGE, MADV_HUGEPAGE) == 0, "madvise");
	must(madvise(slot_memory, LARGE, MADV_COLLAPSE) == 0, "collapse");
	sweep(SLOT_GPA, LARGE / PAGE, PAGE);
	end_vm();
}

static void many_slots(uint64_t n)
{
	uint64_t i;

	make_vm();
	slot_size = LARGE;
	slot_memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(slot_memory != MAP_FAILED, "mmap");
	for (i = 0; i < n; i++)
		must(set_slot((uint32_t)(SLOT + i), MANY_GPA + 2 * i * PAGE, PAGE, slot_memory,
			      0) == 0,
		     "a slot");
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	sweep(MANY_GPA, n, 2 * PAGE);
	advise(MADV_COLD);
	read_smaps();
	advise(MADV_DONTNEED);
	sweep(MANY_GPA, n, 2 * PAGE);
	end_vm();
}

/* ---- VMs ----------------------------------------------------------------------------------- */

static void few_vmids(void)
{
	int fd = open("/sys/module/kvm/parameters/vmid_bits", O_WRONLY);

	must(fd >= 0 && write(fd, "2", 1) == 1, "vmid_bits");
	close(fd);
}

static void many_vms(uint64_t n)
{
	static struct {
		int vm;
		char *memory_at;
		struct vcpu vcpus[MAX_VCPUS];
	} kept[AT_ONCE];
	uint64_t i, round;

	few_vmids();
	for (i = 0; i < n; i++) {
		make_vm();
		must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
		end_vm();
	}
	for (i = 0; i < AT_ONCE; i++) {
		make_vm();
		kept[i].vm = vm;
		kept[i].memory_at = memory_at;
		memcpy(kept[i].vcpus, vcpus, sizeof(vcpus));
	}
	for (round = 0; round < 4; round++)
		for (i = 0; i < AT_ONCE; i++) {
			struct kvm_run *run_page = kept[i].vcpus[0].run;

			run_page->riscv_sbi.ret[0] = OP_LOAD;
			run_page->riscv_sbi.ret[1] = DATA;
			must(run(&kept[i].vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "a guest's call");
		}
	for (i = 0; i < AT_ONCE; i++) {
		vm = kept[i].vm;
		memory_at = kept[i].memory_at;
		memcpy(vcpus, kept[i].vcpus, sizeof(vcpus));
		end_vm();
	}
}

/* ---- the host alone --------------------------------------------------------------------------- */

static char *touched(uint64_t size, int advice)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t i;

	must(at != MAP_FAILED, "mmap");
	must(madvise(at, size, advice) == 0, "madvise");
	for (i = 0; i < size; i += PAGE)
		at[i] = 1;
	return at;
}

static void process(const char *self, uint64_t size, int advice)
{
	char *at = touched(size, advice), *moved;
	pid_t child = fork();
	uint64_t i;

	must(child >= 0, "fork");
	if (!child) {
		for (i = 0; i < size / 4; i += PAGE)
			at[i] = 2;
		execl(self, self, "nothing", NULL);
		_exit(1);
	}
	wait_for(child);
	child = fork();
	must(child >= 0, "fork");
	if (!child)
		_exit(0);
	wait_for(child);
	must(mprotect(at, size, PROT_READ) == 0, "mprotect");
	must(mprotect(at + PAGE, size / 2, PROT_READ | PROT_WRITE) == 0, "mprotect");
	must(madvise(at, size, MADV_COLD) == 0, "madvise");
	read_smaps();
	must(mprotect(at, size, PROT_READ | PROT_WRITE) == 0, "mprotect");
	moved = mremap(at, size, 2 * size, MREMAP_MAYMOVE);
	must(moved != MAP_FAILED, "mremap");
	must(munmap(moved + PAGE, size / 2) == 0, "munmap");
	must(munmap(moved, 2 * size) == 0, "munmap");
}

/* Neighbours differ in their protection. The highest is mapped first, which takes the least time. */
static void areas(uint64_t nr)
{
	char *at = mmap(NULL, nr * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *highest = at + (nr - 1) * PAGE;
	uint64_t i;
	pid_t child;

	must(at != MAP_FAILED && munmap(at, nr * PAGE) == 0, "mmap");
	for (i = nr; i > 0; i--)
		must(mmap(at + (i - 1) * PAGE, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
		     "an area");
	must(*(volatile char *)highest == 0, "the highest area");
	child = fork();
	must(child >= 0, "fork");
	if (!child)
		_exit(*(volatile char *)(highest - PAGE));
	wait_for(child);
	must(mlock(at, PAGE) == 0 && munlock(at, nr * PAGE) == 0, "mlock");
	must(munmap(at, nr / 2 * PAGE) == 0, "munmap");
	must(mprotect(at + nr / 2 * PAGE, (nr - nr / 2) * PAGE, PROT_READ) == 0, "mprotect");
}

static void files(uint64_t size)
{
	int fd = open("/tmp/spans", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *block = touched(LARGE, MADV_NOHUGEPAGE), *at;
	uint64_t i;

	must(fd >= 0, "/tmp/spans");
	for (i = 0; i < size; i += LARGE)
		must(write(fd, block, LARGE) == (ssize_t)LARGE, "write");
	must(lseek(fd, 0, SEEK_SET) == 0, "lseek");
	for (i = 0; i < size; i += LARGE)
		must(read(fd, block, LARGE) == (ssize_t)LARGE, "read");
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(at != MAP_FAILED, "mmap");
	for (i = 0; i < size; i += PAGE)
		at[i] = 1;
	must(ftruncate(fd, (off_t)size / 2) == 0, "ftruncate");
	close(fd);
	must(unlink("/tmp/spans") == 0, "unlink");
	must(munmap(at, size) == 0, "munmap");
	fd = memfd_create("spans", 0);
	must(fd >= 0 && ftruncate(fd, (off_t)size) == 0, "memfd");
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(at != MAP_FAILED, "mmap");
	for (i = 0; i < size; i += LARGE)
		at[i] = 1;
	close(fd);
}

/*
 * Print the number of instructions of the longest of 16 KVM_GET_API_VERSION calls. The process
 * itself reads instret, so the few instructions around the system call are included.
 */
static void exact(void)
{
	int kvm = open("/dev/kvm", O_RDWR), i;
	uint64_t from, to, longest = 0;

	must(kvm >= 0, "/dev/kvm");
	for (i = 0; i < 16; i++) {
		__asm__ volatile("rdinstret %0" : "=r"(from)::"memory");
		ioctl(kvm, KVM_GET_API_VERSION, 0);
		__asm__ volatile("rdinstret %0" : "=r"(to)::"memory");
		longest = to - from > longest ? to - from : longest;
	}
	printf("%lu\n", longest);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint64_t n = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;

	if (!strcmp(what, "sparse")) {
		ranges(n, LARGE, 64 * GB, MADV_NOHUGEPAGE);
	} else if (!strcmp(what, "dense")) {
		ranges(n, PAGE, n * PAGE, MADV_NOHUGEPAGE);
		collapse();
	} else if (!strcmp(what, "large")) {
		ranges(n, LARGE, n * LARGE, MADV_HUGEPAGE);
	} else if (!strcmp(what, "slots")) {
		many_slots(n);
	} else if (!strcmp(what, "vcpus")) {
		absent((unsigned int)n);
		many_contexts((unsigned int)n);
		many_imsics((unsigned int)n);
	} else if (!strcmp(what, "regions")) {
		many_regions((unsigned int)n);
	} else if (!strcmp(what, "vms")) {
		many_vms(n);
	} else if (!strcmp(what, "process")) {
		process(argv[0], n * MB / 2, MADV_NOHUGEPAGE);
		process(argv[0], n * MB / 2, MADV_HUGEPAGE);
	} else if (!strcmp(what, "areas")) {
		areas(n);
	} else if (!strcmp(what, "files")) {
		files(n * MB);
	} else if (!strcmp(what, "lists")) {
		many_names(n / 4);
		many_children(n / 16);
		many_arguments(argv[0], n);
		many_descriptors(n);
		many_buffers();
		many_chunks();
		many_locks();
		many_timers(n / 4);
	} else if (!strcmp(what, "arguments")) {
		read_arguments();
	} else if (!strcmp(what, "exact")) {
		exact();
	} else if (strcmp(what, "nothing")) {
		printf("spans: unknown workload; the first comment in spans.c lists them\n");
		return 2;
	}
	return 0;
}
