/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mergecopy: what a sweep over streams sees, into one stream.
 *
 *	sweep -> batches of segments -> read, verify, cut, compress (threads) -> streamout, in order
 *
 * A DATA frame of which all is visible is moved: its stored bytes are verified by their checksum and written as they are.
 * Of one that is shadowed in part, the visible pieces are decoded, cut out and compressed again. The bytes written do
 * not depend on the number of threads.
 *
 * Memory: 1.5 MiB for each of threads + 2 batches, and up to 6 MiB and a compressor a thread.
 */
#ifndef ERA_FLOW_MERGECOPY_H
#define ERA_FLOW_MERGECOPY_H

#include <stdint.h>

#include "flow/tick.h"
#include "pure/sweep.h"
#include "words/err.h"
#include "world/streamfile.h"
#include "world/streamout.h"

struct mergecopy_opts {
	const struct streamfile_walk *walks; /* the sweep's layers; asked whose they are, and not walked */
	int level;
	unsigned int threads; /* at least 1 */
	struct tick tick;
	uint64_t total; /* bytes, for the tick */
};

struct mergecopy_result {
	uint64_t bytes; /* of the device: what was visible */
	uint64_t moved; /* DATA frames */
	uint64_t recoded;
};

/* Between streamout_pass and streamout_end. *r is zero or added to. */
int mergecopy(struct sweep *sweep, struct streamout *out, const struct mergecopy_opts *o, struct mergecopy_result *r,
	      struct err *e);

#endif
