// SPDX-License-Identifier: MIT
/*
 * state.c - convert fields to bytes and back.
 *
 * A device lists its fields once, in one function for both directions, so the saved fields and the
 * restored fields cannot differ. Loaded data is not trusted: the remaining length is checked before
 * each field is read. A field that is missing is left unchanged and makes all of the data invalid.
 */
#include <stdlib.h>
#include <string.h>
#include "state.h"

/*
 * Each step is bijective (xor with a word, multiplication by an odd number, xor of the upper half
 * into the lower), so a change of a single word is always detected.
 */
#define SUM_FACTOR 0x9e3779b97f4a7c15ull

u64 state_sum(u64 sum, const void *data, size_t len)
{
	const u8 *at = data;

	for (size_t i = 0; i + sizeof(u64) <= len; i += sizeof(u64)) {
		u64 word;

		memcpy(&word, at + i, sizeof(word));
		sum = (sum ^ word) * SUM_FACTOR;
		sum ^= sum >> 32;
	}
	return sum;
}

void state_refuse(struct state *s, const char *why)
{
	if (!s->bad)
		s->bad = why;
}

void state_no_memory(struct state *s)
{
	if (!s->bad)
		s->err = ENOMEM;
	state_refuse(s, "no memory for the machine's state");
}

static void append(struct state *s, const void *from, size_t len)
{
	if (s->bad || !len) /* a machine all of whose pages are zero has no list of pages */
		return;
	if (s->len + len > s->room) {
		size_t room = 2 * (s->len + len);
		u8 *data = realloc(s->data, room);

		if (!data) {
			state_no_memory(s);
			return;
		}
		s->data = data;
		s->room = room;
	}
	memcpy(s->data + s->len, from, len);
	s->len += len;
}

void state_bytes(struct state *s, void *at, size_t len)
{
	if (!s->loading) {
		append(s, at, len);
	} else if (s->bad || len > s->len - s->at) {
		state_refuse(s, "it is truncated");
	} else {
		memcpy(at, s->data + s->at, len);
		s->at += len;
	}
}

void state_bool(struct state *s, bool *value)
{
	u8 byte = *value;

	STATE(s, byte);
	if (byte > 1)
		state_refuse(s, "a boolean is neither 0 nor 1");
	*value = byte == 1;
}

size_t section_begin(struct state *s, const char *name, unsigned int index)
{
	struct save_section section = { .index = index };
	size_t begin = s->len;

	memcpy(section.name, name, strlen(name));
	STATE(s, section);
	return begin;
}

static u64 section_sum(const struct save_section *section, const u8 *contents)
{
	u64 sum = state_sum(0, section, offsetof(struct save_section, sum));

	return state_sum(sum, contents, section->len);
}

void section_end(struct state *s, size_t begin)
{
	struct save_section section;
	u8 zero = 0;

	if (s->bad)
		return;
	while (s->len % sizeof(u64))
		STATE(s, zero);
	memcpy(&section, s->data + begin, sizeof(section));
	section.len = s->len - begin - sizeof(section);
	section.sum = section_sum(&section, s->data + begin + sizeof(section));
	memcpy(s->data + begin, &section, sizeof(section));
}

bool section_open(struct state *s, const char *name, unsigned int index, struct state *contents)
{
	struct save_section section = { 0 };
	char padded[sizeof(section.name)] = { 0 };

	memcpy(padded, name, strlen(name));
	STATE(s, section);
	if (!s->bad && (memcmp(padded, section.name, sizeof(padded)) || section.index != index))
		state_refuse(s, "it is missing or damaged; --irqchip must be as when the machine "
				"was saved");
	else if (!s->bad && (section.len > s->len - s->at || section.len % sizeof(u64)))
		state_refuse(s, "its length is invalid");
	if (s->bad)
		return false;
	if (section_sum(&section, s->data + s->at) != section.sum) {
		state_refuse(s, "it is damaged");
		return false;
	}
	*contents = (struct state){ .loading = true, .data = s->data + s->at, .len = section.len };
	s->at += section.len;
	return true;
}
