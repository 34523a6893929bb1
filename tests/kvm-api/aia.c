// SPDX-License-Identifier: MIT
/*
 * aia.c - the attributes of the AIA in the kernel: configuration, addresses, initialization, and
 * the registers of APLIC and IMSICs. Delivery is tested by aia_msi.c.
 *
 * Without Ssaia, only the absence of the device is tested. Linux 6.12 loses the upper half of each
 * word of eip and eie, so most values here are below 2^31.
 */
#include "aia.h"

static struct vm vm;
static struct vcpu vcpu[3];
static int aia;

/* vCPU ids that are not their indexes: addresses are by index, IMSIC registers by id. */
static const unsigned long ids[3] = { 0, 5, 2 };

static void fresh(void)
{
	vm = vm_new();
	for (int i = 0; i < 3; i++)
		vcpu[i] = vcpu_new(&vm, ids[i]);
	aia = aia_new(&vm);
	must(aia >= 0, "KVM_CREATE_DEVICE");
}

static void done(void)
{
	close(aia);
	for (int i = 0; i < 3; i++)
		vcpu_free(&vcpu[i]);
	vm_free(&vm);
}

static void absent(void)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_RISCV_AIA,
					    .flags = KVM_CREATE_DEVICE_TEST };

	vm = vm_new();
	fails_with(ioctl(vm.fd, KVM_CREATE_DEVICE, &device), ENODEV,
		   "without Ssaia, KVM_CREATE_DEVICE fails with ENODEV");
	vm_free(&vm);
}

GUEST(report, ".option norvc\n" REPORT);

static void creation(void)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_RISCV_AIA,
					    .flags = KVM_CREATE_DEVICE_TEST };
	struct kvm_irq_level level = { .irq = 1, .level = 1 };

	vm = vm_new();
	vcpu[0] = vcpu_new(&vm, 0);
	ok(ioctl(vm.fd, KVM_CREATE_DEVICE, &device) == 0, "KVM_CREATE_DEVICE_TEST succeeds");
	fails_with(ioctl(vm.fd, KVM_IRQ_LINE, &level), ENXIO,
		   "it creates nothing: KVM_IRQ_LINE fails with ENXIO");
	aia = aia_new(&vm);
	ok(aia >= 0, "the device is created");
	fails_with(aia_new(&vm), EEXIST, "a second one: EEXIST");
	fails_with(ioctl(vm.fd, KVM_IRQ_LINE, &level), EBUSY,
		   "KVM_IRQ_LINE before the initialization: EBUSY");
	fails_with(ioctl(vm.fd, KVM_SIGNAL_MSI, &(struct kvm_msi){ .address_lo = IMSIC_GPA }),
		   EBUSY, "KVM_SIGNAL_MSI before the initialization: EBUSY");
	fails_with(ioctl(aia, KVM_RUN, 0), ENOTTY, "an unknown ioctl of the device: ENOTTY");
	close(aia);
	vcpu_free(&vcpu[0]);
	vm_free(&vm);

	vm = vm_new();
	vcpu[0] = vcpu_new(&vm, 0);
	vm_load(&vm, report);
	ok(vcpu_run(&vcpu[0]) == 0, "a vCPU runs");
	fails_with(aia_new(&vm), EBUSY, "the device cannot be created after a vCPU has run: EBUSY");
	vcpu_free(&vcpu[0]);
	vm_free(&vm);
}

/* ---- configuration ----------------------------------------------------------------- */

