// SPDX-License-Identifier: MIT
/*
 * steps.c - steps of the random VMM that depend on the state of the VM which all threads use, so that
 * more calls succeed: changes of its memory slots, reads of its dirty log, registers that a vCPU has,
 * and descriptors that are closed while KVM uses them.
 *
 * They are not in tests/native/any_vmm.c, because an input of the fuzz targets is a sequence of
 * choices, which would mean something else.
 */
#include <linux/kvm.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include "../vm.h"
#include "random.h"

#define SLOT_SIZE    0x200000UL
#define DEVICE_GPA   0x10000000ULL /* any_gpa() often returns it */
#define GSIS         70U
#define MAX_REGS     1024U
#define RING_ENTRIES (PAGE_SIZE / sizeof(struct kvm_dirty_gfn))
#define MAX_STATS    4U

/* ---- memory slots and logs of dirty pages ---- */

/* Slots of the first VM, as a thread has last set them. An outdated entry leads to an error. */
static struct kvm_userspace_memory_region slots[3] = {
	{ .guest_phys_addr = ANY_GPA, .memory_size = SLOT_SIZE, .userspace_addr = ANY_HVA },
};

static long set_slot(int vm, const struct kvm_userspace_memory_region *slot)
{
	return any_answer(env_ioctl(vm, KVM_SET_USER_MEMORY_REGION, any_args(slot, sizeof(*slot))));
}

static struct kvm_userspace_memory_region usual_slot(u32 i)
{
	return (struct kvm_userspace_memory_region){
		.slot = i,
		.flags = (u32)PICK(0, KVM_MEM_LOG_DIRTY_PAGES),
		.guest_phys_addr = ANY_GPA + i * SLOT_SIZE,
		.memory_size = SLOT_SIZE,
		.userspace_addr = ANY_HVA + i * SLOT_SIZE,
	};
}

/*
 * Steps of any_vmm.c have changed the slot, or use its addresses, for example for the slot after ours. Or
 * a part of the memory is not there or cannot be written.
 */
static void repair_slot(int vm, u32 i)
{
	set_slot(vm, &(struct kvm_userspace_memory_region){ .slot = i });
	set_slot(vm, &(struct kvm_userspace_memory_region){ .slot = ARRAY_SIZE(slots) });
	slots[i] = usual_slot(i);
	if (set_slot(vm, &slots[i])) {
		env_map(ANY_HVA + i * SLOT_SIZE, SLOT_SIZE,
			(enum env_memory)PICK(ENV_USUAL, ENV_HUGE));
		set_slot(vm, &slots[i]);
	}
}

/*
 * Create, delete or move a slot, or switch its log on or off. The first one, which has the guests'
 * programs, seldom goes away.
 */
static void slot_step(int vm)
{
	u32 i = (u32)PICK(0, 0, 1, 2);
	struct kvm_userspace_memory_region slot = slots[i];

	if (!slot.memory_size)
		slot = usual_slot(i);
	else if (!rnd(i ? 8 : 32))
		slot.memory_size = 0;
	else if (!rnd(i || slot.guest_phys_addr != ANY_GPA ? 4 : 32))
		slot.guest_phys_addr ^= 1 << 24; /* away, and back */
	else
		slot.flags ^= KVM_MEM_LOG_DIRTY_PAGES;
	if (set_slot(vm, &slot)) {
		repair_slot(vm, i);
		return;
	}
	COUNT(slots);
	slots[i] = slot;
}

/* Read the log of a slot, and, with manual protection, clear what was read. */
static void log_step(int vm)
{
	unsigned long bitmap = env_args + 0x1000;
	u32 slot = (u32)rnd(ARRAY_SIZE(slots));

	if (IOCTL(vm, KVM_GET_DIRTY_LOG, struct kvm_dirty_log, .slot = slot,
		  .dirty_bitmap = (void *)bitmap))
		return;
	COUNT(logs);
	IOCTL(vm, KVM_CLEAR_DIRTY_LOG, struct kvm_clear_dirty_log, .slot = slot,
	      .num_pages = SLOT_SIZE / 4096, .dirty_bitmap = (void *)bitmap);
}

/* Harvest a vCPU's ring, as a VMM does that migrates a VM. */
static void ring_step(int vm, int vcpu)
{
	struct kvm_dirty_gfn *entries = env_vcpu_page(vcpu, KVM_DIRTY_LOG_PAGE_OFFSET);

	if (!entries)
		return;
	for (unsigned int i = 0; i < RING_ENTRIES; i++)
		if (entries[i].flags & KVM_DIRTY_GFN_F_DIRTY)
			entries[i].flags = KVM_DIRTY_GFN_F_RESET;
	munmap(entries, PAGE_SIZE);
	if (any_answer(env_ioctl(vm, KVM_RESET_DIRTY_RINGS, 0)) > 0)
		COUNT(rings);
}

