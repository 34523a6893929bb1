// SPDX-License-Identifier: MIT
/*
 * nested_file.c - guest external interrupts of a vCPU with H: hgeip, and the file that VGEIN selects.
 *
 * The files are in the VM's AIA in the kernel (irqchip/imsic_nested.c). Each sets and clears its
 * bit of hgeip, from any thread. hip.SGEIP, an interrupt of L1, is 1 while hgeip & hgeie is not 0.
 * The bit of hgeip that hstatus.VGEIN selects is part of hip.VSEIP, an interrupt of L2 (H §2.3,
 * §2.4).
 *
 * While L2 runs, the hart's own VGEIN is 0. So L2's accesses to stopei and, by sireg, to the
 * registers of its file trap and are carried out here, and L2's external interrupt is in hvip and
 * hvictl (nested_show_file()).
 *
 *   MSI to the page of file n --> file n --> hgeip[n] --+-- hgeie[n] ---> hip.SGEIP: L1
 *                                                       +-- VGEIN = n --> hip.VSEIP: L2
 */
#include "irqchip.h"
#include "request.h"
#include "vcpu/csr_access.h"
#include "vcpu/irq.h"
#include "vcpu/nested.h"

/*
 * Setting the requests orders the change of hgeip before the read of the vCPU's mode (request.c).
 * REQ_NESTED_IRQ does not end a wait, so REQ_IRQ is sent, too. The vCPU's own thread needs neither.
 */
void nested_drive_file(struct kvm_vcpu *vcpu, unsigned int file, bool raise,
		       const struct kvm_vcpu *self)
{
	if (raise)
		__atomic_fetch_or(&vcpu->nested_host.hgeip, BIT(file), __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&vcpu->nested_host.hgeip, ~BIT(file), __ATOMIC_RELAXED);
	if (vcpu == self)
		return;
	vcpu_set_request(vcpu, REQ_NESTED_IRQ);
	vcpu_request(vcpu, REQ_IRQ);
}

void nested_make_files(struct kvm_vcpu *vcpu, u8 nr)
{
	__atomic_store_n(&vcpu->nested_host.files, nr, __ATOMIC_RELEASE);
	vcpu_set_request(vcpu, REQ_NESTED_IRQ);
}

void nested_adopt_files(struct kvm_vcpu *vcpu)
{
	unsigned int nr = __atomic_load_n(&vcpu->nested_host.files, __ATOMIC_ACQUIRE);
	struct nested *n = &vcpu->nested;

	if (!vcpu->has_h || !vcpu->has_aia)
		nr = 0;
	n->vgein_writable = FIELD_PREP(HSTATUS_VGEIN, (unsigned long)nr);
	n->hgeie_writable = nr ? GENMASK(nr, 1) : 0;
	n->hstatus &= ~(HSTATUS_VGEIN & ~n->vgein_writable);
	n->hgeie &= n->hgeie_writable;
	nested_choose_checks(n);
}

/* L2's external interrupt, if L1 has delegated it. */
static unsigned long external_line(const struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;

	return (nested_file_lines(vcpu) | n->hvip) & n->hideleg & BIT(IRQ_VS_EXT);
}

void nested_update_file(struct kvm_vcpu *vcpu)
{
	const struct nested *n = &vcpu->nested;

	if (n->file_line != (external_line(vcpu) != 0))
		nested_show_file(vcpu);
}

/* Set hvip.VSEIP, and hvictl for stopi, as aia_show_external() does. */
void nested_show_file(struct kvm_vcpu *vcpu)
{
	struct nested *n = &vcpu->nested;
	unsigned long line = external_line(vcpu);

	n->file_line = line;
	if (line)
		csr_set(hvip, BIT(IRQ_VS_EXT));
	else
		csr_clear(hvip, BIT(IRQ_VS_EXT));
	if (!(n->hvictl & HVICTL_VTI))
		csr_write(hvictl, ((unsigned long)n->hvictl & (HVICTL_DPR | HVICTL_IPRIOM)) |
					  FIELD_PREP(HVICTL_IID, IRQ_S_EXT) |
					  FIELD_PREP(HVICTL_IPRIO, line ? 1UL : 0UL));
}

int nested_file_access(struct kvm_vcpu *vcpu, unsigned long select, const struct csr_access *access,
		       unsigned long *value)
{
	unsigned long file = nested_file(&vcpu->nested);
	struct csr_access of_file = *access;

	if (!file)
		return -ENOENT;
	/* The number of a VS CSR is that of the S CSR plus 0x100. */
	if (access->csr == CSR_vsireg || access->csr == CSR_vstopei)
		of_file.csr -= CSR_vsireg - CSR_sireg;
	return vcpu->kvm->irqchip->access_guest_file(vcpu, (unsigned int)file, select, &of_file,
						     value);
}
