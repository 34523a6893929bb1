// SPDX-License-Identifier: MIT
/*
 * vmm_crosvm.c - the KVM calls with which crosvm builds and runs a VM on RISC-V, in its order.
 *
 * crosvm requires guest interrupt files: it stops if the AIA's initial mode is EMUL. The second
 * columns of the table name the functions of crosvm as of August 2026 (commit f1e797a6).
 */
#include "vmm_replay.h"

#define INTX_GSI  1 /* RISCV64_IRQ_BASE */
#define QUEUE_GSI 2 /* the MSI-X vectors of a device */
#define OTHER_GSI 3

#define SHARED_SIZE 0x10000UL
#define SHARED_GPA  0x90000000UL

/* Two ids of capabilities that mean one thing in ChromeOS's kernels and another in Linux. */
#define CAP_NONCOHERENT_DMA_OLD 236
#define CAP_NONCOHERENT_DMA     239

static int intx, resample, queue, other;
static uint64_t *shared;

static bool opens(void)
{
	m.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m.kvm < 0 || ioctl(m.kvm, KVM_GET_API_VERSION, 0) != 12)
		return false;
	m.run_size = (size_t)ioctl(m.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	return (long)m.run_size > 0;
}

static bool creates_vm(void)
{
	m.fd = ioctl(m.kvm, KVM_CREATE_VM, 0UL);
	return m.fd >= 0 && check_extension(m.fd, KVM_CAP_KVMCLOCK_CTRL) == 0 &&
	       check_extension(m.fd, CAP_NONCOHERENT_DMA_OLD) >= 0 &&
	       check_extension(m.fd, CAP_NONCOHERENT_DMA) >= 0 &&
	       check_extension(m.fd, KVM_CAP_USER_MEMORY2) == 1;
}

static bool creates_aia(void)
{
	struct vm vm = { .fd = m.fd };
	uint64_t mode, ids;

	m.aia = aia_new(&vm);
	if (m.aia < 0)
		return false;
	mode = aia_get(m.aia, CONFIG(MODE));
	if (mode != KVM_DEV_RISCV_AIA_MODE_HWACCEL && mode != KVM_DEV_RISCV_AIA_MODE_AUTO)
		return false;
	if (aia_set(m.aia, CONFIG(SRCS), 0))
		return false;
	ids = aia_get(m.aia, CONFIG(IDS));
	return ids >= 63 && ids <= 2047 && ids % 64 == 63 && !aia_set(m.aia, CONFIG(HART_BITS), 1);
}

static bool adds_intx(void)
{
	intx = eventfd(0, EFD_CLOEXEC);
	resample = eventfd(0, EFD_CLOEXEC);
	return add_irqfd(INTX_GSI, intx, KVM_IRQFD_FLAG_RESAMPLE, resample);
}

static bool creates_vcpus(void)
{
	return load_guest(0) && add_vcpu(0) && add_vcpu(1);
}

static bool finalizes_aia(void)
{
	bool good = !aia_set(m.aia, ADDR_APLIC, m.aplic);

	for (unsigned long i = 0; i < NR_VCPUS; i++)
		good &= !aia_set(m.aia, ADDR_IMSIC(i), m.imsic + i * KVM_DEV_RISCV_IMSIC_SIZE);
	return good && !aia_set(m.aia, INIT, 0);
}

static bool configures_vcpus(void)
{
	bool good = true;

	for (unsigned int i = 0; i < NR_VCPUS; i++)
		good &= !set_reg(&m.vcpu[i], R_PC, m.kernel) && !set_reg(&m.vcpu[i], R_A0, i) &&
			!set_reg(&m.vcpu[i], R_A1, m.fdt);
	return good;
}

static void on_signal(int number)
{
	(void)number;
	if (this_run)
		this_run->immediate_exit = 1;
}

static bool after_signal(struct kvm_run *run)
{
	run->immediate_exit = 0;
	return true;
}

