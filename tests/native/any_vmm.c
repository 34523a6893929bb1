// SPDX-License-Identifier: MIT
/*
 * any_vmm.c - a random VMM (see any_vmm.h).
 *
 * The VMM makes and closes VMs and vCPUs, calls their ioctls with arguments that mostly come from
 * small sets (so that calls often refer to the same objects), maps and unmaps its memory, and
 * overwrites bytes of kvm_run. The guest is in any_guest.c, the interrupt controllers are in
 * any_irqchip.c.
 */
#include <stdio.h>
#include <string.h>
#include "any_vmm_impl.h"
#include "mmu/dirty_ring.h"

#define HVA     NATIVE_USER_BASE
#define MAX_FDS 12
#define GPA     0x80000000ULL
#define MB      (1UL << 20)

u64 (*any_choice)(u64 below);
enum any_machine any_machine;

static u64 rnd(u64 below)
{
	return any_choice(below);
}

u64 any_gpa(void)
{
	if (rnd(4))
		return GPA + rnd(2 * MB) * PICK(0, 1, 2) / (rnd(2) ? 1 : 512);
	if (rnd(2))
		return any_irqchip_gpa();
	if (!rnd(4))
		return rnd(~0ULL);
	return PICK(GPA, 0x10000000, 0, 1ULL << 40, (1ULL << 59) - 0x1000, ~0ULL);
}

static hva_t any_hva(void)
{
	if (rnd(4))
		return HVA + (hva_t)rnd(4) * MB;
	if (!rnd(4))
		return HVA + (hva_t)rnd(4 * MB);
	return (hva_t)PICK(HVA, HVA + 0x1000, HVA + 8 * MB, 0, ~0UL << 12);
}

static u64 any_size(void)
{
	if (!rnd(8))
		return rnd(4 * MB);
	return PICK(0, 0, 0x1000, 0x40000, MB, 2 * MB, 4 * MB, ~0ULL, 1ULL << 43);
}

/* ---- the VMM ---------------------------------------------------------------------- */

struct fds {
	int fd[MAX_FDS];
	unsigned int n;
};

static struct fds vms, vcpus, events;

static void add(struct fds *fds, long fd)
{
	if (fd < 0)
		return;
	if (fds->n == MAX_FDS)
		native_close((int)fd);
	else
		fds->fd[fds->n++] = (int)fd;
}

static int random_fd(const struct fds *fds)
{
	return fds->n ? fds->fd[rnd(fds->n)] : -1;
}

static void close_some(struct fds *fds)
{
	unsigned int i = (unsigned int)rnd(MAX_FDS);

	if (i >= fds->n)
		return;
	native_close(fds->fd[i]);
	fds->fd[i] = fds->fd[--fds->n];
}

unsigned long any_args(const void *args, size_t size)
{
	if (!rnd(50))
		return (unsigned long)any_hva();
	if (hv_copy_to_user(ANY_ARGS, args, size))
		hv_panic("any VMM: no memory at the address of the arguments\n");
	return ANY_ARGS;
}

long any_answer(long ret)
{
	if (ret < -133)
		hv_panic("any VMM: %ld is neither a result nor -errno\n", ret);
	return ret;
}

/*
 * Call an ioctl with random bytes as its argument. The ioctl's number is either random or one of
 * KVM's, picked at random. KVM_RUN and the ioctls that return a descriptor are skipped, because
 * they have their own steps.
 */
