// SPDX-License-Identifier: MIT
/*
 * vmm_cloud_hypervisor.c - the KVM calls with which cloud-hypervisor builds, runs and pauses a VM
 * on RISC-V, in its order.
 *
 * The last columns of the table name the functions of cloud-hypervisor as of August 2026 (commit
 * ae44c297). Some calls are made by its library kvm-ioctls.
 */
#include "vmm_replay.h"

#define NR_LEGACY 32   /* IRQ_LEGACY_COUNT: the GSIs of the wired interrupts */
#define NR_IRQS   1023 /* IRQ_NUM: the sources of the APLIC, if there are as many ids */
#define SERIAL    4
#define QUEUE_GSI NR_LEGACY

static int legacy[NR_LEGACY], queue, other;
static bool reg_list_fits;

static bool opens(void)
{
	m.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	return m.kvm >= 0 && ioctl(m.kvm, KVM_GET_API_VERSION, 0) == 12;
}

static bool has_extensions(void)
{
	static const unsigned long required[] = {
		KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_IOEVENTFD, KVM_CAP_IRQCHIP, KVM_CAP_IRQFD,
		KVM_CAP_IRQ_ROUTING,    KVM_CAP_MP_STATE,  KVM_CAP_ONE_REG, KVM_CAP_USER_MEMORY,
	};
	bool good = true;

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		good &= check_extension(m.kvm, required[i]) > 0;
	return good;
}

