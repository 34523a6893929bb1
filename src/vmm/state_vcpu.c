// SPDX-License-Identifier: MIT
/*
 * state_vcpu.c - save and restore a vCPU: its HSM state, and every register that KVM lists.
 *
 *   u32 HSM state, u32 number of registers; then for each register: u64 id, and the value in as
 *   many bytes as the id specifies, rounded up to a multiple of 8
 *
 * Registers are set in this order (Documentation/virt/kvm/api.rst and the code of arch/riscv/kvm):
 *
 *   1. ISA_EXT, SBI_EXT, CONFIG: the kind of vCPU. Registers exist only with their extension,
 *      which cannot be changed after the first KVM_RUN. Values that are already right are not
 *      set; extensions that only this host has are switched off.
 *   2. the guest's time, once for the VM (before this file's code runs, by state_machine.c): the
 *      timer is compared with it
 *   3. all other registers; of the FP registers, only those of D if there are any, since those of
 *      F are a view of the same registers
 *   4. the timer, which may be due at once; if sip were set later, that would clear the timer's
 *      interrupt. compare is set first, and then the state, which starts the timer with the
 *      value of compare.
 *   5. HSM state
 *   6. the external interrupt, by KVM_INTERRUPT (irqchip_state()): this interrupt is also in sip, but
 *      KVM keeps the line separately
 *
 * All of this happens while the vCPU is outside KVM_RUN.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../include/hv/kvm_pmu.h"
#include "state.h"

#define REG_BYTES_MAX 256 /* KVM_REG_SIZE_U2048, for a vector register */
#define REGS_MAX      4096

#define TYPE(id)      ((id) & (u64)KVM_REG_RISCV_TYPE_MASK)
#define NUMBER(id)    ((id) & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | (u64)KVM_REG_RISCV_TYPE_MASK))
#define REG_BYTES(id) (1ul << (((id)&KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT))

struct reg {
	u64 id;
	u8 value[REG_BYTES_MAX];
};

static const char *type_name(u64 id)
{
	switch (TYPE(id)) {
	case KVM_REG_RISCV_CONFIG:
		return "CONFIG";
	case KVM_REG_RISCV_CORE:
		return "CORE";
	case KVM_REG_RISCV_CSR:
		return "CSR";
	case KVM_REG_RISCV_TIMER:
		return "TIMER";
	case KVM_REG_RISCV_FP_F:
	case KVM_REG_RISCV_FP_D:
		return "FP";
	case KVM_REG_RISCV_VECTOR:
		return "VECTOR";
	case KVM_REG_RISCV_ISA_EXT:
		return "ISA_EXT";
	case KVM_REG_RISCV_SBI_EXT:
		return "SBI_EXT";
	case KVM_REG_RISCV_SBI_STATE:
		return "SBI_STATE";
	case KVM_REG_RISCV_HS_PMU:
		return "PMU";
	}
	return "unknown";
}

/* ---- saving --------------------------------------------------------------------------------- */

/* Returns NULL if memory could not be allocated. */
static struct kvm_reg_list *list_regs(struct vcpu *vcpu)
{
	struct kvm_reg_list none = { 0 }, *list;
	int err = kvm_list_regs(vcpu->fd, &none);

	if (err != -E2BIG || none.n > REGS_MAX)
		die(STATUS_SETUP, "KVM_GET_REG_LIST of vCPU %u: errno %d", vcpu->id, -err);
	list = calloc(1, sizeof(*list) + none.n * sizeof(list->reg[0]));
	if (!list)
		return NULL;
	list->n = none.n;
	err = kvm_list_regs(vcpu->fd, list);
	if (err)
		die(STATUS_SETUP, "KVM_GET_REG_LIST of vCPU %u: errno %d", vcpu->id, -err);
	return list;
}

static void reg_state(struct state *s, struct reg *reg)
{
	STATE(s, reg->id);
	if (REG_BYTES(reg->id) > REG_BYTES_MAX)
		state_refuse(s, "a register is too wide");
	else
		state_bytes(s, reg->value, ALIGN_UP(REG_BYTES(reg->id), sizeof(u64)));
}

/*
 * The guest's time belongs to the VM and keeps running: it is read once, for the section "machine".
 */
static bool is_time(u64 id)
{
	return TYPE(id) == KVM_REG_RISCV_TIMER && NUMBER(id) == KVM_REG_RISCV_TIMER_REG(time);
}

bool register_is_hidden(const struct vcpu *vcpu, u64 id)
{
	if (!vcpu->machine->options.linux_6_12)
		return false;
	id = TYPE(id) | NUMBER(id);
	switch (TYPE(id)) {
	case KVM_REG_RISCV_CONFIG:
		return id == REG_CONFIG_ZICBOP_BLOCK_SIZE;
	case KVM_REG_RISCV_ISA_EXT: /* Zawrs and STA have the highest numbers of Linux 6.12 */
		return id > REG_ISA(KVM_RISCV_ISA_EXT_ZAWRS);
	case KVM_REG_RISCV_SBI_EXT:
		return id > REG_SBI(KVM_RISCV_SBI_EXT_STA);
	}
	return false;
}

