// SPDX-License-Identifier: MIT
/*
 * ring.c - dirty rings (KVM_CAP_DIRTY_LOG_RING_ACQ_REL), as on Linux 7.3: errors, the mapping, a
 * guest that fills its ring, and a program that scribbles over the ring while the guest runs.
 */
#include <stdatomic.h>
#include "vm.h"

#define LOG_GPA  0x40000000UL
#define PAGES    1024UL /* of the slot that is logged */
#define RING     8192UL /* bytes */
#define ENTRIES  (RING / sizeof(struct kvm_dirty_gfn))
#define RESERVED 64 /* entries that are free when the ring counts as full */

/* Stores to each page of the logged slot in turn, from address a0 on, without end. */
GUEST(sweep, "li	t0, 0x40000000\n"
	     "1:	mv	a0, t0\n"
	     "li	t1, 1024\n"
	     "li	t2, 4096\n"
	     "2:	sd	a0, 0(a0)\n"
	     "add	a0, a0, t2\n"
	     "addi	t1, t1, -1\n"
	     "bnez	t1, 2b\n" REPORT "j	1b\n");

static int enable_ring(const struct vm *vm, uint64_t size)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { size } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int reset_rings(const struct vm *vm)
{
	return ioctl(vm->fd, KVM_RESET_DIRTY_RINGS, 0);
}

static void *map_ring(const struct vcpu *vcpu, int prot, int flags)
{
	return mmap(NULL, RING, prot, flags, vcpu->fd, KVM_DIRTY_LOG_PAGE_OFFSET * 4096);
}

static void errors(void)
{
	struct vm vm = vm_new();
	struct kvm_dirty_log log = { .slot = 0 };
	int max = ioctl(vm.kvm, KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING_ACQ_REL);

	ok(max == 65536 * 16, "a ring may have 65536 entries");
	ok(ioctl(vm.kvm, KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING) == 0 &&
		   ioctl(vm.kvm, KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP) == 0,
	   "a weakly ordered machine does not have the ring of x86, nor bitmaps beside rings");
	fails_with(reset_rings(&vm), EINVAL, "a VM without rings has nothing to reset");
	fails_with(enable_ring(&vm, 6000), EINVAL, "a size that is not a power of two is refused");
	fails_with(enable_ring(&vm, 2048), EINVAL, "a ring smaller than a page is refused");
	fails_with(enable_ring(&vm, 2 * (uint64_t)max), E2BIG, "a larger ring is refused");
	ok(enable_ring(&vm, RING) == 0, "rings can be enabled");
	fails_with(enable_ring(&vm, RING), EINVAL, "rings can be enabled only once");
	ok(reset_rings(&vm) == 0, "without a vCPU, no entry is reset");
	fails_with(ioctl(vm.fd, KVM_GET_DIRTY_LOG, &log), ENXIO, "there is no bitmap beside rings");
	vm_free(&vm);
	vm = vm_new();
	must(ioctl(vm.fd, KVM_CREATE_VCPU, 0) >= 0, "KVM_CREATE_VCPU");
	fails_with(enable_ring(&vm, RING), EINVAL, "rings cannot be enabled after the first vCPU");
	vm_free(&vm);
}

static void mapping(const struct vcpu *vcpu)
{
	fails_with(map_ring(vcpu, PROT_READ, MAP_PRIVATE) == MAP_FAILED ? -1 : 0, EINVAL,
		   "a private mapping of the ring is refused");
	/* EPERM: Linux 7.2 refuses executable mappings of anonymous files before it asks their driver. */
	ok(map_ring(vcpu, PROT_READ | PROT_EXEC, MAP_SHARED) == MAP_FAILED &&
		   (errno == EINVAL || errno == EPERM),
	   "an executable mapping of the ring is refused");
}

/* What user space has seen: the next entry of the ring, and the next page that the guest writes. */
struct harvest {
	unsigned int entry, page;
};

/*
 * Harvest all entries. Returns their number, or -1 if one is not what it should be: the pages are
 * in the order of the guest's stores. The page whose store filled the ring comes twice, because it
 * was protected again before the store could complete.
 */
