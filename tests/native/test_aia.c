// SPDX-License-Identifier: MIT
/*
 * test_aia.c - the AIA in the kernel, against a model with one struct per source and per id.
 *
 * The model (sources: aplic_model.h) has neither words nor masks: it follows the specification and
 * the rules at the top of aplic.c, so that a mistake with bits cannot be in both. After each of
 * many random steps, values read and the vCPUs' external interrupts have to agree.
 * tests/kvm-api/aia.c tests the attributes.
 */
#include <pthread.h>
#include <unistd.h>
#include "aplic_model.h"
#include "imsic_model.h"
#include "race.h"
#include "sbi/sbi.h"
#include "uapi/onereg.h"

#define STEPS 200000

/* ---- the model ---------------------------------------------------------------------------- */

static struct model_file imsics[VCPUS]; /* by hart index */
static unsigned int delivered;

static void model_send(unsigned int hart, unsigned int guest_index, unsigned int id)
{
	if (hart >= VCPUS || guest_index || !id || id > IDS)
		return;
	imsics[hart].pending[id] = true;
	delivered++;
}

static void model_forward(void)
{
	unsigned int i;

	for (i = 1; i <= SOURCES; i++) {
		if (domain && sources[i].pending && sources[i].enabled) {
			sources[i].pending = false;
			model_send(sources[i].hart, sources[i].guest, sources[i].id);
		}
	}
}

static void model_line(struct source *source, bool high)
{
	bool before = model_asserted(source), after;

	source->high = high;
	after = model_asserted(source);
	if (source->mode >= 6)
		source->pending = after;
	else if (after && !before)
		source->pending = true;
}

static void model_mode(struct source *source, u32 value)
{
	source->mode = value & 0x400 ? 0 : value & 7;
	if (!source->mode)
		source->pending = source->enabled = false;
	if (source->mode >= 6 && !model_asserted(source))
		source->pending = false;
}

static bool model_pending(const struct source *source)
{
	return source->pending;
}

/* ---- random steps --------------------------------------------------------------------------- */

static void step_source(u32 i)
{
	struct source *source = &sources[i];
	u32 value = (u32)rnd(1ULL << 32);

	switch (rnd(4)) {
	case 0:
		value = (u32)rnd(2);
		assert_int_equal(vm.vm->irqchip->set_line(vm.vm, i, value), 0);
		model_line(source, value);
		break;
	case 1:
		assert_int_equal(vm.vm->irqchip->pulse(vm.vm, i), 0);
		if (source->mode >= 6)
			model_line(source, true);
		else if (source->mode >= 4)
			source->pending = true;
		break;
	case 2:
		if (rnd(4))
			value = (u32)rnd(4) + 4;
		store(4 * i, value);
		model_mode(source, value);
		assert_int_equal(load(4 * i), source->mode);
		break;
	case 3:
		value = (u32)(rnd(VCPUS + 1) << 18 | rnd(8) / 7 << 12 | rnd(IDS + 2));
		store(0x3000 + 4 * i, value);
		source->hart = value >> 18;
		source->guest = value >> 12 & 0x3f;
		source->id = value & 0x7ff;
		assert_int_equal(load(0x3000 + 4 * i), source->mode ? value : 0);
		break;
	}
}

static void step_imsic(unsigned int vcpu)
{
	unsigned int hart = hart_of[vcpu], id = (unsigned int)rnd(IDS) + 1, bit;
	struct model_file *imsic = &imsics[hart];
	u64 value = rnd(~0ULL), mask = rnd(2) ? ~0ULL : rnd(~0ULL), data, old = 0;
	unsigned int top = model_top(&imsics[hart]);
	bool *bits = rnd(2) ? imsic->pending : imsic->enabled;

	switch (rnd(6)) {
	case 0:
		assert_int_equal(csr(vcpu, CSR_stopei, 0, value, value & 1), top << 16 | top);
		if (value & 1)
			imsic->pending[top] = false;
		break;
	case 1:
		value = rnd(8) != 0;
		assert_int_equal(csr(vcpu, CSR_sireg, IMSIC_EIDELIVERY, value, 1), imsic->delivery);
		imsic->delivery = value;
		break;
	case 2:
		value = rnd(2) ? 0 : rnd(2048);
		assert_int_equal(csr(vcpu, CSR_sireg, IMSIC_EITHRESHOLD, value, ~0ULL),
				 imsic->threshold);
		imsic->threshold = (unsigned int)value;
		break;
	case 3:
		for (bit = 0; bit < 64; bit++)
			old |= (u64)bits[id / 64 * 64 + bit] << bit;
		assert_int_equal(
			csr(vcpu, CSR_sireg,
			    (bits == imsic->pending ? IMSIC_EIP0 : IMSIC_EIE0) + id / 64 * 2, value,
			    mask),
			old);
		for (bit = id < 64; bit < 64; bit++) {
			if (mask >> bit & 1)
				bits[id / 64 * 64 + bit] = value >> bit & 1;
		}
		break;
	default:
		data = rnd(4) ? id : rnd(1ULL << 32);
		assert_true(guest(IMSIC_BASE + hart * PAGE_SIZE, true, &data));
		if (data <= IDS)
			model_send(hart, 0, (unsigned int)data);
	}
}

