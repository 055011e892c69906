/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metaimage: dm-era metadata written into memory, for tests. It shares no line with the reader it
 * tests: offsets and constants are from the kernel's structs, and the checksum goes by its
 * definition.
 *
 * An image is an array of 4 KiB blocks, from a test or from a mapped file. Blocks are handed out
 * one after the other from 1 on; with `stride` set, one stride apart and round again, as an array
 * lies after the kernel copied it piece by piece. There are no space maps, unless a test writes one
 * with mi_count: no reader of eras looks at them.
 */
#ifndef ERA_TESTS_METAIMAGE_H
#define ERA_TESTS_METAIMAGE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MI_LEN	 4096
#define MI_ERAS	 1018 /* values in a block of the era array */
#define MI_WORDS 509  /* words in a block of a bitset */

/* What the checksum of each kind of block is XORed with. */
enum mi_kind {
	MI_SUPER = 146538381,
	MI_NODE = 121107,
	MI_ARRAY = 595846735,
	MI_INDEX = 160478,
	MI_BITMAP = 240779,
};

struct metaimage {
	uint8_t *p;
	uint64_t nr_blocks;
	uint64_t used;	       /* blocks handed out, the superblock included: begins as 1 */
	uint64_t stride;       /* 0, or prime to nr_blocks - 1 */
	unsigned int per_node; /* entries in a node; 168 of 252 leaves every node a third full */
};

struct mi_super {
	uint32_t block_size, nr_blocks, era;
	uint32_t current_bits;
	uint64_t current_root, writeset_root, array_root, held;
};

#define MI_UNUSED __attribute__((unused)) static

