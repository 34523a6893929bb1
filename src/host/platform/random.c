// SPDX-License-Identifier: MIT
/*
 * random.c - a ChaCha20 random number generator with fast key erasure.
 *
 * It is seeded with the device tree's rng-seed, which QEMU derives from -seed, and with the time of
 * the seeding. Under -icount with a fixed -seed, both are the same in every run, so runs repeat.
 * Each request ends by generating one more block, whose first half replaces the key, so earlier
 * output cannot be computed from a later state. Algorithm: RFC 8439 §2.3. Locks: lock.
 */
#include "random.h"
#include <string.h>
#include "platform/fdt.h"
#include "hv/bits.h"
#include "hv/host.h"
#include "hv/spinlock.h"

#define BLOCK 64

static struct spinlock lock;
static u32 key[8] = { 0x68797065, 0x7273636f, 0x70652072, 0x6e672030,
		      0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 };
static u64 counter;

static u32 rotl(u32 x, int n)
{
	return x << n | x >> (32 - n);
}

static void quarter_round(u32 *x, int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 7);
}

static void chacha_block(u32 *out)
{
	u32 in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	int i;

	memcpy(in + 4, key, sizeof(key));
	in[12] = (u32)counter;
	in[13] = (u32)(counter >> 32);
	counter++;
	memcpy(out, in, sizeof(in));
	for (i = 0; i < 10; i++) {
		quarter_round(out, 0, 4, 8, 12);
		quarter_round(out, 1, 5, 9, 13);
		quarter_round(out, 2, 6, 10, 14);
		quarter_round(out, 3, 7, 11, 15);
		quarter_round(out, 0, 5, 10, 15);
		quarter_round(out, 1, 6, 11, 12);
		quarter_round(out, 2, 7, 8, 13);
		quarter_round(out, 3, 4, 9, 14);
	}
	for (i = 0; i < 16; i++)
		out[i] += in[i];
}

static void erase_key(void)
{
	u32 block[16];

	chacha_block(block);
	memcpy(key, block, sizeof(key));
}

/* Mix bytes into the generator's state. */
static void random_add_seed(const void *data, size_t size)
{
	const u8 *p = data;
	u64 now = hv_time();
	size_t i;

	spin_lock(&lock);
	for (i = 0; i < size; i++) {
		((u8 *)key)[i % sizeof(key)] ^= p[i];
		if ((i + 1) % sizeof(key) == 0)
			erase_key();
	}
	key[0] ^= (u32)now;
	key[1] ^= (u32)(now >> 32);
	erase_key();
	spin_unlock(&lock);
}

void random_init(void)
{
	int size = 0;
	const void *seed = fdt_getprop(host_fdt, fdt_chosen(), "rng-seed", &size);

	random_add_seed(seed, seed && size > 0 ? (size_t)size : 0);
}

void random_bytes(void *buf, size_t size)
{
	u8 *p = buf;
	u32 block[16];
	size_t part;

	spin_lock(&lock);
	while (size) {
		chacha_block(block);
		part = MIN(size, (size_t)BLOCK);
		memcpy(p, block, part);
		p += part;
		size -= part;
	}
	erase_key();
	spin_unlock(&lock);
}
