// SPDX-License-Identifier: MIT
/*
 * test_guest_file.c - guest interrupt files of vCPUs with H, against a model with one struct per
 * file and a flag per identity.
 *
 * In random steps, devices, the APLIC and a guest send MSIs, L1 accesses the files through its H
 * and VS CSRs, L2 through its stopei and sireg, and user space through attributes.
 */
#include "guest_file_vm.h"
#include "imsic_model.h"
#include "mmu/vmid.h"
#include "random.h"

#define STEPS 100000

static struct model_file files[VCPUS][FILES]; /* by vCPU */

static unsigned long model_hgeip(unsigned int v)
{
	unsigned long hgeip = 0;
	unsigned int f;

	for (f = 1; f < FILES; f++)
		hgeip |= files[v][f].delivery && model_top(&files[v][f]) ? BIT(f) : 0;
	return hgeip;
}

static u64 model_word(const bool *flags, unsigned int word)
{
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < 64; i++)
		value |= (u64)flags[word * 64 + i] << i;
	return value;
}

static void model_set_word(bool *flags, unsigned int word, u64 value)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		flags[word * 64 + i] = (word || i) && (value >> i & 1);
}

/* A register's value; it is then set, if `value` is not NULL. */
static u64 model_register(struct model_file *file, unsigned long select, const u64 *value)
{
	bool *flags = select < IMSIC_EIE0 ? file->pending : file->enabled;
	unsigned int word = select % 64 / 2;
	u64 old;

	switch (select) {
	case IMSIC_EIDELIVERY:
		old = file->delivery;
		if (value)
			file->delivery = *value & 1;
		return old;
	case IMSIC_EITHRESHOLD:
		old = file->threshold;
		if (value)
			file->threshold = *value & (KVM_DEV_RISCV_AIA_IDS_MAX - 1);
		return old;
	default:
		if (word > IDS / 64)
			return 0;
		old = model_word(flags, word);
		if (value)
			model_set_word(flags, word, *value);
		return old;
	}
}

static u64 model_topei(struct model_file *file, bool claim)
{
	unsigned int id = model_top(file);

	if (claim)
		file->pending[id] = false;
	return (u64)id << 16 | id;
}

/* ---- MSIs -------------------------------------------------------------------------------------- */

static void step_send(void)
{
	unsigned int v = (unsigned int)rnd(VCPUS), file = (unsigned int)rnd(FILES);
	unsigned int id = (unsigned int)rnd(IDS + 20);
	u64 data = id;

	switch (rnd(3)) {
	case 0:
		vm.vm->irqchip->send_msi(vm.vm, page_of(v, file), id);
		break;
	case 1:
		assert_true(vm.vm->irqchip->mmio(vcpus[0], page_of(v, file), 4, true, &data));
		break;
	default:
		aia_send_to_target(vm.vm, hart_of[v] << 18 | file << 12 | id, NULL);
	}
	if (id && id <= IDS)
		files[v][file].pending[id] = true;
}

/* ---- L1 and L2 --------------------------------------------------------------------------------- */

static unsigned long model_hip(void)
{
	unsigned long hgeip = model_hgeip(0);

	return (hgeip & vcpus[0]->nested.hgeie ? SGEI : 0) | (hgeip >> vgein() & 1 ? VSEI : 0);
}

/* What L1 is to take, and the hart does not know. */
static unsigned long model_pending(void)
{
	const struct nested *n = &vcpus[0]->nested;

	return model_hip() & n->hie & ~n->hideleg;
}

static unsigned long random_select(void)
{
	static const unsigned long selects[] = {
		IMSIC_EIDELIVERY,
		IMSIC_EITHRESHOLD,
		IMSIC_EIP0,
		IMSIC_EIP0 + 2,
		IMSIC_EIE0,
		IMSIC_EIE0 + 2,
		IMSIC_EIE0 + 1,
		IMSIC_EIE0 + 4,
		0x30,
		0x100,
		0x71, /* reserved */
		0x7e, /* reserved */
	};

	return selects[rnd(ARRAY_SIZE(selects))];
}

static bool register_exists(unsigned long select)
{
	return select >= IMSIC_EIDELIVERY && select <= IMSIC_EIE63 &&
	       (select < IMSIC_EIP0 || !(select & 1));
}

static u64 random_value(unsigned long select)
{
	if (select == IMSIC_EIDELIVERY)
		return rnd(8) != 0;
	if (select == IMSIC_EITHRESHOLD)
		return rnd(4) ? 0 : rnd(IDS + 1);
	return rnd(~0ULL) & rnd(~0ULL);
}

