/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * blockset: which blocks of a device, as one bit a block.
 *
 * The one type for ranges, whatever they come from: dm-era's metadata, era_invalidate's XML, a MAP of
 * a stream. A bitmap and not a list, because its memory depends on the device's block count alone
 * (one bit each) and not on how scattered the writes were: 1 % of 16 TiB at 64 KiB is 2.6 million
 * ranges in the worst case.
 *
 * Sets are sorted and disjoint by nature. Blocks are numbered from 0; ends are exclusive.
 */
#ifndef ERA_PURE_BLOCKSET_H
#define ERA_PURE_BLOCKSET_H

#include <stdbool.h>
#include <stdint.h>

#include "words/err.h"

struct blockset {
	uint64_t nr_blocks;
	uint64_t *words; /* bit b of word w is block 64*w + b; bits past nr_blocks are 0 */
};

struct blockrun {
	uint64_t begin;
	uint64_t end;
};

/* An empty set of nr_blocks blocks; nr_blocks may be 0. The memory comes zeroed and untouched. */
int blockset_init(struct blockset *s, uint64_t nr_blocks, struct err *e);
void blockset_fini(struct blockset *s);

/* Requires begin <= end <= nr_blocks. */
void blockset_add(struct blockset *s, uint64_t begin, uint64_t end);

/* Requires block < nr_blocks. */
bool blockset_has(const struct blockset *s, uint64_t block);

/*
 * Add the blocks whose bits are set in one word of 64 that starts at block 64*word. Bits past
 * nr_blocks are dropped; a word past the end is ignored.
 */
void blockset_or_word(struct blockset *s, uint64_t word, uint64_t bits);

/* How many blocks, and how many runs of neighbouring blocks. */
uint64_t blockset_count(const struct blockset *s);
uint64_t blockset_count_runs(const struct blockset *s);

/*
 * The first maximal run that begins at or after block `from`; a run that contains `from` is given from
 * there. Returns false where there is none.
 */
bool blockset_next(const struct blockset *s, uint64_t from, struct blockrun *run);

/*
 * How far, at most up to `end`, the blocks from `from` on are all in the set, or all not; *in says which. Requires
 * from < end <= nr_blocks. Looks no farther than that.
 */
uint64_t blockset_same(const struct blockset *s, uint64_t from, uint64_t end, bool *in);

/* Runs in ascending order; r is a struct blockrun the caller declares. */
#define blockset_for_each_run(s, r)                                                                \
	for (bool more_ = blockset_next(s, 0, &(r)); more_; more_ = blockset_next(s, (r).end, &(r)))

#endif