static int harvest(struct kvm_dirty_gfn *ring, struct harvest *h)
{
	int n = 0;

	while (__atomic_load_n(&ring[h->entry % ENTRIES].flags, __ATOMIC_ACQUIRE) ==
	       KVM_DIRTY_GFN_F_DIRTY) {
		struct kvm_dirty_gfn *entry = &ring[h->entry % ENTRIES];

		if (!n && h->page && entry->offset == (h->page - 1) % PAGES)
			h->page--;
		if (entry->slot != 1 || entry->offset != h->page % PAGES)
			return -1;
		__atomic_store_n(&entry->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
		h->entry++, h->page++, n++;
	}
	return n;
}

/* The guest stores to each page twice; user space empties the ring whenever it is full. */
static void full_and_reset(const struct vm *vm, const struct vcpu *vcpu, struct kvm_dirty_gfn *ring)
{
	struct harvest h = { 0 };
	unsigned int fulls = 0, sweeps = 0;
	bool exact = true, again = true;

	while (sweeps < 2 && exact) {
		exact = vcpu_run(vcpu) == 0;
		if (vcpu->run->exit_reason == KVM_EXIT_DIRTY_RING_FULL) {
			fulls++;
			again &= vcpu_run(vcpu) == 0 &&
				 vcpu->run->exit_reason == KVM_EXIT_DIRTY_RING_FULL;
			exact &= harvest(ring, &h) == ENTRIES - RESERVED;
			exact &= reset_rings(vm) == ENTRIES - RESERVED;
		} else {
			exact &= is_report(vcpu, LOG_GPA + PAGES * 4096);
			sweeps++;
		}
	}
	ok(exact && fulls == 2 * PAGES / (ENTRIES - RESERVED),
	   "KVM_RUN ends with KVM_EXIT_DIRTY_RING_FULL while 64 entries are free");
	ok(again, "KVM_RUN ends in this way until entries are reset");
	exact &= harvest(ring, &h) >= 0 && reset_rings(vm) >= 0;
	ok(exact && h.page == 2 * PAGES,
	   "both stores to each page are in the ring, in their order");
	ok(reset_rings(vm) == 0, "an entry is reset once");
}

static _Atomic bool stop;

static void *scribble(void *arg)
{
	uint64_t *words = arg, x = 88172645463325252ULL;

	while (!atomic_load(&stop)) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		words[x % (RING / 8)] = x & 0x100 ? x : KVM_DIRTY_GFN_F_RESET | x << 32;
	}
	return NULL;
}

/* Whatever the ring contains, the guest's stores reach memory, and no call does harm. */
static void hostile(const struct vm *vm, const struct vcpu *vcpu, struct kvm_dirty_gfn *ring,
		    uint8_t *mem)
{
	unsigned int sweeps = 0, calls = 0;
	bool good = true, all = true;
	pthread_t thread;

	memset(mem, 0, PAGES * 4096);
	must(pthread_create(&thread, NULL, scribble, ring) == 0, "pthread_create");
	for (; good && sweeps < 3 && calls < 100000; calls++) {
		good = vcpu_run(vcpu) == 0;
		if (vcpu->run->exit_reason == KVM_EXIT_DIRTY_RING_FULL) {
			for (size_t i = 0; i < ENTRIES; i++)
				__atomic_store_n(&ring[i].flags, KVM_DIRTY_GFN_F_RESET,
						 __ATOMIC_RELEASE);
			good &= reset_rings(vm) >= 0;
		} else {
			good &= is_report(vcpu, LOG_GPA + PAGES * 4096);
			sweeps++;
		}
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	for (uint64_t page = 0; page < PAGES; page++)
		all &= *(const uint64_t *)(mem + page * 4096) == LOG_GPA + page * 4096;
	ok(good && sweeps == 3, "a guest runs on while a program scribbles over its ring");
	ok(all, "all its stores have reached memory");
}

int main(void)
{
	struct kvm_dirty_gfn *ring;
	struct vcpu vcpu;
	struct vm vm;
	uint8_t *mem;

	errors();
	vm = vm_new();
	must(enable_ring(&vm, RING) == 0, "rings");
	vcpu = vcpu_new(&vm, 0);
	mem = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(mem != MAP_FAILED, "mmap");
	must(vm_set_slot(&vm, 1, LOG_GPA, PAGES * 4096, mem, KVM_MEM_LOG_DIRTY_PAGES) == 0, "slot");
	mapping(&vcpu);
	ring = map_ring(&vcpu, PROT_READ | PROT_WRITE, MAP_SHARED);
	must(ring != MAP_FAILED, "the ring's mapping");
	vm_load(&vm, sweep);
	full_and_reset(&vm, &vcpu, ring);
	hostile(&vm, &vcpu, ring, mem);
	vcpu_free(&vcpu);
	vm_free(&vm);
	memset(ring, 0xa5, RING);
	ok(ring[ENTRIES - 1].flags == 0xa5a5a5a5, "the ring's mapping outlives the VM");
	return tap_done();
}
