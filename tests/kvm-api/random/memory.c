// SPDX-License-Identifier: MIT
/*
 * memory.c - the memory that the process has for its guests: anonymous, with huge pages, of a file whose
 * size changes, of a vCPU's descriptor, and memory whose faults the process answers (userfaultfd). If a
 * kernel lacks one of these, such a step changes nothing.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "random.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define HUGE_SIZE 0x200000UL
#define RWX       (PROT_READ | PROT_WRITE | PROT_EXEC)
#define ANSWERS   16 /* at once */

static int file = -1;   /* several mappings, and processes, share its pages */
static int faults = -1; /* userfaultfd, or -1 */

static void open_faults(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (faults >= 0)
		ioctl(faults, UFFDIO_API, &api);
}

void memory_begin(void)
{
	file = memfd_create("random", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, ANY_SIZE))
		env_fail("there is no file in memory");
	open_faults();
}

/* ---- steps of tests/native/any_vmm.c ---- */

void env_map(unsigned long va, size_t size, enum env_memory kind)
{
	int flags = MAP_ANONYMOUS | MAP_FIXED | (rnd(4) ? MAP_PRIVATE : MAP_SHARED), fd = -1;
	void *at = (void *)va;

	if (kind == ENV_COW) {
		fd = memfd_create("random", MFD_CLOEXEC);
		if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
			flags = MAP_PRIVATE | MAP_FIXED;
	}
	mmap(at, size,
	     PROT_READ | (kind == ENV_READ_ONLY ? 0 : PROT_WRITE) | (rnd(4) ? PROT_EXEC : 0), flags,
	     fd, 0);
	if (fd >= 0)
		close(fd);
	if (kind == ENV_HUGE)
		madvise(at, size, MADV_HUGEPAGE);
	else if (!rnd(4))
		madvise(at, size, MADV_MERGEABLE);
}

void env_unmap(unsigned long va, size_t size)
{
	void *at = (void *)va;

	switch (rnd(6)) {
	case 0:
		munmap(at, size);
		break;
	case 1:
		mprotect(at, size, PROT_NONE);
		break;
	case 2:
		mprotect(at, size, PROT_READ);
		break;
	case 3:
		mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, ANY_HVA + ANY_SIZE - size);
		break;
	default:
		madvise(at, size,
			(int)PICK(MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT, MADV_COLD,
				  MADV_COLLAPSE, MADV_REMOVE));
		break;
	}
}

/* ---- faults that the process answers ---- */

/* The next fault on each page of the range waits for an answer, unless the range is of another kind. */
static void watch_faults(void *at, size_t size)
{
	struct uffdio_register range = {
		.range = { .start = (unsigned long)at, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (!rnd(4))
		ioctl(faults, UFFDIO_UNREGISTER, &range.range);
	else if (ioctl(faults, UFFDIO_REGISTER, &range) == 0)
		madvise(at, size, MADV_DONTNEED);
}

/* Return false if the page cannot be had, for example because the file has become shorter. */
static bool answer(unsigned long page)
{
	static u8 contents[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	struct uffdio_range range = { .start = page, .len = PAGE_SIZE };
	struct uffdio_zeropage zeros = { .range = range };
	struct uffdio_copy copy = {
		.dst = page,
		.src = (unsigned long)contents,
		.len = PAGE_SIZE,
	};

	switch (rnd(8)) {
	case 0: /* without a page: the fault occurs again */
		return ioctl(faults, UFFDIO_WAKE, &range) == 0;
	case 1:
	case 2:
		return ioctl(faults, UFFDIO_ZEROPAGE, &zeros) == 0;
	default:
		memset(contents, (int)rnd(256), sizeof(contents));
		return ioctl(faults, UFFDIO_COPY, &copy) == 0;
	}
}

void memory_answer(void)
{
	struct uffd_msg fault;

	for (unsigned int i = 0; i < ANSWERS; i++) {
		if (read(faults, &fault, sizeof(fault)) != sizeof(fault))
			return;
		COUNT(faults);
		if (answer(fault.arg.pagefault.address & ~(PAGE_SIZE - 1)) && rnd(256))
			continue;
		close(faults); /* which lets all threads that wait repeat their faults */
		open_faults();
	}
}

/* ---- steps.c ---- */

/* Give a part of the memory another kind of pages. */
static void replace(void *at, size_t size, int vcpu)
{
	static const unsigned int pages[] = { 0, KVM_COALESCED_MMIO_PAGE_OFFSET,
					      KVM_DIRTY_LOG_PAGE_OFFSET };
	off_t offset = (off_t)(rnd(ANY_SIZE / PAGE_SIZE) * PAGE_SIZE);

	switch (rnd(5)) {
	case 0:
		mmap(at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, vcpu,
		     (off_t)(pages[rnd(ARRAY_SIZE(pages))] * PAGE_SIZE));
		break;
	case 1:
		mmap(at, size, RWX, MAP_FIXED | (rnd(2) ? MAP_SHARED : MAP_PRIVATE), file, offset);
		break;
	case 2:
		at = (void *)((unsigned long)at & ~(HUGE_SIZE - 1));
		mmap(at, HUGE_SIZE, RWX, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1,
		     0);
		break;
	default:
		watch_faults(at, size);
		break;
	}
}

/* Take pages from the file, or end it before pages that are mapped: accesses to these raise SIGBUS. */
static void change_file(void)
{
	off_t offset = (off_t)(rnd(ANY_SIZE / PAGE_SIZE) * PAGE_SIZE);

	if (rnd(2))
		fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
			  (off_t)PICK(PAGE_SIZE, HUGE_SIZE));
	else if (ftruncate(file, rnd(2) ? (off_t)ANY_SIZE : offset))
		env_fail("the file's size cannot be changed");
}

void step_memory(int vcpu)
{
	size_t size = (size_t)PICK(0x1000, 0x80000, HUGE_SIZE, ANY_SIZE);
	void *at = (void *)(ANY_HVA + rnd(ANY_SIZE / size) * size);

	switch (rnd(10)) {
	case 0:
		mprotect(at, size, PROT_READ);
		break;
	case 1:
	case 2:
		mprotect(at, size, rnd(4) ? RWX : PROT_READ | PROT_WRITE);
		break;
	case 3:
		replace(at, size, vcpu);
		break;
	case 4:
		change_file();
		break;
	default:
		madvise(at, size,
			(int)PICK(MADV_PAGEOUT, MADV_PAGEOUT, MADV_COLD, MADV_COLLAPSE,
				  MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_POPULATE_WRITE,
				  MADV_HUGEPAGE));
		break;
	}
}
