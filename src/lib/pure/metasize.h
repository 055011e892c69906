/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metasize: how much room dm-era's metadata needs. docs/volume.md and the table in era_setup(8).
 *
 * With N era blocks, A = ceil(N / 1018) array blocks, W = ceil(ceil(N / 64) / 509) bitset blocks,
 * and T(n) the btree nodes above n leaves at 126 keys a node. Everything in blocks of 4096 bytes,
 * except where the name says bytes.
 */
#ifndef ERA_PURE_METASIZE_H
#define ERA_PURE_METASIZE_H

#include <stdint.h>

#include "words/err.h"

struct metasize {
	uint64_t nr_era_blocks;
	uint64_t idle;	/* in use when everything is digested: 5 + A + T(A) + W + T(W) */
	uint64_t least; /* with less it is refused: idle, and the headroom of a cut */
	uint64_t bound; /* never exceeded: digesting with a metadata snapshot held, in `bytes` */
	uint64_t bytes; /* what to give: max(4 MiB, 16 N bytes + 1 MiB), whole 4 KiB blocks */
};

/* The most that dm-era can use: 15.9 GiB. */
#define METASIZE_MAX_BYTES (UINT64_C(16280) * 1048576)

/* dm-era counts era blocks in 32 bits, and their sectors too. */
#define METASIZE_MAX_ERA_BLOCKS (UINT64_C(1) << 31) /* fewer than these */
#define METASIZE_MAX_BLOCK_BYTES (UINT64_C(0xffffffff) * 512)

/*
 * For data of that many bytes and era blocks of that many. ERR_USAGE where there is no data, where
 * the era block is not a multiple of 4096 bytes or is too large, or where the bound is beyond
 * METASIZE_MAX_BYTES, which is from 1.2e9 era blocks on: with a hint that names the least power of
 * two that is large enough as an era block. What passes has least <= bytes and bound <= bytes, in
 * blocks.
 */
int metasize_for(uint64_t data_bytes, uint64_t block_bytes, struct metasize *s, struct err *e);

/* Is room of meta_bytes enough? ERR_USAGE, with what is needed, where it is less than `least`. */
int metasize_enough(const struct metasize *s, uint64_t meta_bytes, struct err *e);

#endif
