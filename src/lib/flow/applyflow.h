/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * applyflow: one stream, checked and written to a target; or only checked.
 *
 *	streamin -> batches -> verify, decompress, write or punch (threads) -> commit
 *
 * No byte of a frame is written before both of its checksums are right, and the target's state says
 * "at" only after END, index, footer and the end of the input were seen and the target was synced.
 * Between passes all writes are waited for. The error that is reported is the first one in the stream.
 */
#ifndef ERA_FLOW_APPLYFLOW_H
#define ERA_FLOW_APPLYFLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/tick.h"
#include "pure/state.h"
#include "pure/wire.h"
#include "words/err.h"

struct applyflow_opts {
	const char *target; /* NULL: verify only */
	const char *state;  /* where the state lies; NULL: the usual place */
	const char *undo;   /* file for a reverse stream; NULL: none */
	bool force;         /* a full may go over something unknown */
	bool stored_only;   /* without a target: DATA is checked as it is stored, and not decoded */
	unsigned int threads;
	struct tick tick;
	/* Asked as soon as HEAD was read: -1 ends it. NULL: nobody is. */
	int (*look)(void *ctx, const struct wire_head *h, struct err *e);
	void *ctx;
};

struct applyflow_result {
	struct wire_head head;
	struct wire_end end;
	uint64_t stream_bytes;
	bool was_there; /* the target was at the stream's result already: nothing was written */
};

/* `name` is the stream's, for messages. *r is filled as far as it got. */
int applyflow_run(int fd, const char *name, const struct applyflow_opts *opts,
		  struct applyflow_result *r, struct err *e);

#endif
