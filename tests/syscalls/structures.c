// SPDX-License-Identifier: MIT
/* structures.c - arguments that point to structures, filled in from bytes of the step. */
#include <string.h>
#include "grammar_impl.h"

static void timespec(uint64_t t[2], unsigned char b)
{
	static const uint64_t ns[] = { 0, 1, 1000000, 5000000, 30000000, 999999999, 1000000000, 7 };

	t[0] = b & 8 ? (b & 16 ? 1000 : 1) : 0;
	t[1] = ns[b & 7];
}

static void msghdr(uint64_t *w, unsigned long va)
{
	/* The layout is that of struct msghdr; the control message passes one or two descriptors. */
	uint32_t *control = (uint32_t *)(w + 12);

	w[1] = 0;
	w[2] = va + 56;
	w[3] = 1 + extra[0] % 2;
	w[4] = extra[0] & 4 ? va + 96 : 0;
	w[5] = extra[0] & 8 ? 20 : 24;
	w[7] = buffer(extra[1]);
	w[8] = data_size(extra[2]) & 0xffff;
	w[9] = env->data + BUFFER;
	w[10] = extra[2];
	control[0] = extra[0] & 16 ? 20 : 24;
	control[2] = 1;
	control[3] = 1;
	control[4] = (uint32_t)descriptor(extra[1], ANY);
	control[5] = (uint32_t)descriptor(extra[2], ANY);
}

/* Structures of userfaultfd and of /dev/kvm. */
static void fill_memory(enum struct_id id, uint64_t *w, unsigned long va, unsigned char b)
{
	uint32_t *h = (uint32_t *)w;

	switch (id) {
	case S_UFFD_API:
		w[0] = 0xaa;
		w[1] = extra[0] & 1 ? 0 : (unsigned long)(extra[1] & 0x70) << 2;
		break;
	case S_UFFD_REGISTER:
		w[0] = address(extra[0]);
		w[1] = length(extra[1]);
		w[2] = extra[2] & 7;
		break;
	case S_UFFD_COPY:
		w[0] = address(extra[0]);
		w[1] = buffer(extra[1]) & ~0xfffUL;
		w[2] = length(extra[2]);
		w[3] = b & 3;
		break;
	case S_RANGE:
		w[0] = address(extra[0]);
		w[1] = length(extra[1]);
		break;
	case S_SLOT:
		h[0] = b & 3;
		h[1] = b >> 2 & 3;
		w[1] = GUEST_START + address(extra[0]) - WINDOW_START;
		w[2] = length(extra[1]);
		w[3] = address(extra[2]);
		break;
	case S_DIRTY_LOG:
		h[0] = b & 3;
		w[1] = buffer(extra[0]);
		break;
	case S_CLEAR_DIRTY:
		h[0] = b & 3;
		h[1] = extra[1] & 0xc0;
		w[1] = extra[2] & 0xc0;
		w[2] = buffer(extra[0]);
		break;
	case S_SET_PC:
		w[0] = 0x8030000002000000; /* a core register of 64 bits: pc */
		w[1] = va + 16;
		w[2] = GUEST_START;
		break;
	case S_IOEVENTFD:
		need_descriptor(EVENT);
		w[1] = 0x10000000UL + (extra[0] & 3) * 4;
		h[4] = 4;
		h[5] = (uint32_t)descriptor(extra[1], EVENT);
		h[6] = extra[2] & 7;
		break;
	default:
		break;
	}
}

/* Fill in the structure at w, 128 bytes of zeroes, which will be at va. */
static void fill(enum struct_id id, uint64_t *w, unsigned long va, unsigned char b)
{
	uint32_t *h = (uint32_t *)w;

	switch (id) {
	case S_TIMES:
		timespec(w, extra[0]);
		timespec(w + 2, extra[1]);
		break;
	case S_IOVEC:
		for (int i = 0; i < 3; i++) {
			w[2 * i] = buffer(extra[i]);
			w[2 * i + 1] = data_size(extra[2 - i]);
		}
		break;
	case S_POLLFDS:
		for (int i = 0; i < 3; i++) {
			h[2 * i] = (uint32_t)descriptor(extra[i], ANY);
			h[2 * i + 1] = extra[2 - i] & 0x201f;
		}
		break;
	case S_EPOLL_EVENT:
		h[0] = (extra[0] & 0x1fu) | (uint32_t)(extra[1] & 0xf) << 28;
		h[2] = extra[2];
		break;
	case S_SOCKADDR:
		memcpy(w, "\1\0/w/s", 6);
		if (extra[0] & 1)
			memcpy(w, "\1\0\0abcd", 7);
		if (extra[0] & 2)
			((char *)w)[5] = (char)('a' + (extra[1] & 3));
		break;
	case S_MSGHDR:
		msghdr(w, va);
		break;
	case S_SIGSET:
		for (int i = 0; i < 3; i++)
			w[0] |= 1UL << ((unsigned int)(signal_number(extra[i]) - 1) & 63);
		break;
	case S_SIGACTION:
		w[0] = extra[0] % 3 == 2 ? env->handler : extra[0] % 3;
		w[1] = (extra[1] & 15UL) | (extra[1] & 0xf0UL) << 24;
		w[2] = extra[2];
		break;
	case S_STACK_T:
		w[0] = extra[0] & 1 ? env->data + STACKS : address(extra[1]);
		h[2] = extra[0] & 2 ? 2 : 0;
		w[2] = extra[0] & 4 ? 0x2000 : 0x100;
		break;
	case S_RLIMIT:
		w[0] = (unsigned long)extra[0] << (extra[1] & 31);
		w[1] = extra[2] & 1 ? ~0UL : w[0];
		break;
	case S_POINTED_SIZE:
		h[0] = b & 0x7f;
		break;
	case S_ARGV:
		w[0] = path(b % 24, NULL);
		w[1] = extra[0] & 1 ? path(extra[1] % 24, NULL) : 0;
		break;
	default:
		fill_memory(id, w, va, b);
	}
}

unsigned long structure(enum struct_id id, unsigned char b, unsigned int slot)
{
	uint64_t words[16] = { 0 };
	unsigned long va = env->data + STRUCTS + slot * sizeof(words);

	if (b >= 248)
		return b == 248 ? 0 : address(b);
	fill(id, words, va, b);
	env->put(va, words, sizeof(words));
	return va;
}
