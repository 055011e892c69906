/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metatree: the btrees and arrays of dm-era's metadata, walked once in full.
 *
 * An array of the persistent-data library is a btree whose keys are 0, 1, 2 ... and whose values
 * are the places of the blocks that hold the values.
 *
 * What is read may be hostile, or change under the reader, so a walk trusts nothing:
 * - every block is verified by metablock, lies inside the device, and is not block 0;
 * - a child's keys lie between its own key in the parent and the next one, so keys strictly
 *   increase over the whole tree, and a tree that shares or repeats a node is refused;
 * - a tree is at most METATREE_DEPTH_MAX deep, which ends what is left of cycles;
 * - no walk reads more blocks than the device has, counted over all walks of one reader: in whole
 *   metadata no two trees of one superblock share a block.
 * All of that is ERR_CORRUPT. Memory is the reader's, a little over 4 MiB whatever the device.
 */
#ifndef ERA_PURE_METATREE_H
#define ERA_PURE_METATREE_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/erameta_io.h"
#include "pure/metablock.h"

/* 2^31 blocks need 4 levels, with every node as empty as the kernel lets it be. */
#define METATREE_DEPTH_MAX 16

/*
 * A source of blocks, how many may still be taken from it, and room for those in use. found(), where
 * it is set, hears of every pointer that is about to be followed: that block `from` (the `from` of the
 * walk for a root) leads to block `to`, which is of the walk's kind. It returns 0, or -1 with *e.
 */
struct metatree_reader {
	const struct erameta_io *io;
	uint64_t left;
	uint8_t *room;
	int (*found)(void *ctx, unsigned int kind, uint64_t from, uint64_t to, struct err *e);
	void *ctx;
};

/* io outlives the reader. 0, or -1 with *e where there is no memory; fini is fine after either. */
int metatree_reader_init(struct metatree_reader *r, const struct erameta_io *io, struct err *e);
void metatree_reader_fini(struct metatree_reader *r);

/*
 * Walk the btree at block root in order of its keys, with the entries of each leaf cut where keys
 * reach end_key; what lies wholly behind, or wholly before first_key, is not read. Leaves may begin with
 * entries below first_key. The tree may be empty. leaf() returns 0, or -1 with *e, which ends the walk;
 * it may walk arrays with the same reader, but no tree.
 */
struct metatree {
	uint64_t from;		 /* the block that points to the root; for words and found() */
	unsigned int kind;	 /* of its nodes, for found() */
	unsigned int value_size; /* bytes, in the leaves */
	uint64_t first_key;
	uint64_t end_key;
	int (*leaf)(void *ctx, const struct metablock_node *leaf, struct err *e);
	void *ctx;
};

int metatree_walk(struct metatree_reader *r, uint64_t root, const struct metatree *t,
		  struct err *e);

/*
 * Walk the values first_value to nr_values - 1 of the array at block root. An array with fewer is
 * refused: what it misses would be writes nobody hears of. first_value is the first of a block:
 * a multiple of metablock_array_max(value_size). values() gets each index once, in runs of nr values
 * from `first` on; the runs come in no order, because blocks are read in the order they lie on the
 * device. With `whole`, blocks behind nr_values, if any, are read and verified as well.
 */
struct metatree_array {
	uint64_t from;
	unsigned int node_kind;
	unsigned int block_kind;
	bool whole;
	unsigned int value_size; /* bytes */
	uint64_t first_value;
	uint64_t nr_values;
	void (*values)(void *ctx, uint64_t first, unsigned int nr, const uint8_t *values);
	void *ctx;
};

int metatree_walk_array(struct metatree_reader *r, uint64_t root, const struct metatree_array *a,
			struct err *e);

#endif