static bool is_saved(const struct vcpu *vcpu, u64 id)
{
	return !is_time(id) && !register_is_hidden(vcpu, id);
}

static void save_regs(struct vcpu *vcpu, struct state *s)
{
	struct kvm_reg_list *list = list_regs(vcpu);
	u32 count = 0;

	if (!list) {
		state_no_memory(s);
		return;
	}
	for (u64 i = 0; i < list->n; i++)
		count += is_saved(vcpu, list->reg[i]);
	STATE(s, count);
	for (u64 i = 0; i < list->n; i++) {
		struct reg reg = { .id = list->reg[i] };
		int err;

		if (!is_saved(vcpu, reg.id))
			continue;
		err = kvm_get_any_reg(vcpu->fd, reg.id, reg.value);
		if (err)
			die(STATUS_SETUP, "KVM_GET_ONE_REG 0x%llx of vCPU %u: errno %d",
			    (unsigned long long)reg.id, vcpu->id, -err);
		reg_state(s, &reg);
	}
	free(list);
}

/* ---- restoring ------------------------------------------------------------------------------ */

struct regs {
	struct reg *reg;
	u32 count;
};

static const struct reg *find(const struct regs *regs, u64 id)
{
	for (u32 i = 0; i < regs->count; i++) {
		if (regs->reg[i].id == id)
			return &regs->reg[i];
	}
	return NULL;
}

static unsigned long long first_word(const struct reg *reg)
{
	u64 word;

	memcpy(&word, reg->value, sizeof(word));
	return word;
}

static void set_reg(struct vcpu *vcpu, const struct reg *reg)
{
	int err = kvm_set_any_reg(vcpu->fd, reg->id, reg->value);

	if (err)
		die(STATUS_SETUP,
		    "--restore: cannot set vCPU %u's register 0x%llx (%s %llu) to 0x%llx on "
		    "this host: errno %d; the host's extensions, timer frequency and register "
		    "sizes, and --irqchip, must be as at the save",
		    vcpu->id, (unsigned long long)reg->id, type_name(reg->id),
		    (unsigned long long)NUMBER(reg->id) & 0xffff, first_word(reg), -err);
}

/*
 * Set a register that specifies the kind of vCPU, unless it already has the saved value. An
 * extension that is off in the saved state may be missing on this host.
 */
static void set_identity(struct vcpu *vcpu, const struct reg *reg)
{
	struct reg now = { .id = reg->id };
	int err = kvm_get_any_reg(vcpu->fd, reg->id, now.value);

	if (register_is_hidden(vcpu, reg->id) && first_word(reg))
		die(STATUS_USAGE,
		    "--linux-6.12: the VM was saved without this option: it has %s %llu",
		    type_name(reg->id), (unsigned long long)NUMBER(reg->id) & 0xffff);
	if (err && TYPE(reg->id) != KVM_REG_RISCV_CONFIG && !first_word(reg))
		return;
	if (err || memcmp(now.value, reg->value, sizeof(now.value)))
		set_reg(vcpu, reg);
}

static void set_identities(struct vcpu *vcpu, const struct regs *regs, u64 type)
{
	for (u32 i = 0; i < regs->count; i++) {
		if (TYPE(regs->reg[i].id) == type)
			set_identity(vcpu, &regs->reg[i]);
	}
}

/*
 * Switch off the extensions that are not in `regs` because only this host has them or, if `regs` is
 * NULL, those that --linux-6.12 hides. If KVM refuses, the guest keeps an extension that it is never
 * told about.
 */
static void switch_others_off(struct vcpu *vcpu, const struct regs *regs)
{
	struct kvm_reg_list *list = list_regs(vcpu);

	if (!list)
		die(STATUS_SETUP, "no memory for vCPU %u's registers", vcpu->id);
	for (u64 i = 0; i < list->n; i++) {
		u64 id = list->reg[i];
		struct reg off = { .id = id };

		if ((TYPE(id) == KVM_REG_RISCV_ISA_EXT || TYPE(id) == KVM_REG_RISCV_SBI_EXT) &&
		    (regs ? !find(regs, id) : register_is_hidden(vcpu, id)))
			kvm_set_any_reg(vcpu->fd, id, off.value);
	}
	free(list);
}

void vcpu_hide_extensions(struct vcpu *vcpu)
{
	switch_others_off(vcpu, NULL);
}

static bool is_identity(u64 id)
{
	return TYPE(id) == KVM_REG_RISCV_CONFIG || TYPE(id) == KVM_REG_RISCV_ISA_EXT ||
	       TYPE(id) == KVM_REG_RISCV_SBI_EXT;
}

