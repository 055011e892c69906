/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/headroom.h"

#include "words/num.h"

#define ERAS_PER_BLOCK	1018 /* of 4 bytes in an array block */
#define WORDS_PER_BLOCK 509  /* of 64 bits */
#define KEYS_PER_NODE	126  /* a node is split when full: half of 252 */
#define SPARE		64   /* superblock, space maps, the tree of writesets */

/* n leaves and the btree nodes above them. */
static uint64_t with_tree(uint64_t n)
{
	uint64_t sum = n;

	do {
		n = num_div_up(n, KEYS_PER_NODE);
		sum += n;
	} while (n > 1);
	return sum;
}

uint64_t headroom_array(uint64_t nr_era_blocks)
{
	return with_tree(num_div_up(nr_era_blocks, ERAS_PER_BLOCK));
}

uint64_t headroom_writeset(uint64_t nr_era_blocks)
{
	return with_tree(num_div_up(num_div_up(nr_era_blocks, 64), WORDS_PER_BLOCK));
}

uint64_t headroom_needed(uint64_t nr_era_blocks, bool snapshot_held)
{
	return headroom_writeset(nr_era_blocks) + SPARE +
	       (snapshot_held ? headroom_array(nr_era_blocks) : 0);
}