static void step_registers(void)
{
	struct model_file *file = vgein() ? &files[0][vgein()] : NULL;
	unsigned long select = random_select();
	u64 value = random_value(select), old;
	bool writes = rnd(2), done;

	if (rnd(3)) {
		write_csr(CSR_vsiselect, select);
		select = (unsigned long)vcpus[0]->nested.vsiselect;
		done = execute(CSR_vsireg, writes ? CSRRW : CSRRS, value, &old);
		assert_int_equal(done, file && register_exists(select));
		if (done)
			assert_true(old == model_register(file, select, writes ? &value : NULL));
	} else {
		done = execute(CSR_vstopei, writes ? CSRRW : CSRRS, 0, &old);
		assert_int_equal(done, file != NULL);
		if (done)
			assert_true(old == model_topei(file, writes));
	}
}

static void step_csrs(void)
{
	u64 value;

	switch (rnd(4)) {
	case 0:
		value = rnd(FILES);
		write_csr(CSR_hstatus, FIELD_PREP(HSTATUS_VGEIN, (unsigned long)value));
		assert_int_equal(vgein(), value);
		break;
	case 1:
		value = rnd(64);
		write_csr(CSR_hgeie, value);
		assert_int_equal(vcpus[0]->nested.hgeie, value & 0xe);
		break;
	case 2:
		value = rnd(2) * SGEI | rnd(2) * VSEI;
		write_csr(CSR_hie, value);
		assert_int_equal(read_csr(CSR_hie), value);
		break;
	default:
		value = rnd(2) * VSEI;
		write_csr(CSR_hideleg, value);
		assert_int_equal(read_csr(CSR_hideleg), value);
	}
}

static void assert_l1(void)
{
	unsigned long pending = model_pending();
	u64 stopi;

	assert_true(read_csr(CSR_hgeip) == model_hgeip(0));
	assert_true(read_csr(CSR_hip) == model_hip());
	nested_serve_irq(vcpus[0]);
	assert_int_equal(vcpus[0]->nested.watched, pending != 0);
	assert_int_equal(!(csr_read(hstateen0) & HSTATEEN0_AIA), pending != 0);
	if (!pending)
		return;
	assert_true(execute(CSR_stopi, CSRRS, 0, &stopi));
	assert_int_equal(stopi, (pending & SGEI ? IRQ_S_GEXT : IRQ_VS_EXT) << 16 | 1);
}

/* ---- L2 ---------------------------------------------------------------------------------------- */

static void assert_l2_line(void)
{
	const struct nested *n = &vcpus[0]->nested;
	bool line = model_hip() & n->hideleg & VSEI;

	assert_int_equal((csr_read(hvip) & VSEI) != 0, line);
	if (vgein())
		assert_int_equal(FIELD_GET(HVICTL_IPRIO, csr_read(hvictl)), line);
}

/* L2 accesses its file; what L0 does not carry out is a trap into L1. */
static void access_of_l2(void)
{
	struct kvm_vcpu *vcpu = vcpus[0];
	struct model_file *file = vgein() ? &files[0][vgein()] : NULL;
	bool top = rnd(2), writes = rnd(2), allowed;
	unsigned long select = random_select();
	u64 value = random_value(select), expected;
	struct hv_trap trap = { .scause = EXC_VIRTUAL_INST, .sepc = 0x1000 };

	csr_write(vsiselect, select);
	vcpu->guest.gpr[GPR_A1] = value;
	vcpu->guest.sepc = trap.sepc;
	vcpu->guest.sstatus |= SSTATUS_SPP;
	trap.stval = (top ? CSR_stopei : CSR_sireg) << 20 | 10 << 7 | 0x73;
	trap.stval |= writes ? CSRRW << 12 | 11 << 15 : CSRRS << 12;
	allowed = file && (vcpu->nested.hstateen0 & HSTATEEN0_IMSIC) &&
		  (top || (vcpu->nested.hstateen0 & HSTATEEN0_CSRIND));
	assert_int_equal(exit_nested(vcpu, &trap), RESUME_GUEST);
	if (!allowed || (!top && !register_exists(select))) {
		assert_false(vcpu->nested.v);
		assert_int_equal(csr_read(vscause), EXC_VIRTUAL_INST);
		return;
	}
	assert_true(vcpu->nested.v);
	assert_int_equal(vcpu->guest.sepc, trap.sepc + 4);
	expected = top ? model_topei(file, writes)
		       : model_register(file, select, writes ? &value : NULL);
	assert_true(vcpu->guest.gpr[GPR_A0] == expected);
	vmid_update(vcpu);
	if (vcpu->nested.v)
		assert_l2_line();
}