static void any_ioctl(int fd)
{
	u32 words[16] = { 0 };
	unsigned int cmd = _IOC(rnd(4), KVMIO, rnd(256), rnd(8) * 8), i;

	cmd = (unsigned int)PICK(cmd, KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO,
				 KVM_IRQFD, KVM_IRQ_LINE, KVM_SIGNAL_MSI, KVM_SET_GSI_ROUTING,
				 KVM_CREATE_DEVICE, KVM_ENABLE_CAP, KVM_SET_ONE_REG,
				 KVM_GET_ONE_REG, KVM_GET_REG_LIST, KVM_SET_GUEST_DEBUG,
				 KVM_SET_SIGNAL_MASK, KVM_GET_MP_STATE, KVM_SET_MP_STATE,
				 KVM_INTERRUPT, KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG);
	if (cmd == KVM_CREATE_VCPU || cmd == KVM_GET_STATS_FD || cmd == KVM_CREATE_VM ||
	    cmd == KVM_RUN)
		return;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!rnd(3))
			words[i] = (u32)(rnd(4) ? rnd(64) : rnd(1ULL << 32));
	any_answer(native_ioctl(fd, cmd, rnd(8) ? any_args(words, sizeof(words)) : rnd(~0ULL)));
}

static void statistics(int fd)
{
	int stats = (int)any_answer(native_ioctl(fd, KVM_GET_STATS_FD, 0));
	u64 pos = rnd(8) ? rnd(5000) : rnd(~0ULL);

	if (stats < 0)
		return;
	any_answer(native_read(stats, any_hva(), (size_t)rnd(5000), &pos));
	native_close(stats);
}

static void vm_step(int vm)
{
	switch (rnd(14)) {
	case 0:
		add(&vcpus, any_answer(native_ioctl(vm, KVM_CREATE_VCPU,
						    (unsigned long)PICK(0, 1, 2, 3, 1024, ~0UL))));
		break;
	case 1:
	case 2:
	case 3:
		IOCTL(vm,
		      (unsigned int)PICK(KVM_SET_USER_MEMORY_REGION, KVM_SET_USER_MEMORY_REGION2),
		      struct kvm_userspace_memory_region2,
		      .slot = (u32)PICK(0, 1, 2, 3, 32766, 32767, 1 << 16),
		      .flags = (u32)PICK(0, 0, 0, 1, 2, 3, 4, 8),
		      .guest_phys_addr = any_gpa() & (rnd(9) ? ~0xfffULL : ~0ULL),
		      .memory_size = any_size(), .userspace_addr = any_hva());
		break;
	case 4:
		IOCTL(vm, KVM_GET_DIRTY_LOG, struct kvm_dirty_log, .slot = (u32)rnd(5),
		      .dirty_bitmap = (void *)any_hva());
		break;
	case 5:
		IOCTL(vm, KVM_CLEAR_DIRTY_LOG, struct kvm_clear_dirty_log, .slot = (u32)rnd(5),
		      .num_pages = (u32)PICK(64, 128, 1024, rnd(5000), ~0U),
		      .first_page = PICK(0, 64, 512, rnd(5000), ~63ULL),
		      .dirty_bitmap = (void *)any_hva());
		break;
	case 6:
		IOCTL(vm, KVM_ENABLE_CAP, struct kvm_enable_cap,
		      .cap = (u32)PICK(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, rnd(300)),
		      .args = { rnd(5) });
		break;
	case 7:
		IOCTL(vm, KVM_IOEVENTFD, struct kvm_ioeventfd, .addr = any_gpa(),
		      .len = (u32)PICK(0, 1, 2, 4, 8, 3),
		      .fd = rnd(9) ? random_fd(&events) : (int)rnd(70),
		      .flags = (u32)PICK(0, 1, 4, 5, 2, ~0U), .datamatch = rnd(3));
		break;
	case 8:
		any_answer(native_ioctl(vm, KVM_CHECK_EXTENSION, (unsigned long)rnd(300)));
		if (!rnd(8))
			statistics(vm);
		break;
	case 9:
		any_ioctl(vm);
		break;
	default:
		any_irqchip_step(vm, random_fd(&events), random_fd(&events));
		break;
	}
}

