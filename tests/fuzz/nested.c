// SPDX-License-Identifier: MIT
/*
 * nested.c - fuzz target: any guest hypervisor (L1), with any guest (L2), and any VMM.
 *
 * There are three VMs with different toggles, of which the input uses one: its two vCPUs have H, and
 * any other extensions. L1 executes the instructions of a hypervisor, changes its G-stage table and
 * makes SBI calls. L2 accesses memory, through the model of the hart's TLB, and traps. Both also do
 * what the guest of the target `ioctl` does (any_guest.c). Between runs, the VMM reads and writes H
 * registers, moves the thread to the other hart, has pages taken back in the middle of faults, and
 * does what the VMM of `ioctl` does (any_vmm.c).
 *
 * lib/nested_check.h has what must hold at each entry and after each step of the VMM.
 */
#include "any_native.h"
#include "core.h"
#include "exit/insn.h"
#include "hv/kvm_hext.h"
#include "nested_check.h"
#include "nested_values.h"

#define MAX_STEPS 60
#define VALUE     (env_args + 0x8000) /* user memory for one register's value */
#define ISA                                                                                \
	"h i m a f d c v sstc svinval svnapot svpbmt svadu zicboz zicbom zawrs zkr ssaia " \
	"sscofpmf smstateen ssnpm"

static struct choices choices;
static unsigned int base;     /* index of the first of the two vCPUs */
static unsigned int evict_in; /* the nth page that is looked up is taken back; 0: none */

static u64 from_input(u64 below)
{
	return choose(&choices, below);
}

/* One of the two vCPUs, or another one if the VMM has closed some; -1: there is none. */
static int some_vcpu(void)
{
	unsigned int n = any_vmm.vcpus.n;

	return n ? any_vmm.vcpus.fd[(base + rnd(2)) % n] : -1;
}

/* ---- L1 and L2 ---------------------------------------------------------------------------------- */

static u32 csr_insn(unsigned long *gpr)
{
	u32 csr = csrs[rnd(ARRAY_SIZE(csrs))], rs1 = (u32)rnd(32);

	gpr[rs1] = rs1 ? csr_value(csr) : 0;
	return (u32)(FIELD_PREP(INSN_CSR, csr) | FIELD_PREP(INSN_RS1, rs1) |
		     FIELD_PREP(INSN_FUNCT3, PICK(1, 2, 3, rnd(8))) | FIELD_PREP(INSN_RD, rnd(32)) |
		     OPCODE_SYSTEM);
}

/* HLV, HLVX or HSV. */
static u32 access_insn(unsigned long *gpr)
{
	gpr[GPR_A1] = l2_gpa();
	return (u32)(FIELD_PREP(INSN_FUNCT7, 0x30 + rnd(8)) |
		     FIELD_PREP(INSN_RS2, PICK(0, 1, 3, rnd(32))) | FIELD_PREP(INSN_RS1, GPR_A1) |
		     FIELD_PREP(INSN_FUNCT3, 4) | FIELD_PREP(INSN_RD, PICK(0, GPR_A2)) |
		     OPCODE_SYSTEM);
}

static u32 fence_insn(void)
{
	return (u32)(FIELD_PREP(INSN_FUNCT7, PICK(0x11, 0x13, 0x31, 0x33, rnd(128))) |
		     FIELD_PREP(INSN_RS1, rnd(32)) | OPCODE_SYSTEM);
}

/* Trap as a virtual instruction. The instruction may be a WFI, which a signal then ends. */
static void trap_virtual(struct hv_trap *trap, u32 insn)
{
	*trap = (struct hv_trap){ .scause = EXC_VIRTUAL_INST, .stval = insn };
	if (!insn || insn == INSN_WFI || insn == INSN_WRS_NTO)
		native_signal_set(true);
}

static void trap_ecall(struct kvm_vcpu *vcpu, struct hv_trap *trap)
{
	unsigned long *gpr = vcpu->guest.gpr;

	*trap = (struct hv_trap){ .scause = EXC_ECALL_VS };
	gpr[GPR_A7] = rnd(2) ? SBI_EXT_RFENCE : any_sbi_extension();
	gpr[GPR_A6] = rnd(8);
	gpr[GPR_A0] = PICK(1, 2, 3, rnd(~0ULL));
	gpr[GPR_A1] = PICK(0, ~0ULL, 1);
	gpr[GPR_A2] = gpr[GPR_A3] = PICK(0, l2_gpa(), ~0ULL);
	any_sbi_arguments(gpr);
	if (gpr[GPR_A7] != SBI_EXT_RFENCE)
		native_signal_set(true); /* the call may stop or suspend the hart */
}

