// SPDX-License-Identifier: MIT
/*
 * mmio.c - emulate an access to a guest physical address that is not memory.
 *
 * With mmio_decode=htinst (the default), the register and the width come from htinst if the
 * hardware has provided the transformed instruction there. Otherwise, they come from the
 * instruction itself, which is fetched again in the way the guest would fetch it (H §3.1: HLVX).
 * Accesses are first offered to the VM's interrupt controller, if it is in the kernel (irqchip.h),
 * and then stores to ioeventfds and coalesced-MMIO rings (bus.c). All other emulated accesses go to
 * user space as KVM_EXIT_MMIO, and user space's answer takes effect once, at the next KVM_RUN.
 *
 * Only naturally aligned integer loads and stores of 1, 2, 4 and 8 bytes are emulated. All other
 * accesses get the answer of hardware whose I/O region supports neither atomics nor FP nor
 * misaligned accesses: the access fault that fits the trap (H §6.1: load, or store/AMO), at the
 * address that faulted:
 *
 *   AMO, SC, cbo.*, FP and vector stores     store/AMO access fault
 *   LR, FP and vector loads                  load access fault
 *   misaligned, also across a page           load or store access fault
 *   guest page-table entry, or a fetch       see gstage_fault.c
 *
 * The new fetch may read a different instruction from the one that trapped, because another vCPU
 * may have changed the code or the mapping meanwhile. If this instruction does not access memory,
 * or is an integer load or store that cannot have made the access, the guest continues at the same
 * pc, where it may trap again. If the new fetch faults, the guest gets the instruction fault that
 * its own fetch would raise, or, if the fault is in the G-stage, continues at the same pc.
 *
 * Walkthrough: docs/mmio.md
 */
#include "hv/trace.h"
#include "exit/bus.h"
#include "exit/exit.h"
#include "exit/insn_decode.h"
#include "irqchip.h"
#include "mmu/tlb.h"
#include "mmu/unpriv.h"
#include "request.h"
#include "toggle.h"
#include "vcpu/irq.h"

/* What to do about a trap: the result of decoding its instruction. */
enum verdict {
	VERDICT_EMULATE,
	VERDICT_ACCESS_FAULT, /* to the guest */
	VERDICT_RESUME,       /* continue the guest at the same pc, or with the fetch's trap */
};

static bool trap_is_store(const struct hv_trap *trap)
{
	return trap->scause == EXC_STORE_GUEST_PAGE_FAULT;
}

/* Handle a trap that the new fetch of the instruction has raised. */
static void refetch_failed(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
			   const struct hv_trap *fetch)
{
	unsigned long cause = EXC_INST_PAGE_FAULT;

	/*
	 * G-stage fault: the host has taken back the page of the instruction. The guest's own fetch
	 * will fault it in again. The specification requires cause 21 here (H §3.1, a load). QEMU
	 * raises cause 12 instead, with htval set; for a VS-stage fault, htval is 0.
	 *
	 * If the page has been mapped again, the guest's fetch succeeds, and this hart may still
	 * remember for loads that the page was absent.
	 */
	if (fetch->scause == EXC_LOAD_GUEST_PAGE_FAULT ||
	    fetch->scause == EXC_INST_GUEST_PAGE_FAULT || fetch->htval) {
		tlb_flush_vm_local(vcpu->kvm);
		return;
	}
	/* HLVX raises the causes of a load, but to the guest this is a fetch. */
	if (fetch->scause == EXC_LOAD_ACCESS_FAULT || fetch->scause == EXC_INST_ACCESS_FAULT)
		cause = EXC_INST_ACCESS_FAULT;
	vcpu_inject_trap(vcpu, cause, trap->sepc, fetch->stval);
}

static unsigned long gpr_read(const struct kvm_vcpu *vcpu, unsigned int reg)
{
	return reg ? vcpu->guest.gpr[reg] : 0;
}

/*
 * Can the fetched instruction have made the access that trapped? *distance receives the number of
 * bytes from the address of the access to the address that faulted. Only the low 32 bits of the
 * addresses are compared: pointer masking, or UXL = 32, may have changed the upper bits.
 */
