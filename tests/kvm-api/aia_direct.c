// SPDX-License-Identifier: MIT
/*
 * aia_direct.c - direct delivery of the APLIC in the kernel, an extension of the AIA device: its
 * attribute, its errors, its state, and a guest that claims interrupts. On hyperscope only.
 */
#include "aia.h"
#include "hv/kvm_aplic.h"

#define VCPUS           2
#define DELIVERY        KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_HS_AIA_CONFIG_DELIVERY
#define IDC(vcpu, name) APLIC(KVM_DEV_HS_APLIC_IDC((uint64_t)(vcpu)) + KVM_DEV_HS_APLIC_##name)

static struct vm vm;
static struct vcpu vcpu[VCPUS];
static int aia;

/*
 * s1 has the address of the vCPU's IDC. The first interrupt is claimed and reported, then claimi is
 * read and reported again; then claimi of the other vCPU (s2), and stopei, which does not exist.
 */
GUEST(claims, ".option norvc\nlla t0, 9f\ncsrw stvec, t0\nli t0, 0x200\ncsrw sie, t0\n"
	      "csrsi sstatus, 2\n1: j 1b\n"
	      ".balign 4\n9: lw a0, 0x1c(s1)\ncsrr a1, scause\n" REPORT "lw a0, 0x1c(s1)\n" REPORT
	      "lw a0, 0x1c(s2)\n" REPORT "csrr a0, 0x15c\n" REPORT);

static void fresh(void)
{
	vm = vm_new();
	for (unsigned int i = 0; i < VCPUS; i++)
		vcpu[i] = vcpu_new(&vm, i);
	aia = aia_new(&vm);
	must(aia >= 0, "KVM_CREATE_DEVICE");
}

static void done(void)
{
	close(aia);
	for (unsigned int i = 0; i < VCPUS; i++)
		vcpu_free(&vcpu[i]);
	vm_free(&vm);
}

static void initialization(void)
{
	ok(!aia_has(aia, DELIVERY) && aia_get(aia, DELIVERY) == KVM_DEV_HS_AIA_DELIVERY_MSI,
	   "initially, the APLIC sends MSIs");
	fails_with(aia_set(aia, DELIVERY, 2), EINVAL, "an unknown delivery: EINVAL");
	ok(!aia_set(aia, DELIVERY, KVM_DEV_HS_AIA_DELIVERY_DIRECT) && aia_get(aia, DELIVERY) == 1,
	   "direct delivery is chosen");
	must(!aia_set(aia, CONFIG(MODE), KVM_DEV_RISCV_AIA_MODE_EMUL), "mode");
	fails_with(aia_set(aia, INIT, 0), EINVAL, "no sources: EINVAL");
	must(!aia_set(aia, CONFIG(SRCS), 96) && !aia_set(aia, CONFIG(IDS), 63), "sources");
	fails_with(aia_set(aia, INIT, 0), EINVAL, "no address: EINVAL");
	must(!aia_set(aia, ADDR_APLIC, APLIC_GPA), "address");
	if (!aia_set(aia, CONFIG(MODE), KVM_DEV_RISCV_AIA_MODE_HWACCEL)) {
		fails_with(aia_set(aia, INIT, 0), EINVAL, "guest interrupt files: EINVAL");
		must(!aia_set(aia, CONFIG(MODE), KVM_DEV_RISCV_AIA_MODE_EMUL), "mode");
	}
	ok(!aia_set(aia, INIT, 0), "neither addresses of IMSICs nor enough ids are needed");
	fails_with(aia_set(aia, DELIVERY, 0), EBUSY, "the delivery is fixed: EBUSY");
	fails_with(aia_has(aia, IMSIC(0, EIDELIVERY)), ENODEV, "there are no IMSICs: ENODEV");
}

static void no_messages(void)
{
	struct {
		struct kvm_irq_routing routing;
		struct kvm_irq_routing_entry entry;
	} table = { .routing.nr = 1, .entry = { .gsi = 3, .type = KVM_IRQ_ROUTING_MSI } };

	fails_with(ioctl(vm.fd, KVM_SIGNAL_MSI, &(struct kvm_msi){ .address_lo = IMSIC_GPA }),
		   EINVAL, "KVM_SIGNAL_MSI: EINVAL");
	fails_with(ioctl(vm.fd, KVM_SET_GSI_ROUTING, &table), EINVAL, "a route to an MSI: EINVAL");
}

