/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * standstill: the time in which a device is suspended or a filesystem frozen: guarded, noted, measured.
 *
 * The guard is forked before; a note in /run/era says that it was us, for a run that finds what both worker and
 * guard left behind, dead (flow/leftover). Between begin and end stands only what has to: no output, no
 * waiting for udev, no name looked up, nothing written to a disk.
 */
#ifndef ERA_FLOW_STANDSTILL_H
#define ERA_FLOW_STANDSTILL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "words/err.h"
#include "world/dm.h"
#include "world/guard.h"

/* Nothing stands still for longer, where the caller says nothing else. */
#define STANDSTILL_LIMIT_S 30
#define STANDSTILL_LIMIT_MAX_S 3600

struct standstill {
	const char *name; /* of the era device */
	struct guard_job job;
	bool pinned; /* a device will be suspended: all our memory has to stay */
	char note[PATH_MAX];
	struct guard guard;
	int64_t begin_us;
	uint64_t *still_us; /* what it took is added; NULL: not measured */
};

/* What s->job says. The clock of the guard runs from here. */
int standstill_begin(struct standstill *s, struct err *e);

/*
 * `running`: all was resumed and thawed. -1 also where it took too long and the guard did it: then what was done
 * meanwhile was done to something that ran.
 */
int standstill_end(struct standstill *s, bool running, struct err *e);

/*
 * Did a run die in one, and was it to freeze a filesystem, or only to suspend devices? Its note is there until
 * standstill_forget.
 */
bool standstill_noted(const char *name, bool *frozen);
void standstill_forget(const char *name);

/* Suspend and resume the devices, the highest first, the lowest first, and nothing in between. */
int standstill_swap(struct standstill *s, struct dm_fence *const *fences, size_t nr, struct err *e);

#endif
