// SPDX-License-Identifier: MIT
/*
 * switch_model.c - model the world switch, the FP unit and the vector unit. The guest is a
 * function.
 */
#include <string.h>
#include "native.h"
#include "native_host.h"
#include "kvm_asm.h"
#include "hv/trace.h"

void (*native_guest)(struct kvm_vcpu *vcpu);
unsigned long native_fast_exits;
static struct fp_state fp_unit[HV_MAX_HARTS];
static struct {
	struct vector_state state;
	u8 bytes[32 * NATIVE_VLENB];
} vector_unit[HV_MAX_HARTS];

void native_trap(const struct hv_trap *trap)
{
	native_csr_poke(CSR_scause, trap->scause);
	native_csr_poke(CSR_stval, trap->stval);
	native_csr_poke(CSR_htval, trap->htval);
	native_csr_poke(CSR_htinst, trap->htinst);
}

/* Overwrite the fields that vcpu_fast_*() must neither read nor change: see exit/exit.h. */
static void hide(struct guest_context *guest, unsigned long with)
{
	static const u8 hidden[] = { 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27 };
	unsigned int i;

	for (i = 0; i < sizeof(hidden); i++)
		guest->gpr[hidden[i]] = with + i;
	guest->sepc = guest->sstatus = guest->hstatus = with;
}

/* Copy the registers whose bits in `set` are 1. */
static void copy_registers(unsigned long *to, const unsigned long *from, u32 set)
{
	for (unsigned int i = 1; i < 32; i++)
		if (set >> i & 1)
			to[i] = from[i];
}

/* `data` is the set of registers that are not hidden. */
static void check_hidden(const struct guest_context *guest, unsigned long with, u32 data)
{
	struct guest_context hidden = *guest;

	hide(&hidden, with);
	copy_registers(hidden.gpr, guest->gpr, data);
	if (memcmp(&hidden, guest, sizeof(hidden)))
		hv_panic("the fast path has changed registers that are not its own\n");
}

typedef struct fast_exit fast_fn(struct kvm_vcpu *vcpu);

/* Return the function that switch_fast.S calls, or NULL if it jumps to switch.S. */
static fast_fn *fast_handler(const struct kvm_vcpu *vcpu)
{
	unsigned long scause = native_csr_read(CSR_scause), htval = native_csr_read(CSR_htval);

	if (vcpu->exit_vector == (unsigned long)vcpu_exit_nested) {
		if (scause == EXC_VIRTUAL_INST && (native_csr_read(CSR_stval) >> 12 & 3))
			return vcpu_fast_csr;
		if (vcpu->special & SPECIAL_NESTED)
			return NULL;
	} else if (vcpu->exit_vector != (unsigned long)vcpu_exit_fast) {
		return NULL;
	}
	if (scause == EXC_ECALL_VS)
		return vcpu_fast_sbi;
	if (scause == EXC_VIRTUAL_INST)
		return vcpu_fast_virtual_inst;
	if (htval != vcpu->device_words[htval >> (PAGE_SHIFT - 2) & (DEVICE_WORDS - 1)])
		return NULL;
	return scause == EXC_LOAD_GUEST_PAGE_FAULT ? vcpu_fast_load : vcpu_fast_store;
}

/* Return the set of registers, of those that C preserves, that are in memory for `handler`. */
static u32 data_registers(fast_fn *handler)
{
	unsigned long htinst = native_csr_read(CSR_htinst), stval = native_csr_read(CSR_stval);

	if (handler == vcpu_fast_load)
		return 1U << (htinst >> 7 & 31);
	if (handler == vcpu_fast_store)
		return 1U << (htinst >> 20 & 31);
	return handler == vcpu_fast_csr ? 1U << (stval >> 7 & 31) | 1U << (stval >> 15 & 31) : 0;
}