static void run_step(int vcpu)
{
	struct kvm_vcpu *v = native_file_priv(vcpu);
	unsigned int i;

	any_entries_left = 1 + (unsigned int)rnd(20);
	native_guest = any_guest;
	native_signal_set(rnd(16) == 0 || hsm_is_stopped(v));
	for (i = 0; i < 16 && !rnd(3); i++)
		((u8 *)v->run)[rnd(sizeof(*v->run))] = (u8)rnd(256);
	any_answer(native_ioctl(vcpu, KVM_RUN, 0));
	native_signal_set(false);
}

static void vcpu_step(int vcpu)
{
	switch (rnd(7)) {
	case 3:
		any_ioctl(vcpu);
		break;
	case 0:
		IOCTL(vcpu, (unsigned int)PICK(KVM_GET_ONE_REG, KVM_SET_ONE_REG),
		      struct kvm_one_reg,
		      .id = KVM_REG_RISCV | PICK(KVM_REG_SIZE_U64, KVM_REG_SIZE_U32) |
			    rnd(14) << 24 | rnd(4) << 16 | rnd(80),
		      .addr = any_hva());
		break;
	case 1:
		IOCTL(vcpu, (unsigned int)PICK(KVM_GET_MP_STATE, KVM_SET_MP_STATE),
		      struct kvm_mp_state,
		      .mp_state = (u32)PICK(KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_STOPPED, rnd(20)));
		break;
	case 2:
		IOCTL(vcpu, KVM_INTERRUPT, struct kvm_interrupt,
		      .irq = (u32)PICK(KVM_INTERRUPT_SET, KVM_INTERRUPT_UNSET, 0, 7));
		break;
	default:
		run_step(vcpu);
		break;
	}
}

static void memory_step(void)
{
	hva_t hva = HVA + rnd(16) * 0x80000;

	native_user_unmap(hva, 0x80000);
	if (rnd(8))
		native_user_map(
			hva, 0x80000,
			(unsigned int)PICK(0, 0, NATIVE_READ_ONLY, NATIVE_COW, NATIVE_HUGE));
}

/* ---- dirty rings ---- */

/* Write to an entry of a vCPU's ring, which user space may do at any time. */
static void ring_write(const struct kvm_vcpu *vcpu)
{
	struct kvm_dirty_gfn *entries;
	hpa_t pa;

	if (dirty_ring_page(vcpu, rnd(2), &pa))
		return;
	entries = hv_page_map(pa);
	entries[rnd(rnd(4) ? 8 : 256)] = (struct kvm_dirty_gfn){
		.flags = (u32)PICK(KVM_DIRTY_GFN_F_RESET, KVM_DIRTY_GFN_F_RESET, rnd(8)),
		.slot = (u32)PICK(0, 1, rnd(1ULL << 32)),
		.offset = PICK(rnd(1024), rnd(~0ULL)),
	};
	hv_page_unmap(entries);
}

static void ring_step(void)
{
	if (rnd(3) && vcpus.n)
		ring_write(native_file_priv(random_fd(&vcpus)));
	else if (vms.n)
		any_answer(native_ioctl(random_fd(&vms), KVM_RESET_DIRTY_RINGS, 0));
}

/* ---- toggles, for the VMs that are made from now on ---- */

static const struct {
	const char *name, *values; /* separated by blanks */
	unsigned int usual;
} toggles[] = {
#define TOGGLE(name, values, usual, question) { #name, values, usual },
#include "toggle.def"
#undef TOGGLE
};

static void set_toggle(unsigned int toggle, unsigned int nth)
{
	const char *value = toggles[toggle].values, *end = strchrnul(value, ' ');
	char word[32];

	for (; nth && *end; nth--) {
		value = end + 1;
		end = strchrnul(value, ' ');
	}
	snprintf(word, sizeof(word), "%.*s", (int)(end - value), value);
	native_param_set(toggles[toggle].name,
			 word); /* an error: the machine lacks what it needs */
}

static int dev;

/*
 * Give each toggle but fastpath another value than the usual one. Events that would keep the fast
 * path from finishing an exit are off.
 */
static void set_other_toggles(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(toggles); i++)
		if (i != TOGGLE_fastpath)
			set_toggle(i, toggles[i].usual ? 0 : 1);
	native_slow_path_events_off();
}

