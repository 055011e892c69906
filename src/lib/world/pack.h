/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pack: content becomes what a frame stores: compressed where that helps, with both checksums (docs/format.md, 4).
 */
#ifndef ERA_WORLD_PACK_H
#define ERA_WORLD_PACK_H

#include <stddef.h>

#include "pure/wire.h"
#include "words/err.h"
#include "world/zst.h"

/*
 * Fills codec, lengths and checksums of *h, and points *stored to the content itself or into room, of cap bytes. Level 0: it
 * is stored as it is. At most WIRE_CONTENT_MAX bytes.
 */
int pack(struct wire_header *h, struct zst *zst, int level, const void *content, size_t len, void *room, size_t cap,
	 const void **stored, struct err *e);

#endif
