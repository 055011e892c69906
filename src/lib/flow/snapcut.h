/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * snapcut: a cut through a transient snapshot beneath the era device.
 *
 *	snapcut_able      can it be done, and where is its room
 *	snapcut_prepare   NAME-cow, NAME-snap and the tables, all of which changes nothing yet
 *	snapcut_switch    suspend era and layer, make the tables the live ones, resume: milliseconds
 *	(copy from the snapshot)
 *	snapcut_whole     is what was copied the device at the cut? Before anybody believes the copy
 *	snapcut_end       all as before
 *
 * The snapshot keeps what writes displace, in its room; where that is full, what it had is gone.
 */
#ifndef ERA_FLOW_SNAPCUT_H
#define ERA_FLOW_SNAPCUT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "words/err.h"
#include "world/dm.h"

#define SNAPCUT_ROOM_MIN UINT64_C(1048576)

/* Where displaced blocks go: a part of a device. len_bytes 0: there is none. */
struct snaproom {
	char path[PATH_MAX];
	uint64_t begin_bytes;
	uint64_t len_bytes;
};

struct snapcut {
	struct dm_era dev;
	struct snaproom room;
	unsigned int limit_s;
	bool made;	 /* something is there that snapcut_end has to take away */
	char path[64];	 /* of the snapshot, after snapcut_prepare */
	struct dm_dev layer;
	struct dm_dev snap;
	struct dm_fence *fence[3]; /* era device, layer, snapshot */
};

/* 1: possible; 0: not, and why, in a sentence that goes on from "NAME: "; -1: error. */
int snapcut_able(const struct dm_era *dev, const struct snaproom *room, char why[256], struct err *e);

/* After snapcut_able said 1, with the device's lock held. End always. */
int snapcut_prepare(struct snapcut *s, const struct dm_era *dev, const struct snaproom *room,
		    unsigned int limit_s, struct err *e);

/* What it took is added to *still_us. After a failure the device runs, and snapcut_end puts it back. */
int snapcut_switch(struct snapcut *s, uint64_t *still_us, struct err *e);

/*
 * 0; or ERR_RUNTIME where the snapshot overflowed, with how much room would have been needed, going by
 * `done` of `total` bytes copied when it did.
 */
int snapcut_whole(const struct snapcut *s, uint64_t done, uint64_t total, struct err *e);

int snapcut_end(struct snapcut *s, struct err *e);

#endif
