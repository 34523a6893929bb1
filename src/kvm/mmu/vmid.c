// SPDX-License-Identifier: MIT
/*
 * vmid.c - VMID allocation and rollover.
 *
 * A hart's TLB tags translations with a VMID, so that switching between VMs needs no flush. There
 * are 2^VMIDLEN VMIDs, handed out in order. When they are used up, a new generation begins with
 * VMID 1, and every VM needs a new VMID. VMID 0 is not given to any VM.
 *
 * Invariant: in one hart's TLB, a VMID stands for one VM. Other harts need not be told of a
 * rollover: each hart drops everything before it runs a VM of a later generation than the last VM
 * that it ran (hart_generation). A vCPU that is in its guest at the time of a rollover stays there
 * under its old VMID; nothing of the new generation can get into that hart's TLB before the vCPU
 * has left.
 *
 * A shadow table (shadow.h) has a VMID of its own, too, if there are enough. It may be of a later
 * generation than the last VM that the hart ran, but it is fenced at its first use on each hart.
 *
 * VMs without a VMID of their own share VMID 0, and each load of one of their vCPUs drops all
 * translations under VMID 0. These are all VMs if there are too few VMIDs (disable_if_few()) or
 * vmid_bits is 0, and otherwise those that were created with toggle vmid=flush.
 *
 * The parameter vmid_bits can make fewer VMIDs available than the hardware has, so that a rollover
 * can be observed; the parameter vmid_generation counts the generations.
 *
 * Locks: vmid_lock (a leaf) guards changes of the generation, of the next VMID, of each VM's VMID
 * and of the width. Spec: H §2.10, §3.2.
 */
#include "hv/trace.h"
#include "kvm.h"
#include "mmu/hfence.h"
#include "mmu/tlb.h"
#include "mmu/vmid.h"
#include "number.h"
#include "toggle.h"

static struct spinlock vmid_lock;
static unsigned long generation = 1; /* any thread reads; a new VM or vCPU has 0: never current */
static unsigned long next_vmid = 1;
static unsigned long vmid_max; /* the highest VMID; 0: VMIDs are not used; any thread reads */
/* For each hart, the generation of the last nonzero VMID that it loaded. Used by that hart only. */
static unsigned long hart_generation[HV_MAX_HARTS];
static unsigned int vmid_len; /* the hardware's VMIDLEN */
static bool vmid_chosen;      /* vmid_bits has set vmid_max: keep it even if small */

static unsigned int bits_of(unsigned long max)
{
	unsigned int bits = 0;

	for (; max; max >>= 1)
		bits++;
	return bits;
}

/*
 * Return this hart's VMIDLEN, or 0 if there is no G-stage mode that all harts have. The probe uses
 * a MODE that translates, because with MODE=Bare the other fields must be 0 (H §2.10). There is no
 * table at the address in PPN, 0, but no access is made under this hgatp, and the fence drops what
 * a speculative walk may have cached.
 */
static unsigned int hart_vmid_len(void)
{
	unsigned long mode = gstage_mode(), max;

	if (!mode)
		return 0;
	csr_write(hgatp, FIELD_PREP(HGATP_MODE, mode) | HGATP_VMID);
	max = FIELD_GET(HGATP_VMID, csr_read(hgatp));
	csr_write(hgatp, 0);
	hfence_gvma_all();
	return bits_of(max);
}

/*
 * Use VMIDs only if there are more of them than harts: otherwise, each entry could need a new VMID.
 * Count this hart as well, because it may not be online yet.
 */
static void disable_if_few(void)
{
	if (vmid_max <= MAX(hv_nr_harts(), hv_hart() + 1))
		vmid_max = 0;
}

static void set_vmid_len(unsigned int len)
{
	vmid_len = len;
	vmid_max = BIT(len) - 1;
	disable_if_few();
}

void vmid_init(void)
{
	vmid_chosen = false;
	set_vmid_len(hart_vmid_len());
}

/* Keep a width that was chosen with the boot argument kvm.vmid_bits if this hart supports it. */
bool vmid_hart_init(void)
{
	unsigned int len = hart_vmid_len(), before = bits_of(vmid_max);

	if (len < before)
		set_vmid_len(len);
	else
		vmid_len = MIN(vmid_len, len);
	if (!vmid_chosen)
		disable_if_few();
	return len >= before;
}

