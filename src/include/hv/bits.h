// SPDX-License-Identifier: MIT
/*
 * bits.h - bit masks, fields, and small arithmetic.
 *
 * Nothing here may compile to a library call: the kernel is built for rv64imac with the ABI lp64,
 * and the cross compiler has a libgcc for lp64d only.
 */
#ifndef HV_BITS_H
#define HV_BITS_H

#define BITS_PER_LONG (8 * __SIZEOF_LONG__)

/* BIT() and GENMASK() can also be used in assembly, where 1UL is not a valid number. */
#ifdef __ASSEMBLER__
#define BIT(n)        (1 << (n))
#define GENMASK(h, l) (((1 << ((h) - (l) + 1)) - 1) << (l))
#else
#define BIT(n)                 (1UL << (n))
#define GENMASK(h, l)          ((~0UL >> (BITS_PER_LONG - 1 - (h))) & (~0UL << (l)))

/*
 * Examples: FIELD_GET(HSTATUS_VGEIN, hstatus), FIELD_PREP(HGATP_VMID, 3). The mask must be a
 * constant, so that the division and the multiplication become shifts.
 */
#define FIELD_LSB(mask)        ((mask) & (~(mask) + 1))
#define FIELD_GET(mask, value) (((value) & (mask)) / FIELD_LSB(mask))
#define FIELD_PREP(mask, n)    (((unsigned long)(n)*FIELD_LSB(mask)) & (mask))

#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)   (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a)-1)) == 0)

/*
 * Each argument is evaluated once: it may be a value that another hart changes meanwhile, and the
 * result has to be the value that was compared.
 */
#define MIN(a, b)        PICK_(<, a, b, NAME_(min_, __COUNTER__), NAME_(min_, __COUNTER__))
#define MAX(a, b)        PICK_(>, a, b, NAME_(max_, __COUNTER__), NAME_(max_, __COUNTER__))
#define PICK_(op, a, b, x, y)                               \
	({                                                  \
		__typeof__(1 ? (a) : (b)) x = (a), y = (b); \
		x op y ? x : y;                             \
	})
#define NAME_(prefix, number)  NAME__(prefix, number)
#define NAME__(prefix, number) prefix##number

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - __builtin_offsetof(type, member)))

/* Read or write x exactly once. For memory that another hart or a VMM may change at any time. */
#define READ_ONCE(x)                    (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)                (*(volatile __typeof__(x) *)&(x) = (v))

/*
 * Return the number of the lowest bit that is set; bits must not be 0. The upper five bits of the
 * constant, shifted left by 0 to 31 places, are 32 different numbers (a de Bruijn sequence).
 */
static inline unsigned int bit_lowest(unsigned int bits)
{
	static const unsigned char number[32] = {
		0,  1,  28, 2,  29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4,  8,
		31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6,  11, 5,  10, 9,
	};

	return number[(bits & (0U - bits)) * 0x077cb531U >> 27];
}

/*
 * Return the number of the highest bit that is set; bits must not be 0. The product of the constant
 * and 2 to the power of n, minus 1, has different upper five bits for each n from 1 to 32.
 */
static inline unsigned int bit_highest(unsigned int bits)
{
	static const unsigned char number[32] = {
		0, 9,  1,  10, 13, 21, 2,  29, 11, 14, 16, 18, 22, 25, 3, 30,
		8, 12, 20, 28, 15, 17, 24, 7,  19, 27, 23, 6,  26, 5,  4, 31,
	};

	bits |= bits >> 1;
	bits |= bits >> 2;
	bits |= bits >> 4;
	bits |= bits >> 8;
	bits |= bits >> 16;
	return number[bits * 0x07c4acddU >> 27];
}

/* Return the 32-bit value with its bytes in reverse order. */
static inline unsigned int bytes_swap(unsigned int x)
{
	return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
}
#endif

#endif
