/* SPDX-License-Identifier: GPL-3.0-or-later */
/* volstatus: all there is to know of a volume that is open. */
#ifndef ERA_FLOW_VOLSTATUS_H
#define ERA_FLOW_VOLSTATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/labelled.h"
#include "flow/runkernel.h"
#include "flow/stack.h"
#include "flow/untracked.h"
#include "words/err.h"

struct volstatus {
	const struct stack *stack;
	struct labelled l;	   /* tracked volumes */
	struct err label_err;	   /* why l could not be read; l is zero then */
	struct dm_era_status era;  /* zero where suspended */
	struct err era_err;	   /* why dm-era gave no status */
	uint64_t headroom;	   /* blocks that a cut may need */
	bool held_ours;
	uint64_t held_era;	   /* of the held snapshot; 0: unknown */
	int64_t held_seconds;	   /* since it was taken, where it is ours; else -1 */
	uint64_t discard_max;	   /* bytes; 0: off */
	struct runkernel kernel;
	struct untracked plain;	   /* plain mappings: why */
};

/* Reads only. A suspended device is not asked what would hang. */
int volstatus(const struct stack *s, struct volstatus *v, struct err *e);

#endif