static bool creates_vm(void)
{
	m.fd = ioctl(m.kvm, KVM_CREATE_VM, 0UL);
	m.run_size = (size_t)ioctl(m.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	return m.fd >= 0 && (long)m.run_size > 0;
}

static bool may_have_vcpus(void)
{
	return check_extension(m.kvm, KVM_CAP_MAX_VCPUS) >= NR_VCPUS;
}

static bool creates_vcpus(void)
{
	bool good = true;

	for (unsigned int i = 0; i < NR_VCPUS; i++)
		good = good && add_vcpu(i) &&
		       !set_reg(&m.vcpu[i],
				KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CSR |
					KVM_REG_RISCV_CSR_SMSTATEEN,
				~0UL);
	return good;
}

static bool creates_aia(void)
{
	struct vm vm = { .fd = m.fd };
	uint64_t ids;
	bool good;

	m.aia = aia_new(&vm);
	if (m.aia < 0 || aia_get(m.aia, CONFIG(MODE)) > KVM_DEV_RISCV_AIA_MODE_AUTO)
		return false;
	ids = aia_get(m.aia, CONFIG(IDS));
	good = ids >= 63 && ids <= 2047 &&
	       !aia_set(m.aia, CONFIG(SRCS), ids < NR_IRQS ? ids : NR_IRQS) &&
	       !aia_set(m.aia, CONFIG(HART_BITS), 1) && !aia_set(m.aia, ADDR_APLIC, m.aplic);
	for (unsigned long i = 0; i < NR_VCPUS; i++)
		good = good &&
		       !aia_set(m.aia, ADDR_IMSIC(i), m.imsic + i * KVM_DEV_RISCV_IMSIC_SIZE);
	return good && !aia_set(m.aia, INIT, 0);
}

/* All wired interrupts, and `nr` MSI-X vectors whose ids are given. */
static bool set_routes(unsigned int nr, const uint32_t *ids)
{
	struct {
		struct kvm_irq_routing routing;
		struct kvm_irq_routing_entry entry[NR_LEGACY + 2];
	} table = { .routing.nr = NR_LEGACY + nr };

	for (unsigned int i = 0; i < NR_LEGACY; i++)
		table.entry[i] = (struct kvm_irq_routing_entry){ .gsi = i,
								 .type = KVM_IRQ_ROUTING_IRQCHIP,
								 .u.irqchip.pin = i };
	for (unsigned int i = 0; i < nr; i++)
		table.entry[NR_LEGACY + i] =
			(struct kvm_irq_routing_entry){ .gsi = QUEUE_GSI + i,
							.type = KVM_IRQ_ROUTING_MSI,
							.u.msi = { .address_lo = (uint32_t)m.imsic,
								   .data = ids[i] } };
	return !ioctl(m.fd, KVM_SET_GSI_ROUTING, &table);
}

static bool enables_wired(void)
{
	bool good = true;

	for (unsigned int i = 0; i < NR_LEGACY; i++) {
		legacy[i] = eventfd(0, EFD_NONBLOCK);
		good = good && add_irqfd(i, legacy[i], 0, 0);
	}
	return good && set_routes(0, NULL) && check_extension(m.fd, KVM_CAP_MSI_DEVID) == 0;
}

static bool configures_vcpus(void)
{
	bool good = load_guest(SERIAL);

	for (unsigned int i = 0; i < NR_VCPUS; i++)
		good &= !set_reg(&m.vcpu[i], R_A0, i) && !set_reg(&m.vcpu[i], R_PC, m.kernel) &&
			!set_reg(&m.vcpu[i], R_A1, m.fdt);
	return good;
}

/* ---- the vCPUs run ---------------------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

/* Complete the exit that may be open, without entering the guest. */
static bool before_pause(struct kvm_run *run)
{
	struct vcpu *vcpu = run == m.vcpu[0].run ? &m.vcpu[0] : &m.vcpu[1];
	bool good;

	run->immediate_exit = 1;
	good = vcpu_run(vcpu) == -1 && errno == EINTR;
	run->immediate_exit = 0;
	return good;
}

static bool runs_vcpus(void)
{
	m.leave = before_pause;
	return start_threads(on_signal) && guest_runs();
}

static bool adds_msi(void)
{
	static const uint32_t ids[] = { KICK, DONE };

	queue = eventfd(0, EFD_NONBLOCK);
	other = eventfd(0, EFD_NONBLOCK);
	return set_routes(1, ids) && add_irqfd(QUEUE_GSI, queue, 0, 0) && set_routes(2, ids) &&
	       add_irqfd(QUEUE_GSI + 1, other, 0, 0);
}

static bool uses_device(void)
{
	return signal_event(queue) && doorbell_rings() && signal_event(other) && reports(DONE);
}

static bool uses_wired(void)
{
	return signal_event(legacy[SERIAL]) && reports(WIRED);
}

static bool masks_msi(void)
{
	static const uint32_t ids[] = { KICK, PAUSED };

	return add_irqfd(QUEUE_GSI + 1, other, KVM_IRQFD_FLAG_DEASSIGN, 0) && set_routes(1, ids) &&
	       set_routes(2, ids) && add_irqfd(QUEUE_GSI + 1, other, 0, 0);
}

/* ---- state -------------------------------------------------------------------------------------- */

/*
 * What the snapshot of a vCPU has: the MP state, the core registers, and a list of up to 200 ids.
 */
static uint64_t saved[NR_VCPUS][33];
static struct kvm_mp_state saved_state[NR_VCPUS];

static uint64_t core_reg(unsigned int i)
{
	return KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | i;
}

static bool saves(void)
{
	struct {
		uint64_t n, reg[200];
	} list;

	if (!pause_vcpus())
		return false;
	for (unsigned int i = 0; i < NR_VCPUS; i++) {
		if (ioctl(m.vcpu[i].fd, KVM_GET_MP_STATE, &saved_state[i]) ||
		    saved_state[i].mp_state != KVM_MP_STATE_RUNNABLE)
			return false;
		for (unsigned int reg = 0; reg < 33; reg++)
			saved[i][reg] = get_reg(&m.vcpu[i], core_reg(reg));
		list.n = 200;
		errno = 0;
		reg_list_fits = !ioctl(m.vcpu[i].fd, KVM_GET_REG_LIST, &list);
		if (reg_list_fits ? list.n > 200 : errno != E2BIG || list.n <= 200)
			return false;
	}
	return true;
}

static bool restores(void)
{
	bool good = true;

	for (unsigned int i = 0; i < NR_VCPUS; i++) {
		for (unsigned int reg = 0; reg < 33; reg++)
			good &= !set_reg(&m.vcpu[i], core_reg(reg), saved[i][reg]);
		good &= !ioctl(m.vcpu[i].fd, KVM_SET_MP_STATE, &saved_state[i]);
	}
	return good;
}

static bool resumes(void)
{
	unsigned int before = m.nr_reports;

	if (!signal_event(other))
		return false;
	sleep_ms(20);
	if (m.nr_reports != before)
		return false;
	resume_vcpus();
	return reports(PAUSED);
}

static bool logs_dirty_pages(void)
{
	return set_memory(0, KVM_MEM_LOG_DIRTY_PAGES, m.ram, MEM_SIZE, m.mem) &&
	       dirty_pages(0) == 0 && signal_event(other) && reports(PAUSED) &&
	       dirty_pages(0) == 1 && set_memory(0, 0, m.ram, MEM_SIZE, m.mem) &&
	       dirty_pages(0) == -1 && errno == ENOENT;
}

static bool ends(void)
{
	static const uint32_t ids[] = { END };

	return add_irqfd(QUEUE_GSI + 1, other, KVM_IRQFD_FLAG_DEASSIGN, 0) && set_routes(1, ids) &&
	       signal_event(queue) && reports(END) && powers_off();
}

#define KVM_MOD "hypervisor/src/kvm/mod.rs: "
#define AIA_RS  "hypervisor/src/kvm/riscv64/aia.rs: "
#define CPU_RS  "vmm/src/cpu.rs: "

static const struct step steps[] = {
	{ opens, "KVM_GET_API_VERSION is 12", KVM_MOD "KvmHypervisor::new" },
	{ has_extensions, "KVM_CHECK_EXTENSION: the eight that it requires",
	  "hypervisor/src/kvm/riscv64/mod.rs: check_required_kvm_extensions" },
	{ creates_vm, "KVM_CREATE_VM, KVM_GET_VCPU_MMAP_SIZE",
	  KVM_MOD "KvmHypervisor::create_vm; kvm-ioctls system.rs: create_vm_with_type" },
	{ may_have_vcpus, "KVM_CAP_MAX_VCPUS", CPU_RS "CpuManager::new" },
	{ add_ram, "KVM_SET_USER_MEMORY_REGION: slot 0 has the guest's memory",
	  KVM_MOD "create_user_memory_region" },
	{ creates_vcpus, "KVM_CREATE_VCPU, and all bits of sstateen0 are set",
	  KVM_MOD "KvmVm::create_vcpu" },
	{ creates_aia,
	  "KVM_CREATE_DEVICE; mode, ids, sources, hart bits, addresses, initialization",
	  AIA_RS "KvmAiaImsics::init_device_attributes" },
	{ enables_wired, "KVM_IRQFD for 32 wired interrupts, then KVM_SET_GSI_ROUTING",
	  "devices/src/aia.rs: Aia::enable" },
	{ add_doorbell, "KVM_IOEVENTFD of any length",
	  "vmm/src/device_manager.rs: add_virtio_pci_device" },
	{ configures_vcpus, "KVM_SET_ONE_REG: a0, pc and a1 of each vCPU", KVM_MOD "setup_regs" },
	{ timebase_is_known, "KVM_GET_ONE_REG: the timer's frequency",
	  KVM_MOD "get_timebase_frequency" },
	{ runs_vcpus, "KVM_RUN: the guest starts vCPU 1, and they exchange IPIs",
	  CPU_RS "start_vcpu" },
	{ adds_msi, "KVM_SET_GSI_ROUTING, then KVM_IRQFD, for each MSI-X vector",
	  "vmm/src/interrupt.rs: MsiInterruptGroup::update" },
	{ uses_device, "a vector, a doorbell, and the vector that answers it",
	  "vmm/src/interrupt.rs: InterruptRoute::trigger" },
	{ uses_wired, "a wired interrupt becomes an MSI in the APLIC",
	  "devices/src/aia.rs: Aia::service_irq" },
	{ masks_msi, "a vector is masked and unmasked with another id",
	  "vmm/src/interrupt.rs: MsiInterruptGroup::update" },
	{ saves, "pause: KVM_GET_MP_STATE, KVM_GET_ONE_REG, KVM_GET_REG_LIST with room for 200",
	  CPU_RS "CpuManager::pause; " KVM_MOD "KvmVcpu::state" },
	{ restores, "KVM_SET_ONE_REG and KVM_SET_MP_STATE", KVM_MOD "KvmVcpu::set_state" },
	{ resumes, "an MSI sent while the vCPUs are paused arrives afterwards",
	  CPU_RS "CpuManager::resume" },
	{ logs_dirty_pages, "the dirty log of slot 0 is started, read and stopped",
	  KVM_MOD "start_dirty_log, get_dirty_log, stop_dirty_log" },
	{ ends, "the route changes, and the guest powers off", CPU_RS "start_vcpu" },
};

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR), status;

	if (check_extension(kvm, KVM_CAP_IRQCHIP) == 0) {
		printf("1..0 # SKIP this machine has no Ssaia\n");
		return 0;
	}
	close(kvm);
	m = (struct machine){
		.ram = 0x40000000,
		.kernel = 0x40010000,
		.fdt = 0x40000000,
		.imsic = 0x04000000,
		.aplic = 0x00400000,
		.doorbell = 0x10001000,
		.serial = 0x08000000,
	};
	status = replay("cloud-hypervisor", steps, sizeof(steps) / sizeof(steps[0]));
	if (!reg_list_fits)
		printf("# KVM_GET_REG_LIST has more than the 200 ids that it makes room for\n");
	return status;
}