/* ---- registers ---- */

struct reg_value {
	struct kvm_one_reg reg;
	u64 value[32]; /* the largest register is a vector register */
};

static __thread u64 regs[MAX_REGS];
static __thread unsigned int nr_regs;

static void list_regs(int vcpu)
{
	struct {
		struct kvm_reg_list list;
		u64 reg[MAX_REGS];
	} args = { .list.n = MAX_REGS };

	if (!env_put(env_args, &args, sizeof(args.list)) ||
	    any_answer(env_ioctl(vcpu, KVM_GET_REG_LIST, env_args)) ||
	    !env_get(&args, env_args, sizeof(args.list)) || args.list.n > MAX_REGS)
		return;
	for (unsigned int i = 0; i < args.list.n; i += 128) /* a pipe takes a page at once */
		if (!env_get(regs + i, env_args + sizeof(args.list) + i * 8, 128 * 8))
			return;
	nr_regs = (unsigned int)args.list.n;
}

/* Flip a bit of a register that the vCPU has, or write the same value again. */
void step_register(int vcpu)
{
	struct reg_value args = { 0 };
	unsigned int bits;

	if (!nr_regs || !rnd(64))
		list_regs(vcpu);
	if (!nr_regs)
		return;
	args.reg.id = regs[rnd(nr_regs)];
	args.reg.addr = env_args + offsetof(struct reg_value, value);
	bits = 8U << ((args.reg.id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
	if (bits > 8 * sizeof(args.value) || !env_put(env_args, &args, sizeof(args)) ||
	    any_answer(env_ioctl(vcpu, KVM_GET_ONE_REG, env_args)) ||
	    !env_get(&args, env_args, sizeof(args)))
		return;
	if (rnd(8)) {
		unsigned int bit = (unsigned int)rnd(rnd(2) ? bits : 8);

		args.value[bit / 64] ^= 1ULL << bit % 64;
	}
	if (env_put(env_args, &args, sizeof(args)) &&
	    any_answer(env_ioctl(vcpu, KVM_SET_ONE_REG, env_args)) == 0)
		COUNT(regs);
}

/* ---- interrupts and eventfds ---- */

/* Set a table in which most interrupts have their usual route. */
static void route_step(int vm)
{
	struct {
		struct kvm_irq_routing table;
		struct kvm_irq_routing_entry entries[GSIS];
	} args = { .table.nr = GSIS };

	for (unsigned int i = 0; i < GSIS; i++) {
		args.entries[i].gsi = i;
		args.entries[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		args.entries[i].u.irqchip.pin = i;
	}
	for (u64 n = rnd(5); n; n--) {
		struct kvm_irq_routing_entry *entry = &args.entries[rnd(GSIS)];

		entry->type = KVM_IRQ_ROUTING_MSI;
		entry->u.msi.address_hi = 0;
		entry->u.msi.address_lo = (u32)any_irqchip_gpa();
		entry->u.msi.data = (u32)any_irqchip_value();
	}
	if (any_answer(env_ioctl(vm, KVM_SET_GSI_ROUTING, any_args(&args, sizeof(args)))) == 0)
		COUNT(routes);
}

/* An eventfd that is closed right after KVM has got it, and perhaps while it is signaled. */
static void short_event(int vm)
{
	int event = env_event();

	if (event < 0)
		return;
	if (rnd(2))
		IOCTL(vm, KVM_IRQFD, struct kvm_irqfd, .fd = (u32)event, .gsi = (u32)rnd(GSIS));
	else
		IOCTL(vm, KVM_IOEVENTFD, struct kvm_ioeventfd, .addr = DEVICE_GPA + 8 * rnd(4),
		      .len = 4, .fd = event);
	for (u64 n = rnd(4); n; n--)
		env_signal(event);
	env_close(event);
}

/* Assign an eventfd to one of few addresses, or deassign it, and use it as a device model does. */
static void event_step(int vm)
{
	int event = any_fd(&any_vmm.events);
	struct pollfd wait = { .fd = event, .events = POLLIN };
	eventfd_t count;

	switch (rnd(4)) {
	case 0:
		short_event(vm);
		break;
	case 1:
		IOCTL(vm, KVM_IOEVENTFD, struct kvm_ioeventfd, .addr = DEVICE_GPA + 8 * rnd(2),
		      .len = 4, .fd = event, .flags = (u32)PICK(0, KVM_IOEVENTFD_FLAG_DEASSIGN));
		break;
	case 2:
		IOCTL(vm, KVM_IRQFD, struct kvm_irqfd, .fd = (u32)event, .gsi = (u32)rnd(4),
		      .flags = (u32)PICK(0, KVM_IRQFD_FLAG_DEASSIGN));
		break;
	default:
		if (poll(&wait, 1, 0) == 1)
			eventfd_read(event, &count);
		break;
	}
}

/* ---- coalesced MMIO, statistics, capabilities ---- */

static void zone_step(int vm, int vcpu)
{
	struct kvm_coalesced_mmio_ring *ring = env_vcpu_page(vcpu, KVM_COALESCED_MMIO_PAGE_OFFSET);

	IOCTL(vm, (unsigned int)PICK(KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO),
	      struct kvm_coalesced_mmio_zone, .addr = DEVICE_GPA, .size = 0x1000);
	if (!ring)
		return;
	ring->first = rnd(16) ? ring->last : (u32)rnd(1ULL << 32);
	munmap(ring, PAGE_SIZE);
}

/* Statistics may be read after the VM and the vCPU have been closed. */
static void stats_step(int fd)
{
	static __thread int stats[MAX_STATS];
	unsigned int i = (unsigned int)rnd(MAX_STATS);

	if (stats[i] > 0 && rnd(4)) {
		any_answer(env_read(stats[i], env_args, (size_t)rnd(5000), rnd(5000)));
		return;
	}
	if (stats[i] > 0)
		env_close(stats[i]);
	stats[i] = (int)any_answer(env_ioctl(fd, KVM_GET_STATS_FD, 0));
}

static void mask_step(int vcpu)
{
	struct {
		struct kvm_signal_mask mask;
		u64 set;
	} __attribute__((packed)) args = { .mask.len = 8, .set = rnd(~0ULL) };

	any_answer(env_ioctl(vcpu, KVM_SET_SIGNAL_MASK, any_args(&args, sizeof(args))));
}

static void capability_step(int vm)
{
	IOCTL(vm, KVM_ENABLE_CAP, struct kvm_enable_cap,
	      .cap = (u32)PICK(KVM_CAP_HALT_POLL, KVM_CAP_HALT_POLL, KVM_CAP_RISCV_MP_STATE_RESET),
	      .args = { rnd(2) ? 0 : rnd(1000000) });
}

void step_vmid_bits(void)
{
	static const char *const bits[] = { "0", "1", "2", "14", "14", "14", "14", "14" };

	env_set_toggle("vmid_bits", bits[rnd(ARRAY_SIZE(bits))]);
}

/* ---- the whole ---- */

void step_other_process(void)
{
	int fd = 3 + (int)rnd(40);

	switch (rnd(4)) {
	case 0:
		any_answer(env_ioctl(fd, KVM_RUN, 0));
		break;
	case 1:
		slot_step(fd);
		break;
	case 2:
		step_register(fd);
		break;
	default:
		stats_step(fd);
		break;
	}
	if (!rnd(4))
		sleep_ms((unsigned int)rnd(100));
}

void step_known(void)
{
	int vm = any_vmm.vms.n ? any_vmm.vms.fd[0] : -1;
	int vcpu = any_fd(&any_vmm.vcpus);

	if (!rnd(32)) /* the wrong kind of descriptor, or one that another thread is making */
		vm = vcpu = 3 + (int)rnd(60);
	switch (rnd(16)) {
	case 0:
	case 1:
		slot_step(vm);
		break;
	case 2:
		log_step(vm);
		break;
	case 3:
		if (any_machine == ANY_OTHER)
			ring_step(vm, vcpu);
		else
			log_step(vm);
		break;
	case 4:
	case 5:
		step_memory(vcpu);
		break;
	case 6:
	case 7:
		step_register(vcpu);
		break;
	case 8:
		route_step(vm);
		break;
	case 9:
		event_step(vm);
		break;
	case 10:
		zone_step(vm, vcpu);
		break;
	case 11:
		switch (rnd(4)) {
		case 0:
			stats_step(rnd(2) ? vm : vcpu);
			break;
		case 1:
			mask_step(vcpu);
			break;
		case 2:
			capability_step(vm);
			break;
		default:
			step_vmid_bits();
			break;
		}
		break;
	default: /* let guests use what has changed */
		env_run(vcpu);
		break;
	}
}