/* Access memory as the guest. If this succeeds, the host interrupts the guest. */
static void access_memory(struct hv_trap *trap, unsigned long gva, u64 value)
{
	native_quirks.htinst = PICK(0, 0x2503, 0x00a02023);
	if (!native_guest_access(gva, (enum native_access)rnd(3), &value, sizeof(value), trap))
		*trap = (struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER };
}

static void run_l1(struct kvm_vcpu *vcpu, struct hv_trap *trap)
{
	unsigned long *gpr = vcpu->guest.gpr;
	gpa_t table;

	switch (rnd(8)) {
	case 0:
	case 1:
		trap_virtual(trap, csr_insn(gpr));
		break;
	case 2:
		trap_virtual(trap, access_insn(gpr));
		break;
	case 3:
		trap_virtual(trap, fence_insn());
		break;
	case 4:
		csr_write(vsepc, l2_gpa());
		trap_virtual(trap, INSN_SRET);
		break;
	case 5:
		trap_virtual(trap, (u32)PICK(INSN_WFI, INSN_WRS_NTO, 0, rnd(1ULL << 32)));
		break;
	case 6:
		if (rnd(2)) {
			trap_ecall(vcpu, trap);
			break;
		}
		for (u64 n = rnd(4); n > 0; n--)
			write_shared();
		trap_nacl(gpr, trap);
		break;
	default: /* with vsatp Bare, L1 changes a table */
		table = PICK(ROOT, ROOT + FAR_INDEX * 8, LEVEL1, LEVEL0, LEVEL0, VS_TABLE);
		access_memory(trap, table + rnd(NR_DATA) * 8, any_pte());
		break;
	}
}

static void run_l2(struct kvm_vcpu *vcpu, struct hv_trap *trap)
{
	switch (rnd(8)) {
	case 0:
		trap_virtual(trap, csr_insn(vcpu->guest.gpr));
		break;
	case 1:
		trap_virtual(trap, (u32)PICK(INSN_WFI, INSN_WRS_NTO, INSN_SRET, fence_insn(),
					     access_insn(vcpu->guest.gpr)));
		break;
	case 2:
		trap_ecall(vcpu, trap);
		break;
	case 3: /* a guest page fault that the tables do not explain */
		trap->scause = PICK(EXC_INST_GUEST_PAGE_FAULT, EXC_LOAD_GUEST_PAGE_FAULT,
				    EXC_STORE_GUEST_PAGE_FAULT);
		trap->stval = l2_gpa();
		trap->htval = PICK(trap->stval >> 2, l2_gpa() >> 2, rnd(~0ULL));
		trap->htinst = PICK(0, 0x3000, 0x3020, 0x2503, 0x00a02023, rnd(~0ULL));
		break;
	default:
		access_memory(trap, l2_gpa(), any_pte());
		break;
	}
}

/* What instructions of the guest that do not trap may change. */
static void change_state(struct kvm_vcpu *vcpu)
{
	switch (rnd(8)) {
	case 0:
		csr_write(vsatp, any_satp());
		break;
	case 1:
		csr_write(vsstatus,
			  vsstatus_of(csr_read(vsstatus) ^ PICK(SSTATUS_MXR, BIT(rnd(64)))));
		break;
	case 2:
		csr_write(vsie, rnd(1 << 16));
		if (csr_read(hideleg) & BIT(IRQ_VS_SOFT)) /* the model of vsip ignores hideleg */
			csr_write(vsip, rnd(4));
		break;
	case 3:
		csr_write(vstvec, rnd(~0ULL) & ~2ULL);
		csr_write(vsepc, l2_gpa());
		break;
	case 4:
		vcpu->guest.sstatus ^= SSTATUS_SPP;
		break;
	case 5:
		if (csr_read(henvcfg) & ENVCFG_STCE)
			csr_write(vstimecmp, hv_time() + rnd(100000));
		break;
	case 6:
		native_hart_wanted = (u32)rnd(2);
		break;
	default:
		vcpu->guest.sepc = l2_gpa();
		break;
	}
}

