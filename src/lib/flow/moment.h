/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * moment: the cut of a stream, by its kind, with the user's commands around it.
 *
 *	snapshot   switch to a snapshot; all is copied from it afterwards
 *	freeze     a fence, and a live pass; more of them; then, with the filesystem frozen, the last
 *	fence      suspend and resume; what is copied afterwards is live
 *	none       not even that
 *
 * Whatever happens, moment_end leaves the machine as it was.
 */
#ifndef ERA_FLOW_MOMENT_H
#define ERA_FLOW_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/cut.h"
#include "flow/cuthooks.h"
#include "flow/snapcut.h"
#include "flow/standstill.h"
#include "pure/blockset.h"
#include "pure/wire.h"
#include "words/err.h"
#include "world/fsfreeze.h"

struct moment_opts {
	enum wire_cut kind;	/* 0: by the device */
	bool list_only;		/* nothing will be copied: a fence does */
	const char *cow;	/* a spare device for the snapshot; NULL: none */
	unsigned int limit_s;	/* nothing stands still for longer */
	const char *pre;	/* commands; NULL: none */
	const char *post;
	unsigned int hook_limit_s;
};

struct moment {
	enum wire_cut kind;
	struct cut *cut;
	struct snaproom room;
	struct snapcut snap;
	struct fsfreeze fs; /* mounted from the device; fd -1: none that can be frozen */
	struct cuthooks hooks;
	struct standstill frozen;
	bool freezing; /* moment_thaw is due */
};

/*
 * Which kind it will be (flow/cutkind), and may it be that: out_fd, where the stream goes, is not on what will be
 * frozen; -1: nowhere. Changes nothing but the mark on a spare device. End always.
 */
int moment_open(struct moment *m, struct cut *c, const struct moment_opts *o, int out_fd, struct err *e);

/*
 * The first cut, and the blocks written since; `set` NULL for a full. For a snapshot, m->snap.path is what to copy
 * from then.
 */
int moment_first(struct moment *m, uint64_t since, uint64_t before, struct blockset *set, struct err *e);

/*
 * Freeze: what was written since, as of about now; and then a live pass of that, behind its fence; or the last one,
 * frozen from here on until moment_thaw, which is due whether it succeeds or not.
 */
int moment_estimate(struct moment *m, uint64_t since, struct blockset *set, struct err *e);
int moment_pass(struct moment *m, uint64_t since, struct blockset *set, struct err *e);
int moment_freeze(struct moment *m, uint64_t since, struct blockset *set, struct err *e);
int moment_thaw(struct moment *m, struct err *e);

/* Is what was copied the device at the cut? After the last byte was read, `done` of `total` bytes. */
int moment_whole(const struct moment *m, uint64_t done, uint64_t total, struct err *e);

/* What the stream may claim. */
enum wire_consistency moment_consistency(const struct moment *m);

/* Put everything back. An error tells what is left of it, for the next run. */
int moment_end(struct moment *m, struct err *e);

#endif