static bool holds(uint32_t group, uint64_t offset, uint32_t value, uint32_t want)
{
	return !aia_has(aia, group, offset) && !aia_set(aia, group, offset, value) &&
	       aia_get(aia, group, offset) == want;
}

static void registers(void)
{
	ok(holds(APLIC(DOMAINCFG), ~0U, 0x80000100) && holds(APLIC(GENMSI), ~0U, 0),
	   "domaincfg.DM is 0, and genmsi");
	ok(holds(APLIC(SOURCECFG(9)), EDGE1, EDGE1) && holds(APLIC(TARGET(9)), ~0U, 0xfffc00ff) &&
		   holds(APLIC(TARGET(9)), 1 << 18, 1 << 18 | 1),
	   "target has a hart index and a priority, which is never 0");
	ok(holds(IDC(1, IDELIVERY), ~0U, 1) && holds(IDC(1, IFORCE), ~0U, 1) &&
		   holds(IDC(1, ITHRESHOLD), ~0U, 255),
	   "a vCPU has idelivery, iforce and ithreshold");
	ok(holds(IDC(1, TOPI), ~0U, 0) && holds(IDC(1, CLAIMI), ~0U, 0) &&
		   aia_get(aia, IDC(1, IFORCE)) == 1,
	   "topi and claimi are read-only; reading claimi as state does not clear iforce");
	aia_set(aia, IDC(1, IFORCE), 0);
	fails_with(aia_has(aia, APLIC(KVM_DEV_HS_APLIC_IDC(1UL) + 0xc)), ENODEV,
		   "a reserved register: ENODEV");
	fails_with(aia_has(aia, IDC(VCPUS, IDELIVERY)), ENODEV, "an IDC of no vCPU: ENODEV");
	fails_with(aia_has(aia, APLIC(0x4002)), EOPNOTSUPP, "a misaligned offset: EOPNOTSUPP");
}

static bool reports(uint64_t value)
{
	return vcpu_run(&vcpu[1]) == 0 && is_report(&vcpu[1], value);
}

/* Source 9 is an edge, source 40 a level. Both are for vCPU 1; 9 has the smaller number. */
static void claims(void)
{
	struct kvm_irq_level line = { .irq = 9, .level = 1 };

	vm_load(&vm, claims);
	set_reg(&vcpu[1], CORE(regs.s1), APLIC_GPA + KVM_DEV_HS_APLIC_IDC(1UL));
	set_reg(&vcpu[1], CORE(regs.s2), APLIC_GPA + KVM_DEV_HS_APLIC_IDC(0UL));
	ioctl(vcpu[1].fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE });
	must(holds(APLIC(SOURCECFG(40)), LEVEL1, LEVEL1), "source 40");
	aia_set(aia, APLIC(TARGET(40)), 1 << 18 | 1);
	aia_set(aia, APLIC(SETIENUM), 9);
	aia_set(aia, APLIC(SETIENUM), 40);
	must(!ioctl(vm.fd, KVM_IRQ_LINE, &line), "KVM_IRQ_LINE");
	line.irq = 40;
	must(!ioctl(vm.fd, KVM_IRQ_LINE, &line), "KVM_IRQ_LINE");
	ok(aia_get(aia, IDC(1, TOPI)) == (9 << 16 | 1) && aia_get(aia, IDC(0, TOPI)) == 0,
	   "topi of the target names the source, and that of another vCPU does not");
	ok(reports(9 << 16 | 1) && (uint64_t)vcpu[1].run->riscv_sbi.args[1] == (1UL << 63 | 9),
	   "the guest takes an external interrupt and claims the source");
	ok(aia_get(aia, APLIC(SETIP(0))) == 0 && aia_get(aia, APLIC(SETIP(1))) == 1 << 8,
	   "then the edge is no longer pending");
	ok(reports(40 << 16 | 1) && aia_get(aia, APLIC(SETIP(1))) == 1 << 8,
	   "a claim leaves a level pending");
	ok(reports(0), "another vCPU's claimi has no interrupt");
	ok(vcpu_run(&vcpu[1]) == 0 && vcpu[1].run->exit_reason == KVM_EXIT_RISCV_CSR &&
		   vcpu[1].run->riscv_csr.csr_num == 0x15c,
	   "an access to stopei exits to user space");
}

int main(void)
{
	fresh();
	initialization();
	no_messages();
	registers();
	claims();
	done();
	return tap_done();
}