static bool access_matches(const struct kvm_vcpu *vcpu, const struct hv_trap *trap,
			   const struct access_insn *access, unsigned int *distance)
{
	/* lab 5: write access_matches: can this instruction have made the access that trapped? */
	u32 address = (u32)(gpr_read(vcpu, access->base) + (unsigned long)access->offset);

	*distance = (u32)trap->stval - address;
	return (access->kind == ACCESS_STORE) == trap_is_store(trap) && *distance < access->len;
	/* lab 5 end */
}

static enum verdict decode_fetched(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
				   struct access_insn *access, unsigned int *distance)
{
	struct hv_trap fetch;
	unsigned long insn = unpriv_read(vcpu, true, trap->sepc, &fetch);

	if (fetch.scause) {
		refetch_failed(vcpu, trap, &fetch);
		return VERDICT_RESUME;
	}
	trace_kvm_mmio_insn(insn, true, trap->sepc);
	/* lab 5: write the verdict on the instruction that was fetched */
	insn_decode_access(insn, access);
	if (access->kind == ACCESS_OTHER)
		return VERDICT_ACCESS_FAULT;
	if (access->kind == ACCESS_NONE || !access_matches(vcpu, trap, access, distance))
		return VERDICT_RESUME;
	return VERDICT_EMULATE;
	/* lab 5 end */
}

static enum verdict decode(struct kvm_vcpu *vcpu, const struct hv_trap *trap, gpa_t gpa,
			   struct access_insn *access)
{
	/* lab 5: write decode: take the instruction from htinst or fetch it, return the verdict */
	enum verdict verdict = VERDICT_EMULATE;
	unsigned int distance = 0; /* from the access's first byte to the one that faulted */

	/* Bit 0 tells a transformed instruction from 0 and from a pseudoinstruction. */
	if ((trap->htinst & 1) && !vcpu->kvm->toggle[TOGGLE_mmio_decode]) {
		trace_kvm_mmio_insn(trap->htinst, false, trap->sepc);
		insn_decode_htinst(trap->htinst, access, &distance);
		if (access->kind != ACCESS_LOAD && access->kind != ACCESS_STORE)
			return VERDICT_ACCESS_FAULT;
	} else {
		verdict = decode_fetched(vcpu, trap, access, &distance);
	}
	if (verdict == VERDICT_EMULATE && (distance | ((u32)gpa & (access->len - 1))))
		return VERDICT_ACCESS_FAULT;
	return verdict;
	/* lab 5 end */
}

static u64 width_mask(unsigned int len)
{
	return ~0ULL >> (64 - 8 * len);
}

static unsigned long extend(u64 data, unsigned int len, bool sign)
{
	/* lab 5: write extend: the register's value after a load of len bytes */
	unsigned int unused = 64 - 8 * len;

	data <<= unused;
	return (unsigned long)(sign ? (u64)((s64)data >> unused) : data >> unused);
	/* lab 5 end */
}

static void mmio_complete(struct kvm_vcpu *vcpu)
{
	/* lab 5: write mmio_complete: finish the access with user space's answer */
	const struct mmio_access *mmio = &vcpu->completion.mmio;
	u64 data;

	if (!mmio->is_store) {
		/* User space may change struct kvm_run at the same time: read the data once. */
		data = READ_ONCE(*(const u64 *)vcpu->run->mmio.data);
		if (mmio->reg)
			vcpu->guest.gpr[mmio->reg] = extend(data, mmio->len, mmio->sign_extend);
		trace_kvm_mmio(MMIO_READ, mmio->len, mmio->gpa, data & width_mask(mmio->len),
			       false);
	}
	vcpu->guest.sepc += mmio->insn_len;
	/* lab 5 end */
}

/* Not inlined, because the walkthrough stops at this function. */
static __attribute__((noinline)) int exit_to_user(struct kvm_vcpu *vcpu)
{
	const struct mmio_access *mmio = &vcpu->completion.mmio;
	struct kvm_run *run = vcpu->run;

	vcpu->completion.complete = mmio_complete;
	vcpu->stats.mmio_exit_user++;
	trace_exit_class(&vcpu->exit_clock,
			 mmio->is_store ? EXIT_MMIO_WRITE_USER : EXIT_MMIO_READ_USER);
	/* lab 5: write the exit: fill in kvm_run for user space */
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = mmio->gpa;
	run->mmio.len = mmio->len;
	run->mmio.is_write = mmio->is_store;
	*(u64 *)run->mmio.data = mmio->data; /* lowest byte first, as in the guest */
	return RESUME_USER;
	/* lab 5 end */
}

