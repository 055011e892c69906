/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/metasize.h"

#include <stdbool.h>
#include <string.h>

#include "pure/headroom.h"
#include "words/num.h"

#define BLOCK	   4096u
#define MIB	   UINT64_C(1048576)
#define SMALLEST   (4 * MIB)
#define INDEX_SPAN 16320 /* metadata blocks that one bitmap of the space map counts */
#define MAX_BLOCKS (METASIZE_MAX_BYTES / BLOCK)

/* nr_era_blocks is at most 2^52, so nothing here comes near 2^64. */
static void compute(uint64_t nr_era_blocks, struct metasize *s)
{
	const uint64_t array = headroom_array(nr_era_blocks);
	const uint64_t writeset = headroom_writeset(nr_era_blocks);
	const uint64_t rule = num_div_up(16 * nr_era_blocks + MIB, BLOCK) * BLOCK;

	s->nr_era_blocks = nr_era_blocks;
	s->bytes = num_min(num_max(SMALLEST, rule), METASIZE_MAX_BYTES);
	s->idle = 5 + array + writeset;
	s->least = s->idle + headroom_needed(nr_era_blocks, true);
	s->bound =
		3 * array + 12 * writeset + 64 + 2 * (num_div_up(s->bytes / BLOCK, INDEX_SPAN) + 2);
}

/* Can dm-era do it? Metadata that is large enough ends before METASIZE_MAX_ERA_BLOCKS do. */
static bool fits(uint64_t data_bytes, uint64_t block_bytes, struct metasize *s)
{
	compute(num_div_up(data_bytes, block_bytes), s);
	return s->bound <= MAX_BLOCKS;
}

static int too_many(uint64_t data_bytes, uint64_t block_bytes, struct err *e)
{
	char data[NUM_SIZE_LEN];
	char block[NUM_SIZE_LEN];
	struct metasize other;
	uint64_t large = BLOCK;

	err_set(e, ERR_USAGE,
		"%s of data in era blocks of %s need more metadata than dm-era can use",
		num_size(data_bytes, data, sizeof(data)),
		num_size(block_bytes, block, sizeof(block)));
	while (large < METASIZE_MAX_BLOCK_BYTES / 2 && !fits(data_bytes, large, &other))
		large *= 2;
	if (!fits(data_bytes, large, &other))
		return -1;
	return err_hint(e, "take larger era blocks: --block-size %lluK or more",
			(unsigned long long)(large / 1024));
}

int metasize_for(uint64_t data_bytes, uint64_t block_bytes, struct metasize *s, struct err *e)
{
	memset(s, 0, sizeof(*s));
	if (block_bytes == 0 || block_bytes % BLOCK != 0) {
		err_set(e, ERR_USAGE, "an era block of %llu bytes is not a multiple of 4096",
			(unsigned long long)block_bytes);
		return err_hint(e, "for example --block-size 64K");
	}
	if (block_bytes > METASIZE_MAX_BLOCK_BYTES)
		return err_set(e, ERR_USAGE,
			       "an era block of %llu bytes is larger than dm-era takes",
			       (unsigned long long)block_bytes);
	if (data_bytes == 0)
		return err_set(e, ERR_USAGE, "the data has no bytes");
	if (!fits(data_bytes, block_bytes, s)) {
		memset(s, 0, sizeof(*s));
		return too_many(data_bytes, block_bytes, e);
	}
	return 0;
}

int metasize_enough(const struct metasize *s, uint64_t meta_bytes, struct err *e)
{
	char best[NUM_SIZE_LEN];

	if (meta_bytes / BLOCK >= s->least)
		return 0;
	err_set(e, ERR_USAGE,
		"%llu KiB of metadata are too little: %llu era blocks need %llu KiB at least",
		(unsigned long long)(meta_bytes / 1024), (unsigned long long)s->nr_era_blocks,
		(unsigned long long)(s->least * BLOCK / 1024));
	return err_hint(e, "give %s, or take larger era blocks with --block-size",
			num_size(s->bytes, best, sizeof(best)));
}