static const struct
try {
	uint64_t attr;
	uint32_t value;
	int error; /* 0: accepted */
}
tries[] = {
#define TRY(name, value, error)                               \
	{                                                     \
		KVM_DEV_RISCV_AIA_CONFIG_##name, value, error \
	}
	TRY(MODE, KVM_DEV_RISCV_AIA_MODE_EMUL, 0),
	TRY(MODE, 3, EINVAL),
	TRY(MODE, ~0U, EINVAL),
	TRY(IDS, 0, EINVAL),
	TRY(IDS, 62, EINVAL),
	TRY(IDS, 64, EINVAL),
	TRY(IDS, 126, EINVAL),
	TRY(IDS, 2048, EINVAL),
	TRY(IDS, 2111, EINVAL),
	TRY(IDS, ~0U, EINVAL),
	TRY(IDS, 63, 0),
	TRY(IDS, 255, 0),
	TRY(IDS, 127, 0),
	TRY(SRCS, 1024, EINVAL),
	TRY(SRCS, ~0U, EINVAL),
	TRY(SRCS, 0, 0),
	TRY(SRCS, 96, 0),
	TRY(GROUP_BITS, 8, EINVAL),
	TRY(GROUP_BITS, 7, 0),
	TRY(GROUP_BITS, 1, 0),
	TRY(GROUP_SHIFT, 23, EINVAL),
	TRY(GROUP_SHIFT, 56, EINVAL),
	TRY(GROUP_SHIFT, 55, 0),
	TRY(GROUP_SHIFT, 24, 0),
	TRY(HART_BITS, 16, EINVAL),
	TRY(HART_BITS, 15, 0),
	TRY(HART_BITS, 2, 0),
	TRY(GUEST_BITS, 8, EINVAL),
	TRY(GUEST_BITS, 7, 0),
	TRY(GUEST_BITS, 0, 0),
	TRY(GUEST_BITS + 1, 0, ENXIO),
};

static void configuration(void)
{
	static const char *const names[] = { "MODE",        "IDS",       "SRCS",      "GROUP_BITS",
					     "GROUP_SHIFT", "HART_BITS", "GUEST_BITS" };
	static const uint64_t initial[] = { 0, 0, 0, 0, 24, 0, 0 };
	uint64_t before, after;
	char claim[128];

	before = aia_get(aia, CONFIG(MODE));
	after = aia_set(aia, CONFIG(MODE), KVM_DEV_RISCV_AIA_MODE_AUTO)
			? KVM_DEV_RISCV_AIA_MODE_EMUL
			: KVM_DEV_RISCV_AIA_MODE_AUTO;
	ok(before == after, "MODE is AUTO initially if it can be set, else EMUL");
	for (unsigned int i = KVM_DEV_RISCV_AIA_CONFIG_SRCS; i < 7; i++) {
		snprintf(claim, sizeof(claim), "%s is %d initially", names[i], (int)initial[i]);
		ok(aia_get(aia, 0, i) == initial[i] && !aia_has(aia, 0, i), claim);
	}
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		const struct try *try = &tries[i];
		const char *name = try->attr < 7 ? names[try->attr] : "an unknown number";
		int ret, error;

		before = aia_get(aia, 0, try->attr);
		errno = 0;
		ret = aia_set(aia, 0, try->attr, try->value);
		error = errno;
		after = aia_get(aia, 0, try->attr);
		snprintf(claim, sizeof(claim), "%s = %u: %s", name, try->value,
			 try->error ? strerror(try->error) : "accepted");
		ok(try->error ? ret == -1 && error == try->error && after == before
			      : ret == 0 && after == try->value,
		   claim);
	}
	fails_with(attr_call(aia, KVM_SET_DEVICE_ATTR, CONFIG(IDS), NULL), EFAULT,
		   "a value at an address without memory: EFAULT");
	fails_with(attr_call(aia, KVM_GET_DEVICE_ATTR, CONFIG(IDS), NULL), EFAULT,
		   "and when it is read");
	fails_with(aia_has(aia, 0, 7), ENXIO, "KVM_HAS_DEVICE_ATTR of an unknown one: ENXIO");
	fails_with(aia_has(aia, 5, 0), ENXIO, "an unknown group: ENXIO");
	fails_with(aia_set(aia, 5, 0, 0), ENXIO, "and when it is set");
	fails_with(aia_get(aia, 5, 0) + 0 == ~0UL ? -1 : 0, ENXIO, "and when it is read");
}

