/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metablock: one block of dm-era's metadata, from bytes to values.
 *
 * Six kinds exist; the kernel writes them in drivers/md/dm-era-target.c (the superblock) and in
 * drivers/md/persistent-data (the rest). Everything is little-endian and packed. The checksum is
 * crc32c with initial value ~0, without a final inversion, over the bytes behind the checksum
 * field, XORed with a number of the kind's own, so that a block of one kind never passes for
 * another.
 *
 *   superblock    0 csum  4 flags  8 blocknr  16 uuid[16]  32 magic u64  40 version
 *                 44 space map root[128]  172 data block size  176 metadata block size (in sectors)
 *                 180 nr_blocks  184 era  188 current writeset {nr_bits u32, root u64}
 *                 200 writeset tree root u64  208 era array root u64  216 metadata snap u64
 *   btree node    0 csum  4 flags (1 internal, 2 leaf)  8 blocknr  16 nr_entries  20 max_entries
 *                 24 value_size  28 pad  32 keys u64[max_entries]  then values[max_entries]
 *   array block   0 csum  4 max_entries  8 nr_entries  12 value_size  16 blocknr  24 values
 *   index block   0 csum  4 pad  8 blocknr  16 entries {bitmap's block u64, nr_free u32,
 *                 none_free_before u32}[255]
 *   bitmap        0 csum  4 unused  8 blocknr  16 two bits a block[16320]
 *
 * Every function takes the block's bytes and the number it was read from, refuses what is damaged,
 * what lies elsewhere than it says, and what could send a reader past the block, with ERR_CORRUPT
 * and the number; what passed needs no further check of bounds inside the block. Nothing is kept:
 * the values point into buf.
 */
#ifndef ERA_PURE_METABLOCK_H
#define ERA_PURE_METABLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/erameta_io.h"

struct metablock_super {
	uint32_t flags;	     /* the kernel writes 0 */
	uint8_t uuid[16];    /* the kernel writes zeros */
	uint32_t block_size; /* sectors of 512 bytes an era block has; a multiple of 8, not 0 */
	uint32_t nr_blocks;  /* era blocks; below 2^31 as in the kernel */
	uint32_t era;
	uint32_t current_bits; /* the writeset being filled: how many bits, */
	uint64_t current_root; /* and its bitset; 0: none */
	uint64_t writeset_root;
	uint64_t array_root;
	uint64_t held; /* the held metadata snapshot's superblock; 0: none */
};

/* A superblock, the device's own at block 0 or the held copy, which carries its own number. */
int metablock_super(const uint8_t *buf, uint64_t block, struct metablock_super *sb, struct err *e);

struct metablock_node {
	uint64_t block;
	bool leaf;
	unsigned int nr; /* entries; may be 0 */
	unsigned int value_size;
	const uint8_t *keys;
	const uint8_t *values;
};

/*
 * A btree node whose values are leaf_value_size bytes if it is a leaf, and block numbers of 8 bytes
 * if it is internal. Keys strictly increase.
 */
int metablock_node(const uint8_t *buf, uint64_t block, unsigned int leaf_value_size,
		   struct metablock_node *n, struct err *e);

/* Require i < n->nr. */
uint64_t metablock_key(const struct metablock_node *n, unsigned int i);
const uint8_t *metablock_value(const struct metablock_node *n, unsigned int i);

/* How many values of that size an array block holds: 1018 of 4 bytes, 509 of 8. */
unsigned int metablock_array_max(unsigned int value_size);

/* An array block of values of that size, at least `need` of them, given in *values. */
int metablock_array(const uint8_t *buf, uint64_t block, unsigned int value_size, unsigned int need,
		    const uint8_t **values, struct err *e);

/* The space map's index block and bitmaps; metaspace knows what is in them. */
int metablock_index(const uint8_t *buf, uint64_t block, struct err *e);
int metablock_bitmap(const uint8_t *buf, uint64_t block, struct err *e);

#endif