/* Build the machine, with a core whose toggles have their usual or other values. */
static void start_core(enum any_machine machine)
{
	unsigned int i;

	any_machine = machine;
	native_reset();
	native_guest_files_set(true);
	if (machine == ANY_OTHER) {
		native_isa_set(
			"h i m a f d c v sstc svinval zicboz zicbom ssaia sscofpmf smstateen");
		native_pmu_set(4, 64);
		native_firmware_fwft = true;
	} else {
		native_isa_set("h sstc svinval zicboz zicbom ssaia");
	}
	native_core_start();
	for (i = 0; i < ARRAY_SIZE(toggles); i++)
		set_toggle(i, toggles[i].usual);
	if (machine == ANY_OTHER)
		set_other_toggles();
}

void any_vmm_start(enum any_machine machine)
{
	struct kvm *vm;
	u32 flags = 0;

	start_core(machine);
	native_user_map(HVA, 8 * MB, 0);
	native_user_map(ANY_ARGS, 0x10000, 0);
	dev = hv_file_create("kvm", &kvm_dev_ops, NULL);
	add(&vms, native_ioctl(dev, KVM_CREATE_VM, 0));
	vm = native_file_priv(vms.fd[0]);
	if (machine == ANY_OTHER) {
		flags = KVM_MEM_LOG_DIRTY_PAGES;
		if (dirty_ring_set_size(vm, PAGE_SIZE))
			hv_panic("any VMM: cannot set the size of dirty rings\n");
	}
	add(&vcpus, native_ioctl(vms.fd[0], KVM_CREATE_VCPU, 0));
	add(&vcpus, native_ioctl(vms.fd[0], KVM_CREATE_VCPU, 1));
	add(&events, native_eventfd());
	add(&events, native_eventfd());
	if (native_set_slot(vm, 0, GPA, 2 * MB, HVA, flags))
		hv_panic("any VMM: cannot set the memory slot\n");
}

void any_vmm_begin(void)
{
	if (rnd(4) == 3) /* seldom, because clearing a block takes as long as ten steps */
		native_user_map(HVA, 8 * MB, NATIVE_HUGE);
	any_irqchip_begin(vms.fd[0]);
}

void any_vmm_step(void)
{
	if (any_machine == ANY_OTHER && !rnd(8)) {
		ring_step();
		return;
	}
	switch (rnd(24)) {
	case 0:
		if (rnd(2))
			set_toggle((unsigned int)rnd(ARRAY_SIZE(toggles)), (unsigned int)rnd(4));
		else if (rnd(4) == 3) /* seldom: it takes as long as a hundred other steps */
			add(&vms, any_answer(native_ioctl(dev, KVM_CREATE_VM, 0)));
		break;
	case 1:
		if (!rnd(4))
			close_some(&vms);
		if (!rnd(4))
			close_some(&vcpus);
		break;
	case 2:
		add(&events, rnd(8) ? -1 : native_eventfd());
		if (!rnd(20))
			close_some(&events);
		break;
	case 3:
		memory_step();
		break;
	case 4:
		native_time_set(hv_time() + rnd(100000));
		break;
	case 5:
		native_fail_alloc(rnd(4) ? 0 : 1 + (unsigned int)rnd(8));
		break;
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
		if (vms.n)
			vm_step(random_fd(&vms));
		break;
	default:
		if (vcpus.n)
			vcpu_step(random_fd(&vcpus));
		break;
	}
}

void any_vmm_end(void)
{
	native_fail_alloc(0);
	native_close_all();
	vms.n = vcpus.n = events.n = 0;
	native_user_exit();
	if (native_objects_in_use() || native_maps_in_use() || native_pages_in_use())
		hv_panic("any VMM: leaked %lu objects, %lu maps, %lu pages\n",
			 native_objects_in_use(), native_maps_in_use(), native_pages_in_use());
}