static void random_step(void)
{
	u32 i = (u32)rnd(SOURCES) + 1, value;

	switch (rnd(16)) {
	case 0:
		domain = rnd(4) != 0;
		store(0, domain ? 0x100 : 0);
		break;
	case 1:
		value = (u32)(rnd(VCPUS + 1) << 18 | rnd(IDS + 2));
		store(0x3000, value);
		model_send(value >> 18, 0, value & 0x7ff);
		break;
	case 2:
	case 3:
		assert_int_equal(load(0x1c00 + i / 32 * 4), model_word(i / 32, model_pending));
		assert_int_equal(load(0x1d00 + i / 32 * 4), model_word(i / 32, model_asserted));
		assert_int_equal(load(0x1e00 + i / 32 * 4), model_word(i / 32, model_enabled));
		break;
	case 4:
	case 5:
	case 6:
		step_bank(i);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		step_source(i);
		break;
	default:
		step_imsic((unsigned int)rnd(VCPUS));
	}
	model_forward();
	for (i = 0; i < VCPUS; i++)
		assert_int_equal(line_of(vcpus[i]),
				 imsics[hart_of[i]].delivery && model_top(&imsics[hart_of[i]]));
}

static void random_steps_give_what_the_specification_says(void **state)
{
	unsigned int raised = 0;
	int step;

	(void)state;
	memset(sources, 0, sizeof(sources));
	memset(imsics, 0, sizeof(imsics));
	domain = false;
	for (step = 0; step < STEPS; step++) {
		random_step();
		raised += line_of(vcpus[0]);
	}
	assert_in_range(raised, STEPS / 10, STEPS * 9 / 10); /* interesting states are reached */
	assert_in_range(delivered, STEPS / 10, STEPS);
}

/* ---- hostile calls and failures -------------------------------------------------------------- */

static void random_attributes_and_addresses_do_no_harm(void **state)
{
	int step;
	u64 data;

	(void)state;
	for (step = 0; step < STEPS; step++) {
		random_attribute();
		data = rnd(~0ULL) >> rnd(64);
		guest((rnd(2) ? APLIC_BASE : IMSIC_BASE) + rnd(0x6000), rnd(2), &data);
		vm.vm->irqchip->send_msi(vm.vm, rnd(~0ULL) >> rnd(64), (u32)data);
		vm.vm->irqchip->set_line(vm.vm, (u32)data, rnd(2));
		vm.vm->irqchip->pulse(vm.vm, (u32)data);
	}
}

static void running_out_of_memory_in_init_leaves_nothing(void **state)
{
	unsigned int nth;

	(void)state;
	for (nth = 1; nth <= 2 + VCPUS; nth++) {
		native_fail_alloc(nth);
		assert_int_equal(init_device(), -ENOMEM);
	}
	native_fail_alloc(0);
	assert_int_equal(init_device(), 0);
}

/* ---- threads ------------------------------------------------------------------------------ */

#define MESSAGES 20000

static unsigned int sending;

