/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sweep: layers of extents, one over another, seen from above.
 *
 * Where several layers have a byte, the topmost hides the others. The sweep goes over the device in ascending order and says
 * of each visible run of bytes whose it is. It remembers one entry a layer.
 */
#ifndef ERA_PURE_SWEEP_H
#define ERA_PURE_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "pure/wire.h"
#include "words/err.h"

/* A layer is pulled: its entries in ascending order, none of them overlapping or empty. It may have none at all. */
struct sweep_layer {
	int (*next)(void *ctx, struct wire_entry *n, struct err *e); /* 1: *n is the next; 0: no more; -1: error */
	void *ctx;
	/* The sweep's own. */
	struct wire_entry entry;
	uint64_t end; /* of the entry; of the one before until it is pulled */
	bool ended;
};

struct sweep {
	struct sweep_layer *layers; /* topmost first */
	unsigned int nr;
	uint64_t at; /* everything below was emitted */
};

struct sweep_segment {
	uint64_t offset;
	uint64_t len;
	unsigned int layer;
	struct wire_entry entry; /* the segment is of this */
	bool whole;		 /* it is all of the entry */
};

/* `layers` stays the caller's, with next and ctx set. */
void sweep_begin(struct sweep *s, struct sweep_layer *layers, unsigned int nr);

/* 1: *g is the next segment; 0: there is no more; -1: error. ERR_CORRUPT for a layer out of order. */
int sweep_next(struct sweep *s, struct sweep_segment *g, struct err *e);

#endif
