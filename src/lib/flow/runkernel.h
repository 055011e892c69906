/* SPDX-License-Identifier: GPL-3.0-or-later */
/* runkernel: the kernel that runs, judged by pure/kernelver. */
#ifndef ERA_FLOW_RUNKERNEL_H
#define ERA_FLOW_RUNKERNEL_H

#include <stdbool.h>

#include "pure/kernelver.h"
#include "words/err.h"

struct runkernel {
	enum kernelver verdict;
	char release[64];
	char warning[256]; /* for a person; empty where there is none */
};

/* ERR_RUNTIME where it loses writes, unless that is allowed: then it is a warning. */
int runkernel_judge(bool allow, struct runkernel *k, struct err *e);

#endif
