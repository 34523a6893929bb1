// SPDX-License-Identifier: MIT
/*
 * kvm_hext.h - registers of KVM_{GET,SET}_ONE_REG and guest interrupt files for a vCPU with H, an
 * extension of KVM's API.
 *
 * Linux 7.3 has no such registers. They are a subtype of KVM_REG_RISCV_CSR, each 64 bits wide, whose
 * number is far above those that Linux uses (0 to 3). A register holds what the guest's HS mode reads
 * from the CSR. KVM_HS_HEXT_V is 1 while the guest's own guest runs; KVM_REG_RISCV_CORE then has the
 * registers of that guest. KVM_HS_HEXT_NACL is the address of the memory for nested acceleration, with
 * bit 0 set if hstatus has still to be swapped, or ~0 if there is none. KVM_HS_HEXT_VSIE has the bits of
 * vsie that are not bits of hie: bit 13, where hvien is set. A register of an extension that the vCPU
 * lacks does not exist. hgatp, vsatp, hgeie and hstatus.VGEIN cannot be set to a value that the guest
 * could not write (EINVAL), so an AIA device has to be initialized before hgeie and VGEIN are restored.
 *
 * Include <linux/kvm.h> first.
 */
#ifndef HV_KVM_HEXT_H
#define HV_KVM_HEXT_H

#define KVM_REG_RISCV_CSR_HEXT (0x80 << KVM_REG_RISCV_SUBTYPE_SHIFT)

/* Numbers of the registers, which may be set in any order. */
enum {
	KVM_HS_HEXT_hstatus,
	KVM_HS_HEXT_hedeleg,
	KVM_HS_HEXT_hideleg,
	KVM_HS_HEXT_hie,
	KVM_HS_HEXT_hvip,
	KVM_HS_HEXT_hcounteren,
	KVM_HS_HEXT_htval,
	KVM_HS_HEXT_htinst,
	KVM_HS_HEXT_henvcfg,
	KVM_HS_HEXT_hstateen0,
	KVM_HS_HEXT_htimedelta,
	KVM_HS_HEXT_hgatp,
	KVM_HS_HEXT_vsstatus,
	KVM_HS_HEXT_vstvec,
	KVM_HS_HEXT_vsscratch,
	KVM_HS_HEXT_vsepc,
	KVM_HS_HEXT_vscause,
	KVM_HS_HEXT_vstval,
	KVM_HS_HEXT_vsatp,
	KVM_HS_HEXT_vstimecmp,
	KVM_HS_HEXT_V,
	KVM_HS_HEXT_NACL,
	KVM_HS_HEXT_vsiselect,
	KVM_HS_HEXT_hvictl,
	KVM_HS_HEXT_hviprio1,
	KVM_HS_HEXT_hviprio2,
	KVM_HS_HEXT_hvien,
	KVM_HS_HEXT_VSIE,
	KVM_HS_HEXT_hgeie,
	KVM_HS_HEXT_COUNT,
};

/*
 * Guest interrupt files. A vCPU that has H and Ssaia when an AIA device (KVM_DEV_TYPE_RISCV_AIA) is
 * initialized has min(2^n, XLEN) - 1 of them, where n is KVM_DEV_RISCV_AIA_CONFIG_GUEST_BITS, if the
 * harts have Smstateen; otherwise, it has none. These bits of an attribute of the group
 * KVM_DEV_RISCV_AIA_GRP_IMSIC, which Linux does not use, are the number of the file; 0 is the vCPU's
 * own file.
 */
#define KVM_DEV_HS_AIA_IMSIC_GUEST(file)     ((__u64)(file) << 56)
#define KVM_DEV_HS_AIA_IMSIC_GET_GUEST(attr) ((__u64)(attr) >> 56)

#endif
