// SPDX-License-Identifier: MIT
/*
 * pages.c - guest memory of every kind of mapping, and what the host does to pages in use: it ages
 * them, moves them to other frames, and fills them on demand.
 *
 * The claims hold on Linux KVM too, except those about young pages: Linux's clear_refs and
 * MADV_COLD do not age a guest's pages (its page_idle does). Prints TAP.
 */
#include <linux/userfaultfd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include "guest.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define SLOT_BASE ALIAS_BASE
#define RW        (PROT_READ | PROT_WRITE)

static bool on_linux;

static void skip(const char *name, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++claims, name, why);
}

/* Make slot 1 map [at, at + size), or delete the slot if `at` is NULL. */
static void show(void *at, size_t size, uint32_t flags)
{
	set_slot(1, 0, 0, NULL, 0);
	if (at)
		must(set_slot(1, SLOT_BASE, size, at, flags) == 0, "slot 1");
}

/* Map memory aligned to 2 MiB, in a separate VMA. */
static char *map_aligned(size_t size)
{
	char *at = mmap(NULL, size + 4 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start = (char *)(((uintptr_t)at + 4 * MB - 1) & ~(2 * MB - 1));

	must(at != MAP_FAILED &&
		     mmap(start, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == start,
	     "mmap");
	return start;
}

static int make_memfd(size_t size)
{
	int fd = memfd_create("guest", 0);

	must(fd >= 0 && ftruncate(fd, (off_t)size) == 0, "memfd");
	return fd;
}

static char *map_fd(int fd, size_t size, int prot, int flags)
{
	char *at = mmap(NULL, size, prot, flags, fd, 0);

	must(at != MAP_FAILED, "mmap of a memfd");
	return at;
}

/* ---- kinds of mappings --------------------------------------------------------------------- */

static void of_a_file(void)
{
	int fd = make_memfd(4 * MB);
	char *at = map_fd(fd, 4 * MB, RW, MAP_SHARED), *twin = map_fd(fd, 4 * MB, RW, MAP_SHARED);
	uint64_t value = 0;

	show(at, 4 * MB, 0);
	ok(stores(SLOT_BASE + 3 * MB) && *(uint64_t *)(twin + 3 * MB) == SLOT_BASE + 3 * MB,
	   "a guest's store to a file's page is visible in every mapping of the page");
	ok(pread(fd, &value, 8, 3 * MB) == 8 && value == SLOT_BASE + 3 * MB,
	   "pread() returns what the guest stored to a page of the file");
	value = 77;
	ok(pwrite(fd, &value, 8, 4096) == 8 && loads(SLOT_BASE + 4096, 77),
	   "the guest loads what is written to the file");
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3 * MB, PAGE) == 0 &&
		   loads(SLOT_BASE + 3 * MB, 0),
	   "a hole punched into the file reads as zero");
	ok(loads(SLOT_BASE + 4096, 77), "pages outside the hole keep their contents");
	must(ftruncate(fd, 1 * MB) == 0, "ftruncate");
	ok(fails_with_efault(OP_LOAD, SLOT_BASE + 3 * MB),
	   "a load beyond the end of a truncated file makes KVM_RUN fail with EFAULT");
	must(ftruncate(fd, 4 * MB) == 0, "ftruncate");
	ok(loads(SLOT_BASE + 3 * MB, 0) && stores(SLOT_BASE + 3 * MB),
	   "the guest continues once the file is extended again");
	show(NULL, 0, 0);
	munmap(at, 4 * MB);
	munmap(twin, 4 * MB);
	close(fd);
}