/*
 * The irqchip or a device on the bus has carried out the access. Let the fast path carry out the
 * next one to this word, if it will need neither a look at the memory map (device_gfn) nor a
 * fetch. Not with wfi=native: the device may wake a thread that wants this hart, and the fast path
 * does not load the hstatus that wfi_native.c has then changed.
 */
static void remember(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		     const struct access_insn *access, gpa_t gpa, bool on_bus)
{
	if (access->len == 4 && (trap->htinst & 1) && !vcpu->kvm->toggle[TOGGLE_mmio_decode] &&
	    gpa_to_gfn(gpa) == vcpu->device_gfn && gpa && !vcpu->wfi_native)
		device_word_remember(vcpu, (unsigned long)(gpa >> 2), on_bus);
}

/*
 * Likewise, for a store on the bus. While any event is on, the fast path declines these stores. A
 * controller that user space has not initialized yet could later own the word. Zones are left to
 * the slow path: their ring is in memory that user space could make the guest's (switch_fast.S).
 */
static void remember_ioeventfd(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
			       const struct access_insn *access, gpa_t gpa)
{
	const struct kvm *vm = vcpu->kvm;

	if (!trace_any() && !bus_has_zones(vm) && (!irqchip_of(vm) || irqchip_is_ready(vm)))
		remember(vcpu, trap, access, gpa, true);
}

/* The VM's interrupt controller in the kernel has carried out the access. */
static int done_by_irqchip(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
			   const struct access_insn *access, gpa_t gpa, u64 data)
{
	bool is_store = access->kind == ACCESS_STORE;

	if (!is_store && access->reg)
		vcpu->guest.gpr[access->reg] = extend(data, access->len, access->sign_extend);
	trace_kvm_mmio(is_store ? MMIO_WRITE : MMIO_READ, access->len, gpa, data, true);
	if (READ_ONCE(vcpu->irq_changed))
		vcpu_flush_irqs(vcpu);
	remember(vcpu, trap, access, gpa, false);
	vcpu_yield_if_needed(vcpu);
	vcpu->stats.mmio_exit_kernel++;
	trace_exit_class(&vcpu->exit_clock, EXIT_IRQCHIP);
	vcpu->guest.sepc += access->insn_len;
	return RESUME_GUEST;
}

int mmio_emulate(struct kvm_vcpu *vcpu, const struct hv_trap *trap, gpa_t gpa)
{
	struct access_insn access;
	struct mmio_access *mmio = &vcpu->completion.mmio;
	u64 data = 0;
	int err;

	switch (decode(vcpu, trap, gpa, &access)) {
	case VERDICT_ACCESS_FAULT:
		return vcpu_inject_access_fault(vcpu, trap);
	case VERDICT_RESUME:
		return RESUME_GUEST;
	case VERDICT_EMULATE:
		break;
	}

	/* lab 5: write the emulation: record the access, complete it here or exit to user space */
	if (access.kind == ACCESS_STORE)
		data = gpr_read(vcpu, access.reg) & width_mask(access.len);
	if (irqchip_is_ready(vcpu->kvm) &&
	    vcpu->kvm->irqchip->mmio(vcpu, gpa, access.len, access.kind == ACCESS_STORE, &data))
		return done_by_irqchip(vcpu, trap, &access, gpa, data);
	if (access.kind == ACCESS_STORE) {
		err = bus_store(vcpu, gpa, access.len, data);
		trace_kvm_mmio(MMIO_WRITE, access.len, gpa, data, !err);
		if (!err) {
			vcpu->stats.mmio_exit_kernel++;
			trace_exit_class(&vcpu->exit_clock, EXIT_MMIO_KERNEL);
			vcpu->guest.sepc += access.insn_len;
			remember_ioeventfd(vcpu, trap, &access, gpa);
			vcpu_yield_if_needed(vcpu);
			return RESUME_GUEST;
		}
	}
	mmio->gpa = gpa;
	mmio->data = data;
	mmio->len = access.len;
	mmio->reg = access.reg;
	mmio->insn_len = access.insn_len;
	mmio->is_store = access.kind == ACCESS_STORE;
	mmio->sign_extend = access.sign_extend;
	return exit_to_user(vcpu);
	/* lab 5 end */
}
