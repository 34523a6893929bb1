// SPDX-License-Identifier: MIT
/*
 * aia.h - a VM with an AIA in the kernel.
 */
#ifndef KVM_API_AIA_H
#define KVM_API_AIA_H

#include "vm.h"

#define APLIC_GPA 0x0d000000UL
#define IMSIC_GPA 0x28000000UL

#define CONFIG(name)      KVM_DEV_RISCV_AIA_GRP_CONFIG, KVM_DEV_RISCV_AIA_CONFIG_##name
#define ADDR_APLIC        KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_APLIC
#define ADDR_IMSIC(index) KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_IMSIC(index)
#define INIT              KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT
#define APLIC(offset)     KVM_DEV_RISCV_AIA_GRP_APLIC, (offset)
#define IMSIC(id, select) \
	KVM_DEV_RISCV_AIA_GRP_IMSIC, KVM_DEV_RISCV_AIA_IMSIC_MKATTR((uint64_t)(id), select)

/* Registers of the APLIC, and of an IMSIC (values of siselect). */
#define DOMAINCFG    0
#define SOURCECFG(i) (4UL * (i))
#define SETIP(word)  (0x1c00UL + 4 * (word))
#define SETIPNUM     0x1cdcUL
#define CLRIP(word)  (0x1d00UL + 4 * (word))
#define CLRIPNUM     0x1ddcUL
#define SETIE(word)  (0x1e00UL + 4 * (word))
#define SETIENUM     0x1edcUL
#define CLRIE(word)  (0x1f00UL + 4 * (word))
#define CLRIENUM     0x1fdcUL
#define SETIPNUM_LE  0x2000UL
#define SETIPNUM_BE  0x2004UL
#define GENMSI       0x3000UL
#define TARGET(i)    (0x3000UL + 4 * (i))
#define EIDELIVERY   0x70
#define EITHRESHOLD  0x72
#define EIP(n)       (0x80 + (n))
#define EIE(n)       (0xc0 + (n))

#define EDGE1  4
#define EDGE0  5
#define LEVEL1 6
#define LEVEL0 7

static inline int attr_call(int fd, unsigned long cmd, uint32_t group, uint64_t attr, void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	return ioctl(fd, cmd, &a);
}

/* The value is 32 or 64 bits wide; the machine is little-endian. */
static inline int aia_set(int fd, uint32_t group, uint64_t attr, uint64_t value)
{
	return attr_call(fd, KVM_SET_DEVICE_ATTR, group, attr, &value);
}

/* Returns ~0 if the call fails; a value of 32 bits has zeros above it. */
static inline uint64_t aia_get(int fd, uint32_t group, uint64_t attr)
{
	uint64_t value = 0;

	return attr_call(fd, KVM_GET_DEVICE_ATTR, group, attr, &value) ? ~0UL : value;
}

static inline int aia_has(int fd, uint32_t group, uint64_t attr)
{
	return attr_call(fd, KVM_HAS_DEVICE_ATTR, group, attr, NULL);
}

/* Create the device. Returns its descriptor, or -1. */
static inline int aia_new(const struct vm *vm)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_RISCV_AIA };

	return ioctl(vm->fd, KVM_CREATE_DEVICE, &device) ? -1 : (int)device.fd;
}

/*
 * Configure a device with adjacent IMSICs, and initialize it. The IMSICs are emulated, or, if the
 * environment has HS_GUEST_FILES, in guest interrupt files.
 */
static inline bool aia_start(int fd, unsigned int nr_vcpus, uint32_t sources, uint32_t ids)
{
	uint32_t mode = getenv("HS_GUEST_FILES") ? KVM_DEV_RISCV_AIA_MODE_HWACCEL
						 : KVM_DEV_RISCV_AIA_MODE_EMUL;
	bool good = !aia_set(fd, CONFIG(MODE), mode) && !aia_set(fd, CONFIG(SRCS), sources) &&
		    !aia_set(fd, CONFIG(IDS), ids) && !aia_set(fd, CONFIG(HART_BITS), 3) &&
		    !aia_set(fd, ADDR_APLIC, APLIC_GPA);

	for (unsigned int i = 0; i < nr_vcpus; i++)
		good &= !aia_set(fd, ADDR_IMSIC(i), IMSIC_GPA + i * 0x1000UL);
	return good && !aia_set(fd, INIT, 0);
}

#endif
