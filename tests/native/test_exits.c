// SPDX-License-Identifier: MIT
/*
 * test_exits.c - exits have the same effects with each pair of values of the toggles fastpath and
 * switch.
 *
 * A guest with random exits runs once for each pair of values, from the same seed. The state that
 * it finds at each entry, the events and their arguments (with the exceptions in hash_event()), the
 * counters, the CSRs, the FP unit and the fences must be the same. Between exits, the guest changes
 * its state in the hart. Requests that other threads could make are made from within the guest,
 * which makes no difference to the vCPU. test_kick.c uses threads. The VM has a PLIC in the kernel.
 */
#include "vcpu/pmu.h"
#include "vcpu/timer.h"
#include "exit/bus.h"
#include "exit/insn.h"
#include "plic_vm.h"

#define PC               (NATIVE_GUEST_BASE + 0x1000)
#define STEPS            50000
#define SEEDS            6            /* for each of four pairs of values: 1 200 000 exits */
#define CSR_HSTATUS_READ 0x600022f3UL /* csrr t0, hstatus */

static u64 random_state;
static struct kvm_vcpu *second;

/* Every combination of the two toggles' values; the first combination is the reference. */
static const struct variant {
	const char *fastpath, *world_switch;
} variants[] = {
	{ "off", "minimal" },
	{ "on", "minimal" },
	{ "off", "full" },
	{ "on", "full" },
};

/* The log of each run: a hash for each step. */
static u64 logs[ARRAY_SIZE(variants)][STEPS], *run_log;
static u64 events_hash, signals;
static unsigned long nr_steps;

static u64 mix(u64 hash, u64 value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
}

static u64 mix_bytes(u64 hash, const void *data, size_t size)
{
	const u8 *p = data;

	while (size--)
		hash = mix(hash, *p++);
	return hash;
}

static unsigned int random_below(unsigned int n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(random_state >> 33) % n;
}

static void hash_event(enum trace_event_nr event, const u64 *args)
{
	unsigned int i;

	/* switch=full puts and loads the vCPU at each exit, which may also move FP registers. */
	if (event == TRACE_kvm_vcpu_load || event == TRACE_kvm_vcpu_put || event == TRACE_kvm_fpu)
		return;
	/* Samples differ, because they show which path the hart took. */
	if (event == TRACE_sample)
		return;
	events_hash = mix(events_hash, event);
	/* Skip the arguments of these events: one is the VMID, which differs between VMs. */
	if (event == TRACE_kvm_fence_vvma || event == TRACE_kvm_fence_gvma ||
	    event == TRACE_kvm_remote_fence || event == TRACE_kvm_vmid ||
	    event == TRACE_kvm_fence_i)
		return;
	for (i = 0; i < 5; i++)
		events_hash = mix(events_hash, args[i]);
}

/*
 * CSRs that hold the guest's values while its vCPU is loaded. The guest writes random values to
 * `bits`, and sets `fixed`.
 */
static const struct {
	enum csr_number csr;
	unsigned long bits, fixed;
} own[] = {
	{ CSR_vsstatus, SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SUM, FIELD_PREP(SSTATUS_UXL, XL_64) },
	{ CSR_vstvec, ~3UL, 0 },
	{ CSR_vsscratch, ~0UL, 0 },
	{ CSR_vsepc, ~1UL, 0 },
	{ CSR_vscause, ~0UL, 0 },
	{ CSR_vstval, ~0UL, 0 },
	{ CSR_vsatp, SATP_PPN, FIELD_PREP(SATP_MODE, SATP_MODE_SV39) },
	{ CSR_scounteren, 7, 0 },
	{ CSR_senvcfg, ENVCFG_FIOM, 0 },
};

