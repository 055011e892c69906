/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restoreflow: the state at the end of a chain, written to an image or a device.
 *
 * Newest stream first, and of each stream the newest pass first: a block is read from the first that has it and from
 * no other. What is done is remembered by one bit a granule. Reading, checking, decompressing and writing are done by
 * several threads.
 *
 * The target is one of flow/target: never mounted or in use, and what it is at is told by its state, "applying" until all
 * is durable. It ends in the state of the last stream, so that incrementals may be applied to it.
 */
#ifndef ERA_FLOW_RESTOREFLOW_H
#define ERA_FLOW_RESTOREFLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/tick.h"
#include "pure/wire.h"
#include "words/err.h"

struct restoreflow_opts {
	const char *const *paths; /* a full and its incrementals, oldest first */
	unsigned int nr;
	const char *target; /* NULL: nothing is written, all that a restore would read is read and checked */
	const char *state;  /* where the target's state lies; NULL: the usual place */
	bool compare;	    /* nothing is written: ERR_IDENTITY where the target differs, with the first offset */
	bool differences;   /* write only where the target differs */
	bool known;	    /* what the target's state names is a backup of the same repository: an older one may be gone over */
	bool force;	    /* over something unknown */
	unsigned int threads;
	struct tick tick;
};

struct restoreflow_result {
	struct wire_head head; /* of the last stream */
	uint64_t data_bytes;   /* read from streams */
	uint64_t zero_bytes;
	uint64_t written; /* with differences: what had to be */
};

int restoreflow(const struct restoreflow_opts *o, struct restoreflow_result *r, struct err *e);

#endif