static bool runs_vcpus(void)
{
	m.leave = after_signal;
	return start_threads(on_signal) && guest_runs();
}

static bool set_routes(unsigned int nr)
{
	struct {
		struct kvm_irq_routing routing;
		struct kvm_irq_routing_entry entry[2];
	} table = { .routing.nr = nr };
	static const uint32_t ids[] = { KICK, DONE };

	for (unsigned int i = 0; i < nr; i++)
		table.entry[i] =
			(struct kvm_irq_routing_entry){ .gsi = QUEUE_GSI + i,
							.type = KVM_IRQ_ROUTING_MSI,
							.u.msi = { .address_lo = (uint32_t)m.imsic,
								   .data = ids[i] } };
	return !ioctl(m.fd, KVM_SET_GSI_ROUTING, &table);
}

static bool adds_msi(void)
{
	queue = eventfd(0, EFD_CLOEXEC);
	other = eventfd(0, EFD_CLOEXEC);
	return add_irqfd(QUEUE_GSI, queue, 0, 0) && set_routes(1) &&
	       add_irqfd(OTHER_GSI, other, 0, 0) && set_routes(2);
}

static bool uses_device(void)
{
	return signal_event(queue) && doorbell_rings() && signal_event(other) && reports(DONE);
}

static bool pauses(void)
{
	if (!pause_vcpus() || !signal_event(other))
		return false;
	sleep_ms(20);
	if (m.nr_reports != m.nr_expected)
		return false;
	resume_vcpus();
	return reports(DONE);
}

static bool logs_dirty_pages(void)
{
	bool good;

	shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED ||
	    !set_memory(1, KVM_MEM_LOG_DIRTY_PAGES, SHARED_GPA, SHARED_SIZE, shared))
		return false;
	__atomic_store_n(&parameters()->log, SHARED_GPA + 0x3000, __ATOMIC_RELEASE);
	good = dirty_pages(1) == 0 && signal_event(other) && reports(DONE) && dirty_pages(1) == 1 &&
	       shared[0x3000 / 8] == DONE && dirty_pages(1) == 0;
	__atomic_store_n(&parameters()->log, m.ram + MEM_SIZE - 4096, __ATOMIC_RELEASE);
	return good;
}

static bool removes_memory(void)
{
	return set_memory(1, 0, 0, 0, NULL) && signal_event(other) && reports(DONE) &&
	       m.mem[MEM_SIZE - 4096] == DONE;
}

static bool removes_msi(void)
{
	struct kvm_ioeventfd doorbell = { .addr = m.doorbell,
					  .fd = m.doorbell_event,
					  .flags = KVM_IOEVENTFD_FLAG_DEASSIGN };

	return add_irqfd(OTHER_GSI, other, KVM_IRQFD_FLAG_DEASSIGN, 0) &&
	       add_irqfd(INTX_GSI, intx, KVM_IRQFD_FLAG_DEASSIGN, 0) &&
	       !ioctl(m.fd, KVM_IOEVENTFD, &doorbell);
}

/* The last route leads to the id at which the guest powers off. */
static bool ends(void)
{
	struct {
		struct kvm_irq_routing routing;
		struct kvm_irq_routing_entry entry;
	} table = { { .nr = 1 },
		    { .gsi = QUEUE_GSI,
		      .type = KVM_IRQ_ROUTING_MSI,
		      .u.msi = { .address_lo = (uint32_t)m.imsic, .data = END } } };

	return !ioctl(m.fd, KVM_SET_GSI_ROUTING, &table) && signal_event(queue) && reports(END) &&
	       powers_off();
}

#define KVM_MOD "hypervisor/src/kvm/mod.rs: "
#define AIA_RS  "devices/src/irqchip/kvm/riscv64.rs: "
#define LIB_RS  "riscv64/src/lib.rs: "

