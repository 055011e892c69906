/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mergeflow: neighbours of a chain become one stream that does what they did.
 *
 * The result starts where the first starts and ends where the last ends: its kind, parent, since and parent size are
 * the first's; its state id, C, size, time, cut, consistency and fields the last's; its stream id is new, and HEAD says
 * that it was merged. One pass, whatever the sources had. Of every byte the newest content counts.
 *
 * A DATA frame that nothing shadows is moved: its stored bytes are verified by their checksum and written as they are.
 * Only what is shadowed in part is decoded, cut, and compressed again.
 */
#ifndef ERA_FLOW_MERGEFLOW_H
#define ERA_FLOW_MERGEFLOW_H

#include <stdint.h>

#include "flow/tick.h"
#include "pure/wire.h"
#include "words/err.h"

/* Passes of all sources together, at the most: each costs the memory of one INDEX piece. */
#define MERGEFLOW_LAYERS_MAX 192u

struct mergeflow_opts {
	const char *const *paths; /* oldest first; each the parent of the next */
	unsigned int nr;	  /* at least 2 */
	int level;		  /* of what has to be compressed again */
	unsigned int threads;	  /* at least 1; the bytes do not depend on it */
	struct tick tick;
};

struct mergeflow_result {
	struct wire_head head;
	struct wire_end end;
	uint64_t stream; /* bytes */
	uint64_t moved;	 /* DATA frames */
	uint64_t recoded;
};

/* ERR_IDENTITY where they are not links of one chain. fd is at its beginning; `name` is what is written, for messages. */
int mergeflow(const struct mergeflow_opts *o, int fd, const char *name, struct mergeflow_result *r, struct err *e);

#endif
