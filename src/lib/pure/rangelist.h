/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rangelist: a set of blocks as text, for people and for other programs.
 *
 * All three count era blocks, not bytes: multiply by the era block size, and mind that the last
 * block of a device may be short. Ends are exclusive. Entries ascend, are disjoint and never touch.
 *
 *   text   one range a line, two decimal numbers with a space between: `while read -r begin end`.
 *          An empty set is no line at all.
 *   JSON   one object on one line, with a final newline:
 *          {"block_size":128,"nr_blocks":100,"since":3,"era":7,"changed_blocks":5,
 *          "ranges":[[0,4],[9,10]]}, without the line break. block_size in
 *          sectors of 512 bytes. Written range by range, so memory does not grow.
 *   XML    byte for byte what era_invalidate 1.x prints, so that tools made for it go on working: a
 *          single block as <block>, more as <range>, no newline behind </blocks>.
 *
 * Each prints all of it and flushes, or gives -1 with ERR_RUNTIME: a list that was cut short by a
 * full disk must not look like success. Errors of earlier writes to f count.
 */
#ifndef ERA_PURE_RANGELIST_H
#define ERA_PURE_RANGELIST_H

#include <stdint.h>
#include <stdio.h>

#include "pure/blockset.h"
#include "words/err.h"

/* What a list in JSON says besides the set. */
struct rangelist_about {
	uint32_t block_size; /* sectors of 512 bytes */
	uint32_t since;	     /* the first era that is in it */
	uint32_t era;	     /* the first era that is not in it: where the next list starts */
};

int rangelist_text(FILE *f, const struct blockset *s, struct err *e);
int rangelist_json(FILE *f, const struct blockset *s, const struct rangelist_about *about,
		   struct err *e);
int rangelist_xml(FILE *f, const struct blockset *s, struct err *e);

#endif
