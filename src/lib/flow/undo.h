/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * undo: before a stream is applied, what its extents hold now becomes a reverse stream: the way back.
 *
 * The reverse stream is whole, durable and under its name before the first byte of the target
 * changes. It never replaces a file.
 */
#ifndef ERA_FLOW_UNDO_H
#define ERA_FLOW_UNDO_H

#include <stdint.h>

#include "flow/target.h"
#include "pure/blockset.h"
#include "pure/wire.h"
#include "words/err.h"

struct undo {
	const char *path;
	struct blockset set; /* granules of the stream's device that some MAP names */
	uint64_t granule;    /* bytes */
	bool written;
};

/*
 * May this stream on this target be undone? ERR_USAGE or ERR_IDENTITY with the reason where not.
 * Frees with undo_end, also after a failure.
 */
int undo_begin(struct undo *u, const char *path, const struct target *t,
	       const struct wire_head *h, struct err *e);
void undo_end(struct undo *u);

/* Remember an extent of a MAP (checked: it lies on the device, in whole granules). */
void undo_add(struct undo *u, const struct wire_extent *x);

/* Does the set have all of [offset, offset + len)? Whoever writes elsewhere could not be undone. */
bool undo_covers(const struct undo *u, uint64_t offset, uint64_t len);

/* Write the reverse stream, once; later calls do nothing. */
int undo_write(struct undo *u, const struct target *t, const struct wire_head *h,
	       unsigned int threads, struct err *e);

#endif