static void addresses(void)
{
	ok(aia_get(aia, ADDR_APLIC) == ~0UL && aia_get(aia, ADDR_IMSIC(2)) == ~0UL && errno == 0,
	   "no address is set initially");
	fails_with(aia_set(aia, ADDR_APLIC, APLIC_GPA + 4), EINVAL, "a misaligned APLIC: EINVAL");
	fails_with(aia_set(aia, ADDR_IMSIC(0), IMSIC_GPA + 8), EINVAL,
		   "a misaligned IMSIC: EINVAL");
	ok(!aia_set(aia, ADDR_IMSIC(2), IMSIC_GPA) && aia_get(aia, ADDR_IMSIC(2)) == IMSIC_GPA,
	   "the address of an IMSIC is set");
	fails_with(aia_set(aia, ADDR_IMSIC(3), IMSIC_GPA), ENXIO,
		   "the address of an IMSIC without a vCPU: ENXIO");
	fails_with(aia_has(aia, ADDR_IMSIC(3)), ENXIO, "and it does not exist");
	ok(!aia_has(aia, ADDR_IMSIC(2)) && !aia_has(aia, ADDR_APLIC), "the others exist");
	fails_with(aia_set(aia, ADDR_IMSIC(~0UL - 1), IMSIC_GPA), ENXIO, "a huge number: ENXIO");
}

/* ---- initialization ------------------------------------------------------------------ */

static void initialization(void)
{
	fails_with(aia_set(aia, KVM_DEV_RISCV_AIA_GRP_CTRL, 1, 0), ENXIO,
		   "an unknown control: ENXIO");
	fails_with(aia_has(aia, APLIC(0)), ENODEV, "the APLIC has no registers yet: ENODEV");
	fails_with(aia_has(aia, IMSIC(0, EIDELIVERY)), ENODEV, "nor have the IMSICs: ENODEV");
	fails_with(aia_set(aia, INIT, 0), EINVAL, "sources without an APLIC: EINVAL");
	must(!aia_set(aia, ADDR_APLIC, APLIC_GPA), "APLIC");
	fails_with(aia_set(aia, INIT, 0), EINVAL, "a vCPU without an address: EINVAL");
	aia_set(aia, ADDR_IMSIC(0), IMSIC_GPA);
	aia_set(aia, ADDR_IMSIC(1), IMSIC_GPA + 0x8000);
	aia_set(aia, ADDR_IMSIC(2), IMSIC_GPA + 0x2000);
	fails_with(aia_set(aia, INIT, 0), EINVAL,
		   "IMSICs that differ in more than the bits of group and hart: EINVAL");
	aia_set(aia, ADDR_IMSIC(1), IMSIC_GPA + 0x1000);
	aia_set(aia, CONFIG(SRCS), 255);
	fails_with(aia_set(aia, INIT, 0), EINVAL, "more sources than ids: EINVAL");
	aia_set(aia, CONFIG(SRCS), 96);
	ok(aia_set(aia, INIT, 0) == 0, "the AIA is initialized");
	fails_with(aia_set(aia, INIT, 0), EBUSY, "a second time: EBUSY");
	fails_with(aia_set(aia, CONFIG(IDS), 63), EBUSY, "its configuration is fixed: EBUSY");
	fails_with(aia_set(aia, 0, 99, 63), EBUSY, "an unknown one, too: EBUSY");
	fails_with(aia_set(aia, ADDR_APLIC, 4), EBUSY, "its addresses are fixed: EBUSY");
	fails_with(aia_set(aia, ADDR_IMSIC(0), IMSIC_GPA), EBUSY, "those of the IMSICs, too");
	ok(aia_get(aia, CONFIG(IDS)) == 127 && aia_get(aia, ADDR_IMSIC(1)) == IMSIC_GPA + 0x1000,
	   "they can still be read");
}

/* ---- registers of the IMSICs ------------------------------------------------------------ */

static bool imsic_holds(int id, int select, uint64_t value, uint64_t want)
{
	return !aia_set(aia, IMSIC(id, select), value) && aia_get(aia, IMSIC(id, select)) == want &&
	       !aia_has(aia, IMSIC(id, select));
}

