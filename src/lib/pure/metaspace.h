/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metaspace: how full dm-era's metadata is, and which of its blocks are in use, without the kernel.
 *
 * dm-era keeps its own blocks in a metadata space map of drivers/md/persistent-data: a count of
 * references for each block of the metadata. Its root is 128 bytes at offset 44 of the superblock:
 *
 *   0 nr_blocks u64  8 nr_allocated u64  16 bitmap_root u64  24 ref_count_root u64  then zeros
 *
 * nr_blocks is what the metadata device had when it was formatted; it never grows. bitmap_root is the
 * index block, which leads to the bitmaps; they have two bits for each block: how many references, or 3
 * for that many and more, which are in a btree below ref_count_root, le32 by block.
 */
#ifndef ERA_PURE_METASPACE_H
#define ERA_PURE_METASPACE_H

#include <stdint.h>

#include "pure/erameta_io.h"

/* Blocks that have their bits in one bitmap. */
#define METASPACE_PER_BITMAP 16320

/* As many as one index block leads to: 15.9 GiB. A larger device is used up to there. */
#define METASPACE_MAX_BLOCKS (UINT64_C(255) * METASPACE_PER_BITMAP)

struct metaspace_root {
	uint64_t nr_blocks; /* 1 to METASPACE_MAX_BLOCKS */
	uint64_t used;	    /* blocks in use, at most nr_blocks */
	uint64_t bitmap_root;
	uint64_t ref_count_root;
};

/*
 * Out of the bytes of a superblock that metablock_super accepts and was read from `block`.
 * ERR_CORRUPT where the figures contradict each other.
 */
int metaspace_root(const uint8_t *superblock, uint64_t block, struct metaspace_root *root,
		   struct err *e);

/*
 * From the bytes of the device's own superblock, block 0, which is verified: blocks of 4096 bytes in
 * use and in all. So headroom can be judged before the device is activated. `dmsetup status` gives
 * the same figures while nothing goes on; in the middle of a transaction it adds what that has allocated
 * so far, without what it will free. ERR_CORRUPT where it is no superblock, is damaged, or all zero.
 */
int metaspace_usage(const uint8_t superblock[ERAMETA_BLOCK_LEN], uint64_t *used_blocks,
		    uint64_t *total_blocks, struct err *e);

/* Where bitmap i lies, out of an index block; i < 255. */
uint64_t metaspace_bitmap(const uint8_t *index, unsigned int i);

/* What the two bits of block i of a bitmap say, 0 to 3; i < METASPACE_PER_BITMAP. */
unsigned int metaspace_count(const uint8_t *bitmap, unsigned int i);

#endif