/* Hash everything that the guest or the VMM could see, and the host's state of this vCPU. */
static u64 hash_state(const struct kvm_vcpu *vcpu)
{
	static const enum csr_number csrs[] = { CSR_hvip,    CSR_vsip,       CSR_vsie,
						CSR_hedeleg, CSR_hcounteren, CSR_henvcfg };
	struct guest_context guest = vcpu->guest;
	const struct plic *plic = vm.vm->plic;
	const struct plic_context *context = plic->context[0];
	u64 hash = events_hash;
	unsigned int i;

	guest.sstatus &= ~SSTATUS_FS; /* FS depends on whether vcpu->fp is up to date */
	hash = mix_bytes(hash, &guest, sizeof(guest));
	for (i = 0; i < ARRAY_SIZE(csrs); i++)
		hash = mix(hash, native_csr_read(csrs[i]));
	for (i = 0; i < ARRAY_SIZE(own); i++)
		hash = mix(hash, native_csr_read(own[i].csr));
	hash = mix_bytes(hash, native_fp_unit()->f, sizeof(native_fp_unit()->f));
	hash = mix(hash, native_fp_unit()->fcsr);
	hash = mix_bytes(hash, &vcpu->stats, sizeof(vcpu->stats));
	hash = mix_bytes(hash, &native_fences, sizeof(native_fences));
	hash = mix(hash, vcpu->irq_pending);
	hash = mix(hash, vcpu->irq_changed);
	hash = mix(hash, vcpu->requests);
	hash = mix(hash, vcpu->mode);
	hash = mix(hash, second->irq_pending);
	hash = mix(hash, second->requests);
	hash = mix(hash, vcpu->timer_ops->get(vcpu));
	for (i = 0; vcpu->pmu && i < vcpu->pmu->nr; i++)
		hash = mix(hash, vcpu->pmu->counters[i].count);
	hash = mix_bytes(hash, &vcpu->nested, sizeof(vcpu->nested));
	hash = mix(hash, context->threshold);
	hash = mix(hash, context->raised);
	hash = mix_bytes(hash, context->enable, sizeof(context->enable));
	return mix_bytes(hash, plic->level, sizeof(*plic) - offsetof(struct plic, level));
}

static unsigned long random_mask_base(unsigned long *base)
{
	static const unsigned long bases[] = { 0, 0, 0, ~0UL, 1, 2, ~0UL - 1, 1UL << 63 };
	static const unsigned long masks[] = { 1, 1, 1, 2, 3, 0, 4, ~0UL, 1UL << 63 };

	*base = bases[random_below(ARRAY_SIZE(bases))];
	return masks[random_below(ARRAY_SIZE(masks))];
}

static unsigned long random_long(void)
{
	return (unsigned long)random_below(~0U) << 32 | random_below(~0U);
}

/* Simulate a computation of the guest: change its registers, one of its CSRs, and perhaps FP. */
static void random_registers(struct kvm_vcpu *vcpu)
{
	unsigned int i;

	for (i = 1; i < 32; i++)
		vcpu->guest.gpr[i] = random_long();
	i = random_below(ARRAY_SIZE(own));
	native_csr_poke(own[i].csr, (random_long() & own[i].bits) | own[i].fixed);
	if (!random_below(4) && (vcpu->guest.sstatus & SSTATUS_FS)) {
		native_fp_unit()->f[random_below(32)] = random_long();
		native_fp_unit()->fcsr = random_below(8) << 5;
		vcpu->guest.sstatus |= FIELD_PREP(SSTATUS_FS, FS_DIRTY);
	}
}

/*
 * Make a random SBI call that does not stop the vCPU or its VM: no call of SRST or SUSP, and of HSM
 * only hart_get_status.
 */
