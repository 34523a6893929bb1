// SPDX-License-Identifier: MIT
/*
 * passthrough.c - a PCI device that VFIO passes through to a guest: its registers, its interrupts
 * and its DMA.
 *
 * Runs on a Linux that has VFIO_NOIOMMU, with QEMU's devices `edu` and `ivshmem-plain` on a machine
 * with Ssaia. Without an IOMMU, the guest is told the physical addresses of its own memory.
 */
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include "aia.h"
#include "pci.h"

#define IVSHMEM    "0x1af4:0x1110"
#define SHARED_BAR 2 /* of ivshmem: RAM of SHARED_SIZE bytes */

#define REGS_GPA    0x40000000UL
#define REGS_SIZE   0x100000UL
#define SHARED_GPA  0x40200000UL
#define SHARED_SIZE 0x400000UL

#define BUFFER_OUT 0x10000UL /* pages of guest memory, as offsets */
#define BUFFER_IN  0x11000UL
#define MSI_ID     20
#define STOPEI     "0x15c"

/* Report the complement of a0, by the register at 4 of the device at a1. */
GUEST(registers, "sw a0, 4(a1)\nlwu a0, 4(a1)\n" REPORT);

/*
 * Let the device at a1 transfer 4096 bytes from the physical address a2 to its buffer, and from there
 * to the physical address a3. It sends an MSI after each transfer; report stopei's value and what
 * the MSI was for (the register at 0x24).
 */
#define TRANSFER(command)                                                                       \
	"li t0, 4096\nsd t0, 0x90(a1)\nli t0, " #command "\nsd t0, 0x98(a1)\n"                  \
	"1: wfi\ncsrrw a0, " STOPEI ", zero\nbeqz a0, 1b\n"                                     \
	"lwu t0, 0x24(a1)\nsw t0, 0x64(a1)\nslli t0, t0, 32\nor a0, a0, t0\nmv s1, a1\n" REPORT \
	"mv a1, s1\n"
GUEST(transfer, "li t0, 0x200\ncsrw sie, t0\nli s2, 0x40000\n"
		"sd a2, 0x80(a1)\nsd s2, 0x88(a1)\n" TRANSFER(
			5) "sd s2, 0x80(a1)\nsd a3, 0x88(a1)\n" TRANSFER(7));

/* Store a0 to each page of the memory at a1 of a2 bytes, and report the last one's content. */
GUEST(fill, "add a2, a2, a1\nli t1, 4096\n1: sd a0, 0(a1)\nld t0, 0(a1)\nadd a1, a1, t1\n"
	    "bltu a1, a2, 1b\nmv a0, t0\n" REPORT);

static struct vm vm;
static struct vcpu vcpu;
static int container;

/* ---- VFIO ---------------------------------------------------------------------------------- */

struct device {
	struct pci pci;
	int group, fd;
	uint64_t config; /* offset of the configuration space in fd */
};

static struct vfio_region_info region_of(const struct device *device, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	must(ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &info) == 0,
	     "VFIO_DEVICE_GET_REGION_INFO");
	return info;
}

/* Set or clear Memory Space Enable and Bus Master Enable in the device's command register. */
static void set_enabled(const struct device *device, bool enabled)
{
	uint16_t command = enabled ? 6 : 0;

	must(pwrite(device->fd, &command, 2, (off_t)device->config + 4) == 2, "PCI command");
}

/* Give the device to VFIO and open it. */
static void take(struct device *device)
{
	char path[128], link[256];
	ssize_t n;

	pci_write(&device->pci, "driver_override", "vfio-pci");
	must(write_file("/sys/bus/pci/drivers_probe", device->pci.name) == 0, "drivers_probe");
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group", device->pci.name);
	n = readlink(path, link, sizeof(link) - 1);
	must(n > 0, path);
	link[n] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/noiommu-%.20s", strrchr(link, '/') + 1);
	device->group = open(path, O_RDWR);
	must(device->group >= 0, path);
	must(ioctl(device->group, VFIO_GROUP_SET_CONTAINER, &container) == 0,
	     "VFIO_GROUP_SET_CONTAINER");
	/* Fails if this was done for another group. */
	ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU);
	device->fd = ioctl(device->group, VFIO_GROUP_GET_DEVICE_FD, device->pci.name);
	must(device->fd >= 0, "VFIO_GROUP_GET_DEVICE_FD");
	device->config = region_of(device, VFIO_PCI_CONFIG_REGION_INDEX).offset;
	set_enabled(device, true);
}

static void *map_bar(const struct device *device, uint32_t bar, size_t size, size_t align)
{
	char *reserved = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((uintptr_t)reserved + align - 1) & ~(align - 1));
	struct vfio_region_info region = region_of(device, bar);

	must(region.size == size, "size of a BAR");
	must(mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, device->fd,
		  (off_t)region.offset) == at,
	     "mmap of a BAR");
	return at;
}

/* Let the device's MSI signal an eventfd. */
static int msi_event(const struct device *device)
{
	struct {
		struct vfio_irq_set set;
		int32_t event;
	} args = {
		.set.argsz = sizeof(args),
		.set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.set.index = VFIO_PCI_MSI_IRQ_INDEX,
		.set.count = 1,
		.event = eventfd(0, EFD_CLOEXEC),
	};

	must(ioctl(device->fd, VFIO_DEVICE_SET_IRQS, &args) == 0, "VFIO_DEVICE_SET_IRQS");
	return args.event;
}

/* ---- the guest ----------------------------------------------------------------------------- */

