/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metasource: a metadata device made of a short input, so that a fuzzer gets past checksums, and does not carry zeros.
 *
 * The input is one piece a block, from block 0 on:
 *
 *	kind    1 byte: 0 superblock, 1 btree node, 2 array block, 3 index block, 4 bitmap; with 128 added it keeps the number
 *	        that it says it has
 *	length  1 byte: how many bytes of the block follow, from its fifth on; the rest is zero
 *
 * The number of the block and its checksum are put right.
 */
#ifndef ERA_TESTS_METASOURCE_H
#define ERA_TESTS_METASOURCE_H

#include "fuzz.h"

#include "pure/crc32c.h"
#include "pure/erameta_io.h"
#include "words/le.h"

#define META_BLOCKS_MAX 64
#define META_KEEPS	128

enum meta_kind { META_SUPER, META_NODE, META_ARRAY, META_INDEX, META_BITMAP, META_KINDS };

struct metasource {
	uint8_t *p;
	struct erameta_io io;
};

/* Number and checksum of a block of that kind. */
__attribute__((unused)) static void meta_seal(uint8_t *block, uint64_t nr, uint8_t kind)
{
	static const uint32_t xors[META_KINDS] = {146538381, 121107, 595846735, 160478, 240779};
	const unsigned int k = (kind & ~META_KEEPS) % META_KINDS;

	if (!(kind & META_KEEPS))
		le64_put(block + (k == META_ARRAY ? 16 : 8), nr);
	le32_put(block, crc32c(~UINT32_C(0), block + 4, ERAMETA_BLOCK_LEN - 4) ^ xors[k]);
}

/* A read that a device would refuse is a bug of the reader. */
__attribute__((unused)) static int meta_read(void *ctx, uint64_t first, unsigned int nr, uint8_t *buf, struct err *e)
{
	const struct metasource *s = ctx;

	(void)e;
	must(nr > 0 && first < s->io.nr_blocks && nr <= s->io.nr_blocks - first);
	must((uintptr_t)buf % ERAMETA_BLOCK_LEN == 0);
	memcpy(buf, s->p + first * ERAMETA_BLOCK_LEN, (size_t)nr * ERAMETA_BLOCK_LEN);
	return 0;
}

__attribute__((unused)) static void meta_source(struct metasource *s, const uint8_t *data, size_t len)
{
	static uint8_t room[META_BLOCKS_MAX * ERAMETA_BLOCK_LEN];
	uint64_t nr = 0;
	uint8_t *block;
	size_t n;

	s->p = room;
	for (; len >= 2 && nr < META_BLOCKS_MAX; nr++) {
		block = s->p + nr * ERAMETA_BLOCK_LEN;
		n = data[1] < len - 2 ? data[1] : len - 2;
		memset(block, 0, ERAMETA_BLOCK_LEN);
		memcpy(block + 4, data + 2, n);
		meta_seal(block, nr, data[0]);
		data += 2 + n;
		len -= 2 + n;
	}
	s->io = (struct erameta_io){.read = meta_read, .ctx = s, .nr_blocks = nr};
}

#endif
