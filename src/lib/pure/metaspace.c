/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/metaspace.h"

#include <stddef.h>

#include "pure/metablock.h"
#include "words/le.h"

#define ROOT	     44 /* in the superblock */
#define INDEX_HEADER  16
#define INDEX_ENTRY   16
#define BITMAP_HEADER 16

static unsigned long long ull(uint64_t v)
{
	return v;
}

int metaspace_root(const uint8_t *superblock, uint64_t block, struct metaspace_root *root,
		   struct err *e)
{
	const uint8_t *p = superblock + ROOT;

	root->nr_blocks = le64_get(p);
	root->used = le64_get(p + 8);
	root->bitmap_root = le64_get(p + 16);
	root->ref_count_root = le64_get(p + 24);
	if (root->nr_blocks == 0 || root->nr_blocks > METASPACE_MAX_BLOCKS)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: a space map of %llu blocks, not of 1 to %llu",
			       ull(block), ull(root->nr_blocks), ull(METASPACE_MAX_BLOCKS));
	if (root->used > root->nr_blocks)
		return err_set(e, ERR_CORRUPT,
			       "metadata block %llu: %llu blocks in use of %llu", ull(block),
			       ull(root->used), ull(root->nr_blocks));
	return 0;
}

int metaspace_usage(const uint8_t superblock[ERAMETA_BLOCK_LEN], uint64_t *used_blocks,
		    uint64_t *total_blocks, struct err *e)
{
	struct metaspace_root root;
	struct metablock_super sb;

	if (metablock_super(superblock, 0, &sb, e) || metaspace_root(superblock, 0, &root, e))
		return -1;
	*used_blocks = root.used;
	*total_blocks = root.nr_blocks;
	return 0;
}

uint64_t metaspace_bitmap(const uint8_t *index, unsigned int i)
{
	return le64_get(index + INDEX_HEADER + (size_t)i * INDEX_ENTRY);
}

unsigned int metaspace_count(const uint8_t *bitmap, unsigned int i)
{
	const unsigned int bits = bitmap[BITMAP_HEADER + i / 4] >> i % 4 * 2;

	/* The kernel counts bits of a word from its lowest, and writes the count's higher bit first. */
	return (bits & 1) << 1 | (bits >> 1 & 1);
}
