// SPDX-License-Identifier: MIT
/*
 * shortage_memory.c - make calls on memory and /dev/kvm while each page that they allocate is
 * missing in turn.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "shortage.h"

#define PAGE 4096UL
#define MB2  0x200000UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* ---- memory ---- */

static char *area, *place; /* each 3 * MB2, aligned to MB2 */

static char *reserve(void)
{
	char *p = mmap(NULL, 4 * MB2, PROT_NONE, ANON, -1, 0);

	return (char *)(((uintptr_t)p + MB2 - 1) & ~(MB2 - 1));
}

/* At the start of each page of [from, from + len), store the page's offset in `area` plus 1. */
static void fill(size_t from, size_t len)
{
	for (size_t at = from; at < from + len; at += PAGE)
		*(size_t *)(area + at) = at + 1;
}

static bool is_filled(const char *p, size_t from, size_t len)
{
	for (size_t at = 0; at < len; at += PAGE)
		if (*(const size_t *)(p + at) != from + at + 1)
			return false;
	return true;
}

static bool is_mapped(char *p)
{
	unsigned char present;

	return mincore(p, PAGE, &present) == 0;
}

/* Map an area with large leaves, and a place to move it to. */
static void prepare_area(void)
{
	mmap(area, 3 * MB2, RW, ANON | MAP_FIXED, -1, 0);
	fill(0, 3 * MB2);
	mmap(place, 3 * MB2, PROT_READ, ANON | MAP_FIXED, -1, 0);
}

static long do_mremap_smaller(void)
{
	return mremap(area + 5 * PAGE, MB2 + 9 * PAGE, MB2 + 2 * PAGE,
		      MREMAP_MAYMOVE | MREMAP_FIXED, place + 7 * PAGE) == place + 7 * PAGE
		       ? 0
		       : -1;
}

static bool mremap_smaller_is_right(long ret)
{
	return ret == 0 && is_filled(place + 7 * PAGE, 5 * PAGE, MB2 + 2 * PAGE) &&
	       is_filled(area, 0, 5 * PAGE) && !is_mapped(area + 5 * PAGE) &&
	       !is_mapped(area + MB2 + 13 * PAGE) &&
	       is_filled(area + MB2 + 14 * PAGE, MB2 + 14 * PAGE, MB2) && place[6 * PAGE] == 0 &&
	       place[MB2 + 9 * PAGE] == 0;
}

/* Like prepare_area(), but unmapping the part beyond the new size frees no page. */
static void prepare_half(void)
{
	mmap(area, 3 * MB2, RW, ANON | MAP_FIXED, -1, 0);
	fill(0, MB2);
	mmap(place, 3 * MB2, PROT_READ, ANON | MAP_FIXED, -1, 0);
}

static long do_mremap_half(void)
{
	return mremap(area + PAGE, 2 * MB2, MB2, MREMAP_MAYMOVE | MREMAP_FIXED, place + 7 * PAGE) ==
			       place + 7 * PAGE
		       ? 0
		       : -1;
}

static bool mremap_half_is_right(long ret)
{
	return ret == 0 && is_filled(place + 7 * PAGE, PAGE, MB2 - PAGE) &&
	       is_filled(area, 0, PAGE) && !is_mapped(area + PAGE) && !is_mapped(area + 2 * MB2) &&
	       is_mapped(area + 2 * MB2 + PAGE) && place[6 * PAGE] == 0 &&
	       place[MB2 + 7 * PAGE] == 0;
}

static long do_mremap_down(void)
{
	return mremap(area + MB2 + PAGE, PAGE * 6, PAGE * 3, MREMAP_MAYMOVE | MREMAP_FIXED,
		      area + MB2 - 2 * PAGE) == area + MB2 - 2 * PAGE
		       ? 0
		       : -1;
}

static bool mremap_down_is_right(long ret)
{
	return ret == 0 && is_filled(area + MB2 - 2 * PAGE, MB2 + PAGE, 3 * PAGE) &&
	       is_filled(area, 0, MB2 - 2 * PAGE) && !is_mapped(area + MB2 + PAGE) &&
	       !is_mapped(area + MB2 + 6 * PAGE) &&
	       is_filled(area + MB2 + 7 * PAGE, MB2 + 7 * PAGE, MB2);
}