static void of_a_file_privately(void)
{
	int fd = make_memfd(2 * MB);
	char *shared = map_fd(fd, 2 * MB, RW, MAP_SHARED);
	char *at = map_fd(fd, 2 * MB, RW, MAP_PRIVATE);

	*(uint64_t *)shared = 5;
	show(at, 2 * MB, 0);
	ok(loads(SLOT_BASE, 5), "the guest loads the file's contents through a private mapping");
	ok(stores(SLOT_BASE) && *(uint64_t *)at == SLOT_BASE && *(uint64_t *)shared == 5,
	   "a store through a private mapping does not change the file");
	ok(loads(SLOT_BASE, SLOT_BASE), "the guest loads what it stored through a private mapping");
	show(NULL, 0, 0);
	munmap(at, 2 * MB);
	munmap(shared, 2 * MB);
	close(fd);
}

static void read_only(void)
{
	int fd = make_memfd(2 * MB);
	char *at = map_fd(fd, 2 * MB, PROT_READ, MAP_SHARED);

	errno = 0;
	ok(set_slot(1, SLOT_BASE, 2 * MB, at, 0) == -1 && errno == EPERM,
	   "a writable slot of a read-only mapping is refused with EPERM");
	must(mprotect(at, 2 * MB, RW) == 0, "mprotect");
	show(at, 2 * MB, 0);
	must(mprotect(at, 2 * MB, PROT_READ) == 0, "mprotect");
	ok(loads(SLOT_BASE, 0),
	   "the guest can load from a slot whose mapping is made read-only later");
	ok(fails_with_efault(OP_STORE, SLOT_BASE),
	   "KVM_RUN fails with EFAULT at a store to a slot whose mapping is made read-only later");
	must(mprotect(at, 2 * MB, RW) == 0, "mprotect");
	ok(stores(SLOT_BASE) && *(uint64_t *)at == SLOT_BASE,
	   "the guest can store once the mapping is writable again");
	show(at, 2 * MB, KVM_MEM_READONLY);
	ok(loads(SLOT_BASE, SLOT_BASE) && is_mmio(OP_STORE, SLOT_BASE),
	   "a store to a read-only slot of a writable mapping is MMIO");
	must(mprotect(at, 2 * MB, PROT_NONE) == 0, "mprotect");
	ok(fails_with_efault(OP_LOAD, SLOT_BASE),
	   "a load from a PROT_NONE mapping makes KVM_RUN fail with EFAULT");
	show(NULL, 0, 0);
	munmap(at, 2 * MB);
	close(fd);
}

static void of_two_processes(void)
{
	char *at = mmap(NULL, 2 * MB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t child;

	must(at != MAP_FAILED, "mmap");
	show(at, 2 * MB, 0);
	stores(SLOT_BASE);
	child = fork();
	if (child == 0) {
		*(uint64_t *)(at + 8) = *(uint64_t *)at + 1;
		_exit(0);
	}
	must(child > 0 && waitpid(child, &status, 0) == child, "fork");
	ok(loads(SLOT_BASE + 8, SLOT_BASE + 1),
	   "the guest sees what a child process writes to shared memory");
	show(NULL, 0, 0);
	munmap(at, 2 * MB);
}

/* Set the number of huge pages in the pool; the machine may provide fewer. */
static void fill_pool(const char *number)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, number, strlen(number)) < 0)
		printf("# no pool of huge pages: %s\n", strerror(errno));
	close(fd);
}