static void imsics(void)
{
	ok(imsic_holds(5, EIDELIVERY, ~0UL, 1), "eidelivery is 0 or 1");
	ok(imsic_holds(5, EITHRESHOLD, ~0UL, 2047), "eithreshold has 11 bits");
	ok(imsic_holds(5, EIE(0), ~0UL, ~1UL), "there is no id 0 to be enabled");
	ok(imsic_holds(5, EIP(0), ~0UL, ~1UL), "and none to be pending");
	ok(imsic_holds(5, EIP(2), 0x12345678UL, 0x12345678UL) && imsic_holds(5, EIE(2), ~0UL, ~0UL),
	   "ids 64 to 127 exist");
	if (getenv("HS_OURS"))
		ok(imsic_holds(5, EIP(2), 0x123456789abcdef0UL, 0x123456789abcdef0UL),
		   "all 64 bits of a register are kept (hyperscope only)");
	ok(aia_get(aia, IMSIC(2, EIE(2))) == 0 && aia_get(aia, IMSIC(0, EIDELIVERY)) == 0,
	   "each vCPU has its own registers");
	fails_with(aia_has(aia, IMSIC(5, EIP(4))), EINVAL, "ids above the highest one: EINVAL");
	fails_with(aia_set(aia, IMSIC(5, EIE(4)), 0), EINVAL, "and when they are set");
	fails_with(aia_set(aia, IMSIC(5, EIP(1)), 0), EINVAL, "an odd eip: EINVAL");
	fails_with(aia_has(aia, IMSIC(5, 0x71)), ENOENT, "a reserved register: ENOENT");
	fails_with(aia_set(aia, IMSIC(5, 0x7f), 0), ENOENT, "and when it is set");
	fails_with(aia_has(aia, IMSIC(5, 0x100)), ENOENT, "a number that is too large: ENOENT");
	fails_with(aia_has(aia, IMSIC(1, EIDELIVERY)), ENODEV,
		   "a vCPU that does not exist: ENODEV");
	fails_with(attr_call(aia, KVM_SET_DEVICE_ATTR, IMSIC(5, EIE(0)), NULL), EFAULT,
		   "a value at an address without memory: EFAULT");
	for (int select = 0x70; select <= 0xc2; select += 2) {
		if (!aia_has(aia, IMSIC(5, select)))
			aia_set(aia, IMSIC(5, select), 0);
	}
}

/* ---- registers of the APLIC ------------------------------------------------------------- */

static bool aplic_holds(uint64_t offset, uint32_t value, uint32_t want)
{
	return !aia_set(aia, APLIC(offset), value) && aia_get(aia, APLIC(offset)) == want;
}

static void line(uint32_t source, uint32_t level)
{
	struct kvm_irq_level irq = { .irq = source, .level = level };

	must(ioctl(vm.fd, KVM_IRQ_LINE, &irq) == 0, "KVM_IRQ_LINE");
}

/* Read the pending bits of all 96 sources. */
static bool read_pending(uint64_t words[4])
{
	bool good = true;

	for (int i = 0; i < 4; i++) {
		words[i] = aia_get(aia, APLIC(SETIP(i)));
		good &= words[i] != ~0UL;
	}
	return good;
}

