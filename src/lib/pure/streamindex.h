/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * streamindex: the INDEX pieces of a stream (docs/format.md, 5.6), as they grow.
 *
 * Writer and reader both keep one: the writer stores what it gives, the reader compares. So an index
 * that lies is found when the stream is read, not when somebody restores through it.
 */
#ifndef ERA_PURE_STREAMINDEX_H
#define ERA_PURE_STREAMINDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/wire.h"

struct streamindex {
	uint64_t previous; /* position of the piece before, or 0 */
	uint32_t entries;
	uint8_t piece[WIRE_INDEX_LEN + WIRE_ENTRIES_MAX * WIRE_ENTRY_LEN];
};

/* Requires that the piece is not full. */
void streamindex_add(struct streamindex *x, const struct wire_entry *n);

/* A piece is due as the next frame. */
bool streamindex_full(const struct streamindex *x);

/* Finish the piece: its bytes are x->piece, its length is returned. */
uint32_t streamindex_finish(struct streamindex *x);

/* The piece was written at `position`: begin the next. */
void streamindex_next(struct streamindex *x, uint64_t position);

#endif
