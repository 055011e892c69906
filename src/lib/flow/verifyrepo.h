/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verifyrepo: is everything there and good, and would it restore?
 *
 * Every stream is read to its end, the links of the chains are those of the catalog, and no file is in streams/ that does
 * not belong there. What is found to be damaged is marked in the state, so that no run builds on it; what is good again
 * loses its mark.
 */
#ifndef ERA_FLOW_VERIFYREPO_H
#define ERA_FLOW_VERIFYREPO_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/repo.h"
#include "flow/report.h"
#include "words/err.h"

struct verifyrepo_opts {
	const struct report *report;
	bool stored_only; /* as streamverify has it */
	/*
	 * Each stream, in order: NULL, or what is wrong. Its restore point and those from i to `lost_end` (exclusive) cannot be restored.
	 * A file that is not in the catalog comes with i = the number of streams, behind them.
	 */
	void (*each)(void *ctx, const struct catalog *c, size_t i, const char *name, const char *problem, size_t lost_end);
	void *ctx;
};

/* ERR_CORRUPT where something is damaged, with how much. The repository is locked; else no mark is kept. */
int verifyrepo(struct repo *r, const struct verifyrepo_opts *o, struct err *e);

#endif