static void guest(struct kvm_vcpu *vcpu)
{
	struct hv_trap trap = { 0 };

	check_entry(vcpu);
	if (!any_entries_left || !choices.left) {
		native_signal_set(true);
		native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_TIMER });
		return;
	}
	if (!rnd(8)) {
		any_guest(vcpu);
		return;
	}
	if (!rnd(2))
		change_state(vcpu);
	(vcpu->nested.v ? run_l2 : run_l1)(vcpu, &trap);
	native_trap(&trap);
	if (!--any_entries_left)
		native_signal_set(true);
}

/* ---- the VMM ------------------------------------------------------------------------------------ */

static long one_reg(int fd, unsigned int cmd, u64 id, u64 *value)
{
	return core_one_reg(fd, cmd, KVM_REG_RISCV | KVM_REG_SIZE_U64 | id, VALUE, value);
}

static long h_register(int fd, unsigned int cmd, unsigned int number, u64 *value)
{
	return one_reg(fd, cmd, KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_HEXT | number, value);
}

static void set_extension(int fd, unsigned int ext, u64 on)
{
	one_reg(fd, KVM_SET_ONE_REG, KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE | ext, &on);
}

/* Set an H register to a value that it can have. */
static void restore_register(int fd, unsigned int number, u64 value)
{
	u64 copy = value;

	CLAIM(!h_register(fd, KVM_SET_ONE_REG, number, &copy));
	CLAIM(!h_register(fd, KVM_GET_ONE_REG, number, &copy) && copy == value);
}

static void set_register(int fd)
{
	unsigned int number = (unsigned int)PICK(KVM_HS_HEXT_hstatus, KVM_HS_HEXT_hgatp,
						 KVM_HS_HEXT_V, rnd(KVM_HS_HEXT_COUNT));
	u64 value = number == KVM_HS_HEXT_V      ? rnd(3)
		    : number == KVM_HS_HEXT_NACL ? PICK(SHARED, SHARED + 1, any_gpa(), ~0ULL)
						 : csr_value(csrs[rnd(ARRAY_SIZE(csrs))]);

	h_register(fd, KVM_SET_ONE_REG, number, &value);
	if (!h_register(fd, KVM_GET_ONE_REG, number, &value))
		restore_register(fd, number, value);
}

/* Restore one vCPU's registers in another vCPU of the VM, with the same extensions. */
static void copy_registers(int from, int to)
{
	unsigned int number;
	u64 value;

	if (vcpu_of(from)->kvm != vcpu_of(to)->kvm ||
	    memcmp(&vcpu_of(from)->isa, &vcpu_of(to)->isa, sizeof(struct isa_set)))
		return;
	for (number = 0; number < KVM_HS_HEXT_COUNT; number++)
		if (!h_register(from, KVM_GET_ONE_REG, number, &value))
			restore_register(to, number, value);
}

static void set_extensions(int fd)
{
	static const u8 exts[] = { KVM_RISCV_ISA_EXT_SSTC,    KVM_RISCV_ISA_EXT_SVINVAL,
				   KVM_RISCV_ISA_EXT_SVNAPOT, KVM_RISCV_ISA_EXT_ZICBOM,
				   KVM_RISCV_ISA_EXT_F,       KVM_RISCV_ISA_EXT_D,
				   KVM_RISCV_ISA_EXT_V,       KVM_RISCV_ISA_EXT_SSAIA };
	u64 off = rnd(256);

	for (unsigned int i = 0; i < ARRAY_SIZE(exts); i++)
		if (off >> i & 1)
			set_extension(fd, exts[i], rnd(2));
	set_extension(fd, KVM_RISCV_ISA_EXT_H, rnd(8) != 0);
}

static void put_pte(gpa_t gpa, pte_t pte)
{
	env_put(ANY_HVA + (gpa - ANY_GPA), &pte, sizeof(pte));
}