MI_UNUSED void mi32(uint8_t *p, uint32_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

MI_UNUSED void mi64(uint8_t *p, uint64_t v)
{
	mi32(p, (uint32_t)v);
	mi32(p + 4, (uint32_t)(v >> 32));
}

/* What dm_bm_checksum() does, a byte at a time. */
MI_UNUSED uint32_t mi_csum(const uint8_t *block, uint32_t xor)
{
	static uint32_t table[256];
	uint32_t crc, i;
	int k;

	for (i = 1; i < 256 && table[255] == 0; i++) {
		crc = i;
		for (k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
		table[i] = crc;
	}
	crc = 0xffffffff;
	for (i = 4; i < MI_LEN; i++)
		crc = crc >> 8 ^ table[(crc ^ block[i]) & 255];
	return crc ^ xor;
}

MI_UNUSED uint8_t *mi_at(const struct metaimage *m, uint64_t block)
{
	return m->p + block * MI_LEN;
}

MI_UNUSED void mi_seal(const struct metaimage *m, uint64_t block, enum mi_kind kind)
{
	mi32(mi_at(m, block), mi_csum(mi_at(m, block), kind));
}

MI_UNUSED uint64_t mi_alloc(struct metaimage *m)
{
	const uint64_t i = m->used++;

	if (i >= m->nr_blocks)
		abort();
	return m->stride ? 1 + (i - 1) * m->stride % (m->nr_blocks - 1) : i;
}

MI_UNUSED void mi_super(const struct metaimage *m, uint64_t block, const struct mi_super *s)
{
	uint8_t *b = mi_at(m, block);

	memset(b, 0, MI_LEN);
	mi64(b + 8, block);
	mi64(b + 32, 2126579579);
	mi32(b + 40, 1);
	mi32(b + 172, s->block_size);
	mi32(b + 176, 8);
	mi32(b + 180, s->nr_blocks);
	mi32(b + 184, s->era);
	mi32(b + 188, s->current_bits);
	mi64(b + 192, s->current_root);
	mi64(b + 200, s->writeset_root);
	mi64(b + 208, s->array_root);
	mi64(b + 216, s->held);
	mi_seal(m, block, MI_SUPER);
}

/* One node: n entries, values packed. */
MI_UNUSED uint64_t mi_node(struct metaimage *m, int leaf, const uint64_t *keys,
			   const uint8_t *values, unsigned int n, unsigned int value_size)
{
	const unsigned int max = 4064 / (8 + value_size) / 3 * 3;
	const uint64_t block = mi_alloc(m);
	uint8_t *b = mi_at(m, block);
	unsigned int i;

	memset(b, 0, MI_LEN);
	mi32(b + 4, leaf ? 2 : 1);
	mi64(b + 8, block);
	mi32(b + 16, n);
	mi32(b + 20, max);
	mi32(b + 24, value_size);
	for (i = 0; i < n; i++)
		mi64(b + 32 + 8 * i, keys[i]);
	if (n)
		memcpy(b + 32 + 8 * max, values, (size_t)n * value_size);
	mi_seal(m, block, MI_NODE);
	return block;
}

/*
 * One level of a tree over n entries; how many nodes it has. keys and values become those of the
 * level above, which is never longer than what was read of this one. The nodes are filled alike:
 * readers other than ours refuse nodes that are less than a third full.
 */
MI_UNUSED uint64_t mi_level(struct metaimage *m, int leaf, uint64_t *keys, uint8_t *values,
			    uint64_t n, unsigned int value_size)
{
	const uint64_t nodes = n ? (n + m->per_node - 1) / m->per_node : 1;
	uint64_t i, k, left, block;

	for (i = k = 0; k < nodes; k++, i += left) {
		left = n / nodes + (k < n % nodes);
		block = mi_node(m, leaf, keys + i, values + i * value_size, (unsigned int)left,
				value_size);
		keys[k] = keys[i];
		mi64(values + 8 * k, block);
	}
	return nodes;
}

/*
 * A btree of n entries; returns its root. keys and values are used up, and have room for one entry
 * even where n is 0.
 */
MI_UNUSED uint64_t mi_tree(struct metaimage *m, uint64_t *keys, uint8_t *values, uint64_t n,
			   unsigned int value_size)
{
	uint64_t root = 0;
	int i;

	n = mi_level(m, 1, keys, values, n, value_size);
	while (n > 1)
		n = mi_level(m, 0, keys, values, n, 8);
	for (i = 0; i < 8; i++)
		root |= (uint64_t)values[i] << 8 * i;
	return root;
}

/* An array of n values packed at `values`; returns its root. */
MI_UNUSED uint64_t mi_array(struct metaimage *m, const uint8_t *values, uint64_t n,
			    unsigned int value_size)
{
	const uint64_t max = (MI_LEN - 24) / value_size;
	const uint64_t nr = (n + max - 1) / max;
	uint64_t *keys = calloc(nr + 1, 8);
	uint8_t *places = calloc(nr + 1, 8);
	uint64_t i, block, root;

	for (i = 0; i < nr; i++) {
		const uint64_t left = n - i * max < max ? n - i * max : max;
		uint8_t *b;

		block = mi_alloc(m);
		b = mi_at(m, block);
		memset(b, 0, MI_LEN);
		mi32(b + 4, (uint32_t)max);
		mi32(b + 8, (uint32_t)left);
		mi32(b + 12, value_size);
		mi64(b + 16, block);
		memcpy(b + 24, values + i * max * value_size, left * value_size);
		mi_seal(m, block, MI_ARRAY);
		keys[i] = i;
		mi64(places + 8 * i, block);
	}
	root = mi_tree(m, keys, places, nr, 8);
	free(keys);
	free(places);
	return root;
}

/* A bitset of nr_bits bits, one byte each at `bits`; returns its root. */
MI_UNUSED uint64_t mi_bitset(struct metaimage *m, const uint8_t *bits, uint64_t nr_bits)
{
	uint8_t *words = calloc((nr_bits + 63) / 64 + 1, 8);
	uint64_t i, root;

	for (i = 0; i < nr_bits; i++)
		words[i / 8] |= (uint8_t)((bits[i] != 0) << i % 8);
	root = mi_array(m, words, (nr_bits + 63) / 64, 8);
	free(words);
	return root;
}

/* The count of block i, 0 to 3, in a bitmap's bytes that are zero there: bit 2i is worth two. */
MI_UNUSED void mi_count(uint8_t *bitmap, unsigned int i, unsigned int count)
{
	bitmap[16 + 2 * i / 8] |= (uint8_t)((count >> 1) << 2 * i % 8);
	bitmap[16 + (2 * i + 1) / 8] |= (uint8_t)((count & 1) << (2 * i + 1) % 8);
}

struct mi_writeset {
	uint64_t era;
	uint32_t nr_bits;
	uint64_t root;
};

MI_UNUSED uint64_t mi_writesets(struct metaimage *m, const struct mi_writeset *w, uint64_t n)
{
	uint64_t *keys = calloc(n + 1, 8);
	uint8_t *values = calloc(n + 1, 12);
	uint64_t i, root;

	for (i = 0; i < n; i++) {
		keys[i] = w[i].era;
		mi32(values + 12 * i, w[i].nr_bits);
		mi64(values + 12 * i + 4, w[i].root);
	}
	root = mi_tree(m, keys, values, n, 12);
	free(keys);
	free(values);
	return root;
}

#endif
