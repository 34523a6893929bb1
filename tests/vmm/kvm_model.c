// SPDX-License-Identifier: MIT
/*
 * kvm_model.c - a model of the parts of KVM and of the VMM that the code of --save and --restore
 * needs.
 */
#include <errno.h>
#include <string.h>
#include "kvm_model.h"

const u64 ids[REGS] = {
	ID(U64, KVM_REG_RISCV_CONFIG, 0),
	CORE(0),
	CORE(1),
	CORE(10),
	ID(U64, KVM_REG_RISCV_CSR, 0),
	TIMER(frequency),
	TIMER(time),
	TIMER(compare),
	TIMER(state),
	ID(U32, KVM_REG_RISCV_FP_F, 3),
	ID(U64, KVM_REG_RISCV_FP_D, 3),
	ID(U256, KVM_REG_RISCV_VECTOR, 8),
	ISA(A),
	ISA(SSTC),
	ISA(ZBA),
	ID(U64, KVM_REG_RISCV_SBI_EXT, 2),
};

/* vCPU n's file descriptor is n. */
struct model models[VCPUS];
u64 absent, fixed;

int number_of(u64 id)
{
	for (int i = 0; i < REGS; i++) {
		if (ids[i] == id && id != absent)
			return i;
	}
	return -1;
}

size_t width(u64 id)
{
	return 1ul << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

int kvm_get_any_reg(int fd, u64 id, void *value)
{
	int n = number_of(id);

	if (n < 0)
		return -ENOENT;
	memcpy(value, models[fd].value[n], width(id));
	return 0;
}

int kvm_set_any_reg(int fd, u64 id, const void *value)
{
	struct model *model = &models[fd];
	int n = number_of(id);

	if (n < 0)
		return -ENOENT;
	if (id == fixed && memcmp(model->value[n], value, width(id)))
		return -EINVAL;
	memcpy(model->value[n], value, width(id));
	if (model->sets < REGS)
		model->order[model->sets++] = n;
	return 0;
}

int kvm_list_regs(int fd, struct kvm_reg_list *list)
{
	u64 room = list->n;

	(void)fd;
	list->n = absent ? REGS - 1 : REGS;
	if (room < list->n)
		return -E2BIG;
	for (int i = 0, n = 0; i < REGS; i++) {
		if (ids[i] != absent)
			list->reg[n++] = ids[i];
	}
	return 0;
}

int kvm_set_mp_state(int fd, u32 state)
{
	models[fd].mp_state = state;
	return state <= KVM_MP_STATE_STOPPED ? 0 : -EINVAL;
}

int kvm_get_timer(int fd, unsigned int index, u64 *value)
{
	return kvm_get_any_reg(fd, ID(U64, KVM_REG_RISCV_TIMER, index), value);
}

int kvm_set_timer(int fd, unsigned int index, u64 value)
{
	return kvm_set_any_reg(fd, ID(U64, KVM_REG_RISCV_TIMER, index), &value);
}

int kvm_call_named(int fd, unsigned long request, const char *name, unsigned long arg)
{
	(void)name;
	if (request == KVM_INTERRUPT)
		models[fd].interrupted =
			((struct kvm_interrupt *)arg)->irq == (u32)KVM_INTERRUPT_SET;
	if (request == KVM_GET_MP_STATE)
		((struct kvm_mp_state *)arg)->mp_state = models[fd].mp_state;
	return 0;
}

int kvm_capability(const struct machine *m, unsigned int capability)
{
	(void)m;
	(void)capability;
	return 0;
}

/* ---- the rest of the VMM ---- */

struct machine machine;

/* Devices report the time to a guest, but no guest runs in these tests. */
u64 clock_now(void)
{
	return 0;
}

void *machine_ram(struct machine *m, gpa_t gpa, u64 len)
{
	u64 offset = gpa - RAM_BASE;

	if (gpa < RAM_BASE || offset > m->ram_size || len > m->ram_size - offset)
		return NULL;
	return m->ram + offset;
}

int machine_log_writes(struct machine *m, bool on)
{
	(void)m;
	(void)on;
	return 0;
}

bool machine_ends(struct machine *m)
{
	return m->stopping;
}

void machine_stop(struct machine *m, enum stop_reason reason, int status)
{
	(void)m;
	(void)reason;
	(void)status;
}