/* Let an eventfd send an MSI to the guest. */
static void add_irqfd(int event)
{
	struct {
		struct kvm_irq_routing routing;
		struct kvm_irq_routing_entry entry;
	} table = {
		.routing.nr = 1,
		.entry = { .gsi = 40,
			   .type = KVM_IRQ_ROUTING_MSI,
			   .u.msi = { .address_lo = (uint32_t)IMSIC_GPA, .data = MSI_ID } },
	};
	struct kvm_irqfd irqfd = { .fd = (uint32_t)event, .gsi = 40 };

	must(ioctl(vm.fd, KVM_SET_GSI_ROUTING, &table) == 0, "KVM_SET_GSI_ROUTING");
	must(ioctl(vm.fd, KVM_IRQFD, &irqfd) == 0, "KVM_IRQFD");
}

static uint64_t physical(const void *address)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	must(pread(fd, &entry, 8, (off_t)((uintptr_t)address / 4096 * 8)) == 8 && entry << 9,
	     "pagemap");
	close(fd);
	return (entry & ((1UL << 55) - 1)) * 4096;
}

/* Let the guest run from its beginning. Returns 0, or the errno of KVM_RUN. */
static int run_guest(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	vcpu_finish(&vcpu);
	must(set_reg(&vcpu, R_PC, MEM_GPA) == 0 && set_reg(&vcpu, R_A0, a0) == 0 &&
		     set_reg(&vcpu, R_A1, a1) == 0 && set_reg(&vcpu, R_A2, a2) == 0 &&
		     set_reg(&vcpu, CORE(regs.a3), a3) == 0,
	     "registers");
	return vcpu_run(&vcpu) ? errno : 0;
}

/* ---- claims -------------------------------------------------------------------------------- */

static void use_registers(const struct device *edu)
{
	volatile uint32_t *regs = map_bar(edu, 0, REGS_SIZE, 4096);

	must(vm_set_slot(&vm, 1, REGS_GPA, REGS_SIZE, (void *)regs, 0) == 0, "a slot of registers");
	vm_load(&vm, registers);
	ok(run_guest(1, REGS_GPA, 0, 0) == 0 && is_report(&vcpu, ~1U),
	   "the guest uses registers that the process has not touched");
	ok(regs[0] == EDU_ID && regs[1] == ~1U, "the process sees the guest's store");
	set_enabled(edu, false);
	ok(run_guest(2, REGS_GPA, 0, 0) == EFAULT,
	   "while the device's memory is disabled, VFIO revokes the registers");
	set_enabled(edu, true);
	ok(run_guest(3, REGS_GPA, 0, 0) == 0 && is_report(&vcpu, ~3U),
	   "when the device's memory is enabled again, the guest uses the registers");
}

static void transfer(const struct device *edu)
{
	uint8_t *out = vm.mem + BUFFER_OUT, *in = vm.mem + BUFFER_IN;
	const uint64_t id = MSI_ID << 16 | MSI_ID, done = 0x100UL << 32;
	bool good;

	for (unsigned int i = 0; i < 4096; i++) {
		out[i] = (uint8_t)(i * 7 + i / 256);
		in[i] = 0;
	}
	add_irqfd(msi_event(edu));
	vm_load(&vm, transfer);
	good = run_guest(0, REGS_GPA, physical(out), physical(in)) == 0;
	ok(good && is_report(&vcpu, done | id),
	   "the device reads guest memory, and its MSI wakes the guest");
	ok(vcpu_run(&vcpu) == 0 && is_report(&vcpu, done | id),
	   "the device writes guest memory, and its MSI wakes the guest");
	ok(memcmp(out, in, 4096) == 0, "the device has transferred the data correctly");
}

static void use_memory(const struct device *ivshmem)
{
	uint64_t *memory = map_bar(ivshmem, SHARED_BAR, SHARED_SIZE, 0x200000);
	unsigned long wrong = 0;

	must(vm_set_slot(&vm, 2, SHARED_GPA, SHARED_SIZE, memory, 0) == 0,
	     "a slot of device memory");
	vm_load(&vm, fill);
	for (uint64_t round = 1; round <= 3; round++) {
		wrong += run_guest(round, SHARED_GPA, SHARED_SIZE, 0) || !is_report(&vcpu, round);
		for (size_t i = 0; i < SHARED_SIZE / 8; i += 512)
			wrong += memory[i] != round;
		set_enabled(ivshmem, false);
		wrong += run_guest(round, SHARED_GPA, SHARED_SIZE, 0) != EFAULT;
		set_enabled(ivshmem, true);
	}
	ok(wrong == 0,
	   "the guest uses 4 MiB of a device's memory, which VFIO revokes several times");
}

int main(void)
{
	struct device edu, ivshmem;
	int aia;

	container = open("/dev/vfio/vfio", O_RDWR);
	if (container < 0 || !pci_find(&edu.pci, EDU) || !pci_find(&ivshmem.pci, IVSHMEM)) {
		printf("1..0 # SKIP there is no VFIO, edu or ivshmem-plain\n");
		return 0;
	}
	must(write_file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "1") == 0,
	     "enable_unsafe_noiommu_mode");
	take(&edu);
	take(&ivshmem);
	vm = vm_new();
	madvise(vm.mem, MEM_SIZE, MADV_NOHUGEPAGE); /* the pages must not move */
	vcpu = vcpu_new(&vm, 0);
	aia = aia_new(&vm);
	must(aia >= 0 && aia_start(aia, 1, 32, 127), "AIA");
	aia_set(aia, IMSIC(0, EIDELIVERY), 1);
	aia_set(aia, IMSIC(0, EIE(0)), ~0UL);
	use_registers(&edu);
	transfer(&edu);
	use_memory(&ivshmem);
	return tap_done();
}