/* L1's table, and one for vsatp, whose leaf of 1 GiB maps every address to itself. */
static void write_tables(void)
{
	put_pte(ROOT, pte_make(LEVEL1, PTE_V));
	put_pte(ROOT + FAR_INDEX * 8, pte_make(LEVEL1, PTE_V));
	put_pte(LEVEL1, pte_make(LEVEL0, PTE_V));
	put_pte(LEVEL1 + 8, pte_make(ANY_GPA, PTE_ALL));
	for (unsigned long i = 0; i < NR_DATA; i++)
		put_pte(LEVEL0 + i * 8, pte_make(ANY_GPA + i * PAGE_SIZE, PTE_ALL));
	put_pte(LEVEL0 + (NR_DATA - 1) * 8, pte_make(VS_TABLE, PTE_ALL));
	put_pte(VS_TABLE, pte_make(0, PTE_ALL & ~PTE_U));
}

/* The host takes back the page that the core has just looked up. */
static void page_looked_up(hva_t hva, bool write)
{
	(void)write;
	if (evict_in && !--evict_in) {
		env_unmap(ALIGN_DOWN(hva, PAGE_SIZE), PAGE_SIZE);
		env_map(ALIGN_DOWN(hva, PAGE_SIZE), PAGE_SIZE, ENV_USUAL);
	}
}

/* Another thread gets the hart, and this thread continues, perhaps on the other hart. */
static void thread_waits(bool begins)
{
	if (begins)
		native_hart_wanted = 0;
	else if (rnd(2))
		native_hart_set(1 - hv_hart());
}

static void step(int fd)
{
	struct kvm_vcpu *vcpu = vcpu_of(fd);

	switch (rnd(12)) {
	case 0:
		set_register(fd);
		break;
	case 1:
		copy_registers(fd, some_vcpu());
		break;
	case 2:
		set_extensions(fd);
		break;
	case 3:
		native_migrate(1 - hv_hart());
		break;
	case 4:
		evict_in = (unsigned int)rnd(4);
		break;
	case 5:
		native_vector_use(rnd(1 << 20));
		break;
	case 6:
		put_pte(PICK(ROOT, LEVEL1, LEVEL0, VS_TABLE) + rnd(NR_DATA) * 8, any_pte());
		break;
	case 7:
	case 8:
		any_vmm_step();
		break;
	default:
		vcpu->run->immediate_exit = rnd(8) == 7;
		env_run(fd);
		break;
	}
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void start(void)
{
	int dev;

	any_choice = from_input;
	native_reset();
	native_icache();
	native_harts_set(HARTS);
	native_guest_files_set(true);
	native_isa_set(ISA);
	native_hgatp_set(1 << SATP_MODE_SV39 | 1 << SATP_MODE_SV48, 14);
	native_pmu_set(4, 64);
	native_firmware_fwft = true;
	native_core_start();
	native_slow_path_events_off();
	native_user_map(ANY_HVA, ANY_SIZE, 0);
	env_args = ANY_HVA + 0x1000000;
	native_user_map(env_args, 0x10000, 0);
	write_tables();
	dev = hv_file_create("kvm", &kvm_dev_ops, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		any_toggles(i ? ANY_OTHER : ANY_USUAL);
		env_set_toggle("gpa_from", "htval"); /* with the other value, a vCPU has no H */
		if (i == 2) {
			env_set_toggle("timer", "sstc");
			env_set_toggle("switch", "minimal");
			env_set_toggle("fp", "lazy_save");
			env_set_toggle("gstage_huge", "on");
			env_set_toggle("nested_switch", "lazy");
		}
		any_vmm_open(dev, i == 1 ? ANY_OTHER : ANY_USUAL);
	}
	any_machine = ANY_OTHER;
	any_run_guest = guest;
	set_host_csrs();
	native_page_get_hook = page_looked_up;
	native_wait_hook = thread_waits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int steps, i;

	if (!core_restore()) {
		start();
		core_snapshot();
	}
	choices = (struct choices){ data, size };
	base = 2 * (unsigned int)rnd(3);
	if (rnd(4) == 3) {
		env_unmap(ANY_HVA, ANY_SIZE);
		env_map(ANY_HVA, ANY_SIZE, ENV_HUGE);
		write_tables();
	}
	any_irqchip_begin(any_vmm.vms.fd[base / 2]);
	for (i = 0; i < 2; i++)
		set_extensions(any_vmm.vcpus.fd[base + i]);
	for (steps = 0; choices.left && steps < MAX_STEPS; steps++) {
		int fd = some_vcpu();

		if (fd < 0)
			break;
		step(fd);
		check_all();
	}
	any_vmm_end();
	core_end();
	return 0;
}