static void *send_many(void *arg)
{
	gpa_t page = IMSIC_BASE + hart_of[0] * PAGE_SIZE;
	u32 id = *(u32 *)arg, i;

	for (i = 0; i < MESSAGES; i++)
		assert_int_equal(vm.vm->irqchip->send_msi(vm.vm, page, id), 0);
	__atomic_fetch_sub(&sending, 1, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * While two threads send MSIs, the vCPU claims them. The line has to be high while one is pending.
 */
static void no_message_is_lost_to_a_claim(void **state)
{
	static u32 ids[2] = { 5, 100 };
	pthread_t sender[2];
	unsigned int claims = 0, i;

	(void)state;
	csr(0, CSR_sireg, IMSIC_EIE0, ~0ULL, ~0ULL);
	csr(0, CSR_sireg, IMSIC_EIE0 + 2, ~0ULL, ~0ULL);
	csr(0, CSR_sireg, IMSIC_EIDELIVERY, 1, 1);
	sending = 2;
	for (i = 0; i < 2; i++)
		pthread_create(&sender[i], NULL, send_many, &ids[i]);
	while (__atomic_load_n(&sending, __ATOMIC_ACQUIRE)) {
		if (line_of(vcpus[0]))
			claims += csr(0, CSR_stopei, 0, 0, ~0ULL) != 0;
	}
	for (i = 0; i < 2; i++)
		pthread_join(sender[i], NULL);
	while (line_of(vcpus[0])) {
		assert_int_not_equal(csr(0, CSR_stopei, 0, 0, ~0ULL), 0);
		claims++;
	}
	assert_int_equal(csr(0, CSR_stopei, 0, 0, 0), 0); /* nothing is pending without its line */
	assert_in_range(claims, 2, 2 * MESSAGES);
}

static unsigned long load_rounds, loads_end;

/* The atomics are relaxed, so that for TSan, they order nothing. */
static void *load_and_put(void *vcpu)
{
	native_hart_set(1);
	while (!__atomic_load_n(&loads_end, __ATOMIC_RELAXED)) {
		vcpu_load(vcpu);
		vcpu_put(vcpu);
		__atomic_fetch_add(&load_rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* TSan finds a race if the vCPU may see its IMSIC before the IMSIC's contents. */
static void a_vcpu_that_is_being_loaded_finds_a_complete_imsic(void **state)
{
	unsigned long rounds;
	pthread_t loading;

	(void)state;
	load_rounds = loads_end = 0;
	native_guest_files_set(true);
	assert_int_equal(set_attr(KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_MODE,
				  KVM_DEV_RISCV_AIA_MODE_HWACCEL),
			 0);
	pthread_create(&loading, NULL, load_and_put, vcpus[0]);
	assert_true(race_wait(&load_rounds, 0));
	assert_int_equal(init_device(), 0);
	rounds = __atomic_load_n(&load_rounds, __ATOMIC_RELAXED);
	assert_true(race_wait(&load_rounds, rounds));
	assert_true(race_wait(&load_rounds, rounds + 1));
	__atomic_store_n(&loads_end, 1, __ATOMIC_RELAXED);
	pthread_join(loading, NULL);
	assert_int_not_equal(native_events(TRACE_kvm_guest_file), 0);
}

#define GENMSI 0x3000

static pthread_t syncing;
static u32 order[2];
static unsigned int ordered;

static void *synchronize(void *unused)
{
	(void)unused;
	assert_int_equal(aplic_write(vm.vm, GENMSI, hart_of[0] << 18 | 6, NULL), 0);
	return NULL;
}

/*
 * When a source's pending bit is clear, but its MSI has not been sent, give another thread a moment to
 * use genmsi. Record both MSIs.
 */
static void while_forwarding(enum trace_event_nr event, const u64 *args)
{
	unsigned int i;

	if (event == TRACE_kvm_aplic_forward) {
		pthread_create(&syncing, NULL, synchronize, NULL);
		for (i = 0; i < 50 && !__atomic_load_n(&ordered, __ATOMIC_ACQUIRE); i++)
			usleep(1000);
	}
	if (event == TRACE_kvm_msi && ordered < 2) {
		order[ordered] = (u32)args[1];
		__atomic_fetch_add(&ordered, 1, __ATOMIC_RELEASE);
	}
}

static void genmsi_follows_an_msi_whose_pending_bit_is_clear(void **state)
{
	(void)state;
	store(SOURCECFG(1), EDGE1);
	store(TARGET(1), hart_of[0] << 18 | 5);
	store(SETIE(0), 2);
	store(0, 0x100); /* domaincfg.IE */
	ordered = 0;
	native_event_hook = while_forwarding;
	assert_int_equal(aplic_set_line(vm.vm, 1, true), 0);
	pthread_join(syncing, NULL);
	native_event_hook = NULL;
	assert_int_equal(ordered, 2);
	assert_int_equal(order[0], 5);
	assert_int_equal(order[1], 6);
}

static void a_reset_of_the_vcpu_resets_its_imsic(void **state)
{
	gpa_t page = IMSIC_BASE + hart_of[0] * PAGE_SIZE;
	struct kvm_one_reg sip = sip_reg(0);

	(void)state;
	csr(0, CSR_sireg, IMSIC_EIE0, ~0ULL, ~0ULL);
	csr(0, CSR_sireg, IMSIC_EIDELIVERY, 1, 1);
	assert_int_equal(vm.vm->irqchip->send_msi(vm.vm, page, 9), 0);
	assert_true(line_of(vcpus[0]));
	hsm_power_off(vcpus[0]);
	assert_true(hsm_start(vcpus[0], NATIVE_GUEST_BASE, 0));
	assert_false(line_of(vcpus[0]));
	assert_int_equal(csr(0, CSR_sireg, IMSIC_EIP0, 0, 0), 0);
	/* An MSI after the start is not lost, although the vCPU's registers are reset later. */
	csr(0, CSR_sireg, IMSIC_EIE0, ~0ULL, ~0ULL);
	csr(0, CSR_sireg, IMSIC_EIDELIVERY, 1, 1);
	assert_int_equal(vm.vm->irqchip->send_msi(vm.vm, page, 9), 0);
	hsm_settle(vcpus[0]);
	assert_true(line_of(vcpus[0]));
	/* User space cannot lower the line. */
	assert_int_equal(onereg_set(vcpus[0], &sip), 0);
	assert_true(line_of(vcpus[0]));
	/* User space's reset (KVM_MP_STATE_INIT_RECEIVED) does the same. */
	hsm_reset_by_user(vcpus[0]);
	assert_false(line_of(vcpus[0]));
	assert_int_equal(csr(0, CSR_sireg, IMSIC_EIE0, 0, 0), 0);
}

/* sip is what a VMM reads to find out whether something wakes the suspended guest. */
static u64 sip_of(struct kvm_vcpu *vcpu)
{
	struct kvm_one_reg sip = sip_reg(0);

	assert_int_equal(onereg_get(vcpu, &sip), 0);
	return *(u64 *)native_user(sip.addr);
}

static void suspend(struct kvm_vcpu *vcpu)
{
	struct sbiret ret = { 0 };

	vcpu->guest.gpr[GPR_A0] = SBI_SUSP_TO_RAM;
	vcpu->guest.gpr[GPR_A1] = NATIVE_GUEST_BASE;
	assert_int_equal(sbi_susp(vcpu, SBI_EXT_SUSP, SBI_SUSP_SYSTEM_SUSPEND, &ret), RESUME_USER);
}

/* The caller's IMSIC is the only one that can wake the machine. */
static void an_msi_wakes_a_suspended_machine(void **state)
{
	gpa_t page = IMSIC_BASE + hart_of[0] * PAGE_SIZE;

	(void)state;
	hsm_power_off(vcpus[1]);
	hsm_power_off(vcpus[2]);
	csr(0, CSR_sireg, IMSIC_EIE0, BIT(5), ~0ULL);
	csr(0, CSR_sireg, IMSIC_EIDELIVERY, 1, 1);
	suspend(vcpus[0]);
	assert_false(sip_of(vcpus[0]) & BIT(IRQ_S_EXT));
	assert_int_equal(vm.vm->irqchip->send_msi(vm.vm, page, 5), 0);
	assert_true(sip_of(vcpus[0]) & BIT(IRQ_S_EXT));
	/* An MSI that arrived before the call wakes it at once. */
	suspend(vcpus[0]);
	assert_true(sip_of(vcpus[0]) & BIT(IRQ_S_EXT));
	assert_int_equal(csr(0, CSR_stopei, 0, 0, 0) >> 16, 5);
}

/* A vCPU that is created after the initialization has no IMSIC, and user space answers for it. */
static void a_late_vcpu_has_no_imsic(void **state)
{
	struct kvm_vcpu *late = native_vcpu_make(&vm, 3);
	struct csr_access access = { .csr = CSR_stopei };
	unsigned long value;

	(void)state;
	assert_int_equal(vm.vm->irqchip->access_csr(late, 0, &access, &value), -ENOENT);
	hsm_reset_by_user(late);
	hsm_power_off(late);
	assert_true(hsm_start(late, NATIVE_GUEST_BASE, 0));
	store(GENMSI, 3 << 18 | 5); /* genmsi to the hart index that it would have */
	assert_false(line_of(late));
}

static void priorities_leave_the_hart_with_their_vcpu(void **state)
{
	(void)state;
	vcpu_load(vcpus[0]);
	csr_write(hviprio1, 0x1200);
	csr_write(hviprio2, 0x5678);
	vcpu_put(vcpus[0]);
	assert_int_equal(csr_read(hviprio1) | csr_read(hviprio2), 0);
	vcpu_load(vcpus[0]);
	assert_int_equal(csr_read(hviprio1), 0x1200);
	assert_int_equal(csr_read(hviprio2), 0x5678);
	vcpu_put(vcpus[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(random_steps_give_what_the_specification_says),
		CASE(random_attributes_and_addresses_do_no_harm),
		cmocka_unit_test_setup_teardown(running_out_of_memory_in_init_leaves_nothing,
						setup_configured, end),
		CASE(no_message_is_lost_to_a_claim),
		cmocka_unit_test_setup_teardown(a_vcpu_that_is_being_loaded_finds_a_complete_imsic,
						setup_configured, end),
		CASE(genmsi_follows_an_msi_whose_pending_bit_is_clear),
		CASE(a_reset_of_the_vcpu_resets_its_imsic),
		CASE(an_msi_wakes_a_suspended_machine),
		CASE(a_late_vcpu_has_no_imsic),
		CASE(priorities_leave_the_hart_with_their_vcpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