/*
 * Set the highest VMID, and begin a new generation: a VM gets a new VMID when one of its vCPUs next
 * enters. A vCPU that is in its guest keeps the old VMID until its next entry.
 */
static void vmid_set_max(unsigned long max)
{
	spin_lock(&vmid_lock);
	__atomic_store_n(&vmid_max, max, __ATOMIC_RELAXED);
	next_vmid = 1;
	__atomic_store_n(&generation, generation + 1, __ATOMIC_RELEASE);
	spin_unlock(&vmid_lock);
}

static int vmid_bits_get(const struct hv_param *param, char *buf, size_t size)
{
	(void)param;
	return number_show(buf, size, bits_of(__atomic_load_n(&vmid_max, __ATOMIC_RELAXED)));
}

/*
 * Accepts 0 to VMIDLEN. Unlike the hardware's own width, a chosen width may give fewer VMIDs than
 * there are harts.
 */
static int vmid_bits_set(const struct hv_param *param, const char *value)
{
	u64 bits;
	int err = number_parse(value, vmid_len, &bits);

	(void)param;
	if (err)
		return err;
	vmid_chosen = true;
	vmid_set_max(BIT(bits) - 1);
	return 0;
}

static int vmid_generation_get(const struct hv_param *param, char *buf, size_t size)
{
	(void)param;
	return number_show(buf, size, __atomic_load_n(&generation, __ATOMIC_RELAXED));
}

static const struct hv_param vmid_params[] = {
	{ .name = "vmid_bits", .get = vmid_bits_get, .set = vmid_bits_set },
	{ .name = "vmid_generation", .get = vmid_generation_get },
};

int vmid_param_init(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(vmid_params) && !err; i++)
		err = hv_param_register(&vmid_params[i]);
	return err;
}

/*
 * Give the VM a VMID of the current generation. Returns that generation. Calls are rare, so the
 * function is not inlined: otherwise, each load of a vCPU would have to save registers for it.
 */
static __attribute__((noinline)) unsigned long vmid_new(struct gstage *gs)
{
	/* lab 9: write vmid_new: assign the next VMID, from a new generation if none is left */
	unsigned long now, vmid;

	spin_lock(&vmid_lock);
	if (gs->vmid_generation != generation) {
		if (next_vmid > vmid_max) {
			next_vmid = 1;
			__atomic_store_n(&generation, generation + 1, __ATOMIC_RELEASE);
			trace_kvm_vmid_rollover(generation);
		}
		vmid = next_vmid++;
		/*
		 * Store the VMID after `generation` and before the VM's generation, for readers
		 * without the lock.
		 */
		__atomic_store_n(&gs->vmid, vmid, __ATOMIC_RELEASE);
		__atomic_store_n(&gs->vmid_generation, generation, __ATOMIC_RELEASE);
		trace_kvm_vmid(vmid, generation);
	}
	now = generation;
	spin_unlock(&vmid_lock);
	return now;
	/* lab 9 end */
}

/* Make sure that the VM has a VMID of the current generation. Returns that generation. */
static unsigned long vmid_assign(struct gstage *gs)
{
	unsigned long now = __atomic_load_n(&generation, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&gs->vmid_generation, __ATOMIC_ACQUIRE) == now)
		return now;
	return vmid_new(gs);
}

/*
 * Called before the VMID is written to hgatp. The fence orders the store before the walks of this
 * hart: a thread that has changed the table and does not read this VMID here knows that walks under
 * it use the changed table (tlb.c).
 */
