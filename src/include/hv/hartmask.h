// SPDX-License-Identifier: MIT
/*
 * hartmask.h - a set of harts, by index.
 *
 * The functions with _atomic in their name may run on several harts at the same time. The others
 * change a mask that belongs to the caller, or read one that may change: each of its words is then
 * read once.
 */
#ifndef HV_HARTMASK_H
#define HV_HARTMASK_H

#include "hv/bits.h"
#include "hv/types.h"

#define HV_MAX_HARTS 512

struct hv_hartmask {
	unsigned long word[HV_MAX_HARTS / BITS_PER_LONG];
};

/*
 * The host's: the number of words that have a bit for a hart of this machine, at least 1. Set
 * before the first mask is used, and constant afterwards. The functions below access only these
 * words, so that a machine with up to 64 harts does not pay for more.
 */
extern unsigned int hv_hartmask_words;

static inline unsigned int hartmask_index(unsigned int hart)
{
	return hart / BITS_PER_LONG;
}

static inline unsigned long hartmask_bit(unsigned int hart)
{
	return BIT(hart % BITS_PER_LONG);
}

/* Return the number of words that have a bit for each of the harts 0 to count - 1. */
static inline unsigned int hartmask_words_for(unsigned int count)
{
	return (count + BITS_PER_LONG - 1) / BITS_PER_LONG;
}

static inline void hartmask_clear_all(struct hv_hartmask *mask)
{
	unsigned int i = 0;

	do
		mask->word[i] = 0;
	while (++i < hv_hartmask_words);
}

/*
 * Also sets the bits of harts that do not exist. Each word is stored with sequential consistency.
 */
static inline void hartmask_set_all(struct hv_hartmask *mask)
{
	for (unsigned int i = 0; i < hv_hartmask_words; i++)
		__atomic_store_n(&mask->word[i], ~0UL, __ATOMIC_SEQ_CST);
}

static inline void hartmask_set(struct hv_hartmask *mask, unsigned int hart)
{
	mask->word[hartmask_index(hart)] |= hartmask_bit(hart);
}

static inline void hartmask_clear(struct hv_hartmask *mask, unsigned int hart)
{
	mask->word[hartmask_index(hart)] &= ~hartmask_bit(hart);
}

static inline bool hartmask_test(const struct hv_hartmask *mask, unsigned int hart)
{
	return READ_ONCE(mask->word[hartmask_index(hart)]) >> hart % BITS_PER_LONG & 1;
}

static inline void hartmask_set_atomic(struct hv_hartmask *mask, unsigned int hart)
{
	__atomic_fetch_or(&mask->word[hartmask_index(hart)], hartmask_bit(hart), __ATOMIC_SEQ_CST);
}

static inline void hartmask_clear_atomic(struct hv_hartmask *mask, unsigned int hart)
{
	__atomic_fetch_and(&mask->word[hartmask_index(hart)], ~hartmask_bit(hart),
			   __ATOMIC_SEQ_CST);
}

/* Remove from `mask` the harts that are in `others`. */
static inline void hartmask_remove_atomic(struct hv_hartmask *mask,
					  const struct hv_hartmask *others)
{
	for (unsigned int i = 0; i < hv_hartmask_words; i++)
		__atomic_fetch_and(&mask->word[i], ~others->word[i], __ATOMIC_SEQ_CST);
}

static inline bool hartmask_is_empty(const struct hv_hartmask *mask)
{
	for (unsigned int i = 0; i < hv_hartmask_words; i++)
		if (READ_ONCE(mask->word[i]))
			return false;
	return true;
}

/*
 * Set *result to the harts of `mask` other than `hart`. Returns false if there are none. `mask` is
 * read with sequential consistency.
 */
static inline bool hartmask_without(struct hv_hartmask *result, const struct hv_hartmask *mask,
				    unsigned int hart)
{
	unsigned long any = 0;

	for (unsigned int i = 0; i < hv_hartmask_words; i++) {
		unsigned long word = __atomic_load_n(&mask->word[i], __ATOMIC_SEQ_CST);

		if (i == hartmask_index(hart))
			word &= ~hartmask_bit(hart);
		any |= result->word[i] = word;
	}
	return any;
}

/* Return the lowest hart of the mask that is >= from, or HV_MAX_HARTS if there is none. */
static inline unsigned int hartmask_next(const struct hv_hartmask *mask, unsigned int from)
{
	for (unsigned int i = hartmask_index(from); i < hv_hartmask_words; i++) {
		unsigned long left = READ_ONCE(mask->word[i]) >> from % BITS_PER_LONG;

		for (; left; left >>= 1, from++)
			if (left & 1)
				return from;
		from = (i + 1) * BITS_PER_LONG;
	}
	return HV_MAX_HARTS;
}

#define hartmask_for_each(hart, mask)                                \
	for ((hart) = hartmask_next(mask, 0); (hart) < HV_MAX_HARTS; \
	     (hart) = hartmask_next(mask, (hart) + 1))

#endif