static void aplic_registers(void)
{
	uint64_t before[4], after[4];

	ok(aplic_holds(DOMAINCFG, ~0U, 0x80000104) && aplic_holds(DOMAINCFG, 0, 0x80000004),
	   "domaincfg: IE is writable, DM is 1, BE is 0");
	ok(aplic_holds(SOURCECFG(1), LEVEL0, LEVEL0) && aplic_holds(SOURCECFG(96), EDGE1, EDGE1) &&
		   aplic_holds(SOURCECFG(2), 0x407, 0),
	   "sourcecfg: a mode; no delegation");
	ok(aplic_holds(TARGET(1), ~0U, 0xfffff7ff) && aplic_holds(TARGET(96), 0x40012, 0x40012),
	   "target: bit 11 is reserved");
	ok(aplic_holds(GENMSI, ~0U & ~0x3f800U, ~0U & ~0x3f800U), "genmsi keeps its value");
	ok(aplic_holds(SETIE(3), 1, 1) && aplic_holds(SETIENUM, 1, 0) &&
		   aia_get(aia, APLIC(SETIE(0))) == 2,
	   "setie and setienum enable sources");
	ok(aplic_holds(CLRIE(3), 1, 0) && aia_get(aia, APLIC(SETIE(3))) == 0 &&
		   aplic_holds(CLRIENUM, 1, 0) && aia_get(aia, APLIC(SETIE(0))) == 0,
	   "clrie and clrienum disable them, and read as zero");
	ok(aplic_holds(SETIPNUM, 96, 0) && aia_get(aia, APLIC(SETIP(3))) == 1 &&
		   aplic_holds(CLRIPNUM, 96, 0) && aia_get(aia, APLIC(SETIP(3))) == 0,
	   "setipnum and clripnum change the pending bit of an edge-sensitive source");
	ok(aplic_holds(SETIPNUM_LE, 96, 0) && aia_get(aia, APLIC(SETIP(3))) == 1 &&
		   !aia_set(aia, APLIC(CLRIP(3)), 1) && aia_get(aia, APLIC(SETIP(3))) == 0,
	   "setipnum_le does, and in_clrip");
	ok(aplic_holds(SETIPNUM_BE, 96U << 24, 0) && aplic_holds(SETIP(3), 0, 1),
	   "setipnum_be does");
	read_pending(before);
	ok(aplic_holds(SETIPNUM, 97, 0) && aplic_holds(SETIPNUM, 0, 0) &&
		   aplic_holds(SETIPNUM, ~0U, 0) && read_pending(after) &&
		   !memcmp(before, after, sizeof(before)),
	   "numbers of sources that do not exist are ignored");
	ok(aplic_holds(SETIP(0), ~0U & ~2U, 0), "inactive sources cannot become pending");
	fails_with(aia_has(aia, APLIC(2)), EOPNOTSUPP, "a misaligned offset: EOPNOTSUPP");
	fails_with(aia_has(aia, APLIC(SOURCECFG(97))), ENODEV,
		   "a source above the last one: ENODEV");
	fails_with(aia_set(aia, APLIC(TARGET(97)), 0), ENODEV, "its target: ENODEV");
	fails_with(aia_has(aia, APLIC(SETIP(4))), ENODEV, "its pending bit: ENODEV");
	fails_with(aia_has(aia, APLIC(0x1bc0)), ENODEV, "mmsiaddrcfg: ENODEV");
	fails_with(aia_has(aia, APLIC(0x4000)), ENODEV,
		   "an offset above the last register: ENODEV");
	fails_with(aia_has(aia, APLIC(~0UL - 3)), ENODEV, "the highest offset: ENODEV");
}

static void aplic_inputs(bool ours)
{
	struct kvm_irq_level irq = { .irq = 97, .level = 1 };

	aplic_holds(SOURCECFG(3), LEVEL1, LEVEL1);
	aplic_holds(SOURCECFG(4), EDGE0, EDGE0);
	ok(aia_get(aia, APLIC(CLRIP(0))) == (1U << 1 | 1U << 4),
	   "in_clrip: low inputs are inverted");
	line(3, 1);
	ok(aia_get(aia, APLIC(CLRIP(0))) == (1U << 1 | 1U << 3 | 1U << 4) &&
		   aia_get(aia, APLIC(SETIP(0))) == 1U << 3,
	   "a high level is an interrupt");
	line(3, 0);
	if (ours)
		ok(aia_get(aia, APLIC(SETIP(0))) == 0,
		   "which ends with the level (hyperscope only)");
	aia_set(aia, APLIC(CLRIP(0)), ~0U);
	ok(aplic_holds(SETIP(0), 1U << 3, 0), "a source whose level is low cannot become pending");
	line(4, 1);
	ok(aia_get(aia, APLIC(SETIP(0))) == 0, "a rising edge is no falling edge");
	line(4, 0);
	ok(aia_get(aia, APLIC(SETIP(0))) == 1U << 4, "a falling edge is an interrupt");
	fails_with(ioctl(vm.fd, KVM_IRQ_LINE, &irq), ENODEV, "KVM_IRQ_LINE of no source: ENODEV");
	irq.irq = 0;
	fails_with(ioctl(vm.fd, KVM_IRQ_LINE, &irq), ENODEV, "or of source 0: ENODEV");
	if (!ours)
		return;
	aplic_holds(SETIE(0), 1U << 4, 1U << 4);
	aplic_holds(TARGET(4), 7, 7);
	ok(aplic_holds(SOURCECFG(4), 0, 0) && aplic_holds(SETIE(0), ~0U & ~10U, 0) &&
		   aia_get(aia, APLIC(SETIP(0))) == 0 && aia_get(aia, APLIC(TARGET(4))) == 0,
	   "an inactive source has no pending bit, enable bit or target (hyperscope only)");
}