/* Model switch_fast.S. Returns true if the fast path finished the exit: the guest continues. */
static bool is_finished(struct kvm_vcpu *vcpu)
{
	static const unsigned long pattern = 0x5ee5ee00;
	const struct guest_context guest = vcpu->guest;
	fast_fn *handler = fast_handler(vcpu);
	struct guest_context after;
	struct fast_exit exit;
	unsigned int i;
	u32 data;

	if (!handler)
		return false;
	native_csr_poke(CSR_sepc, guest.sepc);
	native_csr_poke(CSR_sstatus, guest.sstatus);
	if (trace_exit_key.enabled)
		trace_exit_begin_full(&vcpu->exit_clock, native_csr_read(CSR_scause));
	hide(&vcpu->guest, pattern);
	data = data_registers(handler);
	copy_registers(vcpu->guest.gpr, guest.gpr, data);
	exit = handler(vcpu);
	if (exit.vcpu != vcpu)
		hv_panic("the fast path has returned another vCPU\n");
	check_hidden(&vcpu->guest, pattern, data);
	after = vcpu->guest;
	vcpu->guest.sepc = native_csr_read(CSR_sepc);
	vcpu->guest.sstatus = guest.sstatus;
	vcpu->guest.hstatus = guest.hstatus;
	for (i = 8; i <= 27; i += i == 9 ? 9 : 1)
		vcpu->guest.gpr[i] = guest.gpr[i];
	copy_registers(vcpu->guest.gpr, after.gpr, data);
	if (exit.class && trace_exit_key.enabled) {
		vcpu->exit_clock.offset = exit.class;
		trace_exit_end_full(&vcpu->exit_clock);
	}
	__atomic_fetch_add(&native_fast_exits, exit.class != 0, __ATOMIC_RELAXED);
	return exit.class;
}

void vcpu_switch(struct kvm_vcpu *vcpu)
{
	native_modes_check();
	do {
		native_trap(&(struct hv_trap){ .scause = 24 });
		if (native_guest)
			native_guest(vcpu);
		vcpu->guest.sepc &= ~1UL; /* bit 0 of the CSR is always zero (S §1.7) */
	} while (is_finished(vcpu));
}

void vcpu_exit_vector(void)
{
	hv_panic("native machine: the exit vector must not be called\n");
}

void vcpu_exit_fast(void)
{
	hv_panic("native machine: the fast exit vector must not be called\n");
}

void vcpu_exit_nested(void)
{
	hv_panic("native machine: a guest hypervisor's exit vector must not be called\n");
}

struct fp_state *native_fp_unit(void)
{
	return &fp_unit[hv_hart()];
}

struct vector_state *native_vector_unit(void)
{
	return &vector_unit[hv_hart()].state;
}

void fp_save_regs(struct fp_state *fp)
{
	*fp = fp_unit[hv_hart()];
}

unsigned long redirect_probe(void)
{
	return EXC_ILLEGAL_INST;
}

void fp_save_fcsr(struct fp_state *fp)
{
	fp->fcsr = fp_unit[hv_hart()].fcsr;
}

void fp_restore_regs(const struct fp_state *fp)
{
	fp_unit[hv_hart()] = *fp;
}

void vector_save_regs(struct vector_state *vector)
{
	u8 *regs = vector->regs;

	memcpy(regs, vector_unit[hv_hart()].bytes, sizeof(vector_unit[0].bytes));
	*vector = vector_unit[hv_hart()].state;
	vector->regs = regs;
}

void vector_save_csrs(struct vector_state *vector)
{
	u8 *regs = vector->regs;

	*vector = vector_unit[hv_hart()].state;
	vector->regs = regs;
}

void vector_restore_regs(const struct vector_state *vector)
{
	memcpy(vector_unit[hv_hart()].bytes, vector->regs, sizeof(vector_unit[0].bytes));
	vector_unit[hv_hart()].state = *vector;
	vector_unit[hv_hart()].state.regs = vector_unit[hv_hart()].bytes;
}

void native_switch_reset(void)
{
	unsigned int i;

	native_guest = NULL;
	native_fast_exits = 0;
	for (i = 0; i < HV_MAX_HARTS; i++) {
		fp_unit[i] = (struct fp_state){ 0 };
		memset(&vector_unit[i], 0, sizeof(vector_unit[i]));
		vector_unit[i].state.regs = vector_unit[i].bytes;
	}
}