static void vmid_announce(struct kvm_vcpu *vcpu, unsigned long vmid)
{
	if (vcpu->vmid == vmid)
		return;
	WRITE_ONCE(vcpu->vmid, vmid);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool vmid_shared(const struct kvm *vm)
{
	return !__atomic_load_n(&vmid_max, __ATOMIC_RELAXED) || vm->toggle[TOGGLE_vmid];
}

/*
 * VMID 0 is shared by all VMs without a VMID of their own, so no translation of the last VM may
 * remain. The first fence comes before the new hgatp (H §3.2 allows either order). If it came
 * later, a walk could start from cached pointers to the last VM's tables, whose memory may contain
 * other data by now. The second fence is needed because the MODE of VMID 0 changes from Bare
 * (H §3.2): while hgatp is 0, the hart may speculatively translate for an HLV, and would then cache
 * host memory as this guest's memory.
 */
static void enter_shared(struct kvm_vcpu *vcpu)
{
	csr_write(hgatp, 0);
	vmid_announce(vcpu, 0);
	tlb_flush_vm_local(vcpu->kvm);
	csr_write(hgatp, gstage_hgatp(&vcpu->kvm->gstage, 0));
	trace_kvm_fence_gvma(0, ~0ULL, 0);
	hfence_gvma_vmid(0);
	vcpu->vmid_generation = __atomic_load_n(&generation, __ATOMIC_RELAXED);
}

/*
 * The fence comes before the new hgatp, as in enter_shared(). hgatp is 0 meanwhile, so that nothing
 * new is cached under the old VMID. No fence is needed after the new hgatp is written: VMs use VMIDs
 * other than 0 with one MODE only. What a shadow table with another MODE, or hart_vmid_len(), has
 * cached under the VMID has been dropped, and nothing has been cached under it since.
 */
static void drop_everything(void)
{
	csr_write(hgatp, 0);
	trace_kvm_fence_gvma(0, ~0ULL, 0);
	hfence_gvma_all();
}

static void enter_own(struct kvm_vcpu *vcpu)
{
	/* lab 9: write enter_own: VMID and generation, the fences that this hart needs, hgatp */
	struct kvm *vm = vcpu->kvm;
	unsigned int hart = hv_hart();
	unsigned long vmid;
	unsigned long now;

	/*
	 * Between vmid_assign() and the read of the VMID, a vCPU of this VM on another hart may
	 * give the VM a VMID of the next generation. If this hart took that VMID for one of
	 * generation `now`, it might not fence, and the guest would use translations of the VM that
	 * had the VMID before. So start again if the generation has changed.
	 */
	do {
		now = vmid_assign(&vm->gstage);
		vmid = __atomic_load_n(&vm->gstage.vmid, __ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&generation, __ATOMIC_RELAXED) != now);

	if (hart_generation[hart] != now) {
		drop_everything();
		hart_generation[hart] = now;
	}
	vmid_announce(vcpu, vmid);
	csr_write(hgatp, gstage_hgatp(&vm->gstage, vmid));
	/* This VMID is new to the vCPU: drop VS-stage translations of the VMID's last VM, too. */
	if (vcpu->vmid_generation != now) {
		tlb_flush_vvma_local(vm);
		vcpu->vmid_generation = now;
	}
	/* lab 9 end */
}

void gstage_vcpu_load(struct kvm_vcpu *vcpu)
{
	if (vmid_shared(vcpu->kvm))
		enter_shared(vcpu);
	else
		enter_own(vcpu);
}

/* With too few VMIDs, each entry could begin a new generation. */
unsigned long vmid_of_shadow(const struct kvm_vcpu *vcpu, struct gstage *gs)
{
	unsigned long max = __atomic_load_n(&vmid_max, __ATOMIC_RELAXED);

	if (vmid_shared(vcpu->kvm) || max <= hv_nr_harts() * VMIDS_NESTED)
		return vcpu->vmid;
	vmid_assign(gs);
	return gs->vmid;
}

/* After the put, the VM's table may be freed, so this hart must not walk it speculatively. */
void gstage_vcpu_put(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	csr_write(hgatp, 0);
}

void vmid_update(struct kvm_vcpu *vcpu)
{
	unsigned long now = __atomic_load_n(&generation, __ATOMIC_ACQUIRE), vsatp;

	if (vcpu->vmid_generation == now)
		return;
	if (vcpu->loaded == VCPU_LINES_HELD) {
		vcpu->exit_ops->before_entry(vcpu, now);
		return;
	}
	/* As at a load, vsatp is 0 while hgatp changes (H §5.3). */
	vsatp = csr_swap(vsatp, 0);
	gstage_vcpu_load(vcpu);
	csr_write(vsatp, vsatp);
}