static void random_call(struct kvm_vcpu *vcpu)
{
	static const unsigned long exts[] = {
		SBI_EXT_BASE,         SBI_EXT_BASE,         SBI_EXT_TIME,         SBI_EXT_IPI,
		SBI_EXT_RFENCE,       SBI_EXT_HSM,          SBI_EXT_PMU,          SBI_EXT_DBCN,
		SBI_LEGACY_SET_TIMER, SBI_LEGACY_CLEAR_IPI, SBI_EXT_VENDOR_START, 0x4242
	};
	static const unsigned long probes[] = { SBI_EXT_TIME, SBI_EXT_DBCN, 0x4242,
						SBI_EXT_EXPERIMENTAL_START, SBI_EXT_VENDOR_END };
	unsigned long *gpr = vcpu->guest.gpr;

	gpr[GPR_A7] = exts[random_below(ARRAY_SIZE(exts))];
	gpr[GPR_A6] = random_below(8) ? random_below(7) : ~0UL << random_below(64);
	if (gpr[GPR_A7] == SBI_EXT_HSM)
		gpr[GPR_A6] = 2;
	if (gpr[GPR_A7] == SBI_EXT_PMU && gpr[GPR_A6] == 7)
		gpr[GPR_A6] = 0;
	if (random_below(4))
		gpr[GPR_A0] = random_mask_base(&gpr[GPR_A1]);
	if (gpr[GPR_A7] == SBI_EXT_BASE && random_below(2))
		gpr[GPR_A0] = probes[random_below(ARRAY_SIZE(probes))];
	if (random_below(2)) {
		gpr[GPR_A2] = random_below(4) * PAGE_SIZE;
		gpr[GPR_A3] = random_below(3) * PAGE_SIZE;
	}
	native_trap(&(struct hv_trap){ .scause = EXC_ECALL_VS });
}

/*
 * Mostly an access to an H or VS CSR. Half of the values in rs1 are bits that matter. One word in 16 has
 * the opcode of cache-block operations.
 */
static unsigned long random_csr_insn(struct kvm_vcpu *vcpu)
{
	static const unsigned long csrs[] = {
		CSR_hstatus,   CSR_hedeleg,    CSR_hideleg,  CSR_hie,    CSR_hip,   CSR_hvip,
		CSR_hvip,      CSR_hgeie,      CSR_hgeip,    CSR_hgatp,  CSR_htval, CSR_htinst,
		CSR_henvcfg,   CSR_hcounteren, CSR_vsstatus, CSR_vsie,   CSR_vsip,  CSR_vstvec,
		CSR_vsscratch, CSR_vsepc,      CSR_vscause,  CSR_vstval, CSR_vsatp, CSR_vstimecmp,
		CSR_vstopi,    CSR_hvien,      CSR_seed,     CSR_cycle,  0x5c0,
	};
	static const unsigned long values[] = {
		0, VS_LINES, VS_LINES, BIT(IRQ_VS_SOFT), BIT(IRQ_VS_TIMER), HSTATUS_SPV, SSTATUS_SIE
	};
	unsigned long csr = csrs[random_below(ARRAY_SIZE(csrs))];
	unsigned int rs1 = random_below(2) ? random_below(32) : 0, funct3 = random_below(8);

	if (rs1 && random_below(2))
		vcpu->guest.gpr[rs1] = values[random_below(ARRAY_SIZE(values))];
	return csr << 20 | rs1 << 15 | funct3 << 12 | random_below(32) << 7 |
	       (random_below(16) ? OPCODE_SYSTEM : OPCODE_MISC_MEM);
}

static void random_virtual_inst(struct kvm_vcpu *vcpu)
{
	static const unsigned long insns[] = { INSN_WFI, INSN_WFI, INSN_WFI, CSR_HSTATUS_READ,
					       0x00d00073 };

	if (!random_below(8))
		vcpu->guest.sstatus ^= SSTATUS_SPP;
	native_csr_poke(CSR_vsie, (random_below(4) ? 0x222 : random_below(0x400)) | BIT(IRQ_S_EXT));
	if (random_below(4))
		csr_set(hvip, BIT(IRQ_VS_SOFT));
	native_trap(&(struct hv_trap){ .scause = EXC_VIRTUAL_INST,
				       .stval = vcpu->has_h && random_below(2)
							? random_csr_insn(vcpu)
							: insns[random_below(ARRAY_SIZE(insns))] });
}

