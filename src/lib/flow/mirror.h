/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mirror: an image or device that is kept at the head of the chain.
 *
 * The chain is its log: where it lags, what it has not yet is applied; where it is not what it should be, was changed by
 * somebody, is new, or is at a point that was merged away, it is restored from the chain.
 */
#ifndef ERA_FLOW_MIRROR_H
#define ERA_FLOW_MIRROR_H

#include <stdbool.h>

#include "flow/repo.h"
#include "flow/report.h"
#include "pure/job.h"
#include "words/err.h"

/* The job's mirror. `force`: also over something that is not known to be this mirror. The repository is locked. */
int mirror_update(const struct repo *r, const struct job *j, bool force, const struct report *report, struct err *e);

/* Is every byte of it what the chain says? ERR_IDENTITY where one differs. */
int mirror_compare(const struct repo *r, const char *mirror, const struct report *report, struct err *e);

#endif
