/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/blockset.h"

#include <assert.h>
#include <stdlib.h>

#include "words/num.h"

int blockset_init(struct blockset *s, uint64_t nr_blocks, struct err *e)
{
	s->nr_blocks = nr_blocks;
	/* calloc of a large area is mapped zero pages: an untouched part costs nothing. */
	s->words = calloc(num_div_up(nr_blocks, 64) + 1, sizeof(uint64_t));
	if (!s->words)
		return err_sys(e, "no memory for a bitmap of %llu blocks",
			       (unsigned long long)nr_blocks);
	return 0;
}

void blockset_fini(struct blockset *s)
{
	free(s->words);
	s->words = NULL;
	s->nr_blocks = 0;
}

/* The bits of one word from `from` (0..63) up to, not including, `to` (1..64). */
static uint64_t mask(unsigned int from, unsigned int to)
{
	const uint64_t low = ~UINT64_C(0) << from;

	return to == 64 ? low : low & ((UINT64_C(1) << to) - 1);
}

void blockset_add(struct blockset *s, uint64_t begin, uint64_t end)
{
	uint64_t w;

	assert(begin <= end && end <= s->nr_blocks);
	if (begin == end)
		return;
	for (w = begin / 64; w <= (end - 1) / 64; w++) {
		const unsigned int from = w == begin / 64 ? begin % 64 : 0;
		const unsigned int to = w == (end - 1) / 64 ? (end - 1) % 64 + 1 : 64;

		s->words[w] |= mask(from, to);
	}
}

bool blockset_has(const struct blockset *s, uint64_t block)
{
	assert(block < s->nr_blocks);
	return s->words[block / 64] >> (block % 64) & 1;
}

void blockset_or_word(struct blockset *s, uint64_t word, uint64_t bits)
{
	const uint64_t nr_words = num_div_up(s->nr_blocks, 64);

	if (word >= nr_words || bits == 0)
		return;
	if (word == nr_words - 1 && s->nr_blocks % 64 != 0)
		bits &= mask(0, s->nr_blocks % 64);
	s->words[word] |= bits;
}

uint64_t blockset_count(const struct blockset *s)
{
	const uint64_t nr_words = num_div_up(s->nr_blocks, 64);
	uint64_t n = 0;
	uint64_t w;

	for (w = 0; w < nr_words; w++)
		n += (uint64_t)__builtin_popcountll(s->words[w]);
	return n;
}

uint64_t blockset_count_runs(const struct blockset *s)
{
	const uint64_t nr_words = num_div_up(s->nr_blocks, 64);
	uint64_t carry = 0;
	uint64_t n = 0;
	uint64_t w;

	/* A run begins at every set bit whose lower neighbour is clear. */
	for (w = 0; w < nr_words; w++) {
		n += (uint64_t)__builtin_popcountll(s->words[w] & ~(s->words[w] << 1 | carry));
		carry = s->words[w] >> 63;
	}
	return n;
}

/* The first block at or after `from` and before `end` whose bit equals `value`; `end` where there is none. */
static uint64_t find(const struct blockset *s, uint64_t from, uint64_t end, bool value)
{
	const uint64_t nr_words = num_div_up(end, 64);
	const uint64_t flip = value ? 0 : ~UINT64_C(0);
	uint64_t w = from / 64;
	uint64_t bits;

	if (from >= end)
		return end;
	bits = (s->words[w] ^ flip) & mask(from % 64, 64);
	while (bits == 0) {
		if (++w == nr_words)
			return end;
		bits = s->words[w] ^ flip;
	}
	return num_min(64 * w + (uint64_t)__builtin_ctzll(bits), end);
}

bool blockset_next(const struct blockset *s, uint64_t from, struct blockrun *run)
{
	run->begin = find(s, from, s->nr_blocks, true);
	if (run->begin == s->nr_blocks)
		return false;
	run->end = find(s, run->begin, s->nr_blocks, false);
	return true;
}

uint64_t blockset_same(const struct blockset *s, uint64_t from, uint64_t end, bool *in)
{
	assert(from < end && end <= s->nr_blocks);
	*in = blockset_has(s, from);
	return find(s, from, end, !*in);
}
