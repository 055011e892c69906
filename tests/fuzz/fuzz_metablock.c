/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metablock: one block of metadata. The first byte is its kind, as in metasource.h, the second what a caller expects; the
 * block is exactly as long as a block is, so that a value behind it is found. What was accepted is read in full.
 */
#include "metasource.h"

#include "pure/metablock.h"

#define BLOCK 7

static unsigned int total; /* of what was read, so that nothing is left out */

static void add(const uint8_t *p, size_t n)
{
	while (n-- > 0)
		total += *p++;
}

static void node(const uint8_t *block, unsigned int value_size)
{
	struct metablock_node n;
	struct err e = {0};
	unsigned int i;

	if (fuzz_told(metablock_node(block, BLOCK, value_size, &n, &e), &e))
		return;
	must(n.value_size == (n.leaf ? value_size : 8));
	for (i = 0; i < n.nr; i++) {
		must(i == 0 || metablock_key(&n, i) > metablock_key(&n, i - 1));
		add(metablock_value(&n, i), n.value_size);
	}
}

static void array(const uint8_t *block, unsigned int value_size, unsigned int need)
{
	const uint8_t *values;
	struct err e = {0};

	if (fuzz_told(metablock_array(block, BLOCK, value_size, need, &values, &e), &e) == 0)
		add(values, (size_t)need * value_size);
}

static void super(const uint8_t *block)
{
	struct metablock_super sb;
	struct err e = {0};

	if (fuzz_told(metablock_super(block, BLOCK, &sb, &e), &e) == 0)
		must(sb.block_size > 0 && sb.block_size % 8 == 0 && sb.nr_blocks < UINT32_C(1) << 31);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const unsigned int sizes[] = {4, 8, 12};
	uint8_t *block = calloc(1, ERAMETA_BLOCK_LEN);
	struct err e = {0};
	unsigned int size;
	size_t n;

	must(block);
	if (len >= 3) {
		n = len - 3 < ERAMETA_BLOCK_LEN - 4 ? len - 3 : ERAMETA_BLOCK_LEN - 4;
		size = sizes[data[1] % 3];
		memcpy(block + 4, data + 3, n);
		meta_seal(block, BLOCK, data[0]);
		super(block);
		node(block, size);
		array(block, size, (data[2] * 5) % (metablock_array_max(size) + 1));
		fuzz_told(metablock_index(block, BLOCK, &e), &e);
		err_clear(&e);
		fuzz_told(metablock_bitmap(block, BLOCK, &e), &e);
	}
	free(block);
	return 0;
}
