/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metasize: how much room dm-era's metadata needs. docs/volume.md and the table in era_setup(8).
 *
 * With N era blocks, A = ceil(N / 1018) array blocks, W = ceil(ceil(N / 64) / 509) bitset blocks, and
 * T(n) the btree nodes above n leaves at 126 keys a node. Everything in blocks of 4096 bytes, except
 * where the name says bytes.
 */
#ifndef ERA_PURE_METASIZE_H
#define ERA_PURE_METASIZE_H

#include <stdint.h>

#include "words/err.h"

struct metasize {
	uint64_t nr_era_blocks;
	uint64_t idle;	/* in use when everything is digested: 5 + A + T(A) + W + T(W) */
	uint64_t bound; /* never exceeded: digesting with a metadata snapshot held */
	uint64_t bytes; /* what to give: max(4 MiB, 16 N bytes + 1 MiB), whole 4 KiB blocks */
};

/* The most that dm-era can use: 15.9 GiB. */
#define METASIZE_MAX_BYTES (UINT64_C(16280) * 1048576)

/*
 * For data of that many bytes and era blocks of that many. ERR_USAGE where the era block is not a
 * multiple of 4096 bytes, where there are 2^31 era blocks or more, or where no metadata can be large
 * enough: with a hint that names the least block size that can.
 */
int metasize_for(uint64_t data_bytes, uint64_t block_bytes, struct metasize *s, struct err *e);

#endif
