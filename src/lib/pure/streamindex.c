/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/streamindex.h"

#include <assert.h>

static uint32_t length(const struct streamindex *x)
{
	return WIRE_INDEX_LEN + x->entries * WIRE_ENTRY_LEN;
}

void streamindex_add(struct streamindex *x, const struct wire_entry *n)
{
	assert(!streamindex_full(x));
	wire_put_entry(x->piece + length(x), n);
	x->entries++;
}

bool streamindex_full(const struct streamindex *x)
{
	return x->entries == WIRE_ENTRIES_MAX;
}

uint32_t streamindex_finish(struct streamindex *x)
{
	wire_put_index(x->piece, x->previous, x->entries);
	return length(x);
}

void streamindex_next(struct streamindex *x, uint64_t position)
{
	x->previous = position;
	x->entries = 0;
}
