/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobrun: a job's nightly run.
 *
 *	lock ─ before ─ decide ─ receive ─ commit ─ mirror ─ verify and prune where due ─ metrics ─ after
 *
 * Where the source says that no incremental is possible, or the chain is damaged, a full is made, and the reason is told.
 * What comes behind the commit may fail without harm to the backup: the run fails, the stream stays.
 */
#ifndef ERA_FLOW_JOBRUN_H
#define ERA_FLOW_JOBRUN_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/report.h"
#include "pure/catalog.h"
#include "pure/jobconf.h"
#include "words/err.h"

#define JOBRUN_REASON_LEN 768

struct jobrun_result {
	bool committed; /* stream is valid: the backup is made, whatever came behind */
	struct catalog_stream stream;
	char reason[JOBRUN_REASON_LEN]; /* why a full; empty for an incremental */
	uint64_t seconds;
};

int jobrun(const struct job *j, bool full, const struct report *report, struct jobrun_result *r, struct err *e);

#endif