static void of_huge_pages(void)
{
	const char *name = "MAP_HUGETLB memory works as guest memory";
	int status = 0;
	pid_t child;
	char *at;

	fill_pool("4");
	at = mmap(NULL, 4 * MB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (at == MAP_FAILED) {
		skip(name, "no pool of huge pages");
		return;
	}
	show(at, 4 * MB, 0);
	ok(stores(SLOT_BASE + 3 * MB) && *(uint64_t *)(at + 3 * MB) == SLOT_BASE + 3 * MB &&
		   loads(SLOT_BASE + MB, 0),
	   name);
	child = fork();
	if (child == 0) {
		usleep(50000);
		_exit(*(uint64_t *)(at + 3 * MB + 8) ? 1 : 0);
	}
	ok(stores(SLOT_BASE + 3 * MB + 8) && child > 0 && waitpid(child, &status, 0) == child &&
		   status == 0 && *(uint64_t *)(at + 3 * MB + 8) == SLOT_BASE + 3 * MB + 8,
	   "after fork(), the guest writes only to the parent's huge page");
	ok(loads(SLOT_BASE + 3 * MB, SLOT_BASE + 3 * MB),
	   "after fork(), the rest of the huge page that the guest writes to is unchanged");
	ok(madvise(at + 2 * MB, 2 * MB, MADV_DONTNEED) == 0 && loads(SLOT_BASE + 3 * MB, 0),
	   "a huge page dropped with MADV_DONTNEED reads as zero");
	show(NULL, 0, 0);
	munmap(at, 4 * MB);
	fill_pool("0");
}

static void of_several_mappings(void)
{
	int fd = make_memfd(MB);
	char *at = map_aligned(2 * MB);

	must(mmap(at + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at + PAGE, "mmap");
	must(mmap(at + 3 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at + 3 * PAGE, "mmap");
	munmap(at + 2 * PAGE, PAGE);
	show(at, 2 * MB, 0);
	must(mprotect(at + 3 * PAGE, PAGE, PROT_READ) == 0, "mprotect");
	ok(stores(SLOT_BASE) && stores(SLOT_BASE + PAGE) && stores(SLOT_BASE + 4 * PAGE),
	   "one slot may span several mappings");
	ok(fails_with_efault(OP_LOAD, SLOT_BASE + 2 * PAGE),
	   "a load from a hole between mappings makes KVM_RUN fail with EFAULT");
	ok(loads(SLOT_BASE + 3 * PAGE, SLOT_BASE + PAGE),
	   "a page of a file may be mapped twice in one slot");
	ok(fails_with_efault(OP_STORE, SLOT_BASE + 3 * PAGE),
	   "a store to a read-only mapping makes KVM_RUN fail with EFAULT");
	show(NULL, 0, 0);
	munmap(at, 2 * MB);
	close(fd);
}

/* ---- which pages are young --------------------------------------------------------------------- */

/*
 * Return the field `what` of smaps, in kB, for the VMA that begins at `at`, or -1 if there is no
 * such VMA or field.
 */
static long smaps(const char *at, const char *what)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start = 0, first;
	char line[512];
	long value = -1;

	must(f != NULL, "/proc/self/smaps");
	while (value < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%*x ", &first) == 1 && strchr(line, '-'))
			start = first;
		else if (start == (uintptr_t)at && strncmp(line, what, strlen(what)) == 0)
			sscanf(line + strlen(what), ": %ld", &value);
	}
	fclose(f);
	return value;
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static void young(void)
{
	char *at = map_aligned(2 * MB);
	bool good = true;
	unsigned int i;

	madvise(at, 2 * MB, MADV_NOHUGEPAGE);
	show(at, 2 * MB, 0);
	for (i = 0; i < 64; i++)
		good &= stores(SLOT_BASE + i * PAGE);
	ok(good && smaps(at, "Rss") == 64 * 4 && smaps(at, "Referenced") == 64 * 4,
	   "pages that a guest has used are counted as referenced");
	write_to("/proc/self/clear_refs", "1");
	if (on_linux) {
		skip("after clear_refs, only pages that the guest uses again are referenced",
		     "Linux's clear_refs and MADV_COLD do not age a guest's pages");
		skip("a guest's store makes a page referenced",
		     "Linux's clear_refs and MADV_COLD do not age a guest's pages");
		skip("MADV_COLD makes the pages of a range unreferenced",
		     "Linux's clear_refs and MADV_COLD do not age a guest's pages");
	} else {
		good = smaps(at, "Referenced") == 0;
		for (i = 0; i < 5; i++)
			good &= loads(SLOT_BASE + i * PAGE, SLOT_BASE + i * PAGE);
		ok(good && smaps(at, "Referenced") == 5 * 4,
		   "after clear_refs, only pages that the guest uses again are referenced");
		ok(stores(SLOT_BASE + 9 * PAGE) && stores(SLOT_BASE) &&
			   smaps(at, "Referenced") == 6 * 4,
		   "a guest's store makes a page referenced");
		madvise(at, 3 * PAGE, MADV_COLD);
		ok(smaps(at, "Referenced") == 3 * 4,
		   "MADV_COLD makes the pages of a range unreferenced");
	}
	good = true;
	for (i = 0; i < 64; i++)
		good &= loads(SLOT_BASE + i * PAGE, SLOT_BASE + i * PAGE) &&
			stores(SLOT_BASE + i * PAGE);
	ok(good, "the guest can load from old pages and store to them");
	show(NULL, 0, 0);
	munmap(at, 2 * MB);
}

/* ---- pages that move ---------------------------------------------------------------------------- */

/*
 * Map 2 MiB as slot 1, and let the guest store to all pages except the first `hole`, while large
 * pages are forbidden. Then allow large pages.
 */
static char *small_pages(unsigned int hole)
{
	char *at = map_aligned(2 * MB);
	unsigned int i;

	madvise(at, 2 * MB, MADV_NOHUGEPAGE);
	show(at, 2 * MB, 0);
	for (i = hole; i < 512; i++)
		must(stores(SLOT_BASE + i * PAGE + i % 512 * 8), "a store");
	madvise(at, 2 * MB, MADV_HUGEPAGE);
	return at;
}

static bool holds(const char *at, unsigned int hole)
{
	unsigned int i, j;

	for (i = 0; i < 512; i++)
		for (j = 0; j < 512; j++) {
			uint64_t want = i >= hole && j == i ? SLOT_BASE + i * PAGE + i * 8 : 0;

			if (((const uint64_t *)at)[i * 512 + j] != want)
				return false;
		}
	return true;
}

static bool guest_sees(unsigned int hole)
{
	unsigned int i;

	for (i = 0; i < 512; i++) {
		uint64_t gpa = SLOT_BASE + i * PAGE + i * 8;

		if (!loads(gpa, i < hole ? 0 : gpa))
			return false;
	}
	return true;
}

static int collapse(char *at)
{
	int tries, err = -1;

	for (tries = 0; tries < 20 && err; tries++) /* EAGAIN: a page was in use */
		err = madvise(at, 2 * MB, MADV_COLLAPSE);
	return err;
}

static void moved(void)
{
	char *at = small_pages(3);
	uint32_t *code;

	ok(smaps(at, "AnonHugePages") == 0, "pages that are faulted in one by one are small");
	ok(collapse(at) == 0 && smaps(at, "AnonHugePages") == 2048,
	   "MADV_COLLAPSE moves small pages into one large page");
	ok(holds(at, 3), "after MADV_COLLAPSE, every byte is unchanged and missing pages are zero");
	ok(guest_sees(3), "after MADV_COLLAPSE, the guest sees the same bytes");
	ok(stores(SLOT_BASE + 8) && *(uint64_t *)(at + 8) == SLOT_BASE + 8,
	   "after MADV_COLLAPSE, the guest's stores go to the new page");
	ok(collapse(at) == 0, "a second MADV_COLLAPSE succeeds");
	munmap(at + 4 * PAGE, PAGE); /* split the large page, leaving a hole */
	must(mmap(at + 4 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		     at + 4 * PAGE,
	     "mmap");
	ok(loads(SLOT_BASE + 4 * PAGE + 4 * 8, 0) &&
		   loads(SLOT_BASE + 5 * PAGE + 5 * 8, SLOT_BASE + 5 * PAGE + 5 * 8),
	   "a page replaced within a large page reads as zero, and the next is unchanged");
	show(NULL, 0, 0);
	munmap(at, 2 * MB);

	at = small_pages(0);
	code = (uint32_t *)(at + 511 * PAGE);
	code[0] = 0x00b00513; /* li a0, 11 */
	code[1] = 0x00008067; /* ret */
	ok(guest(OP_CALL, SLOT_BASE + 511 * PAGE).result == 11 && collapse(at) == 0 &&
		   guest(OP_CALL, SLOT_BASE + 511 * PAGE).result == 11,
	   "the guest runs code that MADV_COLLAPSE has moved");
	show(NULL, 0, 0);
	munmap(at, 2 * MB);

	at = small_pages(0);
	madvise(at + 7 * PAGE, PAGE, MADV_NOHUGEPAGE);
	errno = 0;
	ok(madvise(at, 2 * MB, MADV_COLLAPSE) == -1 && errno == EINVAL && holds(at, 0),
	   "MADV_COLLAPSE fails with EINVAL and moves nothing if a page must stay small");
	show(NULL, 0, 0);
	munmap(at, 2 * MB);
}

/* ---- filled on demand ------------------------------------------------------------------------ */

/*
 * tests/boot/events.t looks for kvm_moved_hva_range at these addresses: an event for the first page
 * of each mapping, which may hold instructions, and none for the second, which is all zeroes.
 */
#define FILE_AT ((char *)0x2100000000)
#define UFFD_AT ((char *)0x2200000000)

static const uint32_t *returns(uint32_t n)
{
	static uint32_t code[PAGE / 4];

	code[0] = n << 20 | 0x513; /* li a0, n */
	code[1] = 0x00008067;      /* ret */
	return code;
}

static void map_two_pages(char *at, int flags, int fd)
{
	must(mmap(at, 2 * PAGE, RW, flags | MAP_FIXED_NOREPLACE, fd, 0) == at, "mmap");
}

static void filled_by_a_file(void)
{
	int fd = make_memfd(2 * PAGE);

	must(pwrite(fd, returns(21), PAGE, 0) == (ssize_t)PAGE, "pwrite");
	map_two_pages(FILE_AT, MAP_SHARED, fd);
	show(FILE_AT, 2 * PAGE, 0);
	ok(guest(OP_CALL, SLOT_BASE).result == 21, "a guest executes code from a file");
	ok(loads(SLOT_BASE + PAGE, 0), "a guest reads zero from a file's hole");
	show(NULL, 0, 0);
	munmap(FILE_AT, 2 * PAGE);
	close(fd);
}

static void filled_by_a_program(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .range = { (uintptr_t)UFFD_AT, 2 * PAGE },
					.mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = (uintptr_t)UFFD_AT,
				    .src = (uintptr_t)returns(22),
				    .len = PAGE };
	struct uffdio_zeropage zero = { .range = { (uintptr_t)UFFD_AT + PAGE, PAGE } };

	map_two_pages(UFFD_AT, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	must(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 &&
		     ioctl(fd, UFFDIO_REGISTER, &area) == 0 && ioctl(fd, UFFDIO_COPY, &copy) == 0 &&
		     ioctl(fd, UFFDIO_ZEROPAGE, &zero) == 0,
	     "userfaultfd");
	show(UFFD_AT, 2 * PAGE, 0);
	ok(guest(OP_CALL, SLOT_BASE).result == 22,
	   "a guest executes the code that UFFDIO_COPY has copied");
	ok(loads(SLOT_BASE + PAGE, 0),
	   "a guest reads zero from a page that UFFDIO_ZEROPAGE has filled");
	show(NULL, 0, 0);
	munmap(UFFD_AT, 2 * PAGE);
	close(fd);
}

int main(void)
{
	struct utsname name;

	setvbuf(stdout, NULL, _IOLBF, 0);
	must(uname(&name) == 0, "uname");
	on_linux = !strstr(name.release, "hyperscope");
	make_vm();
	must(run(&vcpus[0]).exit == KVM_EXIT_RISCV_SBI, "the guest's first call");
	of_a_file();
	of_a_file_privately();
	read_only();
	of_two_processes();
	of_huge_pages();
	of_several_mappings();
	young();
	moved();
	filled_by_a_file();
	filled_by_a_program();
	printf("1..%d\n", claims);
	return failures != 0;
}
