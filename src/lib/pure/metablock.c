/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/metablock.h"

#include <assert.h>
#include <string.h>

#include "pure/crc32c.h"
#include "words/le.h"

#define LEN ERAMETA_BLOCK_LEN

#define SUPER_XOR  UINT32_C(146538381)
#define NODE_XOR   UINT32_C(121107)
#define ARRAY_XOR  UINT32_C(595846735)
#define INDEX_XOR  UINT32_C(160478)
#define BITMAP_XOR UINT32_C(240779)

#define SUPER_MAGIC   UINT64_C(2126579579)
#define SUPER_VERSION 1
#define MAX_NR_BLOCKS ((UINT32_C(1) << 31) - 1)

#define NODE_INTERNAL 1
#define NODE_LEAF     2
#define NODE_HEADER   32
#define ARRAY_HEADER  24

static unsigned long long ull(uint64_t v)
{
	return v;
}

static int check_seal(const uint8_t *buf, uint64_t block, uint32_t xor, struct err *e)
{
	const uint32_t want = crc32c(~UINT32_C(0), buf + 4, LEN - 4) ^ xor;
	const uint32_t is = le32_get(buf);

	if (is != want)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: checksum is 0x%08x where 0x%08x was expected",
			       ull(block), is, want);
	return 0;
}

/* A block that was written elsewhere: a stray write, or a pointer that is wrong. */
static int check_place(uint64_t says, uint64_t block, struct err *e)
{
	if (says != block)
		return err_set(e, ERR_CORRUPT, "metadata block %llu: it says it is block %llu",
			       ull(block), ull(says));
	return 0;
}

static bool all_zero(const uint8_t *buf)
{
	return buf[0] == 0 && memcmp(buf, buf + 1, LEN - 1) == 0;
}

/* Is it a superblock at all, and whole? */
static int check_super(const uint8_t *buf, uint64_t block, struct err *e)
{
	if (all_zero(buf)) {
		err_set(e, ERR_CORRUPT,
			"metadata block %llu: all zero where a superblock was expected",
			ull(block));
		return err_hint(e,
				"dm-era never used this device, or it was wiped. The kernel "
				"formats such a device without a word, and eras start again at 1.");
	}
	if (le64_get(buf + 32) != SUPER_MAGIC)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: no superblock of dm-era: the magic is %llu "
			       "where %llu was expected",
			       ull(block), ull(le64_get(buf + 32)), ull(SUPER_MAGIC));
	if (check_seal(buf, block, SUPER_XOR, e) || check_place(le64_get(buf + 8), block, e))
		return -1;
	if (le32_get(buf + 40) != SUPER_VERSION)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: version %u of the metadata; only %u is known",
			       ull(block), le32_get(buf + 40), SUPER_VERSION);
	return 0;
}

/* Values the kernel would not have written. */
static int check_sizes(const uint8_t *buf, uint64_t block, const struct metablock_super *sb,
		       struct err *e)
{
	if (le32_get(buf + 176) != LEN / 512)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: metadata blocks of %u sectors where %u "
			       "was expected",
			       ull(block), le32_get(buf + 176), LEN / 512);
	if (sb->block_size == 0 || sb->block_size % 8 != 0)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: era blocks of %u sectors, not a multiple of 8",
			       ull(block), sb->block_size);
	if (sb->nr_blocks > MAX_NR_BLOCKS)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: %u era blocks; dm-era has at most %u",
			       ull(block), sb->nr_blocks, MAX_NR_BLOCKS);
	return 0;
}

int metablock_super(const uint8_t *buf, uint64_t block, struct metablock_super *sb, struct err *e)
{
	if (check_super(buf, block, e))
		return -1;
	sb->flags = le32_get(buf + 4);
	memcpy(sb->uuid, buf + 16, sizeof(sb->uuid));
	sb->block_size = le32_get(buf + 172);
	sb->nr_blocks = le32_get(buf + 180);
	sb->era = le32_get(buf + 184);
	sb->current_bits = le32_get(buf + 188);
	sb->current_root = le64_get(buf + 192);
	sb->writeset_root = le64_get(buf + 200);
	sb->array_root = le64_get(buf + 208);
	sb->held = le64_get(buf + 216);
	return check_sizes(buf, block, sb, e);
}