/* ---- messages ----------------------------------------------------------------------------- */

static int message(uint64_t addr, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = (uint32_t)addr,
			       .address_hi = (uint32_t)(addr >> 32),
			       .data = data };

	return ioctl(vm.fd, KVM_SIGNAL_MSI, &msi);
}

static bool pending(int id, int select, uint64_t want)
{
	uint64_t got = aia_get(aia, IMSIC(id, EIP(select)));
	bool good = got == want;

	if (!good)
		printf("# eip%d of vCPU %d is 0x%lx, not 0x%lx\n", select, id, got, want);

	aia_set(aia, IMSIC(id, EIP(select)), 0);
	return good;
}

static void messages(void)
{
	struct kvm_msi msi = { .address_lo = IMSIC_GPA, .data = 1, .flags = 2 };

	fails_with(ioctl(vm.fd, KVM_SIGNAL_MSI, &msi), EINVAL, "KVM_SIGNAL_MSI: a flag: EINVAL");
	ok(message(IMSIC_GPA + 0x1000, 64 + 30) == 0 && pending(5, 2, 1UL << 30),
	   "an MSI makes its id pending");
	ok(message(IMSIC_GPA + 0x2004, 9U << 24) == 0 && pending(2, 0, 1UL << 9),
	   "a big-endian one does");
	fails_with(message(IMSIC_GPA, 128), EINVAL, "an id above the highest one: EINVAL");
	fails_with(message(IMSIC_GPA, 0), ENODEV, "id 0: ENODEV");
	fails_with(message(IMSIC_GPA + 8, 1), ENODEV, "an offset without a register: ENODEV");
	ok(message(IMSIC_GPA + 0x3000, 1) == 0 && message(0, 1) == 0 && message(~3UL, 1) == 0,
	   "an MSI to a page that no vCPU has is dropped");
	ok(!aia_set(aia, APLIC(GENMSI), 1U << 18 | 3) && pending(5, 0, 1UL << 3),
	   "genmsi sends an MSI to a hart index, while the domain is disabled");
	aia_set(aia, APLIC(GENMSI), 3U << 18 | 3);
	aia_set(aia, APLIC(GENMSI), 9U << 18 | 3);
	aia_set(aia, APLIC(GENMSI), 2047);
	ok(pending(0, 0, 0) && pending(5, 0, 0) && pending(2, 0, 0),
	   "one to a hart index or an id that does not exist is dropped");
	aplic_holds(SOURCECFG(20), EDGE1, EDGE1);
	aplic_holds(TARGET(20), 2U << 18 | 13, 2U << 18 | 13);
	aia_set(aia, APLIC(SETIENUM), 20);
	line(20, 1);
	ok(pending(2, 0, 0) && (aia_get(aia, APLIC(SETIP(0))) & 1U << 20),
	   "in a disabled domain, a source stays pending");
	aia_set(aia, APLIC(DOMAINCFG), 0x100);
	ok(pending(2, 0, 1UL << 13) && !(aia_get(aia, APLIC(SETIP(0))) & 1U << 20),
	   "when the domain is enabled, the source is forwarded and no longer pending");
	line(20, 0);
	line(20, 1);
	ok(pending(2, 0, 1UL << 13), "then each edge is forwarded at once");
	aplic_holds(TARGET(20), 2U << 18 | 1U << 12 | 13, 2U << 18 | 1U << 12 | 13);
	aia_set(aia, APLIC(SETIPNUM), 20);
	ok(pending(2, 0, 0), "one for a guest index is dropped");
}