static const struct step steps[] = {
	{ opens, "KVM_GET_API_VERSION is 12, KVM_GET_VCPU_MMAP_SIZE is positive",
	  KVM_MOD "Kvm::new_with_path" },
	{ creates_vm, "KVM_CREATE_VM, and capabilities of the VM", KVM_MOD "KvmVm::new" },
	{ add_ram, "KVM_SET_USER_MEMORY_REGION: slot 0 has the guest's memory",
	  KVM_MOD "set_user_memory_region" },
	{ creates_aia, "KVM_CREATE_DEVICE before there are vCPUs; mode, sources, ids, hart bits",
	  AIA_RS "KvmKernelIrqChip::new" },
	{ adds_intx, "KVM_IRQFD with a resample eventfd, before the AIA is initialized",
	  "devices/src/irqchip/kvm/mod.rs: register_level_irq_event" },
	{ creates_vcpus, "KVM_CREATE_VCPU and the mappings", KVM_MOD "KvmVm::create_kvm_vcpu" },
	{ finalizes_aia, "addresses of APLIC and IMSICs, initialization", AIA_RS "finalize" },
	{ timebase_is_known, "KVM_GET_ONE_REG: the timer's frequency", LIB_RS "build_vm" },
	{ configures_vcpus, "KVM_SET_ONE_REG: pc, a0 and a1 of each vCPU",
	  LIB_RS "configure_vcpu" },
	{ runs_vcpus, "KVM_RUN: the guest starts vCPU 1, and they exchange IPIs",
	  "src/crosvm/sys/linux/vcpu.rs: vcpu_loop" },
	{ add_doorbell, "KVM_IOEVENTFD of any length, while the guest runs",
	  "vm_control/src/lib.rs: VmMemoryRequest::execute; " KVM_MOD "KvmVm::ioeventfd" },
	{ adds_msi, "KVM_IRQFD, then KVM_SET_GSI_ROUTING, for each MSI-X vector",
	  "vm_control/src/lib.rs: VmIrqRequest::execute; " KVM_MOD "KvmVm::set_gsi_routing" },
	{ uses_device, "a vector, a doorbell, and the vector that answers it",
	  "devices/src/virtio/virtio_pci_device.rs" },
	{ pauses, "a signal sets immediate_exit; an MSI sent meanwhile arrives after the pause",
	  "src/crosvm/sys/linux/vcpu.rs: setup_vcpu_signal_handler" },
	{ logs_dirty_pages, "a slot with a dirty log, and KVM_GET_DIRTY_LOG",
	  KVM_MOD "KvmVm::add_memory_region, get_dirty_log" },
	{ removes_memory, "the slot is removed", KVM_MOD "KvmVm::remove_memory_region" },
	{ removes_msi, "KVM_IRQFD and KVM_IOEVENTFD: deassigned", KVM_MOD "unregister_irqfd" },
	{ ends, "the route changes, and the guest powers off",
	  "devices/src/irqchip/kvm/mod.rs: route_irq" },
};

static bool has_guest_files(void)
{
	struct vm vm = { .kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC) };
	int device = -1;
	bool good = false;

	vm.fd = ioctl(vm.kvm, KVM_CREATE_VM, 0);
	must(vm.fd >= 0, "KVM_CREATE_VM");
	device = aia_new(&vm);
	if (device >= 0) {
		good = aia_get(device, CONFIG(MODE)) != KVM_DEV_RISCV_AIA_MODE_EMUL;
		close(device);
	}
	close(vm.fd);
	close(vm.kvm);
	return good;
}

int main(void)
{
	if (!has_guest_files()) {
		printf("1..0 # SKIP crosvm needs guest interrupt files, which this machine "
		       "lacks\n");
		return 0;
	}
	m = (struct machine){
		.ram = 0x80000000,
		.kernel = 0x80200000,
		.fdt = 0x80300000,
		.imsic = 0x08000000,
		.aplic = 0x08000000 + NR_VCPUS * KVM_DEV_RISCV_IMSIC_SIZE,
		.doorbell = 0x03001000,
		.serial = 0x03f8,
	};
	return replay("crosvm", steps, sizeof(steps) / sizeof(steps[0]));
}