static char *moved;

static long do_mremap_grow(void)
{
	moved = mremap(area + MB2 - 3 * PAGE, 6 * PAGE, 2 * MB2, MREMAP_MAYMOVE);
	return moved == MAP_FAILED ? -1 : 0;
}

static bool mremap_grow_is_right(long ret)
{
	bool good = ret == 0 && is_filled(moved, MB2 - 3 * PAGE, 6 * PAGE) && !moved[6 * PAGE] &&
		    !is_mapped(area + MB2);

	munmap(moved, 2 * MB2);
	return good;
}

static long do_map_fixed(void)
{
	return mmap(area + PAGE, MB2, PROT_READ, ANON | MAP_FIXED, -1, 0) == area + PAGE ? 0 : -1;
}

static bool map_fixed_is_right(long ret)
{
	return ret == 0 && is_filled(area, 0, PAGE) && area[PAGE] == 0 && area[MB2] == 0 &&
	       is_filled(area + MB2 + PAGE, MB2 + PAGE, MB2);
}

static long do_munmap(void)
{
	return munmap(area + PAGE, MB2);
}

static bool munmap_is_right(long ret)
{
	return ret == 0 && is_filled(area, 0, PAGE) && !is_mapped(area + PAGE) &&
	       !is_mapped(area + MB2) && is_filled(area + MB2 + PAGE, MB2 + PAGE, MB2);
}

static long do_mprotect(void)
{
	return mprotect(area + PAGE, MB2, PROT_READ);
}

/* Once its protection is restored, `area` must be one mapping again: mremap() cannot span two. */
static bool mprotect_is_right(long ret)
{
	return ret == 0 && is_filled(area, 0, 3 * MB2) && mprotect(area, 3 * MB2, RW) == 0 &&
	       mremap(area, 3 * MB2, 3 * MB2, 0) == area;
}

static long do_madvise(void)
{
	return madvise(area + PAGE, MB2, MADV_DONTNEED);
}

static bool madvise_is_right(long ret)
{
	return ret == 0 && is_filled(area, 0, PAGE) && area[PAGE] == 0 &&
	       is_filled(area + MB2 + PAGE, MB2 + PAGE, MB2);
}

static long do_map_shared(void)
{
	moved = mmap(NULL, 3 * MB2, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return moved == MAP_FAILED ? -1 : 0;
}

static bool map_shared_is_right(long ret)
{
	return ret == 0 && munmap(moved, 3 * MB2) == 0;
}

/* the heap's end, page-aligned */
static char *heap;

static void prepare_brk(void)
{
	heap = (char *)(((uintptr_t)sbrk(0) + PAGE - 1) & ~(PAGE - 1));
	brk(heap);
	/* Change the protection, so that the new pages need an area of their own. */
	mprotect(heap - PAGE, PAGE, PROT_READ);
}

static long do_brk(void)
{
	return syscall(SYS_brk, heap + 3 * PAGE) == (long)(heap + 3 * PAGE) ? 0 : -1;
}

static bool brk_is_right(long ret)
{
	return ret == 0 && mprotect(heap - PAGE, PAGE, RW) == 0 && brk(heap) == 0;
}

/* ---- userfaultfd ---- */

static int uffd;
static char bytes[PAGE] = "bytes";

static void prepare_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	mmap(area, 3 * MB2, RW, ANON | MAP_FIXED, -1, 0);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	ioctl(uffd, UFFDIO_API, &api);
}

static long do_uffd(void)
{
	struct uffdio_register reg = { .range = { (uintptr_t)area + PAGE, 6 * PAGE },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = (uintptr_t)area + PAGE,
				    .src = (uintptr_t)bytes,
				    .len = PAGE };

	return ioctl(uffd, UFFDIO_REGISTER, &reg) || ioctl(uffd, UFFDIO_COPY, &copy) ||
			       copy.copy != (long)PAGE
		       ? -1
		       : 0;
}