/*
 * Make an access to the PLIC, or to the word after it, which is an ioeventfd's for stores of 7, and
 * otherwise the VMM's. `insns` are transformed instructions (H §6.3) without a data register: loads
 * and stores of each width, compressed ones, and those that are not emulated (AMO, a misaligned
 * load, and an access by a page-table walk).
 */
static void random_mmio(struct kvm_vcpu *vcpu)
{
	static const u64 offsets[] = { CLAIM(0),    CLAIM(0),     CLAIM(0),
				       PRIORITY(1), ENABLE(0, 1), THRESHOLD(0),
				       PENDING(1),  CLAIM(2),     KVM_DEV_HS_PLIC_SIZE };
	static const unsigned long insns[] = { 0x2003, 0x2003, 0x2001, 0x6003, 0x0003,
					       0x5003, 0x3003, 0x2023, 0x2023, 0x2021,
					       0x0023, 0x3023, 0x202f, 0xa003, 0x3000 };
	unsigned long insn = insns[random_below(ARRAY_SIZE(insns))];
	gpa_t gpa = BASE + offsets[random_below(ARRAY_SIZE(offsets))];
	bool is_store = (insn & 0x7d) == 0x21 || insn == 0x202f;

	if (insn & 1)
		insn |= (unsigned long)random_below(32) << (is_store ? 20 : 7);
	if (random_below(2))
		vcpu->guest.gpr[insn >> 20 & 31] = random_below(2) ? 7 : random_below(SOURCES + 2);
	vcpu->guest.gpr[0] = 0;
	native_trap(&(struct hv_trap){ .scause = is_store ? EXC_STORE_GUEST_PAGE_FAULT
							  : EXC_LOAD_GUEST_PAGE_FAULT,
				       .stval = gpa + (random_below(8) ? 0 : random_below(4)),
				       .htval = gpa >> 2,
				       .htinst = insn });
}

/*
 * Make a request as another thread does while the vCPU is in the guest. The request kicks the vCPU.
 */
static void random_request(struct kvm_vcpu *vcpu)
{
	switch (random_below(7)) {
	case 0:
		vcpu_set_irq(vcpu, IRQ_VS_EXT);
		break;
	case 1:
		vcpu_clear_irq(vcpu, IRQ_VS_EXT);
		break;
	case 2:
		vcpu_set_irq(vcpu, IRQ_VS_SOFT);
		break;
	case 3:
		vcpu_request(vcpu, REQ_FENCE_I);
		break;
	case 4:
		vm.vm->irqchip->set_line(vm.vm, random_below(SOURCES) + 1, random_below(2));
		break;
	case 5:
		vm.vm->irqchip->pulse(vm.vm, random_below(SOURCES) + 1);
		break;
	default:
		vcpu_request_fence(vcpu, &(struct hfence){ .kind = HFENCE_VVMA, .size = ~0ULL },
				   NULL);
		break;
	}
}

static void random_guest(struct kvm_vcpu *vcpu)
{
	if (nr_steps < STEPS)
		run_log[nr_steps] = hash_state(vcpu);
	/* If the hart was kicked, the guest is interrupted before it does anything. */
	if (native_kicked(0)) {
		native_trap(&(struct hv_trap){ .scause = CAUSE_IRQ_FLAG | IRQ_S_SOFT });
		return;
	}
	if (nr_steps++ >= STEPS) {
		host_interrupt();
		return;
	}
	random_registers(vcpu);
	vcpu->guest.sepc = PC + 4UL * random_below(1000);
	vcpu->guest.sstatus |= SSTATUS_SPP;
	if (!random_below(16))
		csr_clear(hvip, BIT(IRQ_VS_SOFT));
	if (!random_below(8))
		random_request(vcpu);
	if (random_below(3))
		random_call(vcpu);
	else if (random_below(2))
		random_virtual_inst(vcpu);
	else if (random_below(4))
		random_mmio(vcpu);
	else
		native_trap(&(struct hv_trap){ .scause = EXC_ILLEGAL_INST, .stval = 0xffffffff });
}

