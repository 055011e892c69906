/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * eraxml: the list era_invalidate prints, as a set of blocks. The only module that includes expat.
 *
 *   <blocks>
 *     <range begin="0" end="6"/>      blocks 0 to 5: the end is exclusive
 *     <block block="8"/>
 *   </blocks>
 *
 * era_invalidate exits 0 with truncated or missing output (a full disk is enough), so only a closed
 * and complete document is taken: anything this grammar does not have is refused, down to comments.
 * Entries ascend and do not overlap; they may touch. An empty list is a list; an empty input is
 * not. Both generations are read: 0.9 writes `end = "6"` and a final newline, 1.x neither.
 *
 * A document type declaration is refused at its first word, so there are no entities to blow up,
 * and a tag that does not end soon is refused too, so memory does not grow with the input.
 *
 * The text comes in pieces of any length, cut anywhere.
 */
#ifndef ERA_PURE_ERAXML_H
#define ERA_PURE_ERAXML_H

#include <stddef.h>

#include "pure/blockset.h"
#include "words/err.h"

/*
 * A parser that adds to `set`, which outlives it and says how many blocks the device has. NULL with
 * *e where there is no memory.
 */
struct eraxml *eraxml_new(struct blockset *set, struct err *e);
void eraxml_free(struct eraxml *x);

/*
 * The next len bytes; and: there are no more. 0, or -1 with *e: ERR_CORRUPT with the line, and
 * every later call says the same. Only when eraxml_finish() returned 0 is the set worth anything.
 */
int eraxml_feed(struct eraxml *x, const void *p, size_t len, struct err *e);
int eraxml_finish(struct eraxml *x, struct err *e);

#endif