static bool uffd_is_right(long ret)
{
	return ret == 0 && !memcmp(area + PAGE, bytes, PAGE) && close(uffd) == 0;
}

/* ---- KVM ---- */

static int kvm, fds[3];

static bool closes(long fd)
{
	return fd >= 0 && close((int)fd) == 0;
}

static long do_create_vm(void)
{
	return ioctl(kvm, KVM_CREATE_VM, 0);
}

static void prepare_vm(void)
{
	fds[0] = ioctl(kvm, KVM_CREATE_VM, 0);
	fds[1] = eventfd(0, 0);
}

static long do_create_vcpu(void)
{
	fds[2] = ioctl(fds[0], KVM_CREATE_VCPU, 3);
	return fds[2] < 0 ? -1 : ioctl(fds[0], KVM_GET_STATS_FD, 0);
}

static bool create_vcpu_is_right(long fd)
{
	/* The vCPU exists once, and its descriptor was returned. */
	bool good = fds[2] >= 0 && ioctl(fds[0], KVM_CREATE_VCPU, 3) < 0 && errno == EEXIST;

	close(fds[1]);
	close(fds[2]);
	close(fds[0]);
	return closes(fd) && good;
}

static long do_set_region(void)
{
	struct kvm_userspace_memory_region region = { .slot = 4,
						      .flags = KVM_MEM_LOG_DIRTY_PAGES,
						      .guest_phys_addr = 0x80000000,
						      .memory_size = MB2,
						      .userspace_addr = (uintptr_t)area };
	struct kvm_ioeventfd io = { .addr = 0x1000, .len = 4, .fd = fds[1] };

	if (ioctl(fds[0], KVM_SET_USER_MEMORY_REGION, &region))
		return -1;
	region.slot = 5;
	region.guest_phys_addr += MB2;
	return ioctl(fds[0], KVM_SET_USER_MEMORY_REGION, &region)
		       ? -1
		       : ioctl(fds[0], KVM_IOEVENTFD, &io);
}

static bool set_region_is_right(long ret)
{
	static uint64_t bits[MB2 / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 5, .dirty_bitmap = bits };
	bool good = ret == 0 && ioctl(fds[0], KVM_GET_DIRTY_LOG, &log) == 0;

	close(fds[1]);
	close(fds[0]);
	return good;
}

static const struct attempt attempts[] = {
	{ CLAIM("mremap to a smaller size"), prepare_area, do_mremap_smaller,
	  mremap_smaller_is_right },
	{ CLAIM("mremap of half an area"), prepare_half, do_mremap_half, mremap_half_is_right },
	{ CLAIM("mremap within an area"), prepare_area, do_mremap_down, mremap_down_is_right },
	{ CLAIM("mremap to a larger size"), prepare_area, do_mremap_grow, mremap_grow_is_right },
	{ CLAIM("mmap with MAP_FIXED"), prepare_area, do_map_fixed, map_fixed_is_right },
	{ CLAIM("munmap"), prepare_area, do_munmap, munmap_is_right },
	{ CLAIM("mprotect"), prepare_area, do_mprotect, mprotect_is_right },
	{ CLAIM("madvise"), prepare_area, do_madvise, madvise_is_right },
	{ CLAIM("mmap of shared memory"), NULL, do_map_shared, map_shared_is_right },
	{ CLAIM("brk"), prepare_brk, do_brk, brk_is_right },
	{ CLAIM("UFFDIO_COPY"), prepare_uffd, do_uffd, uffd_is_right },
	{ CLAIM("KVM_CREATE_VM"), NULL, do_create_vm, closes },
	{ CLAIM("KVM_CREATE_VCPU"), prepare_vm, do_create_vcpu, create_vcpu_is_right },
	{ CLAIM("KVM_SET_USER_MEMORY_REGION"), prepare_vm, do_set_region, set_region_is_right },
};

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR);
	area = reserve();
	place = reserve();
	try_all(attempts, sizeof(attempts) / sizeof(*attempts));
	return tap_done();
}