/* Wake the vCPU when it sleeps because a WFI has found no pending interrupt. */
static void wake_sleeper(bool begins)
{
	if (begins)
		vcpu_set_irq(vm.vcpu, IRQ_VS_EXT);
}

/* Run the guest, and store each step's hash in `log`. Returns the number of fast exits. */
static unsigned long run_guest(u64 seed, const struct variant *variant, u64 *log)
{
	struct kvm_ioeventfd io = { .addr = BASE + KVM_DEV_HS_PLIC_SIZE,
				    .len = 4,
				    .datamatch = 7,
				    .flags = KVM_IOEVENTFD_FLAG_DATAMATCH };
	unsigned long fast;
	int ret;

	native_reset();
	native_isa_set(seed & 1 ? "h f d sstc svinval sscofpmf" : "h f d zawrs");
	native_pmu_set(4, 48);
	native_core_start();
	assert_int_equal(native_param_set("fastpath", variant->fastpath), 0);
	assert_int_equal(native_param_set("switch", variant->world_switch), 0);
	assert_int_equal(native_param_set("fp", seed & 2 ? "eager" : "lazy_save"), 0);
	assert_int_equal(native_param_set("halt_poll_ns", "0"), 0);
	native_vm_make(&vm, 0);
	second = native_vcpu_make(&vm, 1);
	assert_int_equal(make_plic(), 0);
	io.fd = native_eventfd();
	assert_int_equal(kvm_vm_ioctl_ioeventfd(vm.vm, &io), 0);
	vcpu_put(vm.vcpu);
	if (seed % 3 == 0)
		native_h_add(vm.vcpu);
	/*
	 * The fast path finishes no exit with some events, and no store to an ioeventfd with any.
	 */
	trace_any_key.enabled = !(seed & 4);
	if (seed & 4)
		native_events_off();
	else
		native_slow_path_events_off();
	native_event_hook = hash_event;
	native_wait_hook = wake_sleeper;
	native_guest = random_guest;
	random_state = seed;
	events_hash = 0;
	memset(&native_fences, 0, sizeof(native_fences));
	nr_steps = 0;
	run_log = log;
	/* Turn off at most one SBI extension: the same one in all runs with this seed. */
	vm.vcpu->sbi_ext &= ~(random_below(2) ? 0 : 1U << random_below(8));
	do
		ret = vcpu_run(vm.vcpu);
	while (!ret);
	assert_int_equal(ret, -EINTR);
	assert_true(nr_steps > STEPS);
	native_wait_hook = NULL;
	fast = native_fast_exits;
	signals = native_eventfd_count(io.fd);
	native_close(io.fd);
	trace_any_key.enabled = 0;
	end(NULL);
	return fast;
}

static void random_exits_have_the_same_effects_on_every_path(void **state)
{
	unsigned long i, fast, share = 0;
	u64 signals_expected = 0;
	unsigned int w;
	u64 seed;

	(void)state;
	for (seed = 1; seed <= SEEDS; seed++) {
		for (w = 0; w < ARRAY_SIZE(variants); w++) {
			fast = run_guest(seed, &variants[w], logs[w]);
			assert_int_equal(fast != 0, !strcmp(variants[w].fastpath, "on"));
			share += fast;
			if (!w)
				signals_expected = signals;
			assert_int_equal(signals, signals_expected);
			for (i = 0; i < STEPS; i++)
				if (logs[w][i] != logs[0][i])
					fail_msg("seed %llu, fastpath=%s switch=%s: exit %lu "
						 "differs",
						 seed, variants[w].fastpath,
						 variants[w].world_switch, i);
		}
	}
	/* The test is useful only if, with fastpath=on, over a sixth of the exits are fast. */
	assert_true(share > SEEDS * 2 * STEPS / 6);
	native_param_set("fastpath", "on");
	native_param_set("switch", "minimal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_exits_have_the_same_effects_on_every_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