static void set_rest(struct vcpu *vcpu, const struct regs *regs)
{
	/* lab 10: write set_rest: step 3 of the order above */
	bool has_d = false;

	for (u32 i = 0; i < regs->count; i++)
		has_d = has_d || TYPE(regs->reg[i].id) == KVM_REG_RISCV_FP_D;
	for (u32 i = 0; i < regs->count; i++) {
		u64 type = TYPE(regs->reg[i].id);

		if (!is_identity(regs->reg[i].id) && type != KVM_REG_RISCV_TIMER &&
		    (type != KVM_REG_RISCV_FP_F || !has_d))
			set_reg(vcpu, &regs->reg[i]);
	}
	/* lab 10 end */
}

#define TIMER_ID(name) \
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(name))
#define SSTC_ID                                                                      \
	(KVM_REG_RISCV | (sizeof(long) == 8 ? KVM_REG_SIZE_U64 : KVM_REG_SIZE_U32) | \
	 KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE | KVM_RISCV_ISA_EXT_SSTC)

/*
 * A timer that was off is left as it is in a new vCPU. With Sstc, the guest's stimecmp is always
 * compared with the time, but Linux 6.12 reports the state "off", because no SBI call set the
 * timer. So with Sstc, compare alone decides whether the timer is on (all ones: off).
 */
static void set_timer(struct vcpu *vcpu, const struct regs *regs, struct state *s)
{
	const struct reg *frequency = find(regs, TIMER_ID(frequency));
	const struct reg *compare = find(regs, TIMER_ID(compare));
	const struct reg *state = find(regs, TIMER_ID(state));
	const struct reg *sstc = find(regs, SSTC_ID);
	struct reg on = { .id = TIMER_ID(state), .value = { KVM_RISCV_TIMER_STATE_ON } };

	if (!frequency || !compare || !state) {
		state_refuse(s, "the timer's registers are missing");
		return;
	}
	set_reg(vcpu, frequency); /* refused if it differs from this host's */
	/* lab 10: write step 4: whether a timer is set, and in which order its registers are set */
	if (first_word(compare) == ~0ull ||
	    (first_word(state) != KVM_RISCV_TIMER_STATE_ON && !(sstc && first_word(sstc))))
		return;
	set_reg(vcpu, compare);
	set_reg(vcpu, &on);
	/* lab 10 end */
}

static bool load_regs(struct regs *regs, struct state *s)
{
	STATE(s, regs->count);
	if (s->bad || regs->count > REGS_MAX) {
		state_refuse(s, "too many registers");
		return false;
	}
	regs->reg = calloc(regs->count, sizeof(*regs->reg));
	if (!regs->reg)
		die(STATUS_SETUP, "no memory for the registers");
	for (u32 i = 0; i < regs->count && !s->bad; i++)
		reg_state(s, &regs->reg[i]);
	return !s->bad;
}

#define PMU_ID(num) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_HS_PMU | (num))

/*
 * Only hyperscope has registers for the state of the PMU. On another host, leave them out: the
 * guest's counters are then as after a reset.
 */
static void drop_pmu(struct vcpu *vcpu, struct regs *regs)
{
	const struct reg *claimed = find(regs, PMU_ID(KVM_HS_PMU_CLAIMED));
	struct reg here = { .id = PMU_ID(KVM_HS_PMU_LAYOUT) };
	u32 kept = 0;

	if (!claimed || kvm_get_any_reg(vcpu->fd, here.id, here.value) != -ENOENT)
		return;
	if (first_word(claimed))
		complain("--restore: vCPU %u loses its performance counters, which this host "
			 "cannot restore",
			 vcpu->id);
	for (u32 i = 0; i < regs->count; i++) {
		if (TYPE(regs->reg[i].id) != KVM_REG_RISCV_HS_PMU)
			regs->reg[kept++] = regs->reg[i];
	}
	regs->count = kept;
}

static void restore_regs(struct vcpu *vcpu, struct state *s)
{
	struct regs regs = { 0 };

	if (load_regs(&regs, s)) {
		drop_pmu(vcpu, &regs);
		/* lab 10: write steps 1, 3 and 4, in this order */
		set_identities(vcpu, &regs, KVM_REG_RISCV_ISA_EXT);
		set_identities(vcpu, &regs, KVM_REG_RISCV_SBI_EXT);
		switch_others_off(vcpu, &regs);
		set_identities(vcpu, &regs, KVM_REG_RISCV_CONFIG);
		set_rest(vcpu, &regs);
		set_timer(vcpu, &regs, s);
		/* lab 10 end */
	}
	free(regs.reg);
}

void vcpu_state(void *of, struct state *s)
{
	struct vcpu *vcpu = of;
	struct kvm_mp_state hsm = { 0 };

	if (!s->loading)
		kvm_call(vcpu->fd, KVM_GET_MP_STATE, &hsm);
	STATE(s, hsm.mp_state);
	if (!s->loading) {
		save_regs(vcpu, s);
		return;
	}
	restore_regs(vcpu, s);
	if (!s->bad && kvm_set_mp_state(vcpu->fd, hsm.mp_state))
		state_refuse(s, "its HSM state is invalid");
}
