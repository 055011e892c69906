/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobexplain: what the next run of a job would do, and why, without doing it. The source is asked for an estimate. */
#ifndef ERA_FLOW_JOBEXPLAIN_H
#define ERA_FLOW_JOBEXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/jobrun.h"
#include "flow/report.h"
#include "pure/jobconf.h"
#include "words/err.h"

struct jobexplain {
	bool full;
	char reason[JOBRUN_REASON_LEN];
	uint64_t bytes; /* of the device, to be read */
	uint64_t size;
};

int jobexplain(const struct job *j, const struct report *report, struct jobexplain *x, struct err *e);

#endif