static void step_l2(void)
{
	struct kvm_vcpu *vcpu = vcpus[0];
	unsigned long pending = model_pending();

	vcpu_put(vcpu);
	nested_set_v(vcpu, true);
	vcpu_load(vcpu);
	vmid_update(vcpu);
	assert_int_equal(vcpu->nested.v, !pending);
	if (pending) {
		assert_int_equal(csr_read(vscause),
				 CAUSE_IRQ_FLAG | (pending & SGEI ? IRQ_S_GEXT : IRQ_VS_EXT));
	} else {
		assert_l2_line();
		if (rnd(2)) {
			step_send();
			vmid_update(vcpu);
			assert_int_equal(vcpu->nested.v, !model_pending());
		}
		if (vcpu->nested.v)
			access_of_l2();
	}
	if (vcpu->nested.v) {
		vcpu_put(vcpu);
		nested_set_v(vcpu, false);
		vcpu_load(vcpu);
	}
}

/* ---- user space -------------------------------------------------------------------------------- */

static void step_attribute(void)
{
	unsigned int v = (unsigned int)rnd(VCPUS), f = (unsigned int)rnd(FILES);
	unsigned long select = random_select();
	u64 value = random_value(select);
	u64 number = KVM_DEV_RISCV_AIA_IMSIC_MKATTR((u64)v, select) | KVM_DEV_HS_AIA_IMSIC_GUEST(f);

	if (!register_exists(select) || select % 64 / 2 > IDS / 64)
		return;
	if (rnd(2)) {
		assert_int_equal(set_attr(KVM_DEV_RISCV_AIA_GRP_IMSIC, number, value), 0);
		model_register(&files[v][f], select, &value);
	} else {
		assert_int_equal(attr(KVM_GET_DEVICE_ATTR, KVM_DEV_RISCV_AIA_GRP_IMSIC, number, 0),
				 0);
		memcpy(&value, native_user(NATIVE_USER_BASE + 256), sizeof(value));
		assert_true(value == model_register(&files[v][f], select, NULL));
	}
}

static void files_follow_the_model(void **state)
{
	unsigned int i;

	(void)state;
	memset(files, 0, sizeof(files));
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hstateen0, ~0ULL), 0);
	vcpu_load(vcpus[0]);
	for (i = 0; i < STEPS; i++) {
		switch (rnd(8)) {
		case 0:
		case 1:
			step_send();
			break;
		case 2:
		case 3:
			step_registers();
			break;
		case 4:
			step_csrs();
			break;
		case 5:
			step_attribute();
			break;
		case 6:
			step_l2();
			break;
		default:
			vcpu_put(vcpus[0]);
			if (!rnd(100)) {
				vm.vm->irqchip->reset_vcpu(vcpus[0]);
				memset(files[0], 0, sizeof(files[0]));
			}
			if (!rnd(4))
				nested_reg_set(vcpus[0], CSR_hstateen0,
					       rnd(2)   ? ~0ULL
					       : rnd(2) ? HSTATEEN0_IMSIC
							: 0);
			vcpu_load(vcpus[0]);
		}
		assert_l1();
	}
	vcpu_put(vcpus[0]);
	for (i = 1; i < VCPUS; i++)
		assert_int_equal(vcpus[i]->nested_host.hgeip, model_hgeip(i));
}

/* As for hstatus.VGEIN: a VMM must not lose L1's interrupt without an error. */
static void hgeie_holds_only_files_that_exist(void **state)
{
	const u64 all = GENMASK(FILES - 1, 1);

	(void)state;
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hgeie, all), 0);
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hgeie, all | BIT(FILES)), -EINVAL);
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hgeie, 1), -EINVAL);
	assert_int_equal(nested_reg_set(vcpus[0], CSR_hgeie, 0), 0);
	assert_int_equal(
		nested_reg_set(vcpus[0], CSR_hstatus, FIELD_PREP(HSTATUS_VGEIN, FILES + 0UL)),
		-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_FILES(files_follow_the_model),
		CASE_FILES(hgeie_holds_only_files_that_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
