/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pruneflow: what retention does not keep goes, by merging or dropping, one step at a time (pure/pruneplan).
 *
 * Every step is whole in itself: the merged stream is durable and committed before the old ones are removed, and the
 * repository verifies and restores after each, wherever it is interrupted.
 */
#ifndef ERA_FLOW_PRUNEFLOW_H
#define ERA_FLOW_PRUNEFLOW_H

#include "flow/repo.h"
#include "flow/report.h"
#include "pure/job.h"
#include "words/err.h"

/* By the job's retention; what has to be compressed again is by its level. The repository is locked. */
int pruneflow(struct repo *r, const struct job *j, const struct report *report, struct err *e);

#endif
