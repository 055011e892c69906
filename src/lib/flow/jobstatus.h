/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobstatus: how a job stands, from its repository alone; nobody is contacted and nothing is changed. */
#ifndef ERA_FLOW_JOBSTATUS_H
#define ERA_FLOW_JOBSTATUS_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "pure/jobconf.h"

#define JOBSTATUS_PROBLEMS_MAX 4
#define JOBSTATUS_PROBLEM_LEN 1100

struct jobstatus {
	uint64_t last_success; /* 0: never; so below */
	uint64_t verified;
	uint64_t next;
	uint64_t size; /* of the device */
	uint64_t bytes; /* of all streams */
	size_t streams;
	size_t points; /* that can be restored */
	unsigned int nr_problems;
	char problems[JOBSTATUS_PROBLEMS_MAX][JOBSTATUS_PROBLEM_LEN];
};

void jobstatus(const struct job *j, time_t now, struct jobstatus *s);

#endif
