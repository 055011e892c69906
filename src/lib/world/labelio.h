/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * labelio: the label's two copies on META, and the wiping of the metadata behind them.
 *
 * Past the page cache and flushed; a crash at any point leaves the label as it was or as it is to
 * be. META is a block device or, for tests, a regular file. Nothing here asks who uses META, and
 * two that write at once are kept apart by the caller's lock.
 */
#ifndef ERA_WORLD_LABELIO_H
#define ERA_WORLD_LABELIO_H

#include <stdint.h>

#include "pure/label.h"
#include "words/err.h"

enum labelio_copy {
	LABELIO_NONE, /* all zero, another thing, or META ends before it */
	LABELIO_WHOLE,
	LABELIO_DAMAGED,    /* was a label, or is one of a version that we do not know */
	LABELIO_UNREADABLE, /* the device gives an error */
};

/* How both copies are, also where the reading failed. */
struct labelio_found {
	enum labelio_copy copy[LABEL_COPIES];
	uint64_t sequence[LABEL_COPIES]; /* of a whole one; else 0 */
	int taken;			 /* which one *l is from; -1: none */
	struct err why[LABEL_COPIES];	 /* what is wrong with one damaged or unreadable */
};

/*
 * The whole copy with the higher sequence number; the first where they are equal. *f may be NULL.
 * No whole one: ERR_RUNTIME where one cannot be read, ERR_CORRUPT where one is damaged,
 * ERR_IDENTITY where there is no label. ERR_RUNTIME or ERR_USAGE where META itself cannot be
 * opened.
 */
int labelio_read(const char *meta_path, struct label *l, struct labelio_found *f, struct err *e);

/*
 * Write *l to both copies, one after the other, each made durable. l->sequence becomes one more
 * than the highest of *l and the copies there. The copy that a reader would take is written last:
 * until the other one is durable it stays what it was. After an error the label is the old one or
 * the new one.
 */
int labelio_write(const char *meta_path, struct label *l, struct err *e);

/*
 * Zeros over the metadata of `len` bytes from `off` on, multiples of 4096, durably; its first block
 * before the rest, so that a wipe broken off is blank metadata to dm-era. Ends early, with an
 * error, when the program is to stop. ERR_USAGE where META ends before that, ERR_RUNTIME.
 */
int labelio_wipe_meta(const char *meta_path, uint64_t off_bytes, uint64_t len_bytes, struct err *e);

/* "whole", "none", "damaged", "unreadable". */
const char *labelio_copy_name(enum labelio_copy c);

#endif
