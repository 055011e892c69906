/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cutkind: which kind of cut a device allows: DESIGN's rule for --cut=auto, and reasons for a person.
 *
 *	auto = snapshot where there is ample room for one and a layer to switch,
 *	       else freeze where a filesystem that can be frozen is mounted from it, else fence
 */
#ifndef ERA_FLOW_CUTKIND_H
#define ERA_FLOW_CUTKIND_H

#include <stdbool.h>

#include "flow/cut.h"
#include "flow/snapcut.h"
#include "words/err.h"
#include "world/fsfreeze.h"

struct cutkind_opts {
	enum wire_cut kind; /* 0: by the rule */
	bool list_only;	    /* nothing will be copied: a fence does */
	const char *cow;    /* a spare device for the snapshot; NULL: none */
	int out_fd;	    /* where the stream goes; -1: nowhere */
};

struct cutkind {
	enum wire_cut kind;
	struct snaproom room; /* of a snapshot */
	struct fsfreeze fs;   /* mounted from the device; the caller closes it, always */
};

/* ERR_USAGE where o->kind is not possible, with what is. Changes nothing but the mark on a spare device. */
int cutkind_choose(struct cutkind *k, const struct cut *c, const struct cutkind_opts *o, struct err *e);

#endif
