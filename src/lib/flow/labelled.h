/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * labelled: the label of an era device that is open, found through its tables.
 *
 * Notes of untracked writes (flow/untracked) that could not be told to the label when they happened
 * are told now, before anybody believes the generation.
 */
#ifndef ERA_FLOW_LABELLED_H
#define ERA_FLOW_LABELLED_H

#include <limits.h>

#include "flow/stack.h"
#include "flow/untracked.h"
#include "pure/label.h"
#include "words/err.h"
#include "world/dm.h"

struct labelled {
	struct label label;
	char meta_path[PATH_MAX]; /* of META, where the label lies */
};

/* Is the DM UUID one of a volume that is open with tracking? */
bool labelled_uuid(const char *dm_uuid);

/*
 * The label of an open volume. ERR_RUNTIME, ERR_CORRUPT or ERR_IDENTITY where it cannot be read or is of
 * another volume: then the history cannot be believed either.
 */
int labelled_read(const struct stack *s, struct labelled *l, struct err *e);

/*
 * Tell the label what a kept note says, if there is one: with the volume's lock held. 1: the generation
 * is a new one; 0: nothing to tell.
 */
int labelled_settle(const struct stack *s, struct labelled *l, struct err *e);

/*
 * labelled_read, and with the volume's lock, taken for as long as it needs, labelled_settle. Where no note is
 * kept nobody waits for a lock.
 */
int labelled_settle_alone(const struct stack *s, struct labelled *l, struct err *e);

/* What a label says of untracked writes. */
void labelled_reason(const struct untracked *u, char reason[LABEL_REASON]);

/* A new generation, with a reason, written. */
int labelled_renew(const char *meta_path, struct label *l, const char *reason, struct err *e);

#endif
