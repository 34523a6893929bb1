// SPDX-License-Identifier: MIT
/*
 * any_vmm.c - a random VMM (see any_vmm.h).
 *
 * The VMM makes and closes VMs and vCPUs, calls their ioctls with arguments that mostly come from
 * small sets (so that calls often refer to the same objects), maps and unmaps its memory, and
 * overwrites bytes of kvm_run. The interrupt controllers are in any_irqchip.c, SBI calls in
 * any_sbi.c; any_vmm_impl.h has the rest of the interface.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "any_vmm_impl.h"

#define HVA ANY_HVA
#define GPA ANY_GPA
#define MB  (1UL << 20)

u64 (*any_choice)(u64 below);
enum any_machine any_machine;
__thread struct any_vmm any_vmm;

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

static void add(struct any_fds *fds, long fd)
{
	if (fd < 0)
		return;
	if (fds->n == ANY_MAX_FDS)
		env_close((int)fd);
	else
		fds->fd[fds->n++] = (int)fd;
}

int any_fd(const struct any_fds *fds)
{
	return fds->n ? fds->fd[rnd(fds->n)] : -1;
}

static void close_some(struct any_fds *fds)
{
	unsigned int i = (unsigned int)rnd(ANY_MAX_FDS);

	if (i >= fds->n)
		return;
	env_close(fds->fd[i]);
	fds->fd[i] = fds->fd[--fds->n];
}

unsigned long any_args(const void *args, size_t size)
{
	if (!rnd(50))
		return (unsigned long)any_hva();
	env_put(env_args, args, size);
	return env_args;
}

long any_answer(long ret)
{
	if (ret < -133)
		env_fail("%ld is neither a result nor -errno", ret);
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
	any_answer(env_ioctl(fd, cmd, rnd(8) ? any_args(words, sizeof(words)) : rnd(~0ULL)));
}

static void statistics(int fd)
{
	int stats = (int)any_answer(env_ioctl(fd, KVM_GET_STATS_FD, 0));
	u64 pos = rnd(8) ? rnd(5000) : rnd(~0ULL);

	if (stats < 0)
		return;
	any_answer(env_read(stats, any_hva(), (size_t)rnd(5000), pos));
	env_close(stats);
}

static void vm_step(int vm)
{
	switch (rnd(14)) {
	case 0:
		add(&any_vmm.vcpus,
		    any_answer(env_ioctl(vm, KVM_CREATE_VCPU,
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
		      .fd = rnd(9) ? any_fd(&any_vmm.events) : (int)rnd(70),
		      .flags = (u32)PICK(0, 1, 4, 5, 2, ~0U), .datamatch = rnd(3));
		break;
	case 8:
		any_answer(env_ioctl(vm, KVM_CHECK_EXTENSION, (unsigned long)rnd(300)));
		if (!rnd(8))
			statistics(vm);
		break;
	case 9:
		any_ioctl(vm);
		break;
	default:
		any_irqchip_step(vm, any_fd(&any_vmm.events), any_fd(&any_vmm.events));
		break;
	}
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
		env_run(vcpu);
		break;
	}
}

static void memory_step(void)
{
	hva_t hva = HVA + rnd(16) * 0x80000;

	env_unmap(hva, 0x80000);
	if (rnd(8))
		env_map(hva, 0x80000,
			(enum env_memory)PICK(ENV_USUAL, ENV_USUAL, ENV_READ_ONLY, ENV_COW,
					      ENV_HUGE));
}

static void ring_step(void)
{
	if (rnd(3) && any_vmm.vcpus.n)
		env_ring_write(any_fd(&any_vmm.vcpus));
	else if (any_vmm.vms.n)
		any_answer(env_ioctl(any_fd(&any_vmm.vms), KVM_RESET_DIRTY_RINGS, 0));
}

/* ---- toggles ---- */

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
	env_set_toggle(toggles[toggle].name, word);
}

void any_toggles(enum any_machine machine)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(toggles); i++)
		if (machine == ANY_USUAL || !strcmp(toggles[i].name, "fastpath"))
			set_toggle(i, toggles[i].usual);
		else
			set_toggle(i, toggles[i].usual ? 0 : 1);
}

void any_toggle(void)
{
	set_toggle((unsigned int)rnd(ARRAY_SIZE(toggles)), (unsigned int)rnd(4));
}

/* ---- the whole ---- */

/* Call an ioctl without a choice. */
static long plain(int fd, unsigned int cmd, const void *args, size_t size)
{
	return env_put(env_args, args, size) ? env_ioctl(fd, cmd, env_args) : -EFAULT;
}

void any_vmm_open(int dev, enum any_machine machine)
{
	struct kvm_userspace_memory_region region = {
		.flags = machine == ANY_OTHER ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = GPA,
		.memory_size = 2 * MB,
		.userspace_addr = HVA,
	};
	struct kvm_enable_cap ring = { .cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL,
				       .args = { PAGE_SIZE } };
	int vm = (int)env_ioctl(dev, KVM_CREATE_VM, 0);

	any_machine = machine;
	any_vmm.dev = dev;
	add(&any_vmm.vms, vm);
	if (machine == ANY_OTHER && plain(vm, KVM_ENABLE_CAP, &ring, sizeof(ring)))
		any_machine = ANY_USUAL;
	add(&any_vmm.vcpus, env_ioctl(vm, KVM_CREATE_VCPU, 0));
	add(&any_vmm.vcpus, env_ioctl(vm, KVM_CREATE_VCPU, 1));
	add(&any_vmm.events, env_event());
	add(&any_vmm.events, env_event());
	if (plain(vm, KVM_SET_USER_MEMORY_REGION, &region, sizeof(region)))
		env_fail("cannot set the memory slot");
}

void any_vmm_begin(void)
{
	if (rnd(4) == 3) /* seldom, because clearing a block takes as long as ten steps */
		env_map(HVA, ANY_SIZE, ENV_HUGE);
	any_irqchip_begin(any_vmm.vms.fd[0]);
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
			any_toggle();
		else if (rnd(4) == 3) /* seldom: it takes as long as a hundred other steps */
			add(&any_vmm.vms, any_answer(env_ioctl(any_vmm.dev, KVM_CREATE_VM, 0)));
		break;
	case 1:
		if (!rnd(4))
			close_some(&any_vmm.vms);
		if (!rnd(4))
			close_some(&any_vmm.vcpus);
		break;
	case 2:
		add(&any_vmm.events, rnd(8) ? -1 : env_event());
		if (!rnd(20))
			close_some(&any_vmm.events);
		break;
	case 3:
		memory_step();
		break;
	case 4:
		env_pass_time((unsigned long)rnd(100000));
		break;
	case 5:
		env_fail_alloc(rnd(4) ? 0 : 1 + (unsigned int)rnd(8));
		break;
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
		if (any_vmm.vms.n)
			vm_step(any_fd(&any_vmm.vms));
		break;
	default:
		if (any_vmm.vcpus.n)
			vcpu_step(any_fd(&any_vmm.vcpus));
		break;
	}
}