static int check_keys(const struct metablock_node *n, struct err *e)
{
	unsigned int i;

	for (i = 1; i < n->nr; i++) {
		if (metablock_key(n, i - 1) >= metablock_key(n, i))
			return err_set(e, ERR_CORRUPT,
				       "metadata block %llu: key %llu follows key %llu",
				       ull(n->block), ull(metablock_key(n, i)),
				       ull(metablock_key(n, i - 1)));
	}
	return 0;
}

/* The node's own numbers, before anything relies on them. */
static int check_shape(const struct metablock_node *n, uint32_t max, unsigned int want_value_size,
		       struct err *e)
{
	if (n->value_size != want_value_size)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: values of %u bytes where %u was expected",
			       ull(n->block), n->value_size, want_value_size);
	if (max > (LEN - NODE_HEADER) / (8 + want_value_size))
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: room for %u entries, which no block has",
			       ull(n->block), max);
	if (n->nr > max)
		return err_set(e, ERR_CORRUPT, "metadata block %llu: %u entries in room for %u",
			       ull(n->block), n->nr, max);
	return 0;
}

int metablock_node(const uint8_t *buf, uint64_t block, unsigned int leaf_value_size,
		   struct metablock_node *n, struct err *e)
{
	const uint32_t flags = le32_get(buf + 4);
	const uint32_t max = le32_get(buf + 20);

	if (check_seal(buf, block, NODE_XOR, e) || check_place(le64_get(buf + 8), block, e))
		return -1;
	if (flags != NODE_INTERNAL && flags != NODE_LEAF)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: flags 0x%x, neither an internal node nor "
			       "a leaf",
			       ull(block), flags);
	n->block = block;
	n->leaf = flags == NODE_LEAF;
	n->nr = le32_get(buf + 16);
	n->value_size = le32_get(buf + 24);
	if (check_shape(n, max, n->leaf ? leaf_value_size : 8, e))
		return -1;
	n->keys = buf + NODE_HEADER;
	n->values = n->keys + 8 * max;
	return check_keys(n, e);
}

uint64_t metablock_key(const struct metablock_node *n, unsigned int i)
{
	assert(i < n->nr);
	return le64_get(n->keys + 8 * i);
}

const uint8_t *metablock_value(const struct metablock_node *n, unsigned int i)
{
	assert(i < n->nr);
	return n->values + n->value_size * i;
}

unsigned int metablock_array_max(unsigned int value_size)
{
	return (LEN - ARRAY_HEADER) / value_size;
}

int metablock_array(const uint8_t *buf, uint64_t block, unsigned int value_size, unsigned int need,
		    const uint8_t **values, struct err *e)
{
	const uint32_t max = le32_get(buf + 4);
	const uint32_t nr = le32_get(buf + 8);

	if (check_seal(buf, block, ARRAY_XOR, e) || check_place(le64_get(buf + 16), block, e))
		return -1;
	if (le32_get(buf + 12) != value_size)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: values of %u bytes where %u was expected",
			       ull(block), le32_get(buf + 12), value_size);
	/* Which block of an array holds an index depends on how many a block holds: no other number
	 * than the kernel's will do. */
	if (max != metablock_array_max(value_size))
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: room for %u values where %u was expected",
			       ull(block), max, metablock_array_max(value_size));
	if (nr > max || nr < need)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: %u values where %u to %u were expected",
			       ull(block), nr, need, max);
	*values = buf + ARRAY_HEADER;
	return 0;
}

int metablock_index(const uint8_t *buf, uint64_t block, struct err *e)
{
	if (check_seal(buf, block, INDEX_XOR, e))
		return -1;
	return check_place(le64_get(buf + 8), block, e);
}

int metablock_bitmap(const uint8_t *buf, uint64_t block, struct err *e)
{
	if (check_seal(buf, block, BITMAP_XOR, e))
		return -1;
	return check_place(le64_get(buf + 8), block, e);
}
