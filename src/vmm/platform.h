// SPDX-License-Identifier: MIT
/*
 * platform.h - the machine that the guest sees: its memory map, its interrupt numbers, and the
 * devices of device.def; and the integer types and sizes of the VMM.
 */
#ifndef VMM_PLATFORM_H
#define VMM_PLATFORM_H

#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u64 gpa_t;

#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)   (((x) + (a)-1) & ~((u64)(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((u64)(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((u64)(a)-1)) == 0)
#define SZ_4K            0x1000ul
#define SZ_2M            0x200000ul
#define MIB              0x100000ul

/* The VMM's own limit on vCPUs; the PLIC specification would allow 15872 contexts. */
#define MAX_VCPUS 64
#define MAX_DISKS 8

/*
 * The memory map of QEMU's `virt`, so that a program written for that machine finds its devices.
 */
#define SYSCON_BASE    0x00100000ul
#define SYSCON_SIZE    0x1000ul
#define PLIC_BASE      0x0c000000ul
#define PLIC_SIZE      0x00600000ul
#define APLIC_BASE     0x0d000000ul
#define APLIC_SIZE     0x4000ul
#define UART_BASE      0x10000000ul
#define UART_SIZE      0x100ul
#define VIRTIO_BASE(n) (0x10001000ul + (n)*0x1000ul)
#define VIRTIO_SIZE    0x1000ul
#define IMSIC_BASE     0x28000000ul /* vCPU n's first page is at IMSIC_BASE + n * aia_imsic_size(m) */
#define RAM_BASE       0x80000000ul

/*
 * The minimum has room for the device tree and a small guest. The maximum is that of one KVM
 * memory slot: INT_MAX pages.
 */
#define RAM_MIN MIB
#define RAM_MAX (0x7ffffffful * SZ_4K)

/* The PLIC's interrupt sources. Source 0 does not exist: a PLIC uses 0 for "none". */
#define UART_IRQ      1
#define VIRTIO_IRQ(n) (2 + (n))
#define PLIC_SOURCES  32

#define IRQ_S_EXT 9 /* the number of the external interrupt in sip and in the device tree */

/*
 * For each device of device.def: its address, size and interrupt source, and its index in
 * options.device[].
 */
enum device_place {
#define DEVICE(name, NAME, base, size, irq, help) \
	NAME##_BASE = base, NAME##_SIZE = size, NAME##_IRQ = irq,
#include "device.def"
#undef DEVICE
};

enum device_number {
#define DEVICE(name, NAME, base, size, irq, help) DEVICE_##name,
#include "device.def"
#undef DEVICE
	NR_DEVICES
};

#endif