/* A vCPU that is created later has no IMSIC. Linux 6.12 crashes here. */
static void late_vcpu(void)
{
	struct vcpu late = vcpu_new(&vm, 3);

	fails_with(
		aia_has(aia, IMSIC(3, EIDELIVERY)), ENODEV,
		"a vCPU created after the initialization has no IMSIC: ENODEV (hyperscope only)");
	ok(!aia_has(aia, ADDR_IMSIC(3)), "its address exists (hyperscope only)");
	vcpu_free(&late);
}

static void groups(void)
{
	fresh();
	aia_set(aia, CONFIG(MODE), KVM_DEV_RISCV_AIA_MODE_EMUL);
	aia_set(aia, CONFIG(IDS), 63);
	aia_set(aia, CONFIG(GROUP_BITS), 1);
	aia_set(aia, CONFIG(GROUP_SHIFT), 24);
	aia_set(aia, CONFIG(HART_BITS), 9);
	aia_set(aia, CONFIG(GUEST_BITS), 4);
	aia_set(aia, CONFIG(SRCS), 4);
	aia_set(aia, ADDR_APLIC, APLIC_GPA);
	aia_set(aia, ADDR_IMSIC(0), IMSIC_GPA);
	aia_set(aia, ADDR_IMSIC(1), IMSIC_GPA + (1UL << 24));
	aia_set(aia, ADDR_IMSIC(2), IMSIC_GPA + (1UL << 24) + (3UL << 16));
	if (getenv("HS_OURS"))
		fails_with(aia_set(aia, INIT, 0), EINVAL,
			   "group bits that overlap hart bits: EINVAL (hyperscope only)");
	aia_set(aia, CONFIG(HART_BITS), 8);
	ok(!aia_set(aia, INIT, 0), "an AIA with groups and guest bits is initialized");
	ok(!aia_set(aia, APLIC(GENMSI), 0x103U << 18 | 5) && pending(2, 0, 1UL << 5) &&
		   !aia_set(aia, APLIC(GENMSI), 0x100U << 18 | 6) && pending(5, 0, 1UL << 6) &&
		   !aia_set(aia, APLIC(GENMSI), 0x200U << 18 | 6) && pending(0, 0, 0),
	   "a hart index consists of the group's number and the hart's");
	ok(message(IMSIC_GPA + (1UL << 24) + (3UL << 16), 7) == 0 && pending(2, 0, 1UL << 7),
	   "as do addresses");
	fails_with(message(IMSIC_GPA + 0x1000, 7), ENODEV, "the page of a guest's guest: ENODEV");
	done();
}

/* Whether or not any is left, the device ends with its VM. */
static void no_sources(void)
{
	struct kvm_irq_level irq = { .irq = 1, .level = 1 };

	fresh();
	aia_set(aia, CONFIG(MODE), KVM_DEV_RISCV_AIA_MODE_EMUL);
	aia_set(aia, CONFIG(HART_BITS), 2);
	for (unsigned int i = 0; i < 3; i++)
		aia_set(aia, ADDR_IMSIC(i), IMSIC_GPA + i * 0x1000UL);
	ok(!aia_set(aia, INIT, 0), "an AIA without sources needs no APLIC");
	fails_with(aia_has(aia, APLIC(0)), ENODEV, "it has none: ENODEV");
	fails_with(ioctl(vm.fd, KVM_IRQ_LINE, &irq), ENODEV, "and no lines: ENODEV");
	done();
}

int main(void)
{
	bool ours = getenv("HS_OURS") != NULL;
	int kvm = open("/dev/kvm", O_RDWR);

	if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) == 0) {
		absent();
		return tap_done();
	}
	close(kvm);
	creation();
	fresh();
	errno = 0;
	configuration();
	errno = 0;
	addresses();
	initialization();
	imsics();
	aplic_registers();
	aplic_inputs(ours);
	messages();
	if (ours)
		late_vcpu();
	done();
	groups();
	no_sources();
	return tap_done();
}
