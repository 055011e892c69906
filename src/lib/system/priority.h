/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * priority: nice and ionice of the calling thread, and of those that it starts from then on, which inherit both.
 *
 * It never raises: where the thread stands further back already, by nice(1) or a service's Nice=, it stays there. Going back to
 * where it was is a privilege (CAP_SYS_NICE, or RLIMIT_NICE).
 */
#ifndef ERA_SYSTEM_PRIORITY_H
#define ERA_SYSTEM_PRIORITY_H

#include <stdbool.h>

#include "words/err.h"
#include "words/prio.h"

/* Of a thread, as the kernel has it. */
struct priority {
	bool lowered; /* else there is nothing to restore */
	int nice;
	int io;
};

/* What was before is in *was. Where *p says nothing, nothing is done, not even asked. */
int priority_lower(const struct prio *p, struct priority *was, struct err *e);

int priority_restore(const struct priority *was, struct err *e);

/* Once there and back. An error with a hint where that cannot be done: then it may be still lowered. */
int priority_try(const struct prio *p, struct err *e);

#endif
