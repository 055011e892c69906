/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sendflow: a plan that was made becomes a stream.
 *
 *	HEAD, the first pass, for a freeze more of them and the last one frozen, END
 *
 * Copying may stand back for others (--nice, --ionice), but nobody else may have to wait for somebody who does: so the
 * priority is lowered for each pass that is copied while the device runs, by the thread that starts the pass's others, and
 * is as before wherever something stands still or is put back: in fences, the frozen pass, and the end of a snapshot.
 *
 * END is written only where every byte of the passes is what it claims to be: no END, no stream.
 */
#ifndef ERA_FLOW_SENDFLOW_H
#define ERA_FLOW_SENDFLOW_H

#include <stdint.h>

#include "flow/copyflow.h"
#include "flow/plan.h"
#include "words/err.h"
#include "words/prio.h"

#define SENDFLOW_PASSES_MAX (WIRE_PASSES_MAX - 1) /* live ones: one more comes, frozen */

struct sendflow_opts {
	int level; /* 0: nothing is compressed */
	struct copyflow_opts copy;
	struct prio prio; /* of passes that run while the device does */
	/* Freeze: no more than this is left for the last pass. One of them; both 0 is nothing at all. */
	uint64_t freeze_bytes;
	unsigned int freeze_s; /* as long as that, at the rate of the pass before */
	unsigned int max_passes; /* live ones, 1 to SENDFLOW_PASSES_MAX */
};

struct sendflow_result {
	uint64_t era_c;	 /* of the last pass */
	uint64_t stream; /* bytes */
	uint64_t copied; /* bytes of the device, all passes */
	uint64_t still_us;
	unsigned int passes;
};

/*
 * Between plan_open and plan_make: before anything stands still, can the priority be lowered and be as before? Of something
 * that never stands still only the first.
 */
int sendflow_ready(const struct plan *p, const struct sendflow_opts *o, struct err *e);

/* freeze_bytes or freeze_s from "64M" or "2s". ERR_USAGE. */
int sendflow_take_limit(struct sendflow_opts *o, const char *value, struct err *e);

int sendflow(struct plan *p, const struct sendflow_opts *o, int fd, const char *name,
	     struct sendflow_result *r, struct err *e);

#endif
